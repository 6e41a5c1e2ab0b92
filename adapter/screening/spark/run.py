"""A screening by Spark: the same files as without, whatever the number of machines, failed tasks and interruptions.

Each step writes Parquet into the folder of the work, and counts once all of it is there (Spark's `_SUCCESS`); a run
that was killed does again what was not. Patients are judged in waves, so that a kill costs one of them. Tasks that fail
are tried again by Spark, which takes the files of one try only.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyspark.sql import functions as F  # noqa: N812  # as everyone calls it

from adapter.columns.folder import Facts
from adapter.columns.manifest import is_facts
from adapter.errors import InputError, UsageError
from adapter.evaluator.bound import by_diagnoses
from adapter.screening.funnel import Summary
from adapter.screening.private import alone_in, own_folder
from adapter.screening.publish import Writer
from adapter.screening.run import Heading, begun, close_journal, keep, open_journal, open_results
from adapter.screening.screen import PatientOutcome, Screening, passed
from adapter.screening.setup import Setup
from adapter.screening.source import LeftOut
from adapter.screening.source.store import MEDICATION
from adapter.screening.spark.events import (
    DELETED,
    LINES,
    PATIENT,
    READING,
    SCHEMA,
    UNREAD,
    WHOLE,
    Places,
    by_place,
    file_key,
    of_files,
    of_lines,
    order_of,
    roots_of,
)
from adapter.screening.spark.facts import Frame, SparkFacts
from adapter.screening.spark.judge import OUTCOMES, Judge, Work, judge, judge_facts, outcome_of
from adapter.screening.spark.session import (
    File,
    Place,
    Session,
    Source,
    ddl,
    files_of,
    local_file,
    open_session,
    plain,
)
from adapter.version import package_version

WORK = ".spark"
"""The folder in `out` where the work is, unless another one is named."""

_OWN = "trial-adapter-work"
_EVERY = -1
"""The wave of what every wave may need: Medications."""

_MOST_WAVES = 16
_WAVE = 256 << 20
_BUCKET = 16 << 20
"""Bytes of the source, as they lie there, in a wave and in a bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkSource:
    """Where patients come from, and by which Spark.

    `source`: a folder or file, or an address that Spark's machines reach. `work`: where they keep what is done so far,
    else in the folder of the results. `parquet`: where verdicts go as Parquet, instead of lines among the results.
    `waves`: into how many the patients are divided, else as their data are large; `told` is called with how many waves
    are done, and of how many; `judge`: what a Python worker does with events.
    """

    source: str
    master: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    work: str | None = None
    parquet: str | None = None
    waves: int | None = None
    told: Callable[[int, int], None] = lambda _done, _of: None
    judge: Judge = judge


def spark_key(source: SparkSource, setup: Setup, *, keep_all: bool, write_back: bool) -> str:
    """What names a screening but for its instant and the state of its files, as `run.key_of`."""
    studies = [f"{each.id} {each.version}" for each in setup.definitions]
    places = (source.source, source.work)
    named = repr((package_version(), *places, studies, setup.policy.hash, setup.terminology.hash, keep_all, write_back))
    return hashlib.sha256(named.encode()).hexdigest()


def run_spark_screening(
    source: SparkSource,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
) -> Summary:
    """Screen a source's patients into the folder `out`, as `run_screening` does.

    Raises UsageError where there is nothing to read or something can't be reached, and AdapterError where Spark gives
    up; what is done by then stays for the next run.
    """
    if jobs > 1:
        msg = "--jobs is for one machine; --master says how many processes Spark has, as local[4]"
        raise UsageError(msg)
    if Path(source.source).is_dir() and out.resolve() == Path(source.source).resolve():
        msg = f"--out {out} is the source; name another folder, or the results will be read as patients next time"
        raise UsageError(msg)
    key = spark_key(source, setup, keep_all=screening.keep_all, write_back=screening.propose)
    with ExitStack() as held:
        held.enter_context(alone_in(out))
        session = held.enter_context(open_session(source.master, source.settings))
        former = begun(out)
        if former is not None and former.key != key:  # nobody goes on with it, and it is patient data
            _work_folder(session, source, out, former.key).remove()
        held.enter_context(open_journal(out, Heading(key, screening.as_of)))
        folder = _work_folder(session, source, out, key)
        work = _of_facts(session, folder, source, setup) or _Work(
            session, folder, files_of(session, source.source), source.waves
        )
        work.begin(f"{key} {screening.as_of.isoformat()}")
        work.read(setup)
        work.sort()
        work.judge(screening, setup, source.judge, source.told)
        if source.parquet is not None:
            _write_parquet(work.outcomes(), f"{source.parquet.rstrip('/')}/verdicts")
        with open_results(out, setup, lines=source.parquet is None) as results:
            summary = keep(work.results(lines=source.parquet is None), results, setup, tell, writer)
        work.folder.remove()
    close_journal(out)
    return summary


