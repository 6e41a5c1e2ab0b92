"""Sorts resources by patient on disk, so that memory doesn't grow with their number.

A temporary SQLite file beside the results, readable by its owner only and removed at the end. It also remembers which
patients were seen, so that one whose data lie in two Bundles is named instead of being judged on half a record.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.record.bundle import Resource
from adapter.record.contents import Contents
from adapter.record.facts import Issue
from adapter.record.references import Owner, PatientNames, name_of, names_of, owner_of, plain_names
from adapter.screening.private import disk_failures, temporary_folder
from adapter.screening.source import Found, PatientInput, Unread

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE patient (number INTEGER PRIMARY KEY, name TEXT, place TEXT, replaced_by TEXT, kept INTEGER);
CREATE TABLE name (name TEXT PRIMARY KEY, patient INTEGER) WITHOUT ROWID;
CREATE TABLE resource (number INTEGER PRIMARY KEY, key TEXT, owner TEXT, medication TEXT, place TEXT, content BLOB);
CREATE TABLE medication (name TEXT PRIMARY KEY, content BLOB);
CREATE TABLE deleted (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE number (number TEXT PRIMARY KEY, subject TEXT, place TEXT) WITHOUT ROWID;
"""

_INDEXES = "CREATE INDEX by_owner ON resource (owner); CREATE INDEX by_patient ON name (patient);"

_OF_PATIENT = "SELECT name FROM name WHERE patient = ?"

_OWNED = f"""
SELECT content FROM resource WHERE owner IN ({_OF_PATIENT}) ORDER BY number
"""  # noqa: S608  # constants only

_MEDICATIONS = f"""
SELECT content FROM medication WHERE name IN
    (SELECT medication FROM resource WHERE owner IN ({_OF_PATIENT})) ORDER BY name
"""  # noqa: S608  # constants only

_DELETE = """
DELETE FROM resource WHERE key IN deleted;
DELETE FROM medication WHERE name IN deleted;
DELETE FROM name WHERE patient IN (SELECT number FROM patient WHERE name IN deleted);
DELETE FROM patient WHERE name IN deleted;
"""

_ORPHANS = """
SELECT resource.owner, count(*), resource.place, patient.place FROM resource
LEFT JOIN name ON name.name = resource.owner LEFT JOIN patient ON patient.number = name.patient
WHERE patient.kept IS NOT 1 GROUP BY resource.owner ORDER BY min(resource.number)
"""  # SQLite takes the bare columns from the row of the minimum

_ABSENT = """
SELECT owner FROM resource WHERE owner NOT IN (SELECT name FROM name)
UNION SELECT replaced_by FROM patient WHERE replaced_by NOT IN (SELECT name FROM name) ORDER BY 1
"""

MEDICATION = "Medication"

_content = msgspec.msgpack.Encoder()
_resource = msgspec.msgpack.Decoder(Resource)


@contextmanager
def open_store(
    folder: Path, types: frozenset[str] = SUBJECT_TYPES, lacking: frozenset[str] = frozenset()
) -> Iterator["Store"]:
    """A store in a temporary place inside `folder`, of what studies read that read resources of some types.

    `lacking`: those that the source gave away nothing of.
    """
    with (
        disk_failures(folder),
        temporary_folder("grouping", folder) as place,
        closing(sqlite3.connect(place / "resources.sqlite")) as database,
    ):
        database.executescript(_TABLES)
        yield Store(database, types, lacking)


class Sorting(Protocol):
    """Who takes what is read of a source, to sort it by patient; `Store` is one."""

    def claim(self, patient: Resource, place: str) -> str | None:
        """As `Store.claim`."""

    def add(self, resource: Resource, place: str) -> Unread | None:
        """As `Store.add`."""

    def keeps(self, resource: Resource) -> bool:
        """As `Store.keeps`."""

    def delete(self, keys: Iterable[str]) -> None:
        """As `Store.delete`."""

    def unread(self, parts: Iterable[Unread]) -> Iterator[Unread]:
        """As `Store.unread`."""


