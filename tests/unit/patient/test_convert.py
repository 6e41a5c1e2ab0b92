"""A conversion's results: a Bundle a patient, and every rejection."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from adapter.errors import UsageError
from adapter.fhir.elements import Json
from adapter.screening.convert import Conversion, Summary, convert
from adapter.screening.private import alone_in
from adapter.screening.setup import Setup
from mappings.patient import Converted, PatientKey, PatientPart, Rejected, Unit
from mappings.patient.converted import Alike, Alikes
from tests.unit.patient.converting import ANNA, ORIGIN, converted, haemoglobin

BERT = PatientKey(ANNA.system, "B")


def run(units: list[Unit], out: Path, setup: Setup) -> Summary:
    """Convert into `out`."""
    return convert(units, Conversion(out=out, terminology=setup.terminology))


def bundles(out: Path) -> dict[str, list[Json]]:
    """The resources of each Bundle, by its patient's id."""
    return {
        path.stem: [entry["resource"] for entry in msgspec.json.decode(path.read_bytes())["entry"]]
        for path in (out / "bundles").iterdir()
    }


def test_resources_are_gathered_by_patient(tmp_path: Path, strict: Setup) -> None:
    """Rows of a patient may stand anywhere."""
    units: list[Unit] = [
        converted(haemoglobin()),
        converted(haemoglobin(key=BERT), key=BERT, place="row 3"),
        converted(haemoglobin(code="718-8"), place="row 4"),
    ]
    summary = run(units, tmp_path, strict)
    types = {name: [each["resourceType"] for each in found] for name, found in bundles(tmp_path).items()}
    assert types == {
        ANNA.id: ["Patient", "Observation", "Provenance", "Observation", "Provenance"],
        BERT.id: ["Patient", "Observation", "Provenance"],
    }
    assert (summary.units, summary.patients, summary.resources) == (3, 2, {"Observation": 3, "Provenance": 3})


@pytest.mark.parametrize("text", ["", "a", "\0", "\0\0a\0", "\\u0000", '"%s{}'], ids=repr)
def test_what_is_written_once_is_written_alike(tmp_path: Path, strict: Setup, text: str) -> None:
    """Resources that have elements in common are the same bytes, and the same unknown codes, as each by itself."""
    value = Alike("Observation", {"code": {"coding": [{"system": "s", "code": "c"}], "text": text}}, dated=True)
    allergy = Alike("AllergyIntolerance", {"code": {"text": text}}, of="patient")
    undated = Alike("Observation", {"valueString": text})
    parts = [(value, "a1", "2026"), (value, "a2", "2025-03"), (allergy, "a3", None), (undated, "a4", None)]
    alike = Converted(patients=(PatientPart(key=ANNA),), resources=Alikes(ANNA, parts), origin=ORIGIN)
    for name, unit in (("alike", alike), ("apart", replace(alike, resources=tuple(alike.resources)))):
        out = tmp_path / name
        convert([unit], Conversion(out=out, terminology=strict.terminology, unmapped=out / "unmapped"))
    for file in (Path("unmapped"), Path("bundles") / f"{ANNA.id}.json"):
        assert (tmp_path / "alike" / file).read_bytes() == (tmp_path / "apart" / file).read_bytes()


def test_a_later_result_of_the_same_key_replaces_the_earlier(tmp_path: Path, strict: Setup) -> None:
    """A correction is no second result."""
    run([converted(haemoglobin("9.9")), converted(haemoglobin("10.1"), place="row 9")], tmp_path, strict)
    (found,) = bundles(tmp_path).values()
    assert [each["valueQuantity"]["value"] for each in found if each["resourceType"] == "Observation"] == [10.1]


def test_what_units_say_of_a_patient_adds_up(tmp_path: Path, strict: Setup) -> None:
    """A later unit goes before an earlier one, and one that leads makes the Patient's entry an update."""
    later = PatientPart(key=ANNA, elements={"birthDate": "1990-05-05", "deceasedBoolean": True}, leads=True)
    run([converted(), Converted(patients=(later,), resources=(), origin=ORIGIN)], tmp_path, strict)
    (entry,) = msgspec.json.decode((tmp_path / "bundles" / f"{ANNA.id}.json").read_bytes())["entry"]
    said = {name: entry["resource"].get(name) for name in ("gender", "birthDate", "deceasedBoolean")}
    assert said == {"gender": "female", "birthDate": "1990-05-05", "deceasedBoolean": True}
    assert entry["request"]["method"] == "PUT"


