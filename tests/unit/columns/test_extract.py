"""Facts in columns: what is written is what the reader reads, whole or not at all."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapter.cli import app
from adapter.columns import folder, runs
from adapter.columns.folder import Facts
from adapter.columns.manifest import FAILURES, FORMAT, MANIFEST, Basis, Manifest
from adapter.columns.rows import key_of
from adapter.errors import InputError, UsageError
from adapter.evaluator import evaluate_all
from adapter.evaluator.verdict import to_line
from adapter.record import read_record
from adapter.record.contents import contents_of
from adapter.screening import extract as extracting
from adapter.screening.extract import Workers, extract
from adapter.screening.setup import Setup, SiteConfig
from demo.cohort import cohort
from tests import build
from tests.unit.screening.records import bundle, condition, ecog, lines, of, patient

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
PATIENTS = 24


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Part of the demo cohort, a Bundle a patient."""
    found = tmp_path_factory.mktemp("cohort")
    for name, _, content in cohort(PATIENTS, seed=3):
        (found / f"{name}.json").write_bytes(content)
    return found


def run(source: Path, out: Path, setup: Setup) -> Manifest:
    """Extract, and tell nobody."""
    return extract(source, out, setup, AS_OF, lambda _: None, parts=3)


def files(out: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {str(each.relative_to(out)): each.read_bytes() for each in sorted(out.rglob("*")) if each.is_file()}


def rows(out: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [row for path in Facts(out).files(table) for row in pq.read_table(path).to_pylist()]


def test_the_records_give_the_same_verdicts(source: Path, tmp_path: Path, strict: Setup) -> None:
    """What is kept of a patient is read to the very verdicts that the source gives, issues and unmapped codes too."""
    run(source, tmp_path / "facts", strict)
    found = {place: contents for _, place, contents in Facts(tmp_path / "facts").records()}
    assert len(found) == PATIENTS
    for path in sorted(source.iterdir()):
        both = [
            [to_line(each) for each in evaluate_all(strict.bounds, record, AS_OF, strict.policy)]
            for contents in (contents_of(path.read_bytes()), found[path.name])
            for record in [read_record(contents, strict.terminology, types=strict.types)]
        ]
        assert both[0] == both[1]


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path, strict: Setup) -> None:
    """Nothing in the files is of the moment or the process."""
    run(source, tmp_path / "one", strict)
    run(source, tmp_path / "other", strict)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_so_do_several_processes(source: Path, tmp_path: Path, strict: Setup) -> None:
    """Who reads which patients leaves no trace."""
    run(source, tmp_path / "one", strict)
    extract(source, tmp_path / "two", strict, AS_OF, lambda _: None, parts=3, workers=Workers(2, SiteConfig()))
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_facts_of_another_form_are_refused_and_replaced(source: Path, tmp_path: Path, strict: Setup) -> None:
    """A version that has other columns reads none of them, and says what to do."""
    manifest = tmp_path / MANIFEST
    run(source, tmp_path, strict)
    for form in (FORMAT - 1, FORMAT + 1):
        manifest.write_bytes(msgspec.json.encode({**msgspec.json.decode(manifest.read_bytes()), "format": form}))
        with pytest.raises(UsageError, match=f"of form {form}, and this version reads {FORMAT}; extract again"):
            Facts(tmp_path)
        run(source, tmp_path, strict)
        assert Facts(tmp_path).manifest.patients == PATIENTS


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from adapter.screening import extract
from adapter.screening.setup import SiteConfig, load_setup
told = []
def tell(item):
    told.append(item)
    if len(told) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "0":
    extract.commit = killed
at = datetime(2026, 3, 1, tzinfo=UTC)
extract.extract(Path(sys.argv[1]), Path(sys.argv[2]), load_setup(SiteConfig(), None), at, tell, parts=3)
"""


@pytest.mark.parametrize("at", [0, 11], ids=["before the manifest", "among the patients"])
def test_killed_and_run_again(source: Path, tmp_path: Path, strict: Setup, at: int) -> None:
    """A run that is killed leaves no facts; the next one writes what it would have, and leaves nothing of it."""
    out = tmp_path / "facts"
    ended = subprocess.run([sys.executable, "-c", KILLED, source, out, str(at)], check=False)  # noqa: S603  # our own
    assert ended.returncode == -9
    with pytest.raises(UsageError, match="holds no facts"):
        Facts(out)
    run(source, out, strict)
    run(source, tmp_path / "whole", strict)
    assert files(out) == files(tmp_path / "whole")


def test_facts_are_replaced_as_a_whole(tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]) -> None:
    """Another extraction into the folder leaves nothing of the one before."""
    out = tmp_path / "facts"
    run(write("one/p1.json", bundle(patient("p1"))).parent, out, strict)
    run(write("two/p2.json", bundle(patient("p2"))).parent, out, strict)
    assert [row["subject"] for row in rows(out, "patients")] == ["Patient/p2"]
    assert [each.name for each in out.iterdir() if each.is_dir()] == ["data-2"]


def test_a_folder_of_something_else_is_left_alone(source: Path, tmp_path: Path, strict: Setup) -> None:
    """Neither a stranger's folder nor the source is written to."""
    (tmp_path / "letters.txt").write_text("kept")
    with pytest.raises(UsageError, match="something else than facts"):
        run(source, tmp_path, strict)
    run(source, tmp_path / "facts", strict)
    with pytest.raises(UsageError, match="is the source"):
        run(tmp_path / "facts", tmp_path / "facts", strict)


def test_facts_are_a_source(source: Path, tmp_path: Path, strict: Setup, problem_list: Setup) -> None:
    """After a change of the terminology or the policy the records are read anew, without the hospital's files."""
    run(source, tmp_path / "one", strict)
    run(tmp_path / "one", tmp_path / "two", problem_list)
    for table in ("observations", "conditions", "unmapped"):
        one, two = (rows(tmp_path / each, table) for each in ("one", "two"))
        assert sorted(map(repr, one)) == sorted(map(repr, two))


def test_a_broken_file_is_named(source: Path, tmp_path: Path, strict: Setup) -> None:
    """Never half of a population without a word."""
    run(source, tmp_path, strict)
    path = Facts(tmp_path).file("records", 1)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"records/part-01\.parquet can't be read .*extract again"):
        list(Facts(tmp_path).records())
    path.unlink()
    with pytest.raises(InputError, match=r"records/part-01\.parquet can't be read"):
        list(Facts(tmp_path).records())


