"""`For ever` and `never` are written as the calendar's last and first day; every date may be one."""

import json
from datetime import timedelta

import pytest

from adapter.criteria.policy import Policy
from adapter.evaluator import evaluate_all, to_json
from tests.properties.core import BOUND, STRICT, Json, in_zone, record_of
from tests.properties.times import BASE

POLICIES = [in_zone(STRICT, zone) for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")]
ENDS = [
    "0001",
    "0001-01-01",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00",
    "9999",
    "9999-12",
    "9999-12-31",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59",
]
SUBJECT = {"reference": "Patient/p1"}
STUDY = [{"reference": {"reference": "ResearchStudy/nct04785833"}}]


def coded(system: str, code: str) -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


HEART_ATTACK = coded("http://snomed.info/sct", "22298006")
RESEARCH = coded("http://terminology.hl7.org/CodeSystem/consentscope", "research")
CONDITION = {"resourceType": "Condition", "code": HEART_ATTACK, "subject": SUBJECT}
PROCEDURE = {
    "resourceType": "Procedure",
    "status": "completed",
    "code": coded("http://www.whocc.no/atc", "L01XL04"),
    "subject": SUBJECT,
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": coded("http://loinc.org", "718-7"),
    "subject": SUBJECT,
}
CONSENT = {"resourceType": "Consent", "status": "active", "scope": RESEARCH, "patient": SUBJECT}


def everything(text: str) -> list[Json]:
    """A resource of each kind with the date in each of its places."""
    span = {"start": "0001-01-01", "end": text}
    found = [CONDITION | {name: text} for name in ("onsetDateTime", "abatementDateTime", "recordedDate")]
    found += [CONDITION | {name: span} for name in ("onsetPeriod", "abatementPeriod")]
    found += [PROCEDURE | {"performedDateTime": text}, PROCEDURE | {"performedPeriod": span}]
    found += [OBSERVATION | {"effectiveDateTime": text}, OBSERVATION | {"effectivePeriod": span}]
    found += [CONSENT | {"dateTime": text}, CONSENT | {"provision": {"period": span, "data": STUDY}}]
    return [resource | {"id": f"r{place}"} for place, resource in enumerate(found)]


@pytest.mark.parametrize("text", ENDS)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.time_zone.key)
def test_every_date_may_be_the_calendars_end(text: str, policy: Policy) -> None:
    """No date, zone or instant of evaluation at the ends of the calendar makes an evaluation fail."""
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": text[:10]}
    for person in (patient, patient | {"deceasedDateTime": text}, {"resourceType": "Patient", "id": "p1"}):
        record = record_of([person, *everything(text)])
        assert {issue.message for issue in record.issues} <= {"a date that stands for none; taken as undated"}
        for as_of in (BASE, BASE.replace(year=1), BASE.replace(year=9999)):
            for verdict in evaluate_all(BOUND, record, as_of, policy):
                assert json.dumps(to_json(verdict))
                assert verdict.valid_until is None or verdict.valid_until > as_of


def test_a_birth_in_the_future_is_read() -> None:
    """A mistyped century is no reason to fail; the age stays unknown until the patient is born."""
    for year in range(2027, 10_000, 400):
        record = record_of([{"resourceType": "Patient", "id": "p1", "birthDate": f"{year}-05-02"}])
        for verdict in evaluate_all(BOUND, record, BASE + timedelta(days=1), STRICT):
            assert not any(result.reason.value.startswith("age-") for result in verdict.criteria)
