"""Facts of whole populations: every patient of a source, read as for a screening, into the columns of Parquet files.

A source is what a screening takes, or a folder of facts, whose records are then read anew.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

import msgspec

from adapter.columns.folder import PARTS, Facts, Writer
from adapter.columns.manifest import FAILURES, Manifest, commit, is_facts, may_become_facts, next_data
from adapter.columns.rows import Rows, basis_of
from adapter.columns.schema import BYTES, TOGETHER, Divided, Gathered
from adapter.columns.values import Row
from adapter.errors import InputError, UsageError, place_of
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.record import read_record
from adapter.screening.private import alone_in, new_file, temporary_folder
from adapter.screening.processes import in_processes, parcels
from adapter.screening.screen import PatientOutcome, passed
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.screening.source import Found, LeftOut, PatientInput
from adapter.screening.source.folder import find_files, patients_of
from adapter.screening.source.server import ExportSource, ServerSource, exported_into, open_patients
from adapter.screening.source.store import open_store

Tell = Callable[[PatientOutcome | LeftOut], None]


Source = Path | ServerSource | ExportSource


class Workers(NamedTuple):
    """So many processes, and the site that each loads."""

    jobs: int
    site: SiteConfig


def extract(  # a source, its setup, where to and by whom
    source: Source,
    out: Path,
    setup: Setup,
    until: datetime,
    tell: Tell,
    parts: int = PARTS,
    workers: Workers | None = None,
) -> Manifest:
    """Extract a source's patients into the folder `out`, and tell each as it comes; facts that are there are replaced.

    `until`: when it begins, up to which a server's changes are known to be in it. `workers`: who shares the reading;
    the files are the same. Who can't be read is in the folder's `failures.ndjson`. Raises UsageError where there is
    nothing to read, or where `out` holds something else than facts, and ServerError where a server's patients can't be
    listed or exported.
    """
    if not may_become_facts(out):
        msg = f"--out {out} holds something else than facts; name a new folder"
        raise UsageError(msg)
    if isinstance(source, Path) and source.resolve() == out.resolve():
        msg = f"--out {out} is the source; name another folder"
        raise UsageError(msg)
    server = isinstance(source, ServerSource)
    with alone_in(out), temporary_folder("facts", out) as made, _found(source, out, made, setup) as found:
        return extract_found(found, made, out, setup, until if server else None, tell, parts, workers)


def extract_found(  # what was found, its setup, where to and by whom
    found: Iterable[Found],
    work: Path,
    out: Path,
    setup: Setup,
    until: datetime | None,
    tell: Tell,
    parts: int = PARTS,
    workers: Workers | None = None,
) -> Manifest:
    """The same of what was found; `work`: an empty folder on the file system of `out`, which nobody else writes to."""
    name = next_data(out)
    data = work / name
    data.mkdir()
    patients = failed = 0
    coded: dict[int, Row] = {}
    with Writer(data, parts, new_file) as writer, new_file(data / FAILURES) as failures:
        for extracted in _extracted(found, Extractor(setup, parts), workers):
            for outcome in extracted.outcomes:
                if isinstance(outcome, PatientOutcome) and outcome.failure is not None:
                    failures.write(failure_line(outcome))
                    failed += 1
                tell(outcome)
            writer.take(extracted.tables)
            coded.update(extracted.coded)
            patients += extracted.patients
        writer.close(coded)
    manifest = Manifest(
        data=name,
        parts=parts,
        terminology=setup.terminology.hash,
        basis=basis_of(setup.policy),
        until=until,
        patients=patients,
        failed=failed,
    )
    replace(out, data, manifest)
    return manifest


def failure_line(outcome: PatientOutcome) -> bytes:
    """A line of `failures.ndjson`."""
    failure = {"file": outcome.place, "subject": outcome.subject, "reason": outcome.failure}
    return msgspec.json.encode(failure) + b"\n"


def replace(out: Path, data: Path, manifest: Manifest) -> None:
    """Make a folder of files the facts of `out`, and remove what was before."""
    rmtree(out / data.name, ignore_errors=True)  # of a run that was killed between this and the manifest
    data.rename(out / data.name)
    commit(out, manifest, new_file)
    for left in out.glob("data-*"):
        if left.name != manifest.data:
            rmtree(left, ignore_errors=True)


@contextmanager
def _found(source: Source, out: Path, work: Path, setup: Setup) -> Iterator[Iterable[Found]]:
    """What a source holds, of every type that some criterion may read."""
    if isinstance(source, ServerSource):
        with open_patients(source, setup, SUBJECT_TYPES) as patients:
            yield patients.fetch(patients.ids, 2 * source.server.max_concurrent)
    elif isinstance(source, ExportSource):
        with exported_into(out, source, SUBJECT_TYPES) as found, open_store(work, lacking=found.lacking) as store:
            yield patients_of(find_files(found.folder), store)
    elif is_facts(source):
        yield (PatientInput(place, contents) for _, place, contents in Facts(source).records())
    else:
        files = find_files(source)
        with open_store(work) as store:
            yield patients_of(files, store)


class Extracted(NamedTuple):
    """What some patients have come to. `coded`: the rows of combinations of codings that are new."""

    outcomes: list[PatientOutcome | LeftOut]
    patients: int
    tables: dict[str, Divided]
    coded: dict[int, Row]


class Extractor:
    """Reads patients into rows, and those of several into columns."""

    def __init__(self, setup: Setup, parts: int) -> None:
        """Under the terminology and the policy of a setup, divided into parts."""
        self.parts = parts
        self._terminology = setup.terminology
        self._rows = Rows(setup.terminology, setup.policy)
        self._gathered = Gathered(parts)

    def __call__(self, task: tuple[int, list[Found]]) -> Extracted:
        """What a source has found, the first of it at a place in the source's order.

        Whatever goes wrong is one patient's failure, and the next one's turn comes.
        """
        first, items = task
        known, patients = len(self._rows.coded), 0
        outcomes: list[PatientOutcome | LeftOut] = []
        for number, item in enumerate(items, first):
            if isinstance(item, PatientInput):
                outcome = self._patient(item, number)
                patients += outcome.failure is None
                outcomes.append(outcome)
            else:
                outcomes.append(passed(item))
        coded = dict(islice(self._rows.coded.items(), known, None))
        return Extracted(outcomes, patients, self._gathered.columns(), coded)

    def _patient(self, item: PatientInput, number: int) -> PatientOutcome:
        try:
            contents = item.contents
            record = read_record(contents, self._terminology)
            key, rows = self._rows.of(record, contents, item.place, number)
        except InputError as error:
            return PatientOutcome(item.place, failure=str(error))
        except Exception as error:  # noqa: BLE001  # one patient must not end the run; the place says where to look
            return PatientOutcome(item.place, failure=f"internal error, please report it: {place_of(error)}")
        self._gathered.add(key, rows)
        return PatientOutcome(item.place, record.subject)


def _extracted(found: Iterable[Found], extractor: Extractor, workers: Workers | None) -> Iterator[Extracted]:
    tasks = _tasks(found)
    if workers is None or workers.jobs == 1:
        return map(extractor, tasks)
    return in_processes((tasks,), workers.jobs, _begin, (workers.site, extractor.parts), _work)


def _tasks(found: Iterable[Found]) -> Iterator[tuple[int, list[Found]]]:
    first = 0
    for items in parcels(found, TOGETHER, BYTES):
        yield first, items
        first += len(items)


_extractor: Extractor | None = None
"""A worker process' own extractor, set once when the process starts."""


def _begin(argument: tuple[SiteConfig, int]) -> None:
    site, parts = argument
    global _extractor  # noqa: PLW0603  # ProcessPoolExecutor gives a worker no other place
    _extractor = Extractor(load_setup(site, None), parts)


def _work(task: tuple[int, list[Found]]) -> Extracted:
    if _extractor is None:
        msg = "a worker process without an extractor"
        raise RuntimeError(msg)
    return _extractor(task)
