"""How a command ends: exit codes, and one clear line on stderr without patient data."""

import errno
import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter import cli
from adapter.cli import patients
from adapter.screening.run import Results
from tests.conftest import ROOT
from tests.unit.screening.records import bundle, condition, of, patient

Write = Callable[[str, bytes], Path]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and stderr, which is at most one line."""
    code = cli.main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert said.count("\n") <= 1, said
    return code, said


def test_an_unknown_study_is_wrong_usage_and_the_known_ones_are_named(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever mistypes an id sees the right one."""
    code, said = run(capsys, "evaluate", "--study", "nct1", "--patient", write("p.json", b"{}"))
    assert code == 2
    assert "no study 'nct1'" in said
    assert "nct04785833" in said
    assert "did you mean 'nct04785833'?" in run(capsys, "build", "NCT0478583", "--out", "o")[1]


def test_a_folder_that_can_t_be_written_is_named_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody else knows which of the options it was."""
    (tmp_path / "file").write_bytes(b"")
    code, said = run(capsys, "build", "--out", tmp_path / "file" / "below")
    assert code == 1
    assert said.rstrip().endswith("Not a directory: nothing can be written there; name another folder with --out")


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "--study", "senl-t7"],
        ["evaluate", "--study", "senl-t7", "--patient", "no-such-file.json"],
        ["evaluate", "--study", "senl-t7", "--patient", __file__, "--format", "xml"],
        ["evaluate", "--study", "senl-t7", "--patient", __file__, "--as-of", "yesterday"],
        ["evaluate", "--study", "senl-t7", "--patient", __file__, "--policy", "lenient"],
        ["screen", "--source", __file__],
        ["screen", "--source", __file__, "--out", "build", "--jobs", "0"],
        ["trials", "--trials", "no-such-folder"],
        [],
        ["cure"],
        ["--fast"],
    ],
    ids=lambda arguments: " ".join(Path(argument).name for argument in arguments) or "nothing",
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is done, and one line says why."""
    code, said = run(capsys, *arguments)
    assert code == 2
    assert said.startswith("trial-adapter: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate"], "Missing option '--study'; see trial-adapter evaluate --help"),
        (
            ["feasibility", "--source", "facts", "--format", "xml"],
            "Invalid value for '--format': 'xml' is not one of 'text', 'json'; see trial-adapter feasibility --help",
        ),
        (["queue"], "Missing command; see trial-adapter queue --help"),
        (["terminology"], "Missing command; see trial-adapter terminology --help"),
        (["convert", "xml"], "No such command 'xml'; see trial-adapter convert --help"),
        (["evaluat"], "No such command 'evaluat'. Did you mean 'evaluate'? See trial-adapter --help"),
        (
            ["evaluate", "--study", "senl-t7", "--patient", "."],
            ". is a folder; name one patient's file, or have `trial-adapter screen` read all of it",
        ),
        *[
            ([*command, "none"], "no folder none of a site; `trial-adapter init none` makes an example of one")
            for command in (["check"], ["schema", "--site"], ["trials", "--site"])
        ],
        (
            ["convert", "csv", "--template", "sheet.pdf"],
            "--template sheet.pdf is neither a .csv nor an .xlsx file; name it so",
        ),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help that is named is that of the command that was meant."""
    assert run(capsys, *arguments) == (2, f"trial-adapter: {said}\n")


def test_nothing_is_told_of_a_verdict_that_can_not_be_written(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Where to write to is asked first: exit code 2 means that nothing was done."""
    record = write("p.json", bundle(patient("p1")))
    assert cli.main(["evaluate", "--study", "senl-t7", "--patient", str(record), "--write-back"]) == 2
    assert capsys.readouterr().out == ""


def test_a_record_that_is_none_fails_with_its_file_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """No FHIR JSON, no verdict."""
    record = write("p1.json", b'{"name": "Doe"')
    code, said = run(capsys, "evaluate", "--study", "senl-t7", "--patient", record)
    assert code == 1
    assert "p1.json: it is not JSON" in said
    for content, what in ((b'<Bundle xmlns="http://hl7.org/fhir"/>', "XML or HTML"), (b" ", "empty")):
        assert (
            f"p1.json: it is {what}"
            in run(capsys, "evaluate", "--study", "senl-t7", "--patient", write("p1.json", content))[1]
        )


def test_what_a_broken_record_says_of_the_patient_is_not_shown(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Error texts hold places and logical ids, never values."""
    person = {**patient(), "name": [{"family": "Doe"}], "birthDate": ["1990-05-02"], "gender": {"Doe": 1}}
    code, said = run(capsys, "evaluate", "--study", "senl-t7", "--patient", write("p1.json", bundle(person)))
    assert code == 1
    assert "Patient/p1" in said
    assert "Doe" not in said
    assert "1990" not in said


def test_an_unexpected_error_shows_its_place_and_nothing_else(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception's text may hold patient data, a traceback too."""

    def broken(*_: object) -> None:
        msg = "Jane Doe"
        raise KeyError(msg)

    monkeypatch.setattr(patients, "evaluate_file", broken)
    code, said = run(capsys, "evaluate", "--study", "senl-t7", "--patient", write("p1.json", bundle(patient())))
    assert code == 1
    expected = r"trial-adapter: internal error, please report it: KeyError in adapter\.cli\.patients:\d+\n?"
    assert re.fullmatch(expected, said)
    assert "Doe" not in said


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, ""),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            1,
            "trial-adapter: {out}: No space left on device: free some, or choose another --out\n",
        ),
        (
            OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
            1,
            (
                "trial-adapter: {out}: File too large: raise the limit on the size of a file (ulimit -f), "
                "or choose another --out\n"
            ),
        ),
    ],
    ids=["ctrl-c", "disk full", "limit"],
)
def test_a_screening_that_is_cut_off_leaves_no_half_results(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    """Results appear complete or not at all, and earlier ones stay."""
    source = write("source/p1.json", bundle(patient(), condition("c1", of()))).parent
    earlier = write("out/verdicts.ndjson", b"earlier\n")

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(Results, "write", broken)
    said = line.format(out=tmp_path / "out")
    assert run(capsys, "screen", "--source", source, "--out", tmp_path / "out") == (code, said)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["verdicts.ndjson"]
    assert earlier.read_bytes() == b"earlier\n"


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """pyproject.toml is the one place where it stands."""
    assert cli.main(["--version"]) == 0
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert capsys.readouterr().out == f"trial-adapter {declared}\n"


@pytest.mark.parametrize("command", [["build", "cd7-cart01", "--out"], ["init"], ["schema", "--out"]], ids=" ".join)
def test_a_disk_that_fills_up_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """It is said with exit code 1; the same command works once there is room."""
    out, written, room = tmp_path / "out", Path.write_bytes, [1]

    def until_full(path: Path, data: bytes) -> int:
        room[0] -= 1
        if room[0] < 0:
            written(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    place = f"{out}: No space left on device: free some, or choose another --out"
    said = place if "--out" in command else "No space left on device: free some"
    assert run(capsys, *command, out) == (1, f"trial-adapter: {said}\n")
    assert list(out.iterdir()) == []
    room[0] = 10_000
    assert run(capsys, *command, out) == (0, "")
    assert list(out.iterdir())
