"""Sheets for tests: written, converted, read back."""

import csv
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from adapter.record import read_record
from adapter.record.patient_record import PatientRecord
from adapter.screening.setup import Setup
from mappings.patient import Converted, Rejected, Unit, bundle_of, encode
from mappings.patient.sheet import Names, convert_sheet, load_mapping

RECORDED = "2026-03-01T08:00:00Z"


def write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """A CSV file of the rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def convert(path: Path, setup: Setup, mapping: Path | None = None) -> list[Unit]:
    """Everything that a sheet converts to."""
    names = Names.of(setup.terminology, setup.definitions)
    return list(convert_sheet(path, load_mapping(mapping, names), names, ZoneInfo("UTC"), RECORDED))


def one(tmp_path: Path, setup: Setup, cells: dict[str, str]) -> tuple[PatientRecord, list[Rejected]]:
    """The record of a patient of whom a sheet has one row with these cells, and what was rejected."""
    named = {"Patient": "A-1", "Date": "2026-02-20", **cells}
    path = write(tmp_path / "sheet.csv", [list(named), list(named.values())])
    units = convert(path, setup)
    (unit,) = [each for each in units if isinstance(each, Converted)]
    record = read_record(encode(bundle_of(unit.patients, unit.resources)), setup.terminology)
    return record, [each for each in units if isinstance(each, Rejected)]
