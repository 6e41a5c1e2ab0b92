"""The evaluator's entrance: what it refuses, and what a verdict says of itself."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from adapter.criteria.truth import Truth
from adapter.evaluator import Verdict, bind, evaluate, evaluate_all, evaluate_indicated, to_json
from adapter.evaluator.bound import BoundCriterion
from adapter.evaluator.chart import MOST_SITUATIONS
from adapter.evaluator.reason import AWAITS_PERSON, Reason, truth_of
from adapter.evaluator.verdict import instant
from adapter.record import PatientRecord, read_record
from demo.cohort import cohort
from mappings.trial import load_definitions
from tests.unit.evaluator.small import AS_OF, IS_FEMALE, OPEN, STRICT, TERMINOLOGY, trial, verdict

DEFINITE = [
    "value-satisfies",
    "value-fails",
    "age-within",
    "age-outside",
    "sex-matches",
    "sex-differs",
    "recorded",
    "refuted",
    "resolved",
    "test-positive",
    "test-negative",
    "explicitly-absent",
    "consented",
    "consent-refused",
    "attested",
    "not-applicable",
    "assumed-absent",
]
UNKNOWN = [
    "no-data",
    "stale",
    "undated",
    "imprecise-date",
    "outside-window",
    "preliminary",
    "conflicting",
    "unconfirmed",
    "unmapped-code",
    "unit-missing",
    "unit-incompatible",
    "value-straddles",
    "value-not-comparable",
    "implausible",
    "reference-range-missing",
    "route-missing",
    "ordered-only",
    "needs-review",
    "awaits-consent",
    "needs-judgement",
    "not-quantified",
    "not-published",
]


def test_the_reasons_are_a_closed_list() -> None:
    """The reason codes are those of CONFORMANCE, no more and no fewer."""
    assert sorted(Reason) == sorted(DEFINITE + UNKNOWN)


def test_a_reason_stands_for_its_truth() -> None:
    """The definite reasons are met or not-met, the others unknown; an attestation is what it says."""
    for reason in Reason:
        if reason is not Reason.ATTESTED:
            assert (truth_of(reason) is Truth.UNKNOWN) is (reason.value in UNKNOWN)
    with pytest.raises(ValueError, match="by its value"):
        truth_of(Reason.ATTESTED)


def test_three_reasons_wait_for_a_person() -> None:
    """Only these leave a patient a candidate."""
    assert {Reason.NEEDS_JUDGEMENT, Reason.NOT_QUANTIFIED, Reason.AWAITS_CONSENT} == AWAITS_PERSON


def test_an_instant_without_a_zone_is_refused() -> None:
    """As-of is a point in time; without a zone it would be several."""
    with pytest.raises(ValueError, match="as_of needs a time zone"):
        verdict(trial([IS_FEMALE]), as_of=datetime(2026, 3, 1))  # noqa: DTZ001  # what is refused


def test_a_record_of_another_terminology_is_refused() -> None:
    """Facts are indexed by the value sets of one terminology; another one would miss them."""
    record = PatientRecord(subject="Patient/p1", terminology="another")
    with pytest.raises(ValueError, match="read it again"):
        evaluate(bind(trial([IS_FEMALE]), TERMINOLOGY), record, AS_OF, STRICT)


def test_no_trials_no_verdicts() -> None:
    """Asked for nothing, it answers nothing."""
    record = PatientRecord(subject="Patient/p1", terminology=TERMINOLOGY.hash)
    assert evaluate_all((), record, AS_OF, STRICT) == ()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01T00:00:00Z"),
        (datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC), "2026-03-01T00:00:00.500Z"),
        (datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=8))), "2026-03-01T00:00:00Z"),
    ],
)
def test_an_instant_is_written_in_utc(moment: datetime, expected: str) -> None:
    """A FHIR instant with Z, with milliseconds where there are any."""
    assert instant(moment) == expected


def test_the_same_instant_in_another_zone_gives_the_same_verdict() -> None:
    """How as-of is written says nothing."""
    east = AS_OF.astimezone(timezone(timedelta(hours=9)))
    one, other = verdict(trial([IS_FEMALE, OPEN])), verdict(trial([IS_FEMALE, OPEN]), as_of=east)
    assert to_json(one) == to_json(other)
    assert one.criteria is one.criteria, "a verdict tells once"


def test_a_verdict_lives_no_longer_than_its_policy() -> None:
    """The day after the policy's last one ends the verdict's life, in the site's zone; a past end doesn't."""
    ending = replace(STRICT, until=date(2026, 3, 5))
    assert verdict(trial([IS_FEMALE]), policy=ending).valid_until == datetime(2026, 3, 6, tzinfo=UTC)
    assert verdict(trial([IS_FEMALE]), policy=replace(STRICT, until=date(2026, 2, 5))).valid_until is None
    assert verdict(trial([IS_FEMALE])).valid_until is None


@pytest.mark.parametrize(
    ("verification", "code", "expected"),
    [
        ("confirmed", "277575008", True),
        ("provisional", "277575008", True),
        ("refuted", "277575008", False),
        ("confirmed", "195967001", False),
    ],
)
def test_an_indication_is_any_word_of_the_disease_but_its_refutation(
    verification: str,
    code: str,
    expected: bool,  # noqa: FBT001  # a table's column
) -> None:
    """Confirmed or not, past or present, the index disease makes a patient worth screening."""
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "verificationStatus": {"coding": [{"code": verification}]},
        "clinicalStatus": {"coding": [{"code": "resolved"}]},
    }
    assert verdict(trial([IS_FEMALE]), condition).has_indication is expected


def test_what_is_missing_is_written_with_all_of_its_codes() -> None:
    """Codes are made JSON once for all verdicts, and come out as those of a plain list do."""
    bound = bind(load_definitions(terminology=TERMINOLOGY)[0], TERMINOLOGY)
    record = PatientRecord(subject="Patient/p1", terminology=TERMINOLOGY.hash)
    found = evaluate(bound, record, AS_OF, STRICT)
    needs = [*found.missing, *(need for each in found.criteria for need in each.missing)]
    written = to_json(found)
    shown = [*written["missing"], *(need for each in written["criteria"] for need in each["missing"])]
    plain = [[{"system": each.system, "code": each.code} for each in need.codes] for need in needs]
    assert [need["codes"] for need in shown] == plain
    assert any(len(codes) > 1 for codes in plain)


def test_of_studies_without_an_indication_only_what_leaves_it_unclear_is_told() -> None:
    """The others' verdicts are those that all of the studies have."""
    bounds = [bind(definition, TERMINOLOGY) for definition in load_definitions()]
    indicated = 0
    for _, _, data in cohort(12):
        record = read_record(data, TERMINOLOGY)
        told = evaluate_indicated(bounds, record, AS_OF, STRICT)
        for one, whole in zip(told, evaluate_all(bounds, record, AS_OF, STRICT), strict=True):
            assert (to_json(one) if isinstance(one, Verdict) else one) == (
                to_json(whole) if whole.has_indication else whole.unclear
            )
            indicated += whole.has_indication
    assert 0 < indicated < 12 * len(bounds)
    assert evaluate_indicated((), record, AS_OF, STRICT) == ()


def test_what_is_kept_of_empty_records_is_bounded() -> None:
    """Whoever sends records with ever other unread types fills no memory, and each gets the answer of its own."""
    definition = next(each for each in load_definitions() if each.id == "cd7-cart01")
    bound = bind(definition, TERMINOLOGY)
    kept = [node for _, top in bound.criteria for node in _all(top)]
    for number in range(2 * MOST_SITUATIONS):
        unread = frozenset(f"Type{place}" for place in range(10) if number >> place & 1)
        record = PatientRecord(subject="Patient/p1", terminology=TERMINOLOGY.hash, unread=unread)
        assert evaluate(bound, record, AS_OF, STRICT).criteria
    assert max(len(each.blanks) for each in kept) > 0
    assert all(len(each.blanks) <= MOST_SITUATIONS and len(each.told) <= MOST_SITUATIONS for each in kept)


def _all(bound: BoundCriterion) -> list[BoundCriterion]:
    return [bound, *(each for part in bound.parts for each in _all(part))]
