"""Facts brought up to date: who has changed since an instant is read anew, and replaces what was there.

A source holds whole records (Bundles of a patient; what a FHIR server has now), which replace those of before, or
resources that have changed (an export with `_since`), which are put into the records that the facts keep: of a
resource that is in both the newer version counts, and what the export says is deleted is gone.

What has changed waits in a temporary SQLite file; then the parts are written anew, one after another: rows of all other
patients as they are. So memory doesn't grow with the number of patients, nor with that of the changed ones.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import structs

from adapter.columns.folder import Facts, Writer
from adapter.columns.manifest import FAILURES, Manifest, next_data
from adapter.columns.rows import Rows, decoded, encoded, key_of, part_of
from adapter.columns.schema import TABLES
from adapter.errors import InputError, UsageError
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.evaluator.verdict import instant
from adapter.record import read_record
from adapter.record.bundle import Resource  # noqa: TC001  # stands beside what is needed
from adapter.record.contents import Contents, merged
from adapter.screening.extract import Source, Tell, failure_line, replace
from adapter.screening.private import alone_in, new_file, temporary_folder
from adapter.screening.screen import PatientOutcome
from adapter.screening.setup import Setup
from adapter.screening.source import Found, LeftOut, PatientInput, Unread
from adapter.screening.source.folder import find_files, patients_of
from adapter.screening.source.server import ExportSource, ServerSource, open_patients
from adapter.screening.source.store import Store, open_store

_PATIENT = "Patient"


def update(source: Source, out: Path, setup: Setup, since: datetime, until: datetime, tell: Tell) -> Manifest:
    """Bring the facts in `out` up to date with what a source says has changed since an instant, and tell each patient.

    `until`: when it begins. What is deleted on a FHIR server is not seen. Raises InputError where some of the changes
    can't be read and may be anybody's, and UsageError where `out` holds no facts of this site, or where changes between
    those that are in it and `since` would be missing; and as `extract` does.
    """
    if isinstance(source, ExportSource):
        msg = "--since is not for an $export: keep it with --export-folder, and the server is asked what has changed"
        raise UsageError(msg)
    facts = Facts(out)
    facts.check(setup.terminology, setup.policy)
    known = facts.manifest.until
    if known is not None and since > known:
        msg = f"{out} has what changed until {instant(known)}; give --since {instant(known)}, or an earlier instant"
        raise UsageError(msg)
    with alone_in(out), temporary_folder("facts", out) as made:
        with closing(sqlite3.connect(made / "changes.sqlite")) as database:
            database.executescript(_TABLES)
            changes = _Changes(database, facts, setup)
            with new_file(made / FAILURES) as failures, _found(source, made, setup, since, changes) as found:
                for item in found:
                    outcome = changes.take(item)
                    _note(outcome, failures, changes)
                    tell(outcome)
                current = until if isinstance(source, ServerSource) else known
                manifest = _written(facts, changes, made, failures, current)
        (made / FAILURES).replace(made / manifest.data / FAILURES)
        replace(out, made / manifest.data, manifest)
    return manifest


_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE change (patient INTEGER PRIMARY KEY, part INTEGER, place TEXT, whole INTEGER, contents BLOB);
CREATE TABLE gone (patient INTEGER PRIMARY KEY);
"""


