"""Condition -> facts: statuses, onset, abatement, grades."""

from datetime import date

import pytest

from adapter.record import PatientRecord
from adapter.record.facts import UNREADABLE, ConditionFact, Verification
from tests.build import CM, P1, SNOMED, T_ALL, TERMS, Json, concept, condition, quantity
from tests.unit.record.conftest import Read


def the_fact(record: PatientRecord, value_set: str = "atrial-fibrillation") -> ConditionFact:
    """The only fact of a diagnosis."""
    (fact,) = record.conditions[value_set]
    return fact


def paths(record: PatientRecord) -> list[str]:
    """Where the issues are."""
    return [issue.path for issue in record.issues]


def born(day: str) -> Json:
    """The patient with a birth date."""
    return P1 | {"birthDate": day}


def test_of_two_alike_the_order_in_which_they_are_sent_says_nothing(read: Read) -> None:
    """One that stands as evidence for both is the same, whichever is sent first."""
    two = [condition(concept(CM, "I48.91"), id=name) for name in ("c2", "c1")]
    told, anew = (read([P1, *sent]).conditions["atrial-fibrillation"] for sent in (two, two[::-1]))
    assert [fact.source.resource for fact in told] == ["Condition/c1", "Condition/c2"]
    assert told == anew


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, Verification.CONFIRMED),
        (concept(f"{TERMS}/condition-ver-status", "confirmed"), Verification.CONFIRMED),
        (concept(f"{TERMS}/condition-ver-status", "unconfirmed"), Verification.UNCONFIRMED),
        (concept(f"{TERMS}/condition-ver-status", "provisional"), Verification.UNCONFIRMED),
        (concept(f"{TERMS}/condition-ver-status", "differential"), Verification.UNCONFIRMED),
        (concept(f"{TERMS}/condition-ver-status", "refuted"), Verification.REFUTED),
        (concept(None, "refuted"), Verification.REFUTED),
    ],
)
def test_the_verification_status(read_with: Read, status: Json | None, expected: Verification) -> None:
    """A missing verificationStatus is confirmed; what was only thought of is unconfirmed."""
    record = read_with(condition(**({"verificationStatus": status} if status else {})))
    assert the_fact(record).verification is expected
    assert record.issues == ()


def test_entered_in_error_leaves_nothing(read_with: Read) -> None:
    """An entry made in error says nothing, and is no trouble."""
    record = read_with(condition(verificationStatus=concept(f"{TERMS}/condition-ver-status", "entered-in-error")))
    assert not record.conditions
    assert not record.issues
    assert not record.unmapped


@pytest.mark.parametrize(
    ("element", "code"),
    [("verificationStatus", "sure"), ("verificationStatus", ""), ("clinicalStatus", "done"), ("clinicalStatus", "")],
)
def test_a_status_outside_its_code_list_is_an_issue(read_with: Read, element: str, code: str) -> None:
    """An unknown verification is unconfirmed, an unknown clinical status unreadable; both are named."""
    record = read_with(condition(**{element: concept(f"{TERMS}/condition-ver-status", code)}))
    fact = the_fact(record)
    assert fact.clinical == (UNREADABLE if element == "clinicalStatus" else None)
    expected = Verification.UNCONFIRMED if element == "verificationStatus" else Verification.CONFIRMED
    assert fact.verification is expected
    assert paths(record) == [f"Condition.{element}"]


@pytest.mark.parametrize("code", ["active", "recurrence", "relapse", "inactive", "remission", "resolved"])
def test_the_clinical_status_is_kept(read_with: Read, code: str) -> None:
    """FHIR's six codes come through as they are."""
    record = read_with(condition(clinicalStatus=concept(f"{TERMS}/condition-clinical", code)))
    assert the_fact(record).clinical == code


@pytest.mark.parametrize(
    ("elements", "first", "last"),
    [
        ({"onsetDateTime": "2020-05"}, "2020-05-01", "2020-05-31"),
        ({"onsetPeriod": {"start": "2020-05", "end": "2020-06"}}, "2020-05-01", "2020-06-30"),
        ({"onsetAge": quantity(20, "a")}, "2020-02-29", "2021-02-28"),
        ({"onsetAge": {"value": 20, "unit": "years"}}, "2020-02-29", "2021-02-28"),
        ({"onsetAge": quantity(6, "mo")}, "2000-08-29", "2000-09-28"),
        ({"onsetAge": quantity(1, "wk")}, "2000-03-07", "2000-03-13"),
        ({"onsetAge": quantity(0, "d")}, "2000-02-29", "2000-02-29"),
        ({"onsetRange": {"low": quantity(20, "a"), "high": quantity(22, "a")}}, "2020-02-29", "2023-02-28"),
    ],
)
def test_an_onset_is_an_interval(read: Read, elements: Json, first: str, last: str) -> None:
    """An onset by date, by period, or by age at which it began: birth + age until the next unit is completed."""
    onset = the_fact(read([born("2000-02-29"), condition(**elements)])).onset
    assert onset is not None
    assert (onset.first, onset.last) == (date.fromisoformat(first), date.fromisoformat(last))


