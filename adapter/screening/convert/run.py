"""Runs a conversion: units of a source in, Bundles, rejections and the list of unknown codes out.

What appears in the folder: `bundles/` with a transaction Bundle a patient, `rejected.ndjson` with everything that could
not be used. They appear when all is done, or not at all, and only their owner may read them. Converted resources are
gathered by patient on disk, so that memory doesn't grow with their number: in a temporary SQLite file beside the
results, readable by its owner only and removed at the end.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from shutil import rmtree

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.fhir.elements import Json
from adapter.screening.private import alone_in, disk_failures, new_file, temporary_folder, write_new
from mappings.patient import Converted, PatientKey, PatientPart, Rejected, Unit, encode
from mappings.patient.converted import (
    Alike,
    Alikes,
    cut,
    entry,
    patient_entry,
    place_of,
    provenance_id,
    provenance_of,
    transaction,
)
from mappings.patient.local_codes import Coder, Key, Tally, Unknown, concept_map

BUNDLES = "bundles"
REJECTED = "rejected.ndjson"
_AT_HAND = 10_000
"""Patients whose demographics are kept in memory beside the file."""
_MOST_WAITING = 1 << 22
"""Characters of units that are kept in memory before they are written there."""
_MOST_KNOWN = 20_000
"""What many resources have in common, which is kept as it is written."""
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
    writer = _Writer(conversion.terminology, codes)
    with alone_in(out), temporary_folder("convert", out) as fresh, open_spool(fresh) as spool:
        with new_file(fresh / REJECTED) as rejected:
            for unit in units:
                tell(unit)
                if isinstance(unit, Rejected):
                    rejected.write(msgspec.json.encode(_rejection(unit)) + b"\n")
                    summary.lost += unit.whole
                    summary.rejected += not unit.whole
                else:
                    spool.add(unit.patients, writer.entries(unit))
                    summary.units += 1
        bundles = fresh / BUNDLES
        bundles.mkdir(mode=0o700)
        for name, bundle in spool.bundles():
            write_new(f"{bundles}/{name}.json", bundle)
        summary.patients, summary.resources = spool.patients, spool.resources
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
CREATE TABLE unit (number INTEGER PRIMARY KEY, patient TEXT, names TEXT, entries TEXT);
"""
_PATIENTS = (
    "SELECT gathered, id, part FROM patient ORDER BY min(number) OVER (PARTITION BY gathered), id <> gathered, number"
)
_UNITS = "SELECT names, entries FROM unit WHERE patient IN ({}) ORDER BY number"
_NEW = "INSERT INTO patient VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET part = excluded.part"


class _Stored(msgspec.Struct):
    """A PatientPart as it is stored."""

    system: str
    value: str
    leads: bool
    elements: Json


_decoder = msgspec.json.Decoder(_Stored)
_HEAD, _TAIL = encode(transaction([])).decode().split("[]")


class Spool:
    """Units by patient; a later resource of the same id replaces an earlier one, in its place.

    An id is made of the patient's key among others (`mappings.patient.made`), so it is one patient's.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use an empty database. `patients` and `resources` count what `bundles` has given."""
        self._connection = connection
        self._connection.executescript(_TABLES)
        self._count = 0
        self._seen: dict[str, tuple[int, PatientPart]] = {}
        self._are_stored = False
        self._units: list[tuple[str, str, str]] = []
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
            text = "\n".join(entries.values())  # which JSON has no other of
            self._units.append((patients[0].key.id, "\n".join(entries), text))
            self._waiting += len(text)
            if self._waiting > _MOST_WAITING:
                self._store_units()

    def _add_patient(self, part: PatientPart) -> None:
        """Keep what all units say of a patient; what the last ones said is at hand."""
        id_ = part.key.id
        number, known = self._seen.get(id_) or (0, self._stored(id_))
        if known is None:
            number = self._count = self._count + 1
        else:
            elements = _merged(known.elements, part.elements)
            merged = PatientPart(key=part.key, elements=elements, leads=known.leads or part.leads)
            part = known if merged == known else merged
        if len(self._seen) >= _AT_HAND:
            self._store_patients()
        self._seen[id_] = number, part

    def _stored(self, id_: str) -> PatientPart | None:
        """What was said of a patient who is no longer at hand."""
        if not self._are_stored:
            return None
        found = self._connection.execute("SELECT part FROM patient WHERE id = ?", (id_,)).fetchone()
        return None if found is None else _part(found[0])

    def _store_patients(self) -> None:
        rows = ((id_, number, id_, _stored(part)) for id_, (number, part) in self._seen.items())
        self._connection.executemany(_NEW, rows)
        self._seen.clear()
        self._are_stored = True

    def _store_units(self) -> None:
        self._connection.executemany("INSERT INTO unit (patient, names, entries) VALUES (?, ?, ?)", self._units)
        self._units.clear()
        self._waiting = 0

    def _gather(self, ids: list[str]) -> None:
        """Keep several patients, and whoever was gathered with them, together under the first."""
        self._store_patients()
        marks = ", ".join("?" * len(ids))
        self._connection.execute(
            f"UPDATE patient SET gathered = ? WHERE gathered IN (SELECT gathered FROM patient WHERE id IN ({marks}))",  # noqa: S608  # question marks only
            (ids[0], *ids),
        )

    def bundles(self) -> Iterator[tuple[str, bytes]]:
        """Each patient's id and Bundle as a line of JSON, patients in the order in which they came."""
        self._store_patients()
        self._store_units()
        self._connection.execute("CREATE INDEX by_patient ON unit (patient, number)")
        for name, group in groupby(self._connection.execute(_PATIENTS), itemgetter(0)):
            people = list(group)
            entries = [encode(patient_entry(_part(body))).decode() for _, _, body in people]
            units = self._connection.execute(_UNITS.format(", ".join("?" * len(people))), [id_ for _, id_, _ in people])
            (names, texts), *more = units.fetchall() or [("", "")]
            found = names.split("\n") if names else []
            if more:
                by_name = dict(zip(found, texts.split("\n"), strict=True))
                for later, of_later in more:
                    by_name.update(zip(later.split("\n"), of_later.split("\n"), strict=True))
                found, texts = list(by_name), "\n".join(by_name.values())
            self.patients += len(people)
            self.resources.update([each[: each.index("/")] for each in found])
            held = ",".join([*entries, texts.replace("\n", ",")] if found else entries)
            yield name, f"{_HEAD}[{held}]{_TAIL}\n".encode()


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
def open_spool(folder: Path) -> Iterator[Spool]:
    """A spool on disk in the folder. Raises OSError where nothing can be written there."""
    with disk_failures(folder), closing(sqlite3.connect(folder / "spool.sqlite", isolation_level=None)) as connection:
        spool = Spool(connection)
        connection.execute("BEGIN")
        yield spool


