"""Converted units -> a Bundle a patient, with memory that doesn't grow with their number.

A patient's rows mostly stand together, so each Bundle is written as soon as some megabytes of units have come. Of who
comes again, is said to be another one too, or is otherwise than before, the Bundle is made anew at the end: of itself,
and of what has come since, which waits in a SQLite file, readable by its owner only.
"""

import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct, field

from adapter.fhir.elements import BASE, Json
from adapter.screening.private import disk_failures, write_new
from mappings.patient import PatientKey, PatientPart, encode
from mappings.patient.converted import patient_text, transaction

_AT_HAND = 10_000
"""Patients whose demographics are kept in memory beside the file."""
_MOST_WAITING = 1 << 22
"""Characters of units that are kept in memory before they are written."""

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE patient (id TEXT PRIMARY KEY, number INTEGER, gathered TEXT, part BLOB, state INTEGER, written BLOB)
    WITHOUT ROWID;
CREATE TABLE unit (number INTEGER PRIMARY KEY, patient TEXT, names TEXT, entries TEXT);  -- a line each: JSON has none
"""
_NEW = """
INSERT INTO patient VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET part = excluded.part, state = excluded.state, written = excluded.written
"""
_KNOWN = "SELECT number, part, state, written FROM patient WHERE id = ?"
_LEFT = """
SELECT gathered, id, part, written FROM patient WHERE state <> 1
ORDER BY min(number) OVER (PARTITION BY gathered), id <> gathered, number
"""
_UNITS = "SELECT number, names, entries FROM unit WHERE patient IN ({}) ORDER BY number"
_GATHER = """
UPDATE patient SET gathered = ?, state = 2 WHERE gathered IN (SELECT gathered FROM patient WHERE id IN ({}))
"""


class _Stored(Struct):
    """A PatientPart as it is stored."""

    system: str
    value: str
    leads: bool
    elements: Json


class _Entry(Struct):
    """What names an entry."""

    address: str = field(name="fullUrl")


class _Bundle(Struct):
    """A Bundle that has been written."""

    entry: list[Raw]


_Written = list[tuple[int, int]]
"""The units of which a Bundle was written, in order: the number of each, and how many entries it has first brought."""

_decoder = msgspec.json.Decoder(_Stored)
_written = msgspec.json.Decoder(_Written)
_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(_Entry)
_HEAD, _TAIL = encode(transaction([])).decode().split("[]")
_ADDRESS = len(f"{BASE}/")


class _Unit(NamedTuple):
    """What a unit gave: its number, and entries in JSON by type and id."""

    number: int
    entries: Mapping[str, str]


class _Left(NamedTuple):
    """A patient whose Bundle is made at the end, `gathered` under another, or the same; the rest as it is stored."""

    gathered: str
    id: str
    part: bytes
    written: bytes


class _State(IntEnum):
    """Whether the Bundle of a patient is still to be written, is whole, or is to be made anew at the end."""

    NEW = 0
    WHOLE = 1
    ANEW = 2


@dataclass(slots=True)
class _Patient:
    """What is known of a patient: the place in their order, what was said, and the units whose Bundle is written."""

    number: int
    part: PatientPart
    state: _State = _State.NEW
    written: _Written = dataclasses.field(default_factory=list)


class Spool:
    """Units by patient; a later resource of the same id replaces an earlier one, in its place.

    An id is made of the patient's key among others (`mappings.patient.made`), so it is one patient's.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        """Use an empty database and an empty folder. `patients` and `resources` count what was written."""
        self._connection = connection
        self._connection.executescript(_TABLES)
        self._folder = folder
        self._count = 0
        self._number = 0
        self._seen: dict[str, _Patient] = {}
        self._are_stored = False
        self._units: dict[str, list[_Unit]] = {}
        self._waiting = 0
        self.patients = 0
        self.resources: Counter[str] = Counter()

    def add(self, patients: tuple[PatientPart, ...], entries: Mapping[str, str]) -> None:
        """Add what one unit gave: the first patient's resources, as entries in JSON by type and id."""
        for part in patients:
            self._add_patient(part)
        if len(patients) > 1:
            self._gather([part.key.id for part in patients])
        if entries:
            self._number += 1
            self._units.setdefault(patients[0].key.id, []).append(_Unit(self._number, entries))
            self._waiting += sum(map(len, entries.values()))
            if self._waiting > _MOST_WAITING:
                self._write_units()

    def finish(self) -> None:
        """Write what is not written yet; nothing can be added any more."""
        self._write_units()
        if not self._are_stored:  # of whom all is written nobody will ask
            self._seen = {id_: each for id_, each in self._seen.items() if each.state is not _State.WHOLE}
        self._store_patients()
        self._connection.execute("CREATE INDEX by_patient ON unit (patient, number)")
        for name, group in groupby(self._connection.execute(_LEFT), itemgetter(0)):
            self._write_anew(name, [_Left(*row) for row in group])

    def _add_patient(self, part: PatientPart) -> None:
        """Keep what all units say of a patient; what the last ones said is at hand."""
        known = self._known(part.key.id)
        if known is None:
            self._count += 1
            known = _Patient(self._count, part)
        else:
            elements = _merged(known.part.elements, part.elements)
            merged = PatientPart(key=part.key, elements=elements, leads=known.part.leads or part.leads)
            if merged != known.part:
                known.part = merged
                known.state = _State.ANEW if known.state else _State.NEW
        if len(self._seen) >= _AT_HAND:
            self._store_patients()
        self._seen[part.key.id] = known

    def _known(self, id_: str) -> _Patient | None:
        found = self._seen.get(id_)
        if found is not None or not self._are_stored:
            return found
        row = self._connection.execute(_KNOWN, (id_,)).fetchone()
        if row is None:
            return None
        number, part, state, written = row
        return _Patient(number, _part(part), _State(state), _written.decode(written))

    def _store_patients(self) -> None:
        rows = (
            (id_, each.number, id_, _stored(each.part), each.state, encode(each.written))
            for id_, each in self._seen.items()
        )
        self._connection.executemany(_NEW, rows)
        self._seen.clear()
        self._are_stored = True

    def _gather(self, ids: list[str]) -> None:
        """Keep several patients, and whoever was gathered with them, together under the first."""
        self._store_patients()
        self._connection.execute(_GATHER.format(_marks(ids)), (ids[0], *ids))

    def _write_units(self) -> None:
        """Write the Bundles of who is new, and keep what others have further said."""
        kept: list[tuple[int, str, str, str]] = []
        for id_, units in self._units.items():
            patient = self._known(id_)
            if patient is None:  # a unit's patients are added before it
                raise KeyError(id_)
            self._seen[id_] = patient
            if patient.state is _State.NEW:
                entries, patient.written = _once(units)
                self._write(id_, [patient.part], entries)
                patient.state = _State.WHOLE
            else:
                kept += [(number, id_, "\n".join(found), "\n".join(found.values())) for number, found in units]
                patient.state = _State.ANEW
        self._connection.executemany("INSERT INTO unit VALUES (?, ?, ?, ?)", kept)
        self._units.clear()
        self._waiting = 0

    def _write_anew(self, name: str, people: list[_Left]) -> None:
        """The Bundle of people who are one, of those that were written of them and all that has come since."""
        ids = [each.id for each in people]
        units = [unit for each in people for unit in self._taken_back(each)]
        for number, names, entries in self._connection.execute(_UNITS.format(_marks(ids)), ids):
            units.append(_Unit(number, dict(zip(names.split("\n"), entries.split("\n"), strict=True))))
        units.sort(key=itemgetter(0))
        self._write(name, [_part(each.part) for each in people], _once(units)[0])

    def _taken_back(self, patient: _Left) -> Iterator[_Unit]:
        """The units of a Bundle that was written, which is removed."""
        written = _written.decode(patient.written)
        if not written:
            return
        path = self._folder / f"{patient.id}.json"
        _, *entries = _bundle.decode(path.read_bytes()).entry  # behind the Patient
        path.unlink()
        names = [_entry.decode(each).address[_ADDRESS:] for each in entries]
        self.patients -= 1
        self.resources.subtract([each[: each.index("/")] for each in names])
        found = iter([(name, bytes(each).decode()) for name, each in zip(names, entries, strict=True)])
        for number, count in written:
            yield _Unit(number, dict(islice(found, count)))

    def _write(self, name: str, people: list[PatientPart], entries: Mapping[str, str]) -> None:
        held = ",".join([*map(patient_text, people), *entries.values()])
        write_new(f"{self._folder}/{name}.json", f"{_HEAD}[{held}]{_TAIL}\n".encode())
        self.patients += len(people)
        self.resources.update([each[: each.index("/")] for each in entries])


