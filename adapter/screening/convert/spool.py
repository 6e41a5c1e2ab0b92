"""Gathers converted resources by patient on disk, so that memory doesn't grow with their number.

A temporary SQLite file beside the results, readable by its owner only and removed at the end.
"""

import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from adapter.fhir.elements import Json
from mappings.patient import PatientKey, PatientPart, encode
from mappings.patient.bundle import entry, patient_entry, transaction

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE patient (id TEXT PRIMARY KEY, number INTEGER, gathered TEXT, part BLOB) WITHOUT ROWID;
CREATE TABLE resource (number INTEGER PRIMARY KEY, type TEXT, id TEXT, patient TEXT, body BLOB, UNIQUE (id, type));
"""
_PUT = """
INSERT INTO resource (type, id, patient, body) VALUES (?, ?, ?, ?)
ON CONFLICT (id, type) DO UPDATE SET patient = excluded.patient, body = excluded.body
"""
_GATHERED = "SELECT part FROM patient WHERE gathered = ? ORDER BY id <> gathered, number"
_RESOURCES = """
SELECT type, id, body FROM resource WHERE patient IN (SELECT id FROM patient WHERE gathered = ?) ORDER BY number
"""


class _Stored(msgspec.Struct):
    """A PatientPart as it is stored."""

    system: str
    value: str
    leads: bool
    elements: Json


_decoder = msgspec.json.Decoder(_Stored)


class Spool:
    """Resources by patient; a later resource of the same id replaces an earlier one, in its place."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use an empty database."""
        self._connection = connection
        self._connection.executescript(_TABLES)
        self._count = 0

    def add(self, patients: tuple[PatientPart, ...], resources: Iterable[Json]) -> None:
        """Add what one unit gave; the resources are the first patient's."""
        first = patients[0].key.id
        for part in patients:
            self._add_patient(part)
        if len(patients) > 1:
            self._gather([part.key.id for part in patients])
        rows = ((each["resourceType"], each["id"], first, encode(each)) for each in resources)
        self._connection.executemany(_PUT, rows)

    def _add_patient(self, part: PatientPart) -> None:
        key, elements, leads = part.key, part.elements, part.leads
        known = self._connection.execute("SELECT part FROM patient WHERE id = ?", (key.id,)).fetchone()
        if known is not None:
            stored = _decoder.decode(known[0])
            merged = _merged(stored.elements, elements)
            if merged == stored.elements and (stored.leads or not leads):
                return
            elements, leads = merged, stored.leads or leads
        body = encode({"system": key.system, "value": key.value, "leads": leads, "elements": elements})
        self._count += 1
        self._connection.execute(
            "INSERT INTO patient VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET part = excluded.part",
            (key.id, self._count, key.id, body),
        )

    def _gather(self, ids: list[str]) -> None:
        """Keep several patients, and whoever was gathered with them, together under the first."""
        marks = ", ".join("?" * len(ids))
        self._connection.execute(
            f"UPDATE patient SET gathered = ? WHERE gathered IN (SELECT gathered FROM patient WHERE id IN ({marks}))",  # noqa: S608  # question marks only
            (ids[0], *ids),
        )

    def counts(self) -> tuple[int, Counter[str]]:
        """The number of patients, and of resources by type."""
        (patients,) = self._connection.execute("SELECT count(*) FROM patient").fetchone()
        return patients, Counter(dict(self._connection.execute("SELECT type, count(*) FROM resource GROUP BY type")))

    def bundles(self) -> Iterator[tuple[str, bytes]]:
        """Each patient's id and Bundle as JSON, patients in the order in which they came."""
        self._connection.execute("CREATE INDEX by_patient ON resource (patient, number)")
        self._connection.execute("CREATE INDEX by_gathered ON patient (gathered)")
        names = self._connection.execute("SELECT gathered FROM patient GROUP BY gathered ORDER BY min(number)")
        for (name,) in names.fetchall():
            parts = [_part(body) for (body,) in self._connection.execute(_GATHERED, (name,))]
            found = self._connection.execute(_RESOURCES, (name,))
            entries = [patient_entry(part) for part in parts]
            entries += [entry(type_, id_, msgspec.Raw(body)) for type_, id_, body in found]
            yield name, encode(transaction(entries))


def _merged(earlier: Json, later: Json) -> Json:
    """The elements of both; a later one goes before an earlier one, and of `deceased` there is only one."""
    died = any(name.startswith("deceased") for name in later)
    kept = {name: value for name, value in earlier.items() if not (died and name.startswith("deceased"))}
    return kept | later


def _part(body: bytes) -> PatientPart:
    stored = _decoder.decode(body)
    return PatientPart(key=PatientKey(stored.system, stored.value), elements=stored.elements, leads=stored.leads)


@contextmanager
def open_spool(folder: Path) -> Iterator[Spool]:
    """A spool on disk in the folder. Raises OSError where that is full."""
    connection = sqlite3.connect(folder / "spool.sqlite", isolation_level=None)
    try:
        spool = Spool(connection)
        connection.execute("BEGIN")
        yield spool
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise
    finally:
        connection.close()
