"""A screening by Spark writes the same files as one without, whatever happens to its tasks and to itself."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapter.cli import app
from adapter.columns.folder import Facts
from adapter.columns.sql.query import Query, compiled
from adapter.errors import InputError
from adapter.evaluator import BoundDefinition
from adapter.record import PatientRecord
from tests.needs import not_available
from tests.properties import core
from tests.unit.columns import answers, people, test_sql
from tests.unit.spark.killed import AS_OF, STUDIES, WAVES, run
from tests.unit.spark.sources import export, odd

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # PySpark leaves its sockets to Python to close

FILES = ("verdicts.ndjson", "needs.json", "research-subjects.ndjson", "unclear.ndjson", "failures.ndjson")
SETTINGS = {
    "spark.sql.files.maxPartitionBytes": "200000",  # so that a file is read by several tasks
    "spark.sql.files.openCostInBytes": "0",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    # Little is done, once: nothing is gained by compiling it
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.memory": "1g",
}


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Spark in this process: two tasks at a time, each tried twice."""
    if shutil.which("java") is None:
        not_available("Java", "Spark runs on Java 17 or 21")
    try:
        from adapter.screening.spark.session import open_session  # noqa: PLC0415  # may not be there
    except ModuleNotFoundError:
        not_available("Spark", "pip install --require-hashes -r requirements-spark.txt")
    with open_session("local[2,2]", SETTINGS) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred patients, and what goes wrong in exports."""
    folder = tmp_path_factory.mktemp("export")
    export(folder, 100)
    odd(folder)
    return folder


def screen(source: Path, out: Path, *more: str | Path) -> int:
    """The exit code of a screening."""
    studies = [each for study in STUDIES for each in ("--study", study)]
    arguments = ["screen", "--source", source, "--out", out, "--as-of", AS_OF, *studies, *more]
    return app.run([str(each) for each in arguments])


@pytest.fixture(scope="module")
def plain(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a screening without Spark; some parts of the source can't be read."""
    out = tmp_path_factory.mktemp("plain")
    assert screen(source, out) == 1
    return out


def same(one: Path, other: Path) -> None:
    """Compare all files of results; lines are long, so only where they differ is told."""
    for name in FILES:
        mine, theirs = ((folder / name).read_bytes().splitlines(keepends=True) for folder in (one, other))
        differing = [number for number, (left, right) in enumerate(zip(mine, theirs, strict=False)) if left != right]
        assert (name, len(mine), differing) == (name, len(theirs), [])


