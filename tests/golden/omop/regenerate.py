"""Writes what the database converts to anew: `python -m tests.golden.omop.regenerate`, then review the diff."""

from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from adapter.screening.convert import Conversion, convert
from mappings.patient.omop import OmopContext, convert_omop, open_database, read_vocabulary
from mappings.terminology import load_terminology
from tests.golden.sheet.regenerate import kept

FOLDER = Path(__file__).parent
EXAMPLE = FOLDER / "cdm"
SYSTEM = "http://hospital.example.org/omop-patients"


def made(folder: Path, source: str = str(EXAMPLE)) -> dict[str, bytes]:
    """The files that belong beside the database, by name: a Bundle a patient, the rejections, the unknown codes."""
    terminology = load_terminology()
    (folder / "temporary").mkdir()
    with open_database(source, folder / "temporary") as database:
        reading = OmopContext(
            document="cdm",
            recorded="2026-03-01T08:00:00Z",
            zone=ZoneInfo("Europe/Berlin"),
            terminology=terminology,
            vocabulary=read_vocabulary(database),
            patients=SYSTEM,
        )
        units = convert_omop(database, reading)
        convert(units, Conversion(out=folder, terminology=terminology, unmapped=folder / "unmapped.json"))
    return kept(folder)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        for name, data in made(Path(temporary)).items():
            (FOLDER / name).write_bytes(data)