class _Writer:
    """Units as entries of Bundles in JSON, mapped where a map knows their codes, with their Provenance.

    What resources have in common is looked up and written once.
    """

    def __init__(self, terminology: Terminology, codes: UnknownCodes) -> None:
        self._coder = Coder(terminology)
        self._codes = codes
        self._known: dict[Alike, tuple[list[str], tuple[Unknown, ...]]] = {}
        self._origins: dict[str, list[str]] = {}

    def entries(self, unit: Converted) -> dict[str, str]:
        """The entries by type and id; a later one goes before an earlier one of the same."""
        resources = unit.resources
        found = self._alike(resources) if isinstance(resources, Alikes) else dict(map(self._single, resources))
        if found:
            recorded = unit.origin.recorded
            parts = self._origins.get(recorded)
            if parts is None:
                parts = self._origins[recorded] = cut(partial(_origin, recorded), 5)
            id_, place = provenance_id(unit), encode(place_of(unit.origin)).decode()[1:-1]
            targets = '"},{"reference":"'.join(found)
            head, of_id, target, source, request, end = parts
            name = f"Provenance/{id_}"
            found[name] = f"{head}{id_}{of_id}{id_}{target}{targets}{source}{place}{request}{id_}{end}"
        return found

    def _single(self, resource: Json) -> tuple[str, str]:
        coded, unknown = self._coder(resource)
        self._codes.add(unknown)
        type_, id_ = coded["resourceType"], coded["id"]
        return f"{type_}/{id_}", encode(entry(type_, id_, coded)).decode()

    def _alike(self, resources: Alikes) -> dict[str, str]:
        patient = resources.patient.full_url
        found: dict[str, str] = {}
        for alike, id_, date in resources.parts:
            known = self._known.get(alike)
            if known is None:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                known = self._known[alike] = self._written(alike)
            (head, of_id, identifier, subject, at, request, end), unknown = known
            if unknown:
                self._codes.add(unknown)
            dated = f"{at}{date}" if alike.dated else ""
            found[f"{alike.type}/{id_}"] = (
                f"{head}{id_}{of_id}{id_}{identifier}{id_}{subject}{patient}{dated}{request}{id_}{end}"
            )
        return found

    def _written(self, alike: Alike) -> tuple[list[str], tuple[Unknown, ...]]:
        """What stands between ids, patient and date; and the codes that no map knows."""
        unknown: tuple[Unknown, ...] = ()

        def made(mark: str) -> Json:
            nonlocal unknown
            coded, unknown = self._coder(alike.resource(mark, mark, mark))
            return entry(alike.type, mark, coded)

        parts = cut(made, 6 if alike.dated else 5)
        return parts if alike.dated else [*parts[:4], "", *parts[4:]], unknown


def _origin(recorded: str, mark: str) -> Json:
    return entry("Provenance", mark, provenance_of(mark, recorded, mark, [{"reference": mark}]))


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