@pytest.mark.usefixtures("session")
def test_the_same_bytes_and_words(
    source: Path, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results, counts, failures and the exit code are those of a screening without Spark, in the source's order."""
    assert screen(source, tmp_path / "plain") == 1
    told = capsys.readouterr()
    assert screen(source, tmp_path / "spark", "--engine", "spark") == 1
    by_spark = capsys.readouterr()
    same(tmp_path / "spark", plain)
    assert by_spark.out == told.out.replace(str(tmp_path / "plain"), str(tmp_path / "spark"))
    assert by_spark.err == told.err.replace(str(tmp_path / "plain"), str(tmp_path / "spark"))
    assert sorted(each.name for each in (tmp_path / "spark").iterdir()) == sorted([*FILES, ".spark"])


def crash_once(batches: Iterable[Any], broadcast: Any, marker: Path) -> Iterator[Any]:  # noqa: ANN401  # Spark's
    """Judge as ever; but the first process that has handed something on ends there."""
    from adapter.screening.spark.judge import judge  # noqa: PLC0415  # as above

    for batch in judge(batches, broadcast):
        yield batch
        if not marker.exists():
            marker.touch()
            os._exit(1)


@pytest.mark.usefixtures("session")
def test_a_task_that_is_tried_again_writes_once(source: Path, plain: Path, tmp_path: Path) -> None:
    """A Python worker that ends after it has handed on results is replaced, and nothing is there twice."""
    waves: list[tuple[int, int]] = []
    marker = tmp_path / "crashed"
    run(source, tmp_path / "out", lambda *each: waves.append(each), judge=partial(crash_once, marker=marker))
    assert marker.exists()
    assert waves == [(wave + 1, WAVES) for wave in range(WAVES)]
    same(tmp_path / "out", plain)


@pytest.mark.usefixtures("session")
def test_a_run_that_was_killed_goes_on(source: Path, plain: Path, tmp_path: Path) -> None:
    """What was judged before is not judged again, and the results are the same bytes."""
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    program = [sys.executable, "-m", "tests.unit.spark.killed", str(source), str(tmp_path), *settings]
    told = tmp_path / "told"
    with told.open("wb") as file:  # no pipe: Java may hold it longer
        ended = subprocess.run(program, check=False, stdout=file, stderr=file)  # noqa: S603  # this project's own
    assert ended.returncode == -signal.SIGKILL, told.read_text()
    assert not any((tmp_path / name).exists() for name in FILES)
    waves: list[tuple[int, int]] = []
    run(source, tmp_path, lambda *each: waves.append(each))
    assert waves == [(WAVES, WAVES)]
    same(tmp_path, plain)
    assert list((tmp_path / ".spark").iterdir()) == []  # what is complete isn't gone on with


@pytest.mark.usefixtures("session")
def test_verdicts_as_parquet(source: Path, plain: Path, tmp_path: Path) -> None:
    """Spark's machines write the same lines, and the folder of the results has the rest."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    out = tmp_path / "out [{*"  # to Hadoop a pattern, and a wrong one
    assert screen(source, out, "--engine", "spark", "--parquet", tmp_path / "written") == 1
    table = pq.read_table(tmp_path / "written" / "verdicts")
    for name, column in (("verdicts.ndjson", "verdict"), ("research-subjects.ndjson", "research_subject")):
        found = [each for each in table.column(column).to_pylist() if each is not None]
        assert sorted(found) == sorted((plain / name).read_text().splitlines())
        assert not (out / name).exists()
    assert (out / "failures.ndjson").read_bytes() == (plain / "failures.ndjson").read_bytes()


def test_only_this_machine_reaches_it(session: Any) -> None:  # noqa: ANN401  # Spark's
    """On one machine Spark listens on 127.0.0.1 alone, and answers only who knows its secret."""
    conf = session.sparkContext.getConf()
    port = int(conf.get("spark.driver.port"))
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)
    assert conf.get("spark.authenticate") == "true"


@pytest.mark.parametrize(
    ("master", "settings", "host"),
    [
        ("local", {}, "127.0.0.1"),
        ("local[4,4]", {}, "127.0.0.1"),
        (None, {}, "127.0.0.1"),
        (None, {"spark.master": "local[2]", "spark.driver.host": "10.0.0.1"}, "10.0.0.1"),
        ("yarn", {"spark.master": "local"}, None),
        ("local-cluster[1,1,1024]", {}, None),
    ],
)
def test_a_cluster_reaches_its_driver(
    master: str | None, settings: dict[str, str], host: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a local master is closed to the network by default, and not where Spark is set up for another one."""
    pytest.importorskip("pyspark")
    from adapter.screening.spark.session import chosen_settings  # noqa: PLC0415  # as above

    for name in ("PYSPARK_SUBMIT_ARGS", "MASTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert chosen_settings(master, settings).get("spark.driver.host") == host
    (tmp_path / "spark-defaults.conf").write_text("# ours\nspark.master   spark://head:7077\n")
    assert chosen_settings(master, settings).get("spark.driver.host") == (host if master or settings else None)


@pytest.mark.usefixtures("session")
def test_screenings_share_a_folder_for_the_work(tmp_path: Path) -> None:
    """The work of one that was interrupted stays where it is, until it goes on or gives way to another one there."""
    source, work = tmp_path / "source", tmp_path / "work"
    source.mkdir()
    export(source, 2)

    def stop(*_: int) -> None:
        raise InterruptedError

    for out in ("one", "other"):
        with pytest.raises(InterruptedError):
            run(source, tmp_path / out, stop, work=str(work))
    assert len(list(work.iterdir())) == 2
    run(source, tmp_path / "other", lambda *_: None, work=str(work))
    waves: list[tuple[int, int]] = []
    run(source, tmp_path / "one", lambda *each: waves.append(each), work=str(work))
    assert waves == [(wave, WAVES) for wave in range(2, WAVES + 1)]
    assert list(work.iterdir()) == []


@pytest.mark.usefixtures("session")
def test_a_file_that_spark_hides_is_missed_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a run that goes on where another one ended before it had looked for it."""
    from adapter.screening.spark.session import Place  # noqa: PLC0415  # as above

    source = tmp_path / "source"
    source.mkdir()
    export(source, 1)
    next(source.glob("*.ndjson")).rename(source / "_hidden.ndjson")
    with monkeypatch.context() as patched:
        patched.setattr(Place, "remove", lambda _: None)  # as if it had ended there
        with pytest.raises(InputError, match=r"left out .*_hidden"):
            run(source, tmp_path / "out", lambda *_: None)
    assert list((tmp_path / "out").glob(".spark/*/read/_SUCCESS"))
    with pytest.raises(InputError, match=r"left out .*_hidden"):
        run(source, tmp_path / "out", lambda *_: None)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine", "spark", "--jobs", "2"), "--master says how many"),
        (
            ("--engine", "spark", "--spark-setting", "memory=1g"),
            "'memory' is no setting; write spark.executor.memory=4g",
        ),
        (("--engine", "spark", "--spark-setting", "spark.a=b", "--spark-setting", "s3cret"), "number 2 has no =;"),
        (("--engine", "spark", "--indicated"), "--indicated is for a FHIR server"),
        (("--engine", "spark", "--source", "https://fhir.example/r4"), "reads files and no FHIR server"),
        (("--engine", "local", "--master", "local"), "are for --engine spark"),
    ],
)
def test_what_cannot_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    """Options that contradict each other are an error of usage, before anything is read."""
    pytest.importorskip("pyspark")
    assert screen(tmp_path, tmp_path / "out", *options) == 2
    told = capsys.readouterr().err
    assert says in " ".join(told.split())
    assert "s3cret" not in told


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("more", [(), ("--all",)], ids=str)
def test_facts_to_the_same_bytes(source: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """A folder of facts: Spark SQL settles who has no indication, its Python workers judge the others."""
    facts = tmp_path / "patient=7" / "facts[1]{a,b}*?"  # what a folder is called says nothing
    assert app.run(["extract", "--source", str(source), "--out", str(facts), "--parts", "4"]) == 1
    assert screen(facts, tmp_path / "records", "--engine", "records", *more) == 0
    assert screen(facts, tmp_path / "spark", "--engine", "spark", *more) == 0
    same(tmp_path / "spark", tmp_path / "records")


@pytest.mark.usefixtures("session")
def test_a_population_is_counted_alike(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Spark's SQL counts whom DuckDB's counts, and the evaluator decides of whom both leave undecided."""
    assert app.run(["extract", "--source", str(source), "--out", str(tmp_path / "facts"), "--parts", "2"]) == 1
    studies = [each for study in STUDIES for each in ("--study", study)]
    asked = ["feasibility", "--source", str(tmp_path / "facts"), "--as-of", AS_OF, "--format", "json", *studies]
    told = []
    for engine in ("local", "spark"):
        capsys.readouterr()
        assert app.run([*asked, "--engine", engine, "--vary", f"{STUDIES[0]}:I1=<=75"]) == 0
        told.append(capsys.readouterr().out)
    assert '"indicated"' in told[0]
    assert told[0] == told[1]


class Known(NamedTuple):
    """Facts of which Spark has views, and the records that they are of."""

    facts: Any
    records: Mapping[int, PatientRecord]

    def differences(self, bounds: Sequence[BoundDefinition], change: Callable[[Query], Query] = lambda it: it) -> Any:  # noqa: ANN401  # other columns' tests
        """What Spark says of them otherwise than the evaluator, by a query that something has changed."""
        query = change(compiled(bounds, core.STRICT, people.AS_OF, self.facts.codings))
        frame = self.facts.frame(query)
        wanted = answers.expected(self.records, bounds, core.STRICT, people.AS_OF)
        return answers.differences(query, frame.columns, frame.collect(), wanted)


@pytest.fixture(scope="module")
def known(session: Any, tmp_path_factory: pytest.TempPathFactory) -> Known:  # noqa: ANN401  # Spark's
    """Three hundred patients whose data lie where answers change."""
    from adapter.screening.spark.facts import SparkFacts  # noqa: PLC0415  # as above

    odd = [*chain.from_iterable(made() for made in (people.ties, people.edges, people.endings, people.courses))]
    odd += [*islice(people.several(), 0, None, 12), *people.gaps(), *islice(people.pregnancies(), 0, None, 5)]
    held = [*odd, *people.consents(), *test_sql.made(300 - len(odd) - 8, 1)]
    assert len(held) == 300
    folder = tmp_path_factory.mktemp("known") / "facts"
    records = answers.write(folder, core.TERMINOLOGY, core.STRICT, held)
    return Known(SparkFacts(session, Facts(folder)), records)


def test_sql_says_what_the_evaluator_says(known: Known) -> None:
    """Spark SQL, too: every criterion's truth and reason, and the decision; few are left undecided."""
    found = known.differences(core.BOUND)
    assert found.found == []
    assert found.undecided < test_sql.MOST_UNDECIDED * found.answers


def test_a_slip_is_found(known: Known) -> None:
    """A comparator that is turned round gives answers that are wrong."""
    scores = next(bound for bound in core.BOUND if bound.definition.id == "nct04785833")
    only = replace(scores, criteria=tuple(each for each in scores.criteria if each[1].criterion.id == "I6"))

    def slipped(query: Query) -> Query:
        where, old, new = test_sql.MUTANTS["up for down"]
        assert any(each.name == where and old in each.text for each in query.steps)
        changed = (
            each._replace(text=each.text.replace(old, new)) if each.name == where else each for each in query.steps
        )
        return replace(query, steps=tuple(changed))

    assert known.differences((only,)).found == []
    assert known.differences((only,), slipped).found


def test_without_spark(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra isn't installed, that is said, and how to install it."""
    monkeypatch.setitem(sys.modules, "adapter.screening.spark.run", None)
    assert screen(tmp_path, tmp_path / "out", "--engine", "spark") == 2
    assert "pip install 'fhir-trial-adapter[spark]'" in capsys.readouterr().err