def test_no_count_is_made_of_a_broken_file(
    source: Path, tmp_path: Path, strict: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQL meets it too, and the file is named."""
    run(source, tmp_path, strict)
    asked = ["feasibility", "--source", str(tmp_path), "--study", "nct04785833"]
    path = Facts(tmp_path).file("observations", 2)
    whole = path.read_bytes()
    for broken in (whole[:-100], whole[:100] + bytes(each ^ 0x5A for each in whole[100:5000]) + whole[5000:], None):
        path.write_bytes(broken) if broken is not None else path.unlink()
        assert app.run(asked) == 1
        said = capsys.readouterr().err
        assert "observations/part-02.parquet can't be read" in said


def test_a_full_disk_is_said_and_changes_nothing(
    source: Path,
    tmp_path: Path,
    strict: Setup,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The facts that were there stay."""
    out = tmp_path / "facts"
    run(source, out, strict)
    before = files(out)

    def full(path: Path) -> IO[bytes]:
        return Path("/dev/full").open("wb", buffering=0) if path.suffix == ".parquet" else path.open("wb")

    monkeypatch.setattr(extracting, "new_file", full)
    assert app.run(["extract", "--source", str(source), "--out", str(out)]) == 1
    assert "No space left on device: free some" in capsys.readouterr().err
    assert files(out) == before


def test_other_facts_than_are_asked_for_are_refused(source: Path, tmp_path: Path, strict: Setup) -> None:
    """What was read with other value sets, or another policy's zone, says nothing that can be relied on."""
    manifest = run(source, tmp_path, strict)
    facts = Facts(tmp_path)
    facts.check(strict.terminology, strict.policy)
    for other in (
        {"terminology": "0"},
        {"basis": Basis("Europe/Berlin", manifest.basis.antigen_cutoff, manifest.basis.normal_limits)},
    ):
        facts.manifest = Manifest(**{**{name: getattr(manifest, name) for name in manifest.__struct_fields__}, **other})
        with pytest.raises(UsageError, match="extract again"):
            facts.check(strict.terminology, strict.policy)


def test_who_can_not_be_read_is_a_failure(tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]) -> None:
    """By name, and the others are there."""
    write("source/a.json", bundle(patient("p1", gender=5)))
    write("source/b.json", b"{")
    found = run(write("source/c.json", bundle(patient("p2"))).parent, tmp_path / "facts", strict)
    assert (found.patients, found.failed) == (1, 2)
    failures = (tmp_path / "facts" / found.data / FAILURES).read_text()
    assert [part in failures for part in ("a.json", "Patient.gender", "b.json", "not JSON")] == [True] * 4


