"""Nothing is dropped without a trace, and one bad resource never spoils the others (ARCHITECTURE, invariant 5)."""

import itertools
import json

import pytest

from adapter.record import PatientRecord
from adapter.record.facts import Issue
from tests.build import (
    P1,
    Json,
    allergy,
    attestation,
    concept,
    condition,
    consent,
    drug,
    entry,
    observation,
    procedure,
    quantity,
)
from tests.unit.record.conftest import Read

GOOD: list[Json] = [
    observation(valueQuantity=quantity(80, "g/L"), id="good-o"),
    attestation(id="good-at"),
    condition(id="good-c"),
    drug(id="good-m"),
    procedure(id="good-pr"),
    allergy(id="good-a"),
    consent(id="good-k"),
]
BAD: list[Json | int | str | None] = [
    None,
    5,
    "text",
    {},
    {"resourceType": 5},
    {"resourceType": "Observation", "id": 5},
    {"resourceType": "Observation", "meta": "x", "id": "b1"},
    {"resourceType": "Nonsense", "id": "b2"},
    {"resourceType": "Bundle", "id": "b3", "entry": 5},
    {"resourceType": "Patient", "id": "b4", "name": [{"family": "x"}], "birthDate": 5},
    {"resourceType": "Medication", "id": "b5", "code": 5},
    observation(id="b6", subject={"reference": "Patient/b4"}),
    observation(id="b7") | {"code": concept("urn:local", "x")},
    observation(id="b8", valueQuantity="80 g/L"),
    condition(id="b9", code=5),
    drug(id="b10", status="done"),
    procedure(id="b11", status=None),
    allergy(id="b12", reaction=5),
    consent(id="b13", provision={"provision": {"type": "deny"}}),
    {"resourceType": "Encounter", "id": "b14"},
]


def facts(record: PatientRecord) -> object:
    """Everything that a record knows, by resource."""
    indexed = (record.observations, record.attestations, record.conditions, record.exposures, record.allergies)
    named = [(name, fact.source, repr(fact)) for index in indexed for name, of in index.items() for fact in of]
    named += [("consent", fact.source, repr(fact)) for fact in record.consents]
    return sorted((name, told) for name, source, told in named if "/good-" in source.resource)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: json.dumps(bad)[:60])
def test_one_bad_resource_spoils_no_other(read: Read, bad: Json) -> None:
    """The good resources come to the same facts, before and after a bad one, in a list and in a Bundle."""
    alone = facts(read([P1, *GOOD], subject="p1"))
    assert alone
    before, after = [P1, bad, *GOOD], [P1, *GOOD, bad]
    assert facts(read(before, subject="p1")) == alone
    assert facts(read(after, subject="p1")) == alone
    entries = [entry(P1), {"resource": bad}, *(entry(resource) for resource in GOOD)]
    assert facts(read({"resourceType": "Bundle", "type": "batch", "entry": entries}, subject="p1")) == alone


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: json.dumps(bad)[:60])
def test_a_bad_resource_leaves_a_trace(read: Read, bad: Json) -> None:
    """An issue, an unmapped entry or a count: something says that it was there and not used."""
    record = read([P1, bad], subject="p1")
    assert record.issues or record.unmapped or record.other_types


def test_all_bad_resources_together_leave_each_its_trace(read: Read) -> None:
    """Many bad resources don't hide one another."""
    record = read([P1, *GOOD, *BAD], subject="p1")
    traces = len(record.issues) + len(record.unmapped) + sum(record.other_types.values())
    assert traces >= len(BAD)
    assert facts(record) == facts(read([P1, *GOOD], subject="p1"))


def test_the_order_of_resources_says_nothing(read: Read) -> None:
    """Whichever order resources come in, issues and lists are the same; only what has no name is named by its place."""
    named = [bad for bad in BAD if isinstance(bad, dict)]
    reference = read([P1, *named], subject="p1")
    for order in itertools.islice(itertools.permutations(named), 0, 50_000, 5_000):
        record = read([*order, P1], subject="p1")
        assert by_name(record) == by_name(reference)
        assert len(record.issues) == len(reference.issues)
        assert record.unmapped == reference.unmapped
        assert record.other_types == reference.other_types


def by_name(record: PatientRecord) -> list[Issue]:
    """The issues of resources that have a name."""
    return [issue for issue in record.issues if not issue.resource.startswith("[")]
