"""A whole screening, of files or of a FHIR server's patients: the files of results, and the counts.

Results appear complete or not at all: they are in a folder of their own until the end. What a screening of a server has
done so far is in a journal beside them, a line a patient, written as each is done: one that was interrupted goes on
where it was. A line that a crash cut off is done again. The journal's first line says which screening it is; that of
another one is not gone on with.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from adapter.errors import UsageError
from adapter.evaluator.report import value_sets
from adapter.fhir.elements import value_set
from adapter.screening.funnel import Summary
from adapter.screening.many import screen, screen_files
from adapter.screening.private import alone_in, new_file, temporary_folder
from adapter.screening.publish import Writer
from adapter.screening.screen import PatientOutcome, Screening
from adapter.screening.setup import Setup
from adapter.screening.source import LeftOut
from adapter.screening.source.folder import find_files
from adapter.screening.source.server import ExportSource, ServerSource, exported_into, open_patients
from adapter.screening.source.store import Store, open_store
from adapter.version import package_version

VERDICTS = "verdicts.ndjson"
NEEDS = "needs.json"
FAILURES = "failures.ndjson"
UNCLEAR = "unclear.ndjson"
RESEARCH_SUBJECTS = "research-subjects.ndjson"

NAME = ".screening-journal.ndjson"
_outcome = msgspec.json.Decoder(PatientOutcome)


class Results:
    """Takes outcomes one by one: verdicts and ResearchSubjects a line each, and failures with file and reason.

    Patients whose indication is unclear are a line each, with the diagnoses that nobody has classified.
    """

    def __init__(
        self, verdicts: IO[bytes], research_subjects: IO[bytes], failures: IO[bytes], unclear: IO[bytes]
    ) -> None:
        """Write to four open files."""
        self._verdicts = verdicts
        self._research_subjects = research_subjects
        self._failures = failures
        self._unclear = unclear

    def write(self, outcome: PatientOutcome) -> None:
        """Add an outcome to the files."""
        if outcome.failure is not None:
            failure = {"file": outcome.place, "subject": outcome.subject, "reason": outcome.failure}
            self._failures.write(msgspec.json.encode(failure) + b"\n")
        if outcome.unclear:
            self._unclear.write(msgspec.json.encode(_unclear(outcome)) + b"\n")
        for row in outcome.rows:
            if row.line is not None:
                self._verdicts.write(row.line + b"\n")
            if row.research_subject is not None:
                self._research_subjects.write(row.research_subject + b"\n")


def _unclear(outcome: PatientOutcome) -> dict[str, object]:
    return {
        "subject": outcome.subject,
        "identifiers": [{"system": system, "value": value} for system, value in outcome.identifiers],
        "studies": [row.study for row in outcome.rows if row.unclear],
        "diagnoses": [
            {
                "resource": each.resource,
                "codes": [{"system": code.system, "code": code.code} for code in each.codes],
                "text": each.text,
            }
            for each in outcome.unclear
        ],
    }


def needs_json(setup: Setup) -> bytes:
    """The codes of every value set that a line's data needs may name, by its canonical; the same for any patients."""
    statements = [top.criterion.statement for each in setup.definitions for top in each.criteria]
    found = {value_set(name): codes.json() for name, codes in value_sets(statements, setup.terminology).items()}
    return msgspec.json.encode({"terminology": {"hash": setup.terminology.hash}, "valueSets": found})


@contextmanager
def open_results(folder: Path, setup: Setup, *, lines: bool = True) -> Iterator[Results]:
    """Results in a folder; only a block that ends well leaves new files. `lines`: verdicts are among them.

    Beside them is what the data needs of any verdict of this setup name, wherever the verdicts are.
    """
    names = (VERDICTS, RESEARCH_SUBJECTS, FAILURES, UNCLEAR)
    with temporary_folder("results", folder) as made:
        with ExitStack() as files:
            yield Results(*(files.enter_context(new_file(made / name)) for name in names))
        with new_file(made / NEEDS) as file:
            file.write(needs_json(setup) + b"\n")
        for name in (NEEDS, *(names if lines else names[2:])):
            (made / name).replace(folder / name)


def keep(
    screened: Iterator[PatientOutcome | LeftOut],
    results: Results,
    setup: Setup,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None,
) -> Summary:
    """Write each outcome into the results as it comes, after it was written back, if asked, and told; their counts."""
    summary = Summary(setup.definitions)
    for item in writer.written(screened) if writer else screened:
        tell(item)
        if isinstance(item, PatientOutcome):
            results.write(item)
            summary.add(item)
    return summary


class Heading(Struct, frozen=True):
    """Which screening it is: `key` is as of `key_of`; `as_of` its instant."""

    key: str
    as_of: datetime


class Journal:
    """Outcomes by patient; those that failed are not kept, so that they are tried again."""

    def __init__(self, file: IO[bytes], done: dict[str, PatientOutcome]) -> None:
        """Add to an open file what is not `done` yet."""
        self._file = file
        self._done = done

    def get(self, place: str) -> PatientOutcome | None:
        """The outcome of a patient who is done."""
        return self._done.get(place)

    def add(self, outcome: PatientOutcome) -> None:
        """Keep an outcome."""
        if outcome.failure is None:
            self._file.write(msgspec.json.encode(outcome) + b"\n")
            self._file.flush()


