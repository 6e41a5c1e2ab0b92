"""Files that begin with a byte order mark, as Windows' editors and spreadsheets save them, say the same as without."""

import codecs
import shutil
from pathlib import Path

import pytest

from adapter import cli
from demo.cohort import cohort
from tests.conftest import ROOT

COMMANDS = {
    "sheet": "convert csv screening.csv --mapping mapping.yaml --out out",
    "omop": "convert omop cdm --out out --strict",
    "hl7v2": "convert hl7v2 messages/german-ward.hl7 --mapping site.yaml --out out",
    "policy": "evaluate --study sixth --patient p.json --policy policy.yaml --trials trials --as-of 2026-03-01",
}


def site(folder: Path) -> None:
    """Every kind of file that a site writes."""
    for golden in ("sheet", "omop", "hl7v2"):
        shutil.copytree(ROOT / "tests/golden" / golden, folder, dirs_exist_ok=True)
    (folder / "site.yaml").write_text('decimalMark: ","\n')
    (folder / "codes.json").write_text('{"resourceType": "ConceptMap", "status": "active"}')
    (folder / "policy.yaml").write_text("id: ours\nextends: strict\nlocalCodes: [codes.json]\n")
    (folder / "trials").mkdir()
    shutil.copy(ROOT / "tests/unit/trial/sixth.yaml", folder / "trials")
    (folder / "p.json").write_bytes(next(data for _, _, data in cohort()))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_byte_order_mark_changes_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of no file, however it comes in."""
    said = []
    for mark in (b"", codecs.BOM_UTF8):
        folder = tmp_path / ("marked" if mark else "plain")
        folder.mkdir()
        site(folder)
        for path in _texts(folder):
            path.write_bytes(mark + path.read_bytes())
        monkeypatch.chdir(folder)
        code = cli.main(command.split())
        printed = capsys.readouterr()
        said.append((code, printed.out, printed.err))
    assert said[0] == said[1]
    assert "Converted" in said[0][1] or "POTENTIAL" in said[0][1] or "INELIGIBLE" in said[0][1]


def _texts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in {".csv", ".yaml", ".json", ".hl7"}]