class _Changes:
    """What has changed, by patient. `deleted`, `medications`: by Type/id, since nobody says whose they are."""

    def __init__(self, database: sqlite3.Connection, facts: Facts, setup: Setup) -> None:
        self.terminology = setup.terminology
        self.rows = Rows(setup.terminology, setup.policy)
        self.deleted: frozenset[str] = frozenset()
        self.medications: dict[str, Resource] = {}
        self.failed = 0
        self._database = database
        self._facts = facts

    def take(self, item: Found) -> PatientOutcome | LeftOut:
        """Keep what was found of a patient, until the parts are written. Who can't be read is no longer in the facts.

        Raises InputError for what can't be read and may be anybody's: their facts would silently be old.
        """
        if isinstance(item, LeftOut):
            return item
        if isinstance(item, Unread):
            if not (item.subject or "").startswith(f"{_PATIENT}/"):
                msg = f"{item.place}: {item.reason}; whose that is nobody knows, so that nothing was changed"
                raise InputError(msg)
            self._leave_out(key_of(item.subject or "", ""))
            return PatientOutcome(item.place, item.subject, failure=item.reason)
        found = item.contents
        try:
            subject = read_record(found, self.terminology).subject
            contents = self._with_replaced(item, found, subject)
        except InputError as error:
            for each in found.resources:
                if each.type == _PATIENT:
                    self._leave_out(key_of(each.key, item.place))
            return PatientOutcome(item.place, failure=str(error))
        self.deleted |= found.deleted
        key = key_of(subject, item.place)
        row = (key, part_of(key, self._facts.manifest.parts), item.place, item.whole, encoded(contents))
        self._database.execute("INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?)", row)
        return PatientOutcome(item.place, subject)

    def _with_replaced(self, item: PatientInput, contents: Contents, subject: str) -> Contents:
        """The contents with the records of those whom the patient has replaced, who are no longer any by themselves."""
        replaced = {key_of(each.key, "") for each in contents.resources if each.type == _PATIENT and each.id}
        for key in replaced - {key_of(subject, item.place)}:
            self._leave_out(key)
            if not item.whole:
                for _, _, held in self._facts.records({key}):
                    contents = merged(contents, held)
        return contents

    def _leave_out(self, key: int) -> None:
        self._database.execute("INSERT OR IGNORE INTO gone VALUES (?)", (key,))

    def complete(self, store: Store) -> None:
        """Give a store of changes the Patients whom it lacks; and take from it what is nobody's in particular."""
        self.deleted = store.deleted()
        self.medications = {each.key: each for each in store.medications()}
        absent = {key_of(name, ""): name for name in store.absent() if name.startswith(f"{_PATIENT}/")}
        for _, place, contents in self._facts.records(absent.keys()):
            for each in contents.resources:
                if each.type == _PATIENT:
                    store.add(each, place)

    def of_part(self, part: int) -> dict[int, bool]:
        """The patients of a part who have changed, and whether what was found of them is all."""
        found = self._database.execute("SELECT patient, whole FROM change WHERE part = ?", (part,))
        return {key: bool(whole) for key, whole in found}

    def of_patient(self, patient: int) -> tuple[str, Contents] | None:
        """The place and the contents of a change."""
        query = "SELECT place, contents FROM change WHERE patient = ?"
        row = self._database.execute(query, (patient,)).fetchone()
        return None if row is None else (row[0], decoded(row[1]))

    def gone(self) -> frozenset[int]:
        """Patients who have been replaced by others, or can't be read."""
        return frozenset(row[0] for row in self._database.execute("SELECT patient FROM gone"))

    def touches(self, contents: Contents) -> bool:
        """Whether something in a record is deleted, or is a Medication that has changed."""
        return any(each.key in self.deleted or each.key in self.medications for each in contents.resources)

    def applied(self, held: Contents) -> Contents:
        """A record as it is kept, without what is deleted, and with the Medications as they are now."""
        kept = tuple(each for each in held.resources if each.key not in self.deleted)
        fresh = tuple(self.medications[each.key] for each in kept if each.key in self.medications)
        remaining = structs.replace(held, resources=kept)
        return merged(Contents(fresh), remaining) if fresh else remaining


@contextmanager
def _found(
    source: Path | ServerSource, work: Path, setup: Setup, since: datetime, changes: _Changes
) -> Iterator[Iterable[Found]]:
    if isinstance(source, ServerSource):
        with open_patients(source, setup, SUBJECT_TYPES, since) as patients:
            yield patients.fetch(patients.ids, 2 * source.server.max_concurrent)
    else:
        with open_store(work) as store:
            yield patients_of(find_files(source), store, changes.complete)


