"""How `validUntil` is found: as by trying every instant for every criterion, with no more work than that."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given

from adapter.criteria.policy import Policy
from adapter.evaluator import decision, evaluate_all
from adapter.evaluator.bound import BoundDefinition
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import midnight, moment_at
from adapter.evaluator.tree import evaluate_criterion
from adapter.record import PatientRecord
from tests.properties.core import BOUND, STRICT, Json, answers, record_of
from tests.properties.patients import patients
from tests.properties.test_lifetime import POLICIES
from tests.properties.times import AS_OFS

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 60


@given(patients, AS_OFS, POLICIES)
def test_as_by_trying_everything(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Whatever instant any part names, now or later: the first at which the answers differ."""
    record = record_of(patient)
    for bound, verdict in zip(BOUND, evaluate_all(BOUND, record, as_of, policy), strict=True):
        end = verdict.valid_until
        for instant in sorted(_instants(bound, record, as_of, policy, until=end)):
            (then,) = evaluate_all((bound,), record, instant, policy)
            assert (answers(then) == answers(verdict)) is (instant != end), instant


def _instants(
    bound: BoundDefinition, record: PatientRecord, as_of: datetime, policy: Policy, until: datetime | None
) -> set[datetime]:
    """Every instant up to `until` that a part of the definition names, as of then or of an earlier one."""
    found: set[datetime] = set()
    new = {as_of}
    while new:
        instant = min(new)
        new.remove(instant)
        moment = moment_at(instant, policy.time_zone)
        chart = Chart(record, bound.terminology, policy.in_force(moment.day))
        for _, criterion in bound.criteria:
            for node in evaluate_criterion(criterion, chart, moment, {}).walk():
                for change in node.outcome.changes:
                    then = change if isinstance(change, datetime) else midnight(change, policy.time_zone)
                    if then > instant and (until is None or then <= until) and then not in found:
                        found.add(then)
                        new.add(then)
    return found


def test_no_criterion_is_tried_twice_at_an_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record with something new every day for two months: the work grows with the days, not with their subsets."""
    tried: list[tuple[str, datetime]] = []

    def counted(bound, chart, moment, known):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # as what it counts
        tried.append((str(id(bound)), moment.as_of))
        return evaluate_criterion(bound, chart, moment, known)

    monkeypatch.setattr(decision, "evaluate_criterion", counted)
    evaluate_all(BOUND, record_of(_something_every_day()), AS_OF, STRICT)
    assert len(tried) == len(set(tried))
    assert tried


def _something_every_day() -> list[Json]:
    resources: list[Json] = [{"resourceType": "Patient", "id": "p1", "birthDate": "1980-01-01", "gender": "female"}]
    subject = {"reference": "Patient/p1"}
    for place in range(DAYS):
        day = (date(2026, 2, 28) - timedelta(days=place)).isoformat()
        pneumonia = {"coding": [{"system": "http://snomed.info/sct", "code": "233604007"}]}
        prednisolone = {"coding": [{"system": "http://www.whocc.no/atc", "code": "H02AB06"}]}
        infection: Json = {"resourceType": "Condition", "id": f"c{place}", "code": pneumonia, "onsetDateTime": day}
        given: Json = {"resourceType": "MedicationAdministration", "id": f"m{place}", "status": "completed"}
        given |= {"medicationCodeableConcept": prednisolone, "effectiveDateTime": day}
        resources += [infection | {"subject": subject}, given | {"subject": subject}]
    return resources
