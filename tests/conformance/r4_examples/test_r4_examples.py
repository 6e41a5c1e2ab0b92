"""The official R4 examples are read: none makes the reader fail, each leaves a trace of what became of it."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.record import PatientRecord, read_record
from adapter.record.r4_types import RESOURCE_TYPES
from mappings.terminology import load_terminology
from tests.conformance.r4_examples.conftest import Example

Json = dict[str, Any]

EXPECTED: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parent / "expected_issues.yaml").read_text(encoding="utf-8")
)
READ = {
    "Observation", "Condition", "MedicationAdministration", "MedicationStatement", "MedicationRequest",
    "MedicationDispense", "Procedure", "AllergyIntolerance", "Consent",
}  # fmt: skip
SOMEBODY = "somebody"


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """The shipped terminology."""
    return load_terminology()


def with_patient(example: Example) -> tuple[bytes, str]:
    """The example beside the Patient that it is about, and that Patient's id."""
    resource: Json = json.loads(example.data)
    reference = (resource.get("subject") or resource.get("patient") or {}) if example.type in READ else {}
    kind, _, name = reference.get("reference", "").partition("/")
    name = name if kind == "Patient" else SOMEBODY
    return json.dumps([{"resourceType": "Patient", "id": name}]).encode()[:-1] + b"," + example.data + b"]", name


def issues_of(record: PatientRecord) -> set[str]:
    """The paths of a record's issues."""
    return {issue.path for issue in record.issues}


def tell(counts: Mapping[str, int]) -> None:
    """Show the counts under `pytest -s`."""
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))  # noqa: T201  # meant to be read


def test_every_resource_is_read(examples: list[Example], terminology: Terminology) -> None:
    """Next to a Patient each of the five thousand resources is read, and only those listed give an issue."""
    found: dict[str, set[str]] = {}
    for example in examples:
        if example.type not in ("Bundle", "Patient"):
            data, name = with_patient(example)
            record = read_record(data, terminology, subject=name, types=frozenset())  # as the shipped trials read it
            counted = example.type in {*READ, "Medication", "Specimen"} or record.other_types[example.type] == 1
            assert counted, example.file
            if record.issues:
                found[example.file] = issues_of(record)
    assert found == {file: set(paths) for file, paths in EXPECTED.items() if not file.startswith("Bundle")}
    tell(Counter(example.type if example.type in READ else "others" for example in examples))


def test_every_example_patient_is_read(examples: list[Example], terminology: Terminology) -> None:
    """The Patients are read by themselves, without an issue; who was replaced says so."""
    patients = [example for example in examples if example.type == "Patient"]
    assert len(patients) >= 20
    for example in patients:
        record = read_record(example.data, terminology)
        assert record.subject == f"Patient/{json.loads(example.data)['id']}"
        replaced = any(link["type"] == "replaced-by" for link in json.loads(example.data).get("link", []))
        assert issues_of(record) == ({"Patient.link"} if replaced else set()), example.file


def test_every_bundle_is_read(examples: list[Example], terminology: Terminology) -> None:
    """A Bundle is refused only for the number of its Patients; asked for each of them, it is read."""
    alone, asked, found = 0, 0, {}
    for example in (each for each in examples if each.type == "Bundle"):
        patients = _patients(json.loads(example.data))
        if len(patients) == 1:
            alone += 1
            record = read_record(example.data, terminology)
            if record.issues:
                found[example.file] = issues_of(record)
        else:
            with pytest.raises(InputError, match="the input must hold one Patient"):
                read_record(example.data, terminology)
        for name in patients:
            asked += 1
            assert read_record(example.data, terminology, subject=name).subject.startswith("Patient/")
        both = b'[{"resourceType":"Patient","id":"%s"},' % SOMEBODY.encode() + example.data + b"]"
        assert read_record(both, terminology, subject=SOMEBODY).subject == f"Patient/{SOMEBODY}"
    tell({"Bundles of one Patient": alone, "Patients asked for": asked})
    assert alone >= 5
    assert asked >= 20
    assert found == {file: set(paths) for file, paths in EXPECTED.items() if file.startswith("Bundle")}


def _patients(bundle: Json) -> set[str]:
    inside = [entry["resource"] for entry in bundle.get("entry", []) if "resource" in entry]
    return {resource["id"] for resource in inside if resource["resourceType"] == "Patient" and "id" in resource}


def test_every_patients_resource_is_accounted_for(examples: list[Example], terminology: Terminology) -> None:
    """Of each resource that is read there is a fact, an unmapped entry or an issue, or a reason why there is none."""
    ends: Counter[str] = Counter()
    lost: list[str] = []
    for example in (each for each in examples if each.type in READ):
        data, name = with_patient(example)
        end = _end(read_record(data, terminology, subject=name), json.loads(example.data), terminology)
        ends[end] += 1
        lost += [example.file] * (end == "lost")
    tell(ends)
    assert sum(ends.values()) == sum(example.type in READ for example in examples) > 150
    assert not lost
    assert ends["fact"] > 0
    assert ends["unmapped"] > 0


def _end(record: PatientRecord, resource: Json, terminology: Terminology) -> str:
    facts = (record.observations, record.attestations, record.conditions, record.exposures, record.allergies)
    if any(facts) or record.consents:
        return "fact"
    if record.unmapped:
        return "unmapped"
    if record.issues:
        return "issue"
    if resource.get("status") in ("entered-in-error", "cancelled", "not-done", "draft") or resource.get("doNotPerform"):
        return "never counts"
    if resource["resourceType"] == "Consent":
        return "no research consent" if "research" not in json.dumps(resource.get("scope")) else "lost"
    sets = [terminology.value_sets_of(coding.get("system"), coding.get("code")) for coding in _codings(resource)]
    return "known, of no interest" if frozenset() in sets else "lost"


def _codings(node: Any) -> list[Json]:  # noqa: ANN401  # any JSON
    if isinstance(node, list):
        return [coding for item in node for coding in _codings(item)]
    if isinstance(node, dict):
        inner = [coding for item in node.values() for coding in _codings(item)]
        return [*node.get("coding", []), *inner]
    return []


def test_the_resource_types_are_those_of_r4(examples: list[Example]) -> None:
    """Every type that has an official example is known to the reader as a type of R4."""
    types = {example.type for example in examples}
    assert types - RESOURCE_TYPES == set()
    assert len(types) > 120
