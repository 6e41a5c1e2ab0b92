"""Writes what the sheet converts to anew: `python -m tests.golden.sheet.regenerate`, then review the diff."""

from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import msgspec

from adapter.screening.convert import Conversion, convert
from mappings.patient.sheet import Names, convert_sheet, load_mapping
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

FOLDER = Path(__file__).parent


def made(folder: Path) -> dict[str, bytes]:
    """The files that belong beside the sheet, by name: a Bundle a patient, the rejections, the unknown codes."""
    terminology = load_terminology()
    names = Names.of(terminology, load_definitions())
    mapping = load_mapping(FOLDER / "mapping.yaml", names)
    units = convert_sheet(FOLDER / "screening.csv", mapping, names, ZoneInfo("Europe/Berlin"), "2026-03-01T08:00:00Z")
    convert(units, Conversion(out=folder, terminology=terminology, unmapped=folder / "unmapped.json"))
    return kept(folder)


def kept(folder: Path) -> dict[str, bytes]:
    """What a conversion has written, by name: of a Bundle the patient's number."""
    files = {}
    for path in sorted((folder / "bundles").iterdir()):
        patient = msgspec.json.decode(path.read_bytes())["entry"][0]["resource"]["identifier"][0]["value"]
        files[f"{patient}.json"] = msgspec.json.format(path.read_bytes(), indent=2)
    for name in ("rejected.ndjson", "unmapped.json"):
        files[name] = (folder / name).read_bytes()
    return files


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        for name, data in made(Path(temporary)).items():
            (FOLDER / name).write_bytes(data)
