"""Runs a conversion: units of a source in, Bundles, rejections and the list of unknown codes out.

What appears in the folder: `bundles/` with a transaction Bundle a patient, `rejected.ndjson` with everything that could
not be used. They appear when all is done, or not at all, and only their owner may read them. Converted resources are
gathered by patient on disk, so that memory doesn't grow with their number: in a temporary SQLite file beside the
results, readable by its owner only and removed at the end.
"""

import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.fhir.elements import Json
from adapter.screening.private import alone_in, new_file, temporary_folder
from mappings.patient import Converted, PatientKey, PatientPart, Rejected, Unit, encode, provenance
from mappings.patient.converted import entry, patient_entry, transaction
from mappings.patient.local_codes import Key, Tally, Unknown, concept_map, with_codes

BUNDLES = "bundles"
REJECTED = "rejected.ndjson"
_OWN = 41  # characters of an id (mappings.patient.converted)


@dataclass(slots=True)
class Summary:
    """Counts of a conversion.

    `units`: rows, messages or table parts that were converted. `resources` by type. `rejected`: single values.
    `lost`: whole rows or messages. `unknown`: different codes that no map knows.
    """

    units: int = 0
    patients: int = 0
    resources: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    lost: int = 0
    unknown: int = 0


class UnknownCodes:
    """The codes of one conversion; with a file, they are listed there."""

    def __init__(self, file: Path | None) -> None:
        """Read the file, if there is one yet. Raises DefinitionError if it is no ConceptMap."""
        self._file = file
        self._seen: dict[Key, Tally] = {}
        self._earlier = None
        if file is not None and file.exists():
            try:
                self._earlier = msgspec.json.decode(file.read_bytes())
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                msg = f"{file}: not JSON ({error}); name another file for --unmapped"
                raise DefinitionError(msg) from error
            concept_map({}, self._earlier, name=str(file))

    def add(self, unknown: Iterable[Unknown]) -> None:
        """Count codes."""
        for each in unknown:
            key = (each.system, each.target, each.code)
            tally = self._seen.get(key)
            if tally is None:
                tally = self._seen[key] = Tally()
            tally.add(each)

    def write(self) -> int:
        """Write the file, if one was named; the number of different codes."""
        if self._file is not None and (self._seen or self._earlier is None):
            made = concept_map(self._seen, self._earlier, name=str(self._file))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_name(f".{self._file.name}.partial")  # what people filled in stays where it fails
            try:
                with new_file(fresh) as file:
                    file.write(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
                fresh.replace(self._file)
            finally:
                fresh.unlink(missing_ok=True)
        return len(self._seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Where a conversion writes and what it knows.

    `out`: the folder. `terminology`: with the site's ConceptMaps. `unmapped`: the file that lists unknown codes.
    """

    out: Path
    terminology: Terminology
    unmapped: Path | None = None


def convert(units: Iterable[Unit], conversion: Conversion, tell: Callable[[Unit], None] = lambda _: None) -> Summary:
    """Convert everything; `tell` hears of each unit. Raises what the source raises, and UsageError for a bad folder."""
    out = conversion.out
    _check_is_ours(out / BUNDLES)
    summary, codes = Summary(), UnknownCodes(conversion.unmapped)
    with alone_in(out), temporary_folder("convert", out) as fresh, open_spool(fresh) as spool:
        with new_file(fresh / REJECTED) as rejected:
            for unit in units:
                tell(unit)
                if isinstance(unit, Rejected):
                    rejected.write(msgspec.json.encode(_rejection(unit)) + b"\n")
                    summary.lost += unit.whole
                    summary.rejected += not unit.whole
                else:
                    _keep(unit, spool, codes, conversion.terminology)
                    summary.units += 1
        (fresh / BUNDLES).mkdir(mode=0o700)
        for name, bundle in spool.bundles():
            (fresh / BUNDLES / f"{name}.json").write_bytes(bundle + b"\n")
        summary.patients, summary.resources = spool.counts()
        summary.unknown = codes.write()
        rmtree(out / BUNDLES, ignore_errors=True)
        for made in (BUNDLES, REJECTED):
            (fresh / made).replace(out / made)
    return summary


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


def _keep(unit: Converted, spool: Spool, codes: UnknownCodes, terminology: Terminology) -> None:
    """Gather a unit's resources, mapped where a map knows their codes, with their Provenance."""
    coded = [with_codes(each, terminology) for each in unit.resources]
    codes.add(unknown for _, each in coded for unknown in each)
    resources = [resource for resource, _ in coded]
    if resources:
        targets = [{"reference": f"{each['resourceType']}/{each['id']}"} for each in resources]
        resources.append(provenance(unit, targets))
    spool.add(unit.patients, resources)


def _rejection(unit: Rejected) -> dict[str, str | bool]:
    return {
        "place": unit.place,
        "field": unit.field,
        "value": unit.value,
        "reason": unit.reason,
        "whole": unit.whole,
    }


def _check_is_ours(folder: Path) -> None:
    """Earlier results are replaced as a whole; a folder with anything else in it is not touched."""
    if folder.exists() and not (folder.is_dir() and all(_is_ours(path) for path in folder.iterdir())):
        msg = f"{folder} holds what no conversion wrote; choose another --out"
        raise UsageError(msg)


def _is_ours(path: Path) -> bool:
    return path.suffix == ".json" and len(path.stem) == _OWN and path.stem.isalnum()