def test_an_age_of_onset_is_as_coarse_as_the_birth_date(read: Read) -> None:
    """With the year of birth alone, the age spans from the first possible day to the last."""
    onset = the_fact(read([born("2000"), condition(onsetAge=quantity(20, "a"))])).onset
    assert onset is not None
    assert (onset.first, onset.last) == (date(2020, 1, 1), date(2021, 12, 30))


@pytest.mark.parametrize("elements", [{"onsetString": "childhood"}, {"onsetAge": quantity(20, "a")}, {}])
def test_an_onset_that_dates_nothing(read_with: Read, elements: Json) -> None:
    """Text, or an age without a birth date, is no date; that is no fault of the sender."""
    record = read_with(condition(**elements))
    assert the_fact(record).onset is None
    assert record.issues == ()


@pytest.mark.parametrize(
    "age",
    [
        quantity(20, "kg"),
        {"value": 20},
        quantity(-1, "a"),
        quantity(99999, "a"),
        quantity("20", "a"),
        {"unit": "years"},
    ],
)
def test_an_age_that_is_none_is_an_issue(read: Read, age: Json) -> None:
    """An age needs a number and a unit of age, within a life."""
    record = read([born("2000-02-29"), condition(onsetAge=age)])
    assert the_fact(record).onset is None
    assert record.issues
    assert all(path.startswith("Condition.onsetAge") for path in paths(record))


@pytest.mark.parametrize(
    ("elements", "abated", "day"),
    [
        ({}, False, None),
        ({"abatementDateTime": "2021"}, True, "2021-12-31"),
        ({"abatementPeriod": {"start": "2020", "end": "2021-04-02"}}, True, "2021-04-02"),
        ({"abatementAge": quantity(20, "a")}, True, "2021-02-27"),
        ({"abatementString": "gone"}, True, None),
        ({"abatementDateTime": "some day"}, True, None),
        ({"abatementPeriod": {"start": "2020", "end": "some day"}}, True, None),
    ],
)
def test_an_abatement_in_any_form(read: Read, elements: Json, abated: bool, day: str | None) -> None:  # noqa: FBT001  # a table's column
    """Whatever says that a condition ended ends it, even where the day can't be read."""
    fact = the_fact(read([born("2000-02-28"), condition(**elements)]))
    assert fact.abated is abated
    assert (fact.abatement.last.isoformat() if fact.abatement else None) == day


@pytest.mark.parametrize("element", ["onsetDateTime", "abatementDateTime", "recordedDate"])
def test_a_bad_date_is_an_issue(read_with: Read, element: str) -> None:
    """A date that can't be read is named, and the condition stays."""
    record = read_with(condition(**{element: "2026-02-30"}))
    assert the_fact(record).recorded is None
    assert paths(record) == [f"Condition.{element}"]


def test_an_encounter_diagnosis_is_known_as_one(read_with: Read) -> None:
    """Its category says that a condition was recorded for an encounter."""
    category = [concept(f"{TERMS}/condition-category", "encounter-diagnosis")]
    assert the_fact(read_with(condition(category=category))).encounter
    assert not the_fact(read_with(condition())).encounter


def test_severity_and_stage_are_grades(read_with: Read) -> None:
    """Condition.severity and stage.summary come to value sets that qualifiers ask for."""
    fact = the_fact(read_with(condition(severity=concept(SNOMED, "24484000"), stage=[{}, {"type": {}}])))
    assert "severity-severe" in fact.grades


def test_codes_of_all_systems_count_together(read_with: Read) -> None:
    """A condition coded twice belongs to the value sets of both codes."""
    coded = {"coding": [concept(SNOMED, T_ALL)["coding"][0], concept(CM, "C91.02")["coding"][0], {"code": "x"}]}
    record = read_with(condition(coded))
    assert the_fact(record, "t-all") == the_fact(record, "all-lineage-unspecified")
    assert "course-relapse" in the_fact(record, "t-all").value_sets
    assert record.unmapped == ()


@pytest.mark.parametrize(
    ("coded", "expected"),
    [
        (concept("urn:local", "x", display="AF"), ("urn:local", "x", "AF")),
        ({"text": "atrial fibrillation"}, (None, None, "atrial fibrillation")),
        ({"coding": [{"system": SNOMED, "display": "AF"}]}, (SNOMED, None, "AF")),
        ({}, (None, None, None)),
    ],
)
def test_what_no_map_knows_is_listed(read_with: Read, coded: Json, expected: tuple[str | None, ...]) -> None:
    """A condition without a known code is unmapped: with its system, code and text, whatever there is."""
    record = read_with(condition() | {"code": coded})
    assert not record.conditions
    (entry,) = record.unmapped
    assert (entry.system, entry.code, entry.text) == expected
    assert (entry.resource, entry.type) == ("Condition/c1", "Condition")


def test_a_known_code_of_no_interest_is_neither(read_with: Read) -> None:
    """A SNOMED code that no trial asks for is on the list of others, so it is no gap in the maps."""
    record = read_with(condition(concept(SNOMED, "59621000")))
    assert set(record.conditions) == {"other-conditions"}
    assert record.unmapped == ()
    assert record.issues == ()
