"""A leaf answers from the data that it asks for and from nothing else; without them it is unknown."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given

from adapter.criteria.model import Criterion, CriterionRole, EligibilityCriterion, Leaf, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator import BoundDefinition, CriterionResult, Reason, bind
from tests.properties.core import DEFINITIONS, STRICT, TERMINOLOGY, Json, flat, verdicts
from tests.properties.patients import CRITERIA, patients
from tests.properties.reads import is_read, person_elements
from tests.properties.times import AS_OFS, BASE


def alone(definition: TrialDefinition, leaf: Leaf) -> BoundDefinition:
    """The definition with a single leaf for its only criterion, whose id no attestation knows."""
    criterion = Criterion(id="X", statement=leaf, label="x")
    only = EligibilityCriterion(role=CriterionRole.INCLUSION, criterion=criterion, source="x")
    return bind(replace(definition, criteria=(only,)), TERMINOLOGY)


LEAVES = {leaf: definition for definition in DEFINITIONS for leaf in definition.leaves()}
BOUND_LEAVES = [(alone(definition, leaf), leaf) for leaf, definition in LEAVES.items()]
"""Each statement once, though several trials may share it."""


def answer(bound: BoundDefinition, patient: list[Json], as_of: datetime) -> CriterionResult:
    """What the single leaf comes to under the policy that assumes nothing."""
    (verdict,) = verdicts(patient, as_of, STRICT, (bound,))
    (result,) = verdict.criteria
    return result


def without(patient: list[Json], leaf: Leaf) -> list[Json]:
    """The patient's data that a leaf doesn't read."""
    person, *resources = patient
    kept = {name: value for name, value in person.items() if name not in person_elements(leaf)}
    return [kept, *(resource for resource in resources if not is_read(resource, leaf))]


def only(patient: list[Json], leaf: Leaf) -> list[Json]:
    """The patient's data that a leaf reads."""
    person, *resources = patient
    kept = {"resourceType": "Patient", "id": "p1"}
    kept |= {name: value for name, value in person.items() if name in person_elements(leaf)}
    return [kept, *(resource for resource in resources if is_read(resource, leaf))]


@given(patients, AS_OFS)
def test_without_its_data_a_leaf_is_unknown(patient: list[Json], as_of: datetime) -> None:
    """Invariant 1: with nothing assumed, no leaf is met or not-met without the data that it reads."""
    for bound, leaf in BOUND_LEAVES:
        assert answer(bound, without(patient, leaf), as_of).result is Truth.UNKNOWN


@given(patients, AS_OFS)
def test_a_leaf_reads_nothing_but_its_data(patient: list[Json], as_of: datetime) -> None:
    """With all other data taken away a leaf's truth, reason, evidence and sentence stay as they were."""
    for bound, leaf in BOUND_LEAVES:
        assert answer(bound, only(patient, leaf), as_of) == answer(bound, patient, as_of)


@given(patients, AS_OFS)
def test_a_definite_answer_shows_evidence(patient: list[Json], as_of: datetime) -> None:
    """Invariant 1: what is met or not-met with nothing assumed stands on evidence that is in the input."""
    names = {f"{each['resourceType']}/{each['id']}" for each in patient}
    for bound, _ in BOUND_LEAVES:
        result = answer(bound, patient, as_of)
        assert {evidence.resource for evidence in result.evidence} <= names
        assert result.result is Truth.UNKNOWN or result.evidence
        assert result.assumed is False


def test_nothing_known_is_nothing_decided() -> None:
    """Of a patient with no data at all every criterion is unknown, and each says what would settle it."""
    for verdict in verdicts([{"resourceType": "Patient", "id": "p1"}], BASE, STRICT):
        assert {result.result for result in verdict.criteria} == {Truth.UNKNOWN}
        assert verdict.valid_until is None
        assert {name for need in verdict.missing for name in need.criteria}


@pytest.mark.parametrize("code", CRITERIA)
def test_an_attestation_settles_what_is_unknown(code: str) -> None:
    """Any criterion or part of any trial can be settled by a person's word, either way."""
    study, _, criterion = code.partition(".")
    for value in (True, False):
        patient = [{"resourceType": "Patient", "id": "p1"}, _said(code, value)]
        found = {verdict.study: verdict for verdict in verdicts(patient, BASE, STRICT)}
        (result,) = [each for each in flat(found[study].criteria) if each.id == criterion]
        assert (result.result, result.reason) == (Truth.MET if value else Truth.NOT_MET, Reason.ATTESTED)


def _said(code: str, value: bool) -> Json:  # noqa: FBT001  # the value itself
    system = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
    return {
        "resourceType": "Observation",
        "id": "said",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "performer": [{"reference": "Practitioner/d"}],
        "effectiveDateTime": "2026-02-27",
        "valueBoolean": value,
    }