def _work_folder(session: Session, source: SparkSource, out: Path, key: str) -> Place:
    """Where the work of a screening is: who shares `work` has other results, or screens something else."""
    if source.work is None:
        return Place(session, f"file:{own_folder(out / WORK).resolve()}") / _OWN
    named = hashlib.sha256(repr((key, str(out.resolve()))).encode()).hexdigest()
    return Place(session, source.work) / f"{_OWN}-{named[:32]}"


class _Work:
    """The steps of a screening of files, in the folder of its work."""

    def __init__(self, session: Session, folder: Place, source: Source, waves: int | None) -> None:
        self.folder = folder
        self._session = session
        self._source = source
        size = sum(each.size for each in source.files)
        self._waves = waves or min(_MOST_WAVES, 1 + size // _WAVE)
        self._buckets = self._waves * (1 + size // self._waves // _BUCKET)
        self._events = "read"

    def begin(self, screening: str) -> None:
        """Go on with what is in the folder, if it is of this screening of these files; else begin anew."""
        named = repr((screening, self._waves, self._buckets, self._source))
        heading = self.folder / "heading"
        if heading.exists() and heading.read_text() == named:
            return
        self.folder.remove()
        heading.write_text(named)

    def read(self, setup: Setup) -> None:
        """Every line and file becomes events. Raises InputError where Spark reads a file not at all."""
        if not self._is_done("read"):
            self._read(setup.types)
        read = self._frame("read").where(F.col("kind") == LINES).select("order").collect()
        seen = {int(each.order.split(".")[1]) for each in read}
        for number, file in enumerate(self._source.files):
            if file.failure is None and file.size and number not in seen:
                self.folder.remove()
                msg = f"Spark has left out {file.name}; does its name begin with _? rename it"
                raise InputError(msg)

    def _read(self, types: frozenset[str]) -> None:
        files = {file_key(each.url): number for number, each in enumerate(self._source.files)}
        some = [each for each in self._source.files if each.failure is None and each.size]
        whole = partial(of_files, files=files, bundles=self._source.bundles, types=types)
        events = self._session.createDataFrame([], ddl(SCHEMA))
        for made in (
            self._of_lines([each for each in some if each.lines], partial(of_lines, files=files, types=types)),
            self._of_files([each for each in some if not each.lines], whole),
        ):
            events = events if made is None else events.union(made)
        self._write(events.withColumn("root", F.coalesce("owner", "order")), "read")

    def _of_lines(self, files: list[File], read: Any) -> Frame:  # noqa: ANN401  # for Spark
        if not files:
            return None
        where = (F.col("_metadata.file_path"), F.col("_metadata.file_block_start"), F.col("value").cast("binary"))
        text = self._session.read.option("lineSep", "\n").text([plain(each.url) for each in files])
        return text.select(*where).mapInArrow(partial(by_place, read), ddl(SCHEMA))

    def _of_files(self, files: list[File], read: Any) -> Frame:  # noqa: ANN401  # for Spark
        if not files:
            return None
        binary = self._session.read.format("binaryFile").load([plain(each.url) for each in files])
        return binary.select("path", "content").mapInArrow(partial(by_place, read), ddl(SCHEMA))

    def sort(self) -> None:
        """Events that may be of one patient under several names are put together, where there are any.

        That is so for a name which somebody else uses: a resource for its patient, another Patient for themselves, or
        for who replaces them.
        """
        if self._is_done("sorted"):
            self._events = "sorted"
            return
        patients = self._frame("read").where(F.col("kind") == PATIENT).select("owner", F.explode("names").alias("name"))
        used = self._frame("read").select(F.col("owner").alias("name")).where(F.col("name").isNotNull())
        replacing = patients.select("name").where(~F.col("name").contains("|"))  # the others are identifiers
        pairs = patients.join(used.union(replacing).distinct(), "name", "left_semi").distinct().collect()
        roots = roots_of((each.owner, each.name) for each in pairs)
        if not roots:
            return
        names = self._session.createDataFrame(list(roots.items()), "owner string, found string")
        events = self._frame("read").drop("root").join(names, "owner", "left")
        self._write(events.select(*SCHEMA.names, F.coalesce("found", "owner", "order").alias("root")), "sorted")
        self._events = "sorted"

    def judge(self, screening: Screening, setup: Setup, judge: Judge, told: Callable[[int, int], None]) -> None:
        """Every wave that is not done yet."""
        todo = [wave for wave in range(self._waves) if not self._is_done(f"outcomes/wave={wave}")]
        if not todo:
            return
        work = self._session.sparkContext.broadcast(self._work(screening, setup))
        for wave in todo:
            patients = self._patients(wave, screening, setup)
            outcomes = patients.mapInArrow(partial(by_place, partial(judge, broadcast=work)), ddl(OUTCOMES))
            outcomes.write.mode("overwrite").parquet((self.folder / f"outcomes/wave={wave}").url)
            told(wave + 1, self._waves)

    def _patients(self, wave: int, screening: Screening, setup: Setup) -> Frame:  # noqa: ARG002  # facts ask for them
        """What is judged in a wave, sorted by patient."""
        events = self._frame(self._events).where(F.col("wave") == wave)
        own = events.where(~F.col("kind").isin(DELETED, LINES))
        columns = ("bucket", "order", "kind", "content")
        shuffled = own.select(*columns).union(self._medications(own).select(*columns))
        tasks = max(self._session.sparkContext.defaultParallelism, self._buckets // self._waves)
        return shuffled.repartition(tasks, "bucket").sortWithinPartitions("bucket", "order")

    def _medications(self, own: Frame) -> Frame:
        """The Medications that are needed, once in each bucket that needs them."""
        medications = self._frame(self._events).where(F.col("wave") == _EVERY)
        named = medications.select("order", "kind", "content", F.explode("names").alias("medication"))
        needed = own.where(F.col("medication").isNotNull()).select("bucket", "medication").distinct()
        return named.join(needed, "medication").dropDuplicates(["bucket", "order"])

    def _work(self, screening: Screening, setup: Setup) -> Work:
        whole = (
            self._frame("read")
            .where(F.col("kind").isin(DELETED, LINES, UNREAD))
            .select("order", "kind", "names", "lines")
        )
        said = whole.orderBy("order").collect()
        places = self._places([(each.order, each.lines) for each in said if each.kind == LINES])
        lost = [each.order for each in said if each.kind == UNREAD] + [
            order_of(READING, number, WHOLE)
            for number, file in enumerate(self._source.files)
            if file.failure is not None and number >= self._source.bundles
        ]
        return replace(
            _work(screening, setup),
            places=places,
            deleted=frozenset(name for each in said if each.kind == DELETED for name in each.names),
            unread=len(lost),
            first_unread=places.shown(min(lost)) if lost else "",
        )

    def _places(self, read: list[tuple[str, int]]) -> Places:
        before: dict[int, list[tuple[int, int]]] = {}
        so_far: Counter[int] = Counter()
        for order, lines in read:
            _, file, offset, _ = order.split(".")
            if self._source.files[int(file)].lines:
                before.setdefault(int(file), []).append((int(offset), so_far[int(file)]))
                so_far[int(file)] += lines
        return Places(tuple(each.name for each in self._source.files), before)

    def outcomes(self) -> Frame:
        """All that has been judged."""
        return self._session.read.schema(f"{ddl(OUTCOMES)}, wave int").parquet(plain((self.folder / "outcomes").url))

    def results(self, *, lines: bool) -> Iterator[PatientOutcome | LeftOut]:
        """Every outcome in the order of the source; `lines`: with verdicts."""
        yield from (passed(each) for each in self._source.others)
        unread = (
            (order_of(READING, number, WHOLE), passed(file.failure))
            for number, file in enumerate(self._source.files)
            if file.failure is not None
        )
        for _, item in merge(unread, self._judged(lines=lines), key=itemgetter(0)):
            yield item

    def _judged(self, *, lines: bool) -> Iterator[tuple[str, PatientOutcome | LeftOut]]:
        rows = F.transform("rows", lambda row: F.struct(row["verdict"], row["research_subject"])).alias("rows")
        chosen = ["order", "left_out", "outcome", *([rows] if lines else [])]
        for row in self.outcomes().select(*chosen).orderBy("order").toLocalIterator(prefetchPartitions=True):
            told = [(_bytes(verdict), _bytes(subject)) for verdict, subject in row[3] or ()] if lines else None
            yield row[0], outcome_of(bytes(row[2]), told, left_out=row[1])

    def _frame(self, name: str) -> Frame:
        schema = f"{ddl(SCHEMA)}, root string, bucket long, wave int"
        return self._session.read.schema(schema).parquet(plain((self.folder / name).url))

    def _write(self, events: Frame, name: str) -> None:
        """Events in folders by wave; which wave and bucket, their root says."""
        bucket = F.pmod(F.xxhash64("root"), F.lit(self._buckets))
        wave = F.when(F.col("kind") == MEDICATION, _EVERY).otherwise((F.col("bucket") % self._waves).cast("int"))
        numbered = events.withColumn("bucket", bucket).withColumn("wave", wave)
        numbered.write.mode("overwrite").partitionBy("wave").parquet((self.folder / name).url)

    def _is_done(self, name: str) -> bool:
        return (self.folder / name / "_SUCCESS").exists()


def _work(screening: Screening, setup: Setup) -> Work:
    """What every patient is judged by, of a source of which nothing is to be said as a whole."""
    return Work(
        key=uuid4().hex,
        terminology=setup.terminology,
        policy=setup.policy,
        definitions=setup.definitions,
        as_of=screening.as_of,
        keep_all=screening.keep_all,
        propose=screening.propose,
        places=Places(()),
        deleted=frozenset(),
        unread=0,
        first_unread="",
    )


class _OfFacts(_Work):
    """The steps of a screening of a folder of facts: SQL says who has no indication, and the others are judged."""

    def __init__(self, session: Session, folder: Place, facts: Facts, waves: int | None) -> None:
        parts = facts.manifest.parts
        files = tuple(local_file(path, lines=False) for name in ("patients", "records") for path in facts.files(name))
        super().__init__(session, folder, Source(files, 0, ()), waves)
        self._waves = min(self._waves, parts)
        self._facts = SparkFacts(session, facts)
        self._parts = [range(wave, parts, self._waves) for wave in range(self._waves)]

    def read(self, setup: Setup) -> None:
        """It has been read."""

    def sort(self) -> None:
        """It is in order."""

    def judge(self, screening: Screening, setup: Setup, judge: Judge, told: Callable[[int, int], None]) -> None:  # noqa: ARG002  # another's
        super().judge(screening, setup, judge_facts, told)

    def _work(self, screening: Screening, setup: Setup) -> Work:
        return _work(screening, setup)

    def _patients(self, wave: int, screening: Screening, setup: Setup) -> Frame:
        settle = by_diagnoses(setup.bounds) and not screening.keep_all and not screening.propose
        self._facts.ask_parts(self._parts[wave])
        return self._facts.records(setup.bounds, setup.policy, screening.as_of, settle=settle)


def _of_facts(session: Session, folder: Place, source: SparkSource, setup: Setup) -> _OfFacts | None:
    """A screening of facts, where the source is a folder of them. Raises UsageError as `Facts.check` does."""
    if not is_facts(Path(source.source)):
        return None
    facts = Facts(Path(source.source))
    facts.check(setup.terminology, setup.policy)
    return _OfFacts(session, folder, facts, source.waves)


def _bytes(sent: bytearray | None) -> bytes | None:
    return None if sent is None else bytes(sent)


def _write_parquet(outcomes: Frame, url: str) -> None:
    rows = outcomes.where(~F.col("left_out")).select("subject", F.explode("rows").alias("row"))
    texts = [
        F.col(f"row.{name}").cast("string").alias(name) for name in ("study", "decision", "verdict", "research_subject")
    ]
    rows.where(F.col("row.verdict").isNotNull()).select("subject", *texts).write.mode("overwrite").parquet(url)
