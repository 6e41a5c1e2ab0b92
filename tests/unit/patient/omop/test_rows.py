"""Rows of OMOP tables: values, limits, dates of birth, ends of conditions (cases.yaml)."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.fhir.elements import Json
from adapter.screening.convert.sources import omop_units
from adapter.screening.setup import Setup
from mappings.patient import Converted, Rejected

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text("utf-8"))
CONCEPTS = (
    "concept_id,concept_code,vocabulary_id,concept_name\n7,718-7,LOINC,Hb\n8,g/dL,UCUM,gram per deciliter\n"
    "9,{ratio},UCUM,ratio\n10,%,UCUM,percent\n11,49436004,SNOMED,Atrial fibrillation\n"
    "12,260385009,SNOMED,Negative\n20,p,Condition Status,Preliminary diagnosis\n"
    "21,a,Condition Status,Admission diagnosis\n22,d,Condition Status,Discharge diagnosis\n"
    "23,x,Condition Status,Rule-out diagnosis\n24,C84.4A,ICD10CM,Lymphoma in remission\n25,I48.0,ICD10GM,AF\n"
)
_SHOWN = {"value", "comparator", "unit", "code", "coding", "text", "display"}


def converted(folder: Path, setup: Setup, **rows: Mapping[str, str]) -> tuple[list[Json], Json, list[str]]:
    """The resources of a database with these rows, the Patient's elements, and the columns that are rejected."""
    (folder / "concept.csv").write_text(CONCEPTS)
    person = {"person_id": "1", "gender_concept_id": "8532"}
    for table, row in {"person": person, **rows}.items():
        with (folder / f"{table}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerow(row)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with omop_units(str(folder), setup.terminology, setup.policy.time_zone, now) as found:
        units = list(found)
    people = [unit for unit in units if isinstance(unit, Converted)]
    resources = [each for unit in people for each in unit.resources]
    return resources, people[0].patients[0].elements, [unit.field for unit in units if isinstance(unit, Rejected)]


def measurement(row: Mapping[str, str]) -> dict[str, str]:
    """A row of haemoglobin."""
    return {"measurement_id": "1", "person_id": "1", "measurement_concept_id": "7", **row}


def shown(value: object) -> object:
    """A value as cases.yaml writes it: numbers as text, without systems."""
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items() if name in _SHOWN}
    return [shown(each) for each in value] if isinstance(value, list) else str(value)


@pytest.mark.parametrize("case", CASES["measurement"], ids=lambda case: case["says"])
def test_a_value(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """What the number, its source and the units say together; where they contradict, no number stands."""
    (resource,), _, rejected = converted(tmp_path, strict, measurement=measurement(case["row"]))
    (value,) = (each for name, each in resource.items() if name.startswith("value"))
    assert (shown(value), rejected) == (case["value"], [case["rejected"]] if "rejected" in case else [])


@pytest.mark.parametrize("case", CASES["limits"], ids=lambda case: case["says"])
def test_limits_of_normal(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """Limits enclose something, or there are none."""
    row = measurement({"value_as_number": "9.2", "unit_source_value": "g/dL", **case["row"]})
    (resource,), _, rejected = converted(tmp_path, strict, measurement=row)
    ranges = resource.get("referenceRange")
    limits = ranges and [str(ranges[0][end]["value"]) if end in ranges[0] else None for end in ("low", "high")]
    assert (limits, rejected) == (case["limits"], [case["rejected"]] if "rejected" in case else [])


@pytest.mark.parametrize("case", CASES["birth"], ids=lambda case: case["says"])
def test_a_date_of_birth(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """As precise as it is known."""
    row = {"person_id": "1", "gender_concept_id": "8532", **case["row"]}
    _, patient, rejected = converted(tmp_path, strict, person=row)
    assert (patient.get("birthDate"), rejected) == (case["date"], [case["rejected"]] if "rejected" in case else [])


@pytest.mark.parametrize("case", CASES["condition"], ids=lambda case: case["says"])
def test_the_end_of_a_condition(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """An end that an ETL fills in ends nothing."""
    row = {"condition_occurrence_id": "1", "person_id": "1", "condition_concept_id": "11", **case["row"]}
    (resource,), _, rejected = converted(tmp_path, strict, condition_occurrence=row)
    status = resource["clinicalStatus"]["coding"][0]["code"]
    assert (resource.get("abatementDateTime"), status) == (case["end"], case["status"])
    assert rejected == ([case["rejected"]] if "rejected" in case else [])


@pytest.mark.parametrize("case", CASES["sure"], ids=lambda case: case["says"])
def test_how_sure_a_condition_is(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """A diagnosis that was only asked for is none; where nobody knows what a status says, it is not confirmed."""
    row = {"condition_occurrence_id": "1", "person_id": "1", "condition_concept_id": "11", **case["row"]}
    (resource,), _, rejected = converted(tmp_path, strict, condition_occurrence=row)
    extensions = [each for coding in resource["code"]["coding"] for each in coding.get("extension", [])]
    letter = extensions[0]["valueCoding"]["code"] if extensions else None
    assert (resource["verificationStatus"]["coding"][0]["code"], letter) == (case["status"], case["letter"])
    assert rejected == ([case["rejected"]] if "rejected" in case else [])


@pytest.mark.parametrize("case", CASES["past"], ids=lambda case: case["says"])
def test_when_a_condition_began(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """An ETL has one column for it."""
    row = {"condition_occurrence_id": "1", "person_id": "1", "condition_concept_id": "11", **case["row"]}
    (resource,), _, _ = converted(tmp_path, strict, condition_occurrence=row)
    assert (resource.get("onsetDateTime"), resource.get("recordedDate")) == (case["onset"], case["recorded"])


@pytest.mark.parametrize("case", CASES["drug"], ids=lambda case: case["says"])
def test_the_end_of_a_drug(case: dict[str, Any], tmp_path: Path, strict: Setup) -> None:
    """A placeholder says that the drug is still taken."""
    row = {
        "drug_exposure_id": "1",
        "person_id": "1",
        "drug_source_value": "X",
        "drug_exposure_start_date": "2026-01-02",
    }
    (resource,), _, _ = converted(tmp_path, strict, drug_exposure={**row, **case["row"]})
    assert (resource["effectivePeriod"].get("end"), resource["status"]) == (case["end"], case["status"])