def test_what_stands_in_the_rows(tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]) -> None:
    """Times in the site's zone, numbers in the canonical unit with their limits, entries that no value set holds."""
    words = {"resourceType": "Condition", "id": "c1", "subject": of(), "code": {"text": "Leukaemia"}}
    haemoglobin = build.observation(
        build.HAEMOGLOBIN,
        subject=of(),
        effectiveDateTime="2026-02",
        valueQuantity=build.quantity(7.5, "g/dL"),
        referenceRange=[{"low": {"value": 12}, "high": {"value": 15.5}}],
    )
    record = bundle(patient(managingOrganization={"reference": "Organization/north"}), words, haemoglobin)
    run(write("source/p1.json", record).parent, tmp_path / "facts", strict)
    (person,) = rows(tmp_path / "facts", "patients")
    assert (person["subject"], person["site"], person["patient"]) == (
        "Patient/p1",
        "Organization/north",
        key_of("Patient/p1", ""),
    )
    (value,) = rows(tmp_path / "facts", "observations")
    assert (value["value_set"], value["low"], value["high"], value["exact"], value["unit"]) == (
        "haemoglobin",
        75.0,
        75.0,
        True,
        "g/dL",
    )
    assert (value["lower_low"], value["upper_high"], value["limits_exact"]) == (120.0, 155.0, True)
    assert [str(value[f"time_{end}"]) for end in ("first", "last", "end")] == [
        "2026-02-01",
        "2026-02-28",
        "2026-02-28 23:59:59.999999",
    ]
    (entry,) = rows(tmp_path / "facts", "conditions")
    assert (entry["shown"], entry["onset_first"], entry["verification"]) == ("Leukaemia", None, "confirmed")
    assert {row["coded"]: (row["codes"], row["value_sets"]) for row in rows(tmp_path / "facts", "coded")} == {
        entry["coded"]: ([], [])
    }
    assert [row["text"] for row in rows(tmp_path / "facts", "unmapped")] == ["Leukaemia"]


def test_lines_of_an_export_are_put_together(
    tmp_path: Path, strict: Setup, write: Callable[[str, bytes], Path]
) -> None:
    """As in a screening, one patient's resources lie in several files."""
    write("source/Patient.ndjson", lines(patient("p1"), patient("p2")))
    write("source/Condition.ndjson", lines(condition("c1", of("p2")), condition("c2", of("p1"))))
    found = run(write("source/Observation.ndjson", lines(ecog("e1", of("p1"), 1))).parent, tmp_path / "facts", strict)
    assert found.patients == 2
    assert {(row["resource"], row["patient"]) for row in rows(tmp_path / "facts", "conditions")} == {
        ("Condition/c1", key_of("Patient/p2", "")),
        ("Condition/c2", key_of("Patient/p1", "")),
    }


def test_of_records_no_file_says_which_is_the_least(source: Path, tmp_path: Path, strict: Setup) -> None:
    """It would be as long as a record, and be held for every group of rows until the file ends."""
    run(source, tmp_path, strict)
    group = pq.ParquetFile(Facts(tmp_path).file("records", 0)).metadata.row_group(0)
    said = {group.column(n).path_in_schema: group.column(n).is_stats_set for n in range(group.num_columns)}
    assert said == {"patient": True, "place": False, "contents": False}


def test_few_rows_wait_in_no_file(source: Path, tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are sorted where they are; the file is for what is more than memory should hold."""
    run(source, tmp_path / "one", strict)
    monkeypatch.delattr(runs, "TemporaryFile")
    run(source, tmp_path / "other", strict)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_many_rows_are_sorted_in_a_file(
    source: Path, tmp_path: Path, strict: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs give the rows in the order that sorting them at once gives, in groups; nothing waits while they do."""
    run(source, tmp_path / "one", strict)
    monkeypatch.setattr(folder, "_BYTES", 1 << 14)
    monkeypatch.setattr(runs, "_GROUP", 100)
    waiting: list[int] = []
    writers: list[folder.Writer] = []
    together = vars(runs)["_together"]

    class Watched(folder.Writer):
        def __init__(self, *given: Any) -> None:  # noqa: ANN401  # as its own
            super().__init__(*given)
            writers.append(self)

    def noted(held: list[pa.RecordBatch]) -> pa.Table:
        waiting.extend(table.pending for each in writers for part in each.parts for table in part.values())
        return together(held)

    monkeypatch.setattr(extracting, "Writer", Watched)
    monkeypatch.setattr(runs, "_together", noted)
    run(source, tmp_path / "other", strict)
    assert rows(tmp_path / "one", "observations") == rows(tmp_path / "other", "observations")
    assert waiting
    assert not any(waiting)


def test_what_waits_is_put_together(source: Path, tmp_path: Path, strict: Setup) -> None:
    """Each batch takes some kilobytes beside its rows: their number must not grow with that of the patients."""
    run(source, tmp_path / "facts", strict)
    facts = Facts(tmp_path / "facts")
    (batch,) = facts.batches("patients", 0)
    (tmp_path / "more").mkdir()
    with folder.Writer(tmp_path / "more", 1, lambda path: path.open("wb")) as writer:
        for _ in range(1000):
            writer.keep(0, "patients", batch.slice(0, 1))
        assert sum(len(each) for each in vars(writer.parts[0]["patients"]).values() if isinstance(each, list)) < 50
