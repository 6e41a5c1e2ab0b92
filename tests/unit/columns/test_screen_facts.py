"""A folder of facts is screened to the same bytes, whether SQL settles what it can or every record is evaluated."""

from pathlib import Path

import pytest

from adapter.cli import app
from demo.cohort import cohort

FILES = ("verdicts.ndjson", "needs.json", "research-subjects.ndjson", "unclear.ndjson", "failures.ndjson")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Part of the demo cohort, one of them without any resource but the Patient."""
    found = tmp_path_factory.mktemp("cohort")
    for name, _, content in cohort(30, seed=3):
        (found / f"{name}.json").write_bytes(content)
    (found / "p0003x.json").write_bytes(b'{"resourceType": "Patient", "id": "healthy"}')
    return found


def run(*arguments: str | Path) -> None:
    """Run a command that ends well."""
    assert app.run([str(each) for each in arguments]) == 0


@pytest.mark.parametrize("more", [(), ("--study", "cd7-cart01"), ("--all",), ("--jobs", "2")], ids=str)
def test_the_same_bytes(source: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """Of the source itself, of its facts, and of its facts by SQL: the same files, in the source's order."""
    run("extract", "--source", source, "--out", tmp_path / "facts", "--parts", "3")
    asked = ("--as-of", "2026-03-01", *more)
    run("screen", "--source", source, "--out", tmp_path / "plain", *asked)
    for engine in ("records", "local"):
        run("screen", "--source", tmp_path / "facts", "--out", tmp_path / engine, "--engine", engine, *asked)
        for name in FILES:
            assert (tmp_path / engine / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_a_folder_of_any_name(source: Path, tmp_path: Path) -> None:
    """Neither a pattern that another folder's name fits, nor a column and a value: what is read is that folder."""
    one, other = tmp_path / "patient=7" / "facts[1]", tmp_path / "patient=7" / "facts1"
    (tmp_path / "fewer").mkdir()
    (tmp_path / "fewer" / "p.json").write_bytes(b'{"resourceType": "Patient", "id": "healthy"}')
    run("extract", "--source", source, "--out", one)
    run("extract", "--source", tmp_path / "fewer", "--out", other)
    for engine in ("records", "local"):
        run("screen", "--source", one, "--out", tmp_path / engine, "--engine", engine, "--as-of", "2026-03-01")
    for name in FILES:
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "records" / name).read_bytes()


def test_without_an_engine_facts_are_no_patients(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their files would all be failures: what to say is said."""
    run("extract", "--source", source, "--out", tmp_path / "facts")
    capsys.readouterr()
    assert app.run(["screen", "--source", str(tmp_path / "facts"), "--out", str(tmp_path / "out")]) == 2
    assert "say --engine local" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
