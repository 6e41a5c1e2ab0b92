"""No negative of a list outlives what could contradict it, and nothing is positive without evidence."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.catalogue import Breadth
from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator import Reason
from adapter.kinds.condition.statement import Condition
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.events.count import HowMany
from adapter.kinds.events.lines import LinesOfTherapy
from adapter.kinds.events.linked import Linked
from adapter.kinds.events.sequence import Order
from tests.build import concept
from tests.properties.core import DEFINITIONS, EVENTS, PROBLEM_LIST, STRICT, TERMINOLOGY, Json, flat, verdicts
from tests.properties.measured import SUBJECT
from tests.properties.patients import patients
from tests.properties.times import BASE

CATALOGUE = TERMINOLOGY.catalogue.conditions
LISTED = {
    (definition.id, each.id): each.statement.concepts
    for definition in DEFINITIONS
    for each in definition.walk()
    if isinstance(each.statement, Condition) and not each.statement.tests
}
"""Every condition criterion that stands on the problem list alone, with its concepts."""
FAMILIES = sorted({name for each in LISTED.values() for name in each if CATALOGUE[name].breadth is Breadth.FAMILY})
ON_DIAGNOSES = {
    (definition.id, each.id)
    for definition in DEFINITIONS
    for each in definition.walk()
    if isinstance(each.statement, Condition | DiseaseCourse)
}
ON_A_LIST = {Reason.RESOLVED, Reason.REFUTED, Reason.EXPLICITLY_ABSENT, Reason.ASSUMED_ABSENT}
POLICIES = [STRICT, PROBLEM_LIST]


def told(patient: list[Json], policy: Policy) -> dict[tuple[str, str | None], tuple[Truth, Reason]]:
    """What every criterion comes to."""
    found = verdicts(patient, BASE, policy)
    return {(v.study, each.id): (each.result, each.reason) for v in found for each in flat(v.criteria)}


def entry(code: Json, **elements: object) -> Json:
    """One more Condition of the patient."""
    return {"resourceType": "Condition", "id": "one-more", "subject": SUBJECT, "code": code, **elements}


@given(patient=patients, days=st.integers(0, 30), policy=st.sampled_from(POLICIES))
def test_what_nobody_has_classified_leaves_no_negative_standing(patient: list[Json], days: int, policy: Policy) -> None:
    """An active, recent entry in words could be any disease: no list denies one beside it."""
    recent = (BASE - timedelta(days=days)).date().isoformat()
    words = entry({"text": "nobody knows"}, onsetDateTime=recent, recordedDate=recent)
    after = told([*patient, words], policy)
    assert [key for key in LISTED if after[key][1] in ON_A_LIST] == []


EVENTS_OF = {
    each.id
    for each in EVENTS.definition.walk()
    if isinstance(each.statement, Order | Linked | HowMany | LinesOfTherapy)
}
ASSUMING = replace(STRICT, assumed_absent=frozenset(CATALOGUE) | frozenset(TERMINOLOGY.catalogue.exposures))
NAMED = (
    "Akute GVHD, Pneumonie, epilepsy, cerebral haemorrhage, malignant melanoma. Vorhofflimmern, Herzinfarkt, "
    "Perikarderguss. Z.n. allogener Stammzelltransplantation. On prednisone, ruxolitinib, cyclophosphamide, "
    "fludarabine and amoxicillin."
)
"""A sentence about each of the concepts that the trial of events names."""


@given(patient=patients)
def test_events_in_words_leave_no_negative_standing(patient: list[Json]) -> None:
    """Neither entries that nobody has classified nor what a report says leave a sequence, a link or a count denied."""
    recent = BASE.date().isoformat()  # inside every window, one of hours too
    words = entry({"text": "nobody knows"}, onsetDateTime=recent, recordedDate=recent)
    taken = {
        "resourceType": "MedicationStatement",
        "id": "more",
        "status": "active",
        "subject": SUBJECT,
        "medicationCodeableConcept": {"text": "nobody knows"},
        "effectivePeriod": {"start": recent},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "said",
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": recent,
        "conclusion": NAMED,
    }
    for more in ([words, taken], [report]):
        (found,) = verdicts([*patient, *more], BASE, ASSUMING, [EVENTS])
        assert [each.id for each in flat(found.criteria) if each.id in EVENTS_OF and each.reason in ON_A_LIST] == []


@given(patient=patients, family=st.sampled_from(FAMILIES), years=st.integers(1, 20), policy=st.sampled_from(POLICIES))
def test_a_closed_member_denies_no_family(patient: list[Json], family: str, years: int, policy: Policy) -> None:
    """What was over years ago is no reason to deny the others."""
    code = TERMINOLOGY.codes(family)[0]
    day = (BASE - timedelta(days=366 * years)).date()
    over = entry(
        concept(code.system, code.code),
        clinicalStatus=concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved"),
        onsetDateTime=(day - timedelta(days=20)).isoformat(),
        abatementDateTime=day.isoformat(),
    )
    before, after = told(patient, policy), told([*patient, over], policy)
    of_family = [key for key, concepts in LISTED.items() if family in concepts]
    assert [k for k in of_family if before[k][0] is Truth.UNKNOWN and after[k][0] is Truth.NOT_MET] == []


@given(patient=patients, policy=st.sampled_from(POLICIES))
def test_without_positive_evidence_nothing_is_met(patient: list[Json], policy: Policy) -> None:
    """With every diagnosis refuted and every result gone no diagnosis is on record."""
    refuted = concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted")
    kept = [
        {**each, "verificationStatus": refuted} if each["resourceType"] == "Condition" else each
        for each in patient
        if each["resourceType"] != "Observation"
    ]
    after = told(kept, policy)
    assert [key for key in ON_DIAGNOSES if after[key][0] is Truth.MET] == []