def test_merged_patients_stand_in_one_bundle(tmp_path: Path, strict: Setup) -> None:
    """Whoever screens the folder sees the link and all the results."""
    old = PatientPart(key=BERT, elements={"link": [{"other": ANNA.reference, "type": "replaced-by"}]})
    merge = Converted(patients=(PatientPart(key=ANNA), old), resources=(), origin=ORIGIN)
    run([converted(haemoglobin(key=BERT), key=BERT), converted(haemoglobin()), merge], tmp_path, strict)
    ((name, found),) = bundles(tmp_path).items()
    assert name == ANNA.id
    assert [each["id"] for each in found if each["resourceType"] == "Patient"] == [ANNA.id, BERT.id]
    assert sum(each["resourceType"] == "Observation" for each in found) == 2


def test_what_was_rejected_is_kept_with_its_place(tmp_path: Path, strict: Setup) -> None:
    """The rest goes on."""
    cell = Rejected(place="row 2", field="Hb", value="10,5", reason="not a number")
    row = Rejected(place="row 3", field="", value="", reason="no patient", whole=True)
    summary = run([cell, row, converted()], tmp_path, strict)
    lines = (tmp_path / "rejected.ndjson").read_bytes().splitlines()
    assert msgspec.json.decode(lines[0]) == {
        "place": "row 2",
        "field": "Hb",
        "value": "10,5",
        "reason": "not a number",
        "whole": False,
    }
    assert (summary.rejected, summary.lost, summary.units, len(lines)) == (1, 1, 1, 2)


def test_converting_again_replaces_what_was_there(tmp_path: Path, strict: Setup) -> None:
    """No Bundle of a patient who has left the source stays behind, and the rest has the same bytes."""
    run([converted(haemoglobin()), converted(key=BERT)], tmp_path, strict)
    before = (tmp_path / "bundles" / f"{ANNA.id}.json").read_bytes()
    run([converted(haemoglobin())], tmp_path, strict)
    assert bundles(tmp_path).keys() == {ANNA.id}
    assert (tmp_path / "bundles" / f"{ANNA.id}.json").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"bundles", "rejected.ndjson"}


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path, strict: Setup) -> None:
    """What no conversion wrote is not deleted."""
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "notes.json").write_text("{}")
    with pytest.raises(UsageError, match="choose another --out"):
        run([], tmp_path, strict)
    assert (tmp_path / "bundles" / "notes.json").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [(sqlite3.SQLITE_FULL, "No space left"), (sqlite3.SQLITE_IOERR_WRITE, "Input/output error")],  # the latter: a quota
)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, strict: Setup, code: int, words: str) -> None:
    """Earlier results stand, the error names the disk, and nothing is left over."""
    run([converted(haemoglobin())], tmp_path, strict)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def units() -> Iterator[Unit]:
        yield converted(haemoglobin(code="718-8"))
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = code
        raise full

    with pytest.raises(OSError, match=words):
        convert(units(), Conversion(out=tmp_path, terminology=strict.terminology))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_conversions_into_one_folder_are_not_mixed(tmp_path: Path, strict: Setup) -> None:
    """The second one says so."""
    with alone_in(tmp_path), pytest.raises(UsageError, match="another run"):
        run([converted(haemoglobin())], tmp_path, strict)


def test_a_full_disk_leaves_what_people_filled_in(
    tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of unknown codes is filled in by hand; it is replaced as a whole, or not at all."""
    file = tmp_path / "unmapped.json"
    units: list[Unit] = [converted(haemoglobin(code="999999-9"))]
    convert(units, Conversion(out=tmp_path / "out", terminology=strict.terminology, unmapped=file))
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            convert(units, Conversion(out=tmp_path / "out", terminology=strict.terminology, unmapped=file))
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "unmapped.json"]
    assert file.stat().st_mode & 0o077 == 0