def sorted_by(resource: Resource, place: str) -> PatientNames | Owner | Unread | None:
    """What a resource is sorted by: a Patient's names, or whose another one is; None where that is no patient.

    Unread where that can't be said.
    """
    try:
        if resource.type == "Patient":
            names = names_of(resource)
            nameless = "a Patient without id, fullUrl and identifier; nothing can refer to it"
            return names if names.names else Unread(place, nameless)
        owner = owner_of(resource)
    except msgspec.DecodeError as error:
        return Unread(place, f"{resource.key} can't be read: {error}")
    if owner.patient is None:
        return Unread(place, f"{resource.key} names no patient; add its subject")
    return owner if owner.patient.startswith(("Patient/", "urn:")) or "|" in owner.patient else None


def medication_names(resource: Resource) -> set[str]:
    """What a Medication is called."""
    return {name for name in (resource.key, name_of(resource.full_url) if resource.full_url else "") if name}


class Store:
    """Resources by patient; `add` them all, then take the `patients`."""

    def __init__(
        self, database: sqlite3.Connection, types: frozenset[str], lacking: frozenset[str] = frozenset()
    ) -> None:
        """Take an open database with the tables above."""
        self._database = database
        self._types = SUBJECT_TYPES | types
        self._lacking = lacking
        self._unread = 0
        self._first_unread = ""

    def claim(self, patient: Resource, place: str) -> str | None:
        """Note a patient whose data are read straight from one Bundle; the earlier place if they were seen before."""
        names = plain_names(patient)[:1]
        return self._note(PatientNames(tuple(names), None), place, kept=False) if names else None

    def of_another(self, numbers: Iterable[tuple[str, str]], subject: str, place: str) -> str | None:
        """Note a patient's numbers, as (system, value); what is to be said where another one has one of them.

        What stands where nobody knows a number ("unbekannt", 000000) is none.
        """
        told = None
        for system, value in numbers:
            row = (f"{system}|{value}", subject, place)
            is_number = system and any(each.isdigit() and each != "0" for each in value)
            if is_number and not self._database.execute("INSERT OR IGNORE INTO number VALUES (?, ?, ?)", row).rowcount:
                query = "SELECT subject, place FROM number WHERE number = ?"
                other, where = self._database.execute(query, row[:1]).fetchone()
                told = told or (None if other == subject else _two_of_one(subject, other, where, system))
        return told

    def add(self, resource: Resource, place: str) -> Unread | None:
        """Keep a resource, or say why that can't be; types that no criterion reads are not kept."""
        if resource.type == MEDICATION:
            for name in medication_names(resource):
                self._database.execute(
                    "INSERT OR REPLACE INTO medication VALUES (?, ?)", (name, _content.encode(resource))
                )
            return None
        found = sorted_by(resource, place) if self.keeps(resource) or resource.type == "Patient" else None
        if isinstance(found, Unread):
            return found
        if isinstance(found, PatientNames):
            return self._add_patient(resource, found, place)
        if isinstance(found, Owner) and found.patient is not None:
            self._keep(found.patient, found.medication, place, resource)
        return None

    def keeps(self, resource: Resource) -> bool:
        """Whether a resource is a patient's, and of a type that is read."""
        return resource.type in self._types

    def delete(self, keys: Iterable[str]) -> None:
        """Take resources (by Type/id) out again, whenever they were or will be added: an export says they are gone."""
        self._database.executemany("INSERT OR IGNORE INTO deleted VALUES (?)", ((key,) for key in keys))

    def absent(self) -> Iterator[str]:
        """The names of patients to whom something here belongs, and who are not here."""
        for row in self._database.execute(_ABSENT):
            yield row[0]

    def deleted(self) -> frozenset[str]:
        """The resources (by Type/id) that are gone."""
        return frozenset(row[0] for row in self._database.execute("SELECT key FROM deleted"))

    def medications(self) -> Iterator[Resource]:
        """The Medications that were added."""
        for row in self._database.execute("SELECT content FROM medication ORDER BY name"):
            yield _resource.decode(row[0])

    def unread(self, parts: Iterable[Unread]) -> Iterator[Unread]:
        """Note parts that can't be read, and hand them on: whose they are nobody knows, so any record may lack them."""
        for part in parts:
            self.lacks(1, part.place)
            yield part

    def lacks(self, parts: int, first: str) -> None:
        """Note that so many parts of the source can't be read, the first of them at a place."""
        self._unread += parts
        self._first_unread = self._first_unread or first

    def patients(self) -> Iterator[Found]:
        """Each patient with all their resources, in the order of first appearance; then what belongs to nobody."""
        self._database.executescript(_DELETE + _INDEXES)
        problems = self._problems()
        self._follow_replacements()
        current = "SELECT number, place FROM patient WHERE kept AND replaced_by IS NULL ORDER BY number"
        for number, place in self._database.execute(current):
            rows = (row for query in (_OWNED, _MEDICATIONS) for row in self._database.execute(query, (number,)))
            resources = tuple(_resource.decode(row[0]) for row in rows)
            yield PatientInput(place, Contents(resources, problems=problems, lacking=self._lacking), whole=False)
        for owner, count, place, bundle in self._database.execute(_ORPHANS):
            reason = f"no Patient in the source is {owner}, whose {count} resources begin here; add the Patient"
            if bundle is not None:
                reason = f"{count} resources of {owner} begin here, apart from the Bundle {bundle}; put them into it"
            yield Unread(place, reason, owner)

    def _problems(self) -> tuple[Issue, ...]:
        if not self._unread:
            return ()
        message = (
            f"{self._unread} parts of the source can't be read (the first: {self._first_unread}); data may be missing"
        )
        return (Issue("source", "source", message),)

    def _note(self, names: PatientNames, place: str, *, kept: bool) -> str | None:
        known = self._database.execute(
            "SELECT place FROM patient JOIN name ON patient.number = name.patient WHERE name.name = ?", names.names[:1]
        ).fetchone()
        if known is not None:
            return str(known[0])
        number = self._database.execute(
            "INSERT INTO patient (name, place, replaced_by, kept) VALUES (?, ?, ?, ?)",
            (names.names[0], place, names.replaced_by, kept),
        ).lastrowid
        self._database.executemany("INSERT OR IGNORE INTO name VALUES (?, ?)", ((name, number) for name in names.names))
        return None

    def _add_patient(self, resource: Resource, names: PatientNames, place: str) -> Unread | None:
        name = names.names[0]
        earlier = self._note(names, place, kept=True)
        if earlier is not None and self._is_claimed(name):
            return seen_twice(name, earlier, place)
        self._keep(name, None, place, resource)
        return None

    def _is_claimed(self, name: str) -> bool:
        query = "SELECT kept FROM patient JOIN name ON patient.number = name.patient WHERE name.name = ?"
        return not self._database.execute(query, (name,)).fetchone()[0]

    def _keep(self, owner: str, medication: str | None, place: str, resource: Resource) -> None:
        self._database.execute(
            "INSERT INTO resource (key, owner, medication, place, content) VALUES (?, ?, ?, ?, ?)",
            (resource.key, owner, medication, place, _content.encode(resource)),
        )

    def _follow_replacements(self) -> None:
        """Give the names of a replaced patient to the one who stands in their place, if the source holds them."""
        replaced = self._database.execute("SELECT number, replaced_by FROM patient WHERE replaced_by IS NOT NULL")
        for number, name in replaced.fetchall():
            target = self._database.execute("SELECT patient FROM name WHERE name = ?", (name,)).fetchone()
            if target is None or target[0] == number:
                self._database.execute("UPDATE patient SET replaced_by = NULL WHERE number = ?", (number,))
            else:
                self._database.execute("UPDATE name SET patient = ? WHERE patient = ?", (target[0], number))


def _two_of_one(subject: str, other: str, where: str, system: str) -> str:
    """Two patients of whom a number says that they are one person."""
    return (
        f"{subject} and {other} (in {where}) have one number of {system}: one person, or a wrong number; each is "
        "judged without what the other's data say, so put both into one Bundle, or load them on one server"
    )


def seen_twice(name: str, earlier: str, place: str) -> Unread:
    """A patient who was found in another Bundle before."""
    return Unread(place, f"{name} is in {earlier} already; put a patient's data in one Bundle", name)