def interrupted(folder: Path, key: str) -> datetime | None:
    """The instant of a screening with this key that was interrupted in the folder, None if there is none."""
    heading = begun(folder)
    return heading.as_of if heading is not None and heading.key == key else None


def begun(folder: Path) -> Heading | None:
    """The screening that was interrupted in the folder, whichever it is; None if there is none."""
    return _read(folder / NAME)[0]


@contextmanager
def open_journal(folder: Path, heading: Heading) -> Iterator[Journal]:
    """The journal of a screening in its folder; one of another screening is replaced."""
    path = folder / NAME
    found, done = _read(path)
    if found != heading:
        done = {}
        with new_file(path) as made:
            made.write(msgspec.json.encode(heading) + b"\n")
    else:
        _cut_torn_line(path)
    with path.open("ab") as file:  # no link: it has just been read, or made
        yield Journal(file, done)


def close_journal(folder: Path) -> None:
    """Remove the journal of a screening that is complete."""
    (folder / NAME).unlink(missing_ok=True)


def _read(path: Path) -> tuple[Heading | None, dict[str, PatientOutcome]]:
    if path.is_symlink() or not path.exists():  # a link is nothing of ours
        return None, {}
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        heading = msgspec.json.decode(lines[0], type=Heading)
        outcomes = [_outcome.decode(line) for line in lines[1:]]
    except (IndexError, msgspec.DecodeError):  # of another version, or somebody else's: begin anew
        return None, {}
    return heading, {outcome.place: outcome for outcome in outcomes}


def _cut_torn_line(path: Path) -> None:
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def run_screening(  # a screening, its setup and where from and to
    source: Path,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
    *,
    lacking: frozenset[str] = frozenset(),
) -> Summary:
    """Screen a source's patients into the folder `out`, and tell each outcome as it comes; write it back, if asked.

    `lacking`: types that the source was asked for and gave away nothing of. Raises UsageError where there is nothing to
    read, or where results would land among the patients.
    """
    files = find_files(source)
    if source.is_dir() and out.resolve() == source.resolve():
        msg = f"--out {out} is the source; name another folder, or the results will be read as patients next time"
        raise UsageError(msg)
    with alone_in(out), open_results(out, setup) as results, open_store(out, setup.types, lacking) as store:
        screened = _told_apart(screen_files(files, store, screening, setup, jobs), store)
        return keep(screened, results, setup, tell, writer)


def _told_apart(screened: Iterable[PatientOutcome | LeftOut], store: Store) -> Iterator[PatientOutcome | LeftOut]:
    """The same, and a failure behind each patient who has a number of another one: as of HL7 v2 and of FHIR."""
    for item in screened:
        yield item
        if isinstance(item, PatientOutcome) and item.failure is None and item.subject is not None:
            told = store.of_another(item.identifiers, item.subject, item.place)
            if told is not None:
                yield PatientOutcome(item.place, item.subject, failure=told)


def run_export_screening(  # a screening, its setup and where from and to
    source: ExportSource,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
) -> Summary:
    """Screen what a server exports, as `run_screening` does.

    An export that is not kept is in `out` until the screening is done. Raises ServerError where it can't be had; what
    has come of it stays for the next run.
    """
    with exported_into(out, source, setup.types) as found:
        return run_screening(found.folder, out, screening, setup, jobs, tell, writer, lacking=found.lacking)


def key_of(source: ServerSource, setup: Setup, *, keep_all: bool, write_back: bool) -> str:
    """What names a screening but for its instant, by this version: run again with the same, it goes on."""
    studies = [f"{each.id} {each.version}" for each in setup.definitions]
    named = repr(
        (
            package_version(),
            source.server.url,
            source.selection,
            source.indicated,
            studies,
            setup.policy.hash,
            setup.terminology.hash,
            keep_all,
            write_back,
        )
    )
    return hashlib.sha256(named.encode()).hexdigest()


def run_server_screening(
    source: ServerSource,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
) -> Summary:
    """Screen a server's patients into the folder `out`, and tell each outcome as it comes; write it back, if asked.

    A patient who could not be fetched is a failure, named with its reason; the next run tries only those again. Raises
    ServerError where the patients can't be listed; what was done before is kept for the next run.
    """
    heading = Heading(key_of(source, setup, keep_all=screening.keep_all, write_back=screening.propose), screening.as_of)
    summary = Summary(setup.definitions)
    with (
        alone_in(out),
        open_patients(source, setup) as patients,
        open_journal(out, heading) as journal,
        open_results(out, setup) as results,
    ):
        places = [f"Patient/{id_}" for id_ in patients.ids]
        todo = [id_ for id_, place in zip(patients.ids, places, strict=True) if journal.get(place) is None]
        screened = screen(patients.fetch(todo, 2 * source.server.max_concurrent), screening, setup, jobs, parcel=4)
        fresh = writer.written(screened) if writer else screened
        summary.skip(patients.skipped)
        for place in places:
            outcome = journal.get(place)
            if outcome is None:
                item = next(fresh)
                tell(item)
                if isinstance(item, LeftOut):
                    continue
                journal.add(item)
                outcome = item
            results.write(outcome)
            summary.add(outcome)
    if not summary.failed:
        close_journal(out)
    return summary
