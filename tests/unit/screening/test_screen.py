import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from adapter.record.contents import contents_of
from adapter.record.glance import glance
from adapter.screening import screen
from adapter.screening.screen import Screener
from adapter.screening.setup import Setup
from adapter.screening.source import PatientInput
from demo.cohort import cohort
from tests.unit.screening.records import T_ALL, bundle, condition, ecog, of, patient

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def screened(setup: Setup, data: bytes, *, keep_all: bool = False) -> screen.PatientOutcome:
    """One patient through the screener."""
    return Screener(setup=setup, as_of=AS_OF, keep_all=keep_all)(PatientInput("p1.json", contents_of(data)))


def test_only_patients_with_an_indication_have_their_verdict_kept(strict: Setup) -> None:
    """AML is an indication for the trials that ask for it, and for no other."""
    rows = screened(strict, bundle(patient(), condition("c1", of()))).rows
    kept = {row.study for row in rows if row.line is not None}
    assert kept == {"4scar7u", "nct04785833", "nct07008872"}


def test_all_verdicts_are_kept_when_asked(strict: Setup) -> None:
    """--all keeps what has no indication too."""
    rows = screened(strict, bundle(patient()), keep_all=True).rows
    assert [json.loads(row.line or b"")["study"] for row in rows] == [d.id for d in strict.definitions]


def test_a_diagnosis_that_nobody_has_classified_leaves_the_indication_unclear(strict: Setup) -> None:
    """Words may be any disease; what a code is known to be for every trial is none of them."""
    words = {"resourceType": "Condition", "id": "c1", "subject": of(), "code": {"text": "Leukaemia"}}
    told = screened(strict, bundle(patient(), words))
    assert {row.study for row in told.rows if row.unclear} == {definition.id for definition in strict.definitions}
    assert [(each.resource, each.text) for each in told.unclear] == [("Condition/c1", "Leukaemia")]
    assert not any(row.has_indication or row.line for row in told.rows)
    gvhd = {**words, "code": {"coding": [{"system": "http://snomed.info/sct", "code": "234646005"}]}}
    assert not any(row.unclear for row in screened(strict, bundle(patient(), gvhd)).rows)


def test_a_row_says_what_the_verdict_says(strict: Setup) -> None:
    """The counts come from the same verdict as the line."""
    rows = screened(strict, bundle(patient(), condition("c1", of()), ecog("e1", of(), 3))).rows
    row = next(row for row in rows if row.study == "nct07008872")
    verdict = json.loads(row.line or b"")
    assert [criterion["result"] for criterion in verdict["criteria"]] == [truth.value for truth in row.truths]
    assert list(row.open) == [c["id"] for c in verdict["criteria"] if c["result"] == "unknown"]
    assert verdict["decision"] == row.decision == "ineligible"


def test_data_that_can_not_be_read_are_that_patients_failure(strict: Setup) -> None:
    """The reason is the reader's; nothing is raised."""
    failed = screened(strict, bundle(patient(gender=5)))
    assert failed.rows == ()
    assert failed.failure is not None
    assert "Patient.gender" in failed.failure


def test_an_error_of_ours_is_that_patients_failure_and_shows_no_data(
    strict: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One patient never ends the run, and an exception's text never comes out: it may hold what the record says."""

    def broken(*_: object) -> None:
        msg = "Jane Doe has 3 g/L"
        raise ZeroDivisionError(msg)

    monkeypatch.setattr(screen, "may_indicate", broken)
    failed = screened(strict, bundle(patient()))
    assert failed.failure is not None
    assert "ZeroDivisionError in adapter.screening.screen" in failed.failure
    assert "Jane" not in failed.failure


HL7 = "http://terminology.hl7.org/CodeSystem"
HYPERTENSION: dict[str, str] = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}
GVHD: dict[str, str] = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "D89.813"}
UNKNOWN_CODE: dict[str, str] = {"system": "http://example.org/codes", "code": "x1"}


REFUTED = {"coding": [{"system": f"{HL7}/condition-ver-status", "code": "refuted"}]}
INDICATING: list[dict[str, Any]] = [
    {},
    {"code": {"coding": T_ALL}},
    {"code": {"coding": [GVHD], "text": "T-ALL"}},
]
"""With these somebody may have a study's disease: as they are, with a code without its list, by words beside a code."""