def _note(outcome: PatientOutcome | LeftOut, failures: IO[bytes], changes: _Changes) -> None:
    if isinstance(outcome, PatientOutcome) and outcome.failure is not None:
        failures.write(failure_line(outcome))
        changes.failed += 1


def _written(facts: Facts, changes: _Changes, made: Path, failures: IO[bytes], until: datetime | None) -> Manifest:
    """Write all parts anew into a folder inside `made`."""
    name = next_data(facts.folder)
    (made / name).mkdir()
    changes.rows.coded.update({row[0]: row for row in facts.coded()})
    parts = facts.manifest.parts
    with Writer(made / name, parts, new_file) as writer:
        writing = _Writing(facts, changes, writer)
        for part in range(parts):
            for outcome in writing.part(part):
                _note(outcome, failures, changes)
        for line in facts.failures():
            failures.write(line + b"\n")
        writer.close(changes.rows.coded)
    return structs.replace(
        facts.manifest,
        data=name,
        until=until,
        patients=writing.patients,
        failed=changes.failed + sum(1 for _ in facts.failures()),
    )


class _Writing:
    """Writes one part after another; `patients`: how many there are then."""

    def __init__(self, facts: Facts, changes: _Changes, writer: Writer) -> None:
        self.patients = 0
        self._facts = facts
        self._changes = changes
        self._writer = writer
        self._gone = changes.gone()
        self._next = 1 + max(
            (max(found) for found in map(self._numbers, range(facts.manifest.parts)) if found), default=0
        )

    def part(self, part: int) -> Iterator[PatientOutcome]:
        """Write a part; yields who can't be read as they are now."""
        changed = self._changes.of_part(part)
        if self._changes.deleted or self._changes.medications:
            held = self._facts.records_of(part)
            touched = {key for key, _, contents in held if key not in changed and self._changes.touches(contents)}
            changed.update(dict.fromkeys(touched, False))
        numbers = self._known(part, changed)
        self._keep(part, frozenset(changed) | self._gone)
        waiting = dict.fromkeys(key for key in changed if key not in self._gone)
        parts_of_records = frozenset(key for key in waiting if not changed[key])
        for key, place, contents in self._facts.records_of(part, parts_of_records):
            del waiting[key]
            yield from self._add(key, place, self._changes.applied(contents), numbers.get(key))
        for key in waiting:
            yield from self._add(key, "", None, numbers.get(key))

    def _add(self, key: int, place: str, held: Contents | None, number: int | None) -> Iterator[PatientOutcome]:
        sent = self._changes.of_patient(key)
        try:
            if sent is None:
                contents = held or Contents()
            else:
                place, contents = sent[0], sent[1] if held is None else merged(sent[1], held)
            if not any(each.type == _PATIENT for each in contents.resources):
                return  # deleted
            record = read_record(contents, self._changes.terminology)
            if number is None:
                number, self._next = self._next, self._next + 1
            self._writer.add(*self._changes.rows.of(record, contents, place, number))
            self.patients += 1
        except InputError as error:
            yield PatientOutcome(place, failure=str(error))

    def _keep(self, part: int, changed: frozenset[int]) -> None:
        """The rows of all others, as they are."""
        others = pa.array(sorted(changed), pa.int64())
        for table in TABLES:
            for batch in self._facts.batches(table, part):
                kept = batch.filter(pc.invert(pc.is_in(batch.column("patient"), value_set=others)))
                self._writer.keep(part, table, kept)
                self.patients += kept.num_rows if table == "patients" else 0

    def _numbers(self, part: int) -> list[int]:
        batches = self._facts.batches("patients", part, ["number"])
        return [pc.max(batch.column("number")).as_py() for batch in batches if batch.num_rows]

    def _known(self, part: int, changed: dict[int, bool]) -> dict[int, int]:
        found: dict[int, int] = {}
        for batch in self._facts.batches("patients", part, ["patient", "number"]):
            both = zip(batch.column("patient").to_pylist(), batch.column("number").to_pylist(), strict=True)
            found.update({key: number for key, number in both if key in changed})
        return found
