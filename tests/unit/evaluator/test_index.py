"""An index is diagnoses, any criterion, or nothing: who is worth screening."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapter.criteria.model import TrialDefinition
from adapter.errors import DefinitionError
from adapter.evaluator import Verdict, bind, evaluate
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definition
from mappings.trial.fhir import parse, resources_of
from tests.properties.core import DEFINITIONS

TERMINOLOGY = load_terminology()
TRIAL = """\
id: own
version: 1.0.0
completeness: full
{index}
study: {{title: A trial, status: recruiting}}
criteria:
  - {{id: I1, kind: inclusion, label: Adult, source: protocol, age: {{at-least: 18 a}}}}
"""
BY_VALUE = """\
index:
  all-of:
    - condition: {concepts: [epilepsy], occurrence: ever}
    - measurement: {analyte: creatinine, more-than: 100 umol/L}"""
EPILEPSY: dict[str, Any] = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "G40.9"}]},
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
    },
}
Written = Callable[[str], TrialDefinition]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The trial with an index, read from its file."""

    def read(index: str) -> TrialDefinition:
        path = tmp_path / "own.yaml"
        path.write_text(TRIAL.format(index=index), encoding="utf-8")
        return load_definition(path, terminology=TERMINOLOGY)

    return read


def creatinine(day: str, value: int) -> dict[str, Any]:
    """A result."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "umol/L"},
    }


def judged(definition: TrialDefinition, *resources: dict[str, Any]) -> Verdict:
    """The verdict on a patient with these resources."""
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-01-01"}
    record = read_record(json.dumps([patient, *resources]).encode(), TERMINOLOGY)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return evaluate(bind(definition, TERMINOLOGY), record, moment, load_policy("strict"))


@pytest.mark.parametrize(
    ("resources", "indicated", "unclear"),
    [
        ([EPILEPSY, creatinine("2026-02-20", 101)], True, []),
        ([EPILEPSY, creatinine("2026-02-20", 100)], False, []),
        ([EPILEPSY, creatinine("2025-02-20", 101)], False, ["Condition/c1", "Observation/o1"]),
        ([EPILEPSY], False, ["Condition/c1"]),
        ([], False, []),
    ],
    ids=["both", "not met at the bound", "a stale value is a question", "one of two is a question", "nothing speaks"],
)
def test_an_index_is_a_criterion(
    written: Written,
    resources: list[dict[str, Any]],
    indicated: bool,  # noqa: FBT001  # a case
    unclear: list[str],
) -> None:
    """Met is worth screening; open with something on record is unclear, and shown; nothing on record is nobody."""
    verdict = judged(written(BY_VALUE), *resources)
    assert verdict.has_indication is indicated
    assert [each.resource for each in verdict.unclear] == unclear


def test_without_an_index_everybody_is_worth_screening(written: Written) -> None:
    """As healthy volunteers are."""
    assert judged(written("")).has_indication


@pytest.mark.parametrize("index", ["", "index: [epilepsy, aml]", BY_VALUE], ids=["none", "diagnoses", "criterion"])
def test_it_survives_fhir_and_back(written: Written, index: str) -> None:
    """Each form is told in the study's resources."""
    definition = written(index)
    assert parse(resources_of(definition, TERMINOLOGY), TERMINOLOGY) == definition


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ("index: []", r"own\.yaml:4: index: the list is empty"),
        (
            "index: [epilepsie]",
            r"own\.yaml:4: index\[0\]: the catalogue has no condition 'epilepsie'; did you mean",
        ),
        ("index: epilepsy", r"own\.yaml:4: index: 'epilepsy' stands where a list is wanted"),
        ("index: {age: {at-lest: 18 a}}", r"own\.yaml:4: index\.age\.at-lest: unknown key; did you mean 'at-least'"),
        ("index: {id: X1, label: x, sex: male}", r"own\.yaml:4: index: the index needs no id; take out X1"),
    ],
)
def test_a_wrong_index_is_named(written: Written, index: str, said: str) -> None:
    """At its line, whichever form was meant."""
    with pytest.raises(DefinitionError, match=said):
        written(index)


@pytest.mark.parametrize("broken", [{"id": 7}, {"meta": 7}, {"subject": 7}, {"code": 7}])
def test_a_diagnosis_that_cannot_be_read_may_be_the_disease(broken: dict[str, Any]) -> None:
    """Nothing else speaks for the disease; one that can be read and does is enough."""
    study = next(each for each in DEFINITIONS if each.id == "nct04785833")
    unread = judged(study, {**EPILEPSY, **broken})
    assert (unread.has_indication, len(unread.unclear)) == (False, 1)
    tall = {"coding": [{"system": "http://snomed.info/sct", "code": "277575008"}]}
    assert judged(study, {**EPILEPSY, **broken}, {**EPILEPSY, "id": "tall", "code": tall}).has_indication
