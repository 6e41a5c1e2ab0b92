"""The demo cohort goes into a format and comes back: the verdicts are the same wherever the format carries the data."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import yaml

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.record import read_record
from adapter.screening.convert import Conversion, convert
from adapter.screening.convert.sources import omop_units
from adapter.screening.setup import Setup
from demo.cohort import cohort
from mappings.patient import Rejected, Unit, local_system
from mappings.patient.hl7v2 import Series
from mappings.patient.hl7v2 import Settings as Hl7v2Settings
from mappings.patient.hl7v2.tables import system_names
from mappings.patient.sheet import Names, convert_sheet, load_mapping
from tests.conftest import ROOT
from tests.unit.patient.cohort.compare import Difference, count, differences
from tests.unit.patient.cohort.lost import Json, Lost
from tests.unit.patient.cohort.to_hl7v2 import AUTHORITY, IPS, Hl7v2Export
from tests.unit.patient.cohort.to_omop import OmopExport
from tests.unit.patient.cohort.to_sheet import SheetExport

AS_OF = datetime(2026, 3, 1, 22, 59, tzinfo=UTC)
PATIENTS = 120
LEAST_THE_SAME = {"sheet": 0.92, "omop": 0.86, "hl7v2": 0.83}
"""The part of all criteria that must have the same truth and reason."""

SYSTEM = "http://hospital.example.org/patients"
Way = Callable[[Path, Setup], tuple[list[Unit], dict[str, Lost], Terminology]]
CARRIED = yaml.safe_load((Path(__file__).parent / "carried.yaml").read_text(encoding="utf-8"))


def records() -> Iterator[tuple[str, Json, bytes]]:
    """Each patient of the cohort: at least one of every story."""
    for patient, _, data in cohort(PATIENTS):
        yield patient, json.loads(data, parse_float=str), data


def as_sheet(folder: Path, setup: Setup) -> tuple[list[Unit], dict[str, Lost], Terminology]:
    """The cohort as a CSV file, converted."""
    export = SheetExport(setup.terminology)
    for patient, bundle, _ in records():
        export.add(patient, bundle)
    headers = list(dict.fromkeys(["Patient", *(name for row in export.rows for name in row)]))
    with (folder / "sheet.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, headers)
        writer.writeheader()
        writer.writerows(export.rows)
    columns = {
        name: form for name, form in export.columns.items() if name in headers and form.get("of", name) in headers
    }
    (folder / "mapping.yaml").write_text(yaml.safe_dump({"patients": SYSTEM, "columns": columns}), encoding="utf-8")
    names = Names.of(setup.terminology, setup.definitions)
    mapping = load_mapping(folder / "mapping.yaml", names)
    units = convert_sheet(folder / "sheet.csv", mapping, names, setup.policy.time_zone, "2026-03-01T08:00:00Z")
    return list(units), export.lost, setup.terminology


def as_omop(folder: Path, setup: Setup) -> tuple[list[Unit], dict[str, Lost], Terminology]:
    """The cohort as OMOP tables, converted; the project's own codes are local ones that a map knows."""
    export = OmopExport(setup.terminology)
    for patient, bundle, _ in records():
        export.add(patient, bundle)
    export.write(folder)
    maps = {(local_system(f"omop-{table}"), code): (Coding(system, code),) for table, code, system in export.local}
    terminology = setup.terminology.with_local_maps(maps)
    with omop_units(str(folder), terminology, setup.policy.time_zone, AS_OF, patients=SYSTEM) as units:
        return list(units), export.lost, terminology


def as_hl7v2(_: Path, setup: Setup) -> tuple[list[Unit], dict[str, Lost], Terminology]:
    """The cohort as HL7 v2 messages, converted."""
    export = Hl7v2Export(setup.terminology)
    for patient, bundle, _data in records():
        export.add(patient, bundle)
    settings = Hl7v2Settings(authorities={AUTHORITY: SYSTEM}, coding_systems={**system_names(), "ips": IPS})
    series = Series(settings, setup.terminology)
    units = list(series.units("cohort.hl7", [message.encode() for message in export.messages]))
    assert [unit for unit in units if isinstance(unit, Rejected)] == []
    return units, export.lost, setup.terminology


@pytest.mark.parametrize(("name", "way"), [("sheet", as_sheet), ("omop", as_omop), ("hl7v2", as_hl7v2)])
def test_verdicts_are_the_same_wherever_the_format_carries_the_data(
    name: str, way: Way, tmp_path: Path, strict: Setup, problem_list: Setup
) -> None:
    """Every difference reads something that was lost for a reason of carried.yaml, and none is a contradiction."""
    (tmp_path / "in").mkdir()
    units, lost, terminology = way(tmp_path / "in", strict)
    convert(units, Conversion(out=tmp_path, terminology=terminology))
    converted = {}
    for path in (tmp_path / "bundles").iterdir():
        data = path.read_bytes()
        converted[msgspec.json.decode(data)["entry"][0]["resource"]["identifier"][0]["value"]] = data
    found: list[tuple[str, Difference]] = []
    for patient, _, data in records():
        before, after = (read_record(each, strict.terminology) for each in (data, converted[patient]))
        for setup in (strict, problem_list):
            found += [(patient, each) for each in differences(before, after, AS_OF, setup)]
    assert [(patient, each) for patient, each in found if not lost[patient].explains(each.reads)] == []
    assert [(patient, each) for patient, each in found if each.is_contradiction] == []
    assert {reason for each in lost.values() for reason in each.by_reason} == CARRIED[name].keys()
    assert 1 - len(found) / (2 * count(strict) * PATIENTS) > LEAST_THE_SAME[name]


@pytest.mark.parametrize("name", ["sheet", "omop"])
def test_the_guide_says_what_a_format_can_not_carry(name: str) -> None:
    """With the words of the table."""
    guide = (ROOT / "docs/converting.md").read_text(encoding="utf-8")
    assert [reason for reason, why in CARRIED[name].items() if why not in guide] == []
