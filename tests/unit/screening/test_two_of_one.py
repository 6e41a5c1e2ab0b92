"""Two patients of one number in one folder, as of HL7 v2 and of FHIR: named, and not judged apart in silence."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapter.screening.run import FAILURES, VERDICTS, run_screening
from adapter.screening.screen import Screening
from adapter.screening.setup import Setup, SiteConfig
from mappings.patient import bundle_of, encode
from tests.unit.patient_hl7v2.messages import converted, message
from tests.unit.screening.records import bundle, condition, ecog, of, patient

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
LAB = "http://example.org/fhir-trial-adapter/NamingSystem/local-patient/KIS"


def failures(source: Path, out: Path, setup: Setup) -> list[dict[str, str]]:
    """What is told of a folder of patients, of all of whom there are verdicts."""
    screening = Screening(site=SiteConfig(), studies=None, as_of=AS_OF, keep_all=True)
    summary = run_screening(source, out, screening, setup, 1, lambda _: None)
    assert summary.patients == len(list(source.iterdir()))
    assert len((out / VERDICTS).read_bytes().splitlines()) == summary.patients * len(setup.definitions)
    found = [msgspec.json.decode(line) for line in (out / FAILURES).read_bytes().splitlines()]
    assert summary.failed == len(found)
    return found


def numbered(name: str, value: str, system: str | None = LAB) -> bytes:
    """A record with the disease, whose patient has a number."""
    number = {"value": value} | ({"system": system} if system else {})
    return bundle(patient(name, identifier=[number]), condition("c", of(name)), ecog("e", of(name), 1))


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([("4711", LAB), ("4711", LAB)], True),
        ([("4711", LAB), ("4712", LAB)], False),
        ([("4711", LAB), ("4711", "http://other.example.org/patients")], False),
        ([("4711", None), ("4711", None)], False),
        ([("unbekannt", LAB), ("unbekannt", LAB)], False),
        ([("000000", LAB), ("000000", LAB)], False),
    ],
)
def test_a_number_of_one_system(
    numbers: list[tuple[str, str | None]],
    told: bool,  # noqa: FBT001  # of a row
    tmp_path: Path,
    strict: Setup,
) -> None:
    """Both have their verdicts; a failure behind the second names both, and no number."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for name, (value, system) in zip("ab", numbers, strict=True):
        (source / f"{name}.json").write_bytes(numbered(name, value, system))
    out.mkdir()
    found = failures(source, out, strict)
    assert len(found) == told
    for each in found:
        assert each["file"] == "b.json"
        assert each["subject"] == "Patient/b"
        assert "Patient/a (in a.json) have one number" in each["reason"]
        assert "4711" not in each["reason"]


def test_of_messages_and_of_fhir(tmp_path: Path, strict: Setup) -> None:
    """A laboratory's messages of a patient whose record is there by its own id."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    (source / "fhir.json").write_bytes(numbered("a", "4711"))
    obx = "OBX|1|ST|56888-1^HIV^LN||positiv||||||F"
    (unit,) = converted(message("PID|1||4711^^^KIS^MR||Muster^Karla||19900502|F", "OBR|1||F1|LAB|||20260225", obx))
    (source / "hl7.json").write_bytes(encode(bundle_of(unit.patients, unit.resources)))
    (only,) = failures(source, out, strict)
    assert only["file"] == "hl7.json"
    assert "Patient/a (in fhir.json)" in only["reason"]
