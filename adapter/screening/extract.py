"""Facts of whole populations: every patient of a source, read as for a screening, into the columns of Parquet files.

A source is what a screening takes, or a folder of facts, whose records are then read anew.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import IO

import msgspec

from adapter.columns.folder import (
    FAILURES,
    PARTS,
    Facts,
    Manifest,
    Writer,
    commit,
    is_facts,
    may_become_facts,
    next_data,
)
from adapter.columns.rows import Rows, basis_of
from adapter.errors import InputError, UsageError, place_of
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.record import read_record
from adapter.screening.private import alone_in, new_file, temporary_folder
from adapter.screening.screen import PatientOutcome
from adapter.screening.setup import Setup
from adapter.screening.source import Found, LeftOut, PatientInput
from adapter.screening.source.folder import find_files, patients_of
from adapter.screening.source.server import ServerSource, open_patients
from adapter.screening.source.store import open_store

Tell = Callable[[PatientOutcome | LeftOut], None]


def extract(
    source: Path | ServerSource, out: Path, setup: Setup, until: datetime, tell: Tell, parts: int = PARTS
) -> Manifest:
    """Extract a source's patients into the folder `out`, and tell each as it comes; facts that are there are replaced.

    `until`: when it begins, up to which a server's changes are known to be in it. Who can't be read is in the folder's
    `failures.ndjson`. Raises UsageError where there is nothing to read, or where `out` holds something else than facts,
    and ServerError where a server's patients can't be listed.
    """
    if not may_become_facts(out):
        msg = f"--out {out} holds something else than facts; name a new folder"
        raise UsageError(msg)
    if isinstance(source, Path) and source.resolve() == out.resolve():
        msg = f"--out {out} is the source; name another folder"
        raise UsageError(msg)
    server = isinstance(source, ServerSource)
    with alone_in(out), temporary_folder("facts", out) as made, _found(source, made, setup) as found:
        return extract_found(found, made, out, setup, until if server else None, tell, parts)


def extract_found(
    found: Iterable[Found],
    work: Path,
    out: Path,
    setup: Setup,
    until: datetime | None,
    tell: Tell,
    parts: int = PARTS,
) -> Manifest:
    """The same of what was found; `work`: an empty folder on the file system of `out`, which nobody else writes to."""
    name = next_data(out)
    data = work / name
    data.mkdir()
    with Writer(data, parts, new_file) as writer, new_file(data / FAILURES) as failures:
        extraction = _Extraction(writer, setup)
        for item in found:
            tell(extraction.take(item, failures))
        writer.close(extraction.rows.coded)
    manifest = Manifest(
        data=name,
        parts=parts,
        terminology=setup.terminology.hash,
        basis=basis_of(setup.policy),
        until=until,
        patients=extraction.patients,
        failed=extraction.failed,
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
def _found(source: Path | ServerSource, work: Path, setup: Setup) -> Iterator[Iterable[Found]]:
    """What a source holds, of every type that some criterion may read."""
    if isinstance(source, ServerSource):
        with open_patients(source, setup, SUBJECT_TYPES) as patients:
            yield patients.fetch(patients.ids, 2 * source.server.max_concurrent)
    elif is_facts(source):
        yield (PatientInput(place, contents) for _, place, contents in Facts(source).records())
    else:
        files = find_files(source)
        with open_store(work) as store:
            yield patients_of(files, store)


class _Extraction:
    """Rows of one patient after another, and how many there were."""

    def __init__(self, writer: Writer, setup: Setup) -> None:
        self.patients = 0
        self.failed = 0
        self.rows = Rows(setup.terminology, setup.policy)
        self._terminology = setup.terminology
        self._writer = writer

    def take(self, item: Found, failures: IO[bytes]) -> PatientOutcome | LeftOut:
        """Add what a source has found; whatever goes wrong is one patient's failure, and the next one's turn comes."""
        if isinstance(item, LeftOut):
            return item
        if isinstance(item, PatientInput):
            outcome = self._patient(item)
        else:
            outcome = PatientOutcome(item.place, item.subject, failure=item.reason)
        if outcome.failure is not None:
            self.failed += 1
            failures.write(failure_line(outcome))
        return outcome

    def _patient(self, item: PatientInput) -> PatientOutcome:
        try:
            record = read_record(item.contents, self._terminology)
            key, rows = self.rows.of(record, item.contents, item.place, self.patients)
        except InputError as error:
            return PatientOutcome(item.place, failure=str(error))
        except Exception as error:  # noqa: BLE001  # one patient must not end the run; the place says where to look
            return PatientOutcome(item.place, failure=f"internal error, please report it: {place_of(error)}")
        self._writer.add(key, rows)
        self.patients += 1
        return PatientOutcome(item.place, record.subject)
