"""`convert csv` and `convert omop` as a site uses them."""

import shutil
from pathlib import Path

import pytest

from adapter import cli
from tests.golden.omop.regenerate import EXAMPLE
from tests.golden.sheet.regenerate import FOLDER

SHEET = ["convert", "csv", "screening.csv", "--mapping", "mapping.yaml"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example's sheet, its mapping and its database."""
    for name in ("screening.csv", "mapping.yaml"):
        shutil.copy(FOLDER / name, tmp_path / name)
    shutil.copytree(EXAMPLE, tmp_path / "cdm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("site")
def test_with_strict_a_rejection_is_a_failure_and_the_rest_is_written() -> None:
    """A pipeline may want to stop there."""
    assert cli.main([*SHEET, "--out", "a"]) == 0
    assert cli.main([*SHEET, "--out", "b", "--strict"]) == 1
    assert len(list(Path("b/bundles").iterdir())) == len(list(Path("a/bundles").iterdir())) == 3


@pytest.mark.usefixtures("site")
def test_rejected_values_are_in_the_file_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal names row, column and reason."""
    assert cli.main([*SHEET, "--out", "out"]) == 0
    printed = capsys.readouterr()
    assert "30.02.2001" not in printed.err + printed.out
    assert "30.02.2001" in Path("out/rejected.ndjson").read_text(encoding="utf-8")


WRONG = {
    "csv": "name the sheet to convert and --out DIR",
    "csv screening.csv": "name the sheet to convert and --out DIR",
    "csv screening.csv --out out --template t.csv": "either a sheet to convert or --template",
    "csv --template t.csv --study nct1": "no study 'nct1'",
    "csv screening.csv --out out --server ftp://host": "no FHIR base address",
    "omop nowhere --out out": "nowhere is not there",
}
FAILED = {
    "csv screening.csv --out out": "no column of patients",
    "omop screening.csv --out out": "no DuckDB file",
    "csv old.xls --out out": "save it as .xlsx or .csv",
}


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [*((key, value, 2) for key, value in WRONG.items()), *((key, value, 1) for key, value in FAILED.items())],
)
def test_what_can_not_be_done_is_said_in_a_line(
    arguments: str, said: str, code: int, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do; nothing is written."""
    (site / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    assert cli.main(["convert", *arguments.split()]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (site / "out" / "bundles").exists()


def test_an_unreachable_server_leaves_the_bundles_and_says_how_to_go_on(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Converting was not in vain."""
    assert cli.main([*SHEET, "--out", "out", "--server", "http://127.0.0.1:1/fhir"]) == 1
    printed = capsys.readouterr()
    assert "the same command goes on" in printed.out
    assert "no connection" in printed.err.splitlines()[-1]
    assert len(list((site / "out" / "bundles").iterdir())) == 3