CHANGES = [
    *INDICATING,
    {"code": {"coding": [HYPERTENSION]}},
    {"code": {"coding": [UNKNOWN_CODE]}},
    {"code": {"text": "leukaemia"}},
    {"code": None},
    {"code": 5},
    {"verificationStatus": REFUTED},
    {"subject": {"reference": "Patient/another"}},
]
"""What is put into all of the cohort's Conditions."""


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_whom_the_diagnoses_alone_exclude_the_whole_record_does_too(
    problem_list: Setup, change: dict[str, Any]
) -> None:
    """The short way says nothing that the long one doesn't, for the cohort, and for it with other diagnoses."""
    short = Screener(setup=problem_list, as_of=AS_OF, keep_all=False)
    whole = Screener(setup=problem_list, as_of=AS_OF, keep_all=True)  # it judges everyone
    indicated = 0
    for key, _, data in cohort(25):
        record = json.loads(data)
        for each in record["entry"]:
            if each["resource"]["resourceType"] == "Condition":
                each["resource"].update(change)
        text = json.dumps(record).encode()
        patient = PatientInput(str(key), contents_of(text))
        told, judged = short(patient), whole(patient)
        looked = glance(text)
        assert looked is not None
        assert short(PatientInput(str(key), looked)) == told
        kept = tuple(row if row.has_indication else replace(row, line=None) for row in judged.rows)
        assert told == replace(judged, rows=kept)
        indicated += any(row.has_indication for row in told.rows)
    assert (indicated > 0) == (change in INDICATING)


OTHER = condition("c1", of(), HYPERTENSION)
ENTRIES = [{"resource": each} for each in (patient(), OTHER)]
LACKING: dict[str, list[Any]] = {
    "a diagnosis with an age that is none": [{"resource": {**OTHER, "id": "c2", "onsetAge": 7}}],
    "a diagnosis with an id that is none": [{"resource": {**OTHER, "id": 7}}],
    "a diagnosis of another code, which nobody knows what it means": [
        {"resource": {**OTHER, "id": "c2", "modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}}
    ],
    "a diagnosis of whom a number names that nobody knows": [
        {"resource": {**OTHER, "id": "c2", "subject": {"identifier": {"system": "urn:x", "value": "1"}}}}
    ],
    "a result with an id that is none": [{"resource": {**ecog("o1", of(), 1), "id": 7}}],
    "a result whose version is none": [{"resource": {**ecog("o1", of(), 1), "meta": {"versionId": 1}}}],
    "an entry that failed": [{"response": {"status": "500"}}],
    "an error of the server's": [{"resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}}],
    "a next page": [],
    "the patient's other record": [],
}
"""What a record lacks, or what of it can't be read: a diagnosis, or nobody knows what."""


@pytest.mark.parametrize("name", LACKING)
def test_where_a_diagnosis_may_be_missing_nobody_is_said_to_have_none(problem_list: Setup, name: str) -> None:
    """The short way says so as the long one does."""
    sent: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "entry": [*ENTRIES, *LACKING[name]]}
    if name == "a next page":
        sent["link"] = [{"relation": "next", "url": "https://example.org/fhir?page=2"}]
    elif name == "the patient's other record":
        link = {"type": "replaced-by", "other": {"reference": "Patient/p2"}}
        sent["entry"][0] = {"resource": {**patient(), "link": [link]}}
    text = json.dumps(sent).encode()
    short = Screener(setup=problem_list, as_of=AS_OF, keep_all=False)
    whole = Screener(setup=problem_list, as_of=AS_OF, keep_all=True)
    judged = whole(PatientInput("", contents_of(text)))
    kept = replace(judged, rows=tuple(replace(row, line=None) for row in judged.rows))
    assert judged.rows
    assert all(row.unclear for row in judged.rows)
    assert short(PatientInput("", contents_of(text))) == kept
    if (looked := glance(text)) is not None:
        assert short(PatientInput("", looked)) == kept


def test_where_the_source_gives_away_no_diagnosis_nobody_is_said_to_have_none(problem_list: Setup) -> None:
    """There may be some."""
    short = Screener(setup=problem_list, as_of=AS_OF, keep_all=False)
    held = structs.replace(contents_of(json.dumps(patient()).encode()), lacking=frozenset({"Condition"}))
    assert all(row.unclear for row in short(PatientInput("", held)).rows)


def test_whom_the_diagnoses_exclude_is_not_evaluated(strict: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what makes it quick."""
    monkeypatch.setattr(screen, "evaluate_indicated", None)
    told = screened(strict, bundle(patient(), condition("c1", of(), HYPERTENSION)))
    assert told.failure is None
    assert not any(row.has_indication for row in told.rows)
