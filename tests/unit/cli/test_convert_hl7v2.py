"""`convert hl7v2`: what a user sees, and what is left on disk."""

import io
import json
import sys
from pathlib import Path

import pytest

from adapter.cli import main
from tests.unit.patient_hl7v2.messages import PID, message, result

SODIUM = "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F|||202602281030"


def bundles(out: Path) -> list[dict[str, object]]:
    """The Bundles in a result folder."""
    return [json.loads(path.read_bytes()) for path in sorted((out / "bundles").glob("*.json"))]


def test_a_file_becomes_a_bundle_a_patient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice converted it is the same, and the counts say what became of every message."""
    feed = tmp_path / "feed.hl7"
    feed.write_text(result(SODIUM) + message(PID, "NK1|1|Doe^John", kind="ADT^A08"), newline="")
    assert main(["convert", "hl7v2", str(feed), "--out", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Converted 2 messages of 1 patient: Observation 1, Provenance 1",
        f"Bundles: {tmp_path}/one/bundles",
        "Segments that are not converted: NK1 1",
    ]
    assert main(["convert", "hl7v2", str(feed), "--out", str(tmp_path / "two")]) == 0
    assert bundles(tmp_path / "one") == bundles(tmp_path / "two") != []


def test_the_files_of_a_folder_are_one_series(tmp_path: Path) -> None:
    """A correction in a later file replaces the result of an earlier one."""
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "1.hl7").write_text(result(SODIUM))
    (feed / "2.hl7").write_text(result(SODIUM.replace("||140|", "||141|"), sent="20260228130000+0100"))
    assert main(["convert", "hl7v2", str(feed), "--out", str(tmp_path / "out")]) == 0
    (bundle,) = bundles(tmp_path / "out")
    assert json.dumps(bundle).count('"value": 141') == 1
    assert '"value": 140' not in json.dumps(bundle)


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads a stream."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x0b" + result(SODIUM).encode() + b"\x1c\r")))
    assert main(["convert", "hl7v2", "-", "--out", str(tmp_path / "out")]) == 0
    assert len(bundles(tmp_path / "out")) == 1


def test_what_is_set_aside_is_kept_whole_and_named_without_its_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of rejections has the message, stderr its place and the reason; --strict makes it a failure."""
    feed = tmp_path / "feed.hl7"
    feed.write_text(message(PID, kind="ORM^O01") + result(SODIUM, id_="M2"), newline="")
    assert main(["convert", "hl7v2", str(feed), "--out", str(tmp_path / "out"), "--strict"]) == 1
    printed = capsys.readouterr()
    assert "rejected: feed.hl7, message 1, line 1, MSH-9: messages of this kind are not converted" in printed.err
    assert "Doe" not in printed.err + printed.out
    (line,) = (tmp_path / "out/rejected.ndjson").read_text().splitlines()
    assert json.loads(line)["value"] == message(PID, kind="ORM^O01").rstrip("\r")


def test_a_mapping_file_and_the_policys_time_zone(tmp_path: Path) -> None:
    """Where neither the time nor the sender names a zone."""
    feed, mapping, policy = (tmp_path / name for name in ("feed.hl7", "site.yaml", "policy.yaml"))
    feed.write_text(result(SODIUM, sent="20260228120000"), newline="")
    mapping.write_text("timeZone: America/New_York\n")
    policy.write_text("id: north\ntitle: North\ntimeZone: Europe/Berlin\n")
    for options, time in (
        ([], '"2026-02-28"'),
        (["--policy", str(policy)], '"2026-02-28T10:30:00+01:00"'),
        (["--policy", str(policy), "--mapping", str(mapping)], '"2026-02-28T10:30:00-05:00"'),
    ):
        assert main(["convert", "hl7v2", str(feed), "--out", str(tmp_path / "out"), *options]) == 0
        assert f'"effectiveDateTime": {time}' in json.dumps(bundles(tmp_path / "out"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("charset: klingon", "site.yaml:1: charset: not a character set that HL7 v2 knows"),
        ("timeZone: Berlin", "site.yaml:1: timeZone: not a time zone; write it as Europe/Berlin"),
        ("codingSystems: {I10: icd}", "site.yaml:1: codingSystems.I10: "),
        ("patientsBy: {}", "site.yaml:1: patientsBy: name an authority, a type, or both"),
        ("colour: red", "site.yaml:1: colour: "),
    ],
)
def test_a_mapping_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    """The file, the line, and what would be right; nothing is converted."""
    (tmp_path / "site.yaml").write_text(text)
    (tmp_path / "feed.hl7").write_text(result(SODIUM))
    arguments = ["convert", "hl7v2", str(tmp_path / "feed.hl7"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--mapping", str(tmp_path / "site.yaml")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and exit code 2."""
    assert main(["convert", "hl7v2", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "is not there" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["convert", "hl7v2", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 2
    assert "holds no files" in capsys.readouterr().err