def _once(units: Sequence[_Unit]) -> tuple[Mapping[str, str], _Written]:
    """The entries of units by name, and how many each has first brought."""
    if len(units) == 1:
        return units[0].entries, [(units[0].number, len(units[0].entries))]
    found: dict[str, str] = {}
    written: _Written = []
    for number, entries in units:
        before = len(found)
        found.update(entries)
        written.append((number, len(found) - before))
    return found, written


def _marks(ids: Sequence[str]) -> str:
    return ", ".join("?" * len(ids))


def _merged(earlier: Json, later: Json) -> Json:
    """The elements of both; a later one goes before an earlier one, and of `deceased` there is only one."""
    died = any(name.startswith("deceased") for name in later)
    kept = {name: value for name, value in earlier.items() if not (died and name.startswith("deceased"))}
    return kept | later


def _stored(part: PatientPart) -> bytes:
    key = part.key
    return encode({"system": key.system, "value": key.value, "leads": part.leads, "elements": part.elements})


def _part(body: bytes) -> PatientPart:
    stored = _decoder.decode(body)
    return PatientPart(key=PatientKey(stored.system, stored.value), elements=stored.elements, leads=stored.leads)


@contextmanager
def open_spool(folder: Path, bundles: Path) -> Iterator[Spool]:
    """A spool on disk in a folder, which writes into another. Raises OSError where nothing can be written there."""
    with disk_failures(folder), closing(sqlite3.connect(folder / "spool.sqlite", isolation_level=None)) as connection:
        spool = Spool(connection, bundles)
        connection.execute("BEGIN")
        yield spool
