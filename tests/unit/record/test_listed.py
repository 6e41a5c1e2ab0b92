"""Entries of further lists: read where a study asks, counted where none does, and never taken for absent."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, bind, evaluate
from adapter.evaluator.reads import FURTHER_TYPES, ONLY_NAMING
from adapter.record import read_record
from adapter.record.bundle import resource_of
from adapter.record.facts import EntryList
from adapter.record.listed import LISTED
from adapter.record.read_entry import READERS, TYPES
from adapter.record.references import owner_of
from adapter.screening.react.changes import change_of
from mappings.policy import load_policy
from mappings.trial import load_definition
from tests.build import P1, SUBJECT, Json
from tests.unit.record.conftest import Read

ENCOUNTER: Json = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "subject": SUBJECT,
}
TRIALS = Path(__file__).parents[2] / "cases" / "trials"


@pytest.fixture(scope="module")
def bound(terminology: Terminology) -> BoundDefinition:
    """A trial that asks for entries of every list."""
    return bind(load_definition(TRIALS / "entries.yaml", terminology=terminology), terminology)


def test_every_list_has_a_reader_and_the_evaluator_knows_its_types() -> None:
    """No type is read that no statement can ask for, and none is asked for that is not read."""
    assert set(TYPES) == set(EntryList)
    assert all(TYPES.values())
    assert set(READERS) | {"Immunization"} | ONLY_NAMING == FURTHER_TYPES
    assert FURTHER_TYPES - {"Specimen"} == LISTED


def test_a_type_that_no_study_reads_is_only_counted(terminology: Terminology) -> None:
    """It costs nothing, and a broken one of it troubles nobody."""
    broken = ENCOUNTER | {"id": "e2", "status": ["finished"]}
    data = json.dumps([P1, ENCOUNTER, broken]).encode()
    record = read_record(data, terminology, types=frozenset({"Condition"}))
    assert record.other_types == {"Encounter": 2}
    assert (record.entries, record.issues, record.unread) == ({}, (), frozenset())


def test_a_record_without_a_type_is_no_record_with_none_of_it(terminology: Terminology, bound: BoundDefinition) -> None:
    """A list that was not read must never look empty."""
    record = read_record(json.dumps([P1]).encode(), terminology, types=bound.types - {"Encounter"})
    policy = load_policy("strict", terminology=terminology)
    with pytest.raises(ValueError, match="read without a type"):
        evaluate(bound, record, datetime(2026, 3, 1, tzinfo=UTC), policy)


def test_one_that_cannot_be_read_leaves_its_list_open(terminology: Terminology, bound: BoundDefinition) -> None:
    """No policy makes absent what may stand in it."""
    data = json.dumps([P1, ENCOUNTER | {"class": 5}]).encode()
    record = read_record(data, terminology, types=bound.types)
    assert record.may_lack(frozenset({"Encounter"}))
    assert [issue.resource for issue in record.issues] == ["Encounter/e1"]


@pytest.mark.parametrize("status", [None, "done", ""])
def test_a_status_that_is_none_of_fhirs_is_not_read(read: Read, status: str | None) -> None:
    """It is named, and its list is not whole."""
    record = read([P1, ENCOUNTER | {"status": status}])
    assert record.entries == {}
    assert record.may_lack(frozenset({"Encounter"}))


def test_another_persons_entry_is_not_read(read: Read) -> None:
    """As with every other resource."""
    record = read([P1, ENCOUNTER | {"subject": {"reference": "Patient/p2"}}])
    assert record.entries == {}


@pytest.mark.parametrize(
    ("element", "type_"), [("individual", "ResearchSubject"), ("patient", "Device"), ("subject", "Encounter")]
)
def test_whose_it_is_and_what_it_touches_is_known_of_a_change(
    terminology: Terminology, element: str, type_: str
) -> None:
    """Each type names the patient in its own element; an entry touches who reads its list."""
    sent = {"resourceType": type_, "id": "x", "status": "active", element: SUBJECT}
    data = json.dumps(sent).encode()
    assert owner_of(resource_of(data)).patient == "Patient/p1"
    change = change_of(data, terminology)
    assert change.patient == "Patient/p1"
    assert f"entry:{type_}" in (change.touches or ())
