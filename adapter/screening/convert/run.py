"""Runs a conversion: units of a source in, Bundles, rejections and the list of unknown codes out.

What appears in the folder: `bundles/` with a transaction Bundle a patient, `rejected.ndjson` with everything that could
not be used. They appear when all is done, or not at all, and only their owner may read them. Converted resources are
gathered by patient on disk, so that memory doesn't grow with their number: in a temporary SQLite file beside the
results, readable by its owner only and removed at the end.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.fhir.elements import Json
from adapter.screening.private import alone_in, disk_failures, new_file, temporary_folder
from mappings.patient import Converted, PatientKey, PatientPart, Rejected, Unit, encode, provenance
from mappings.patient.converted import entry, patient_entry, transaction
from mappings.patient.local_codes import Coder, Key, Tally, Unknown, concept_map

BUNDLES = "bundles"
REJECTED = "rejected.ndjson"
_AT_HAND = 10_000
"""Patients whose demographics are kept in memory beside the file."""
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
    summary, codes, coder = Summary(), UnknownCodes(conversion.unmapped), Coder(conversion.terminology)
    with alone_in(out), temporary_folder("convert", out) as fresh, open_spool(fresh) as spool:
        with new_file(fresh / REJECTED) as rejected:
            for unit in units:
                tell(unit)
                if isinstance(unit, Rejected):
                    rejected.write(msgspec.json.encode(_rejection(unit)) + b"\n")
                    summary.lost += unit.whole
                    summary.rejected += not unit.whole
                else:
                    _keep(unit, spool, codes, coder)
                    summary.units += 1
        bundles = fresh / BUNDLES
        bundles.mkdir(mode=0o700)
        for name, bundle in spool.bundles():
            (bundles / f"{name}.json").write_bytes(bundle + b"\n")
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
CREATE TABLE unit (number INTEGER PRIMARY KEY, patient TEXT, resources BLOB);
"""
_GATHERED = "SELECT part FROM patient WHERE gathered = ? ORDER BY id <> gathered, number"
_UNITS = """
SELECT resources FROM unit WHERE patient IN (SELECT id FROM patient WHERE gathered = ?) ORDER BY number
"""
_NEW = "INSERT INTO patient VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"


class _Stored(msgspec.Struct):
    """A PatientPart as it is stored."""

    system: str
    value: str
    leads: bool
    elements: Json


class _Named(msgspec.Struct):
    """What tells a patient's resources apart."""

    resourceType: str  # noqa: N815  # FHIR's name
    id: str


_decoder = msgspec.json.Decoder(_Stored)
_bodies = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_names = msgspec.json.Decoder(tuple[_Named, ...])


class Spool:
    """Units by patient; a later resource of the same id replaces an earlier one, in its place.

    An id is made of the patient's key among others (`mappings.patient.made`), so it is one patient's.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use an empty database. `patients` and `resources` count what `bundles` has given."""
        self._connection = connection
        self._connection.executescript(_TABLES)
        self._count = 0
        self._seen: dict[str, PatientPart] = {}
        self.patients = 0
        self.resources: Counter[str] = Counter()

    def add(self, patients: tuple[PatientPart, ...], resources: Sequence[Json]) -> None:
        """Add what one unit gave; the resources are the first patient's."""
        first = patients[0].key.id
        for part in patients:
            self._add_patient(part)
        if len(patients) > 1:
            self._gather([part.key.id for part in patients])
        if resources:
            row = (first, encode(resources))
            self._connection.execute("INSERT INTO unit (patient, resources) VALUES (?, ?)", row)

    def _add_patient(self, part: PatientPart) -> None:
        """Keep what all units say of a patient; what the last ones said is at hand."""
        id_ = part.key.id
        known = self._seen.get(id_)
        if known is None and not self._is_new(id_, part):
            (body,) = self._connection.execute("SELECT part FROM patient WHERE id = ?", (id_,)).fetchone()
            known = _part(body)
        if known is not None:
            merged = _merged(known.elements, part.elements)
            part = PatientPart(key=part.key, elements=merged, leads=known.leads or part.leads)
            if part != known:
                self._connection.execute("UPDATE patient SET part = ? WHERE id = ?", (_stored(part), id_))
        if len(self._seen) >= _AT_HAND:
            self._seen.clear()
        self._seen[id_] = part

    def _is_new(self, id_: str, part: PatientPart) -> bool:
        row = (id_, self._count + 1, id_, _stored(part))
        new = self._connection.execute(_NEW, row).rowcount == 1
        self._count += new
        return new

    def _gather(self, ids: list[str]) -> None:
        """Keep several patients, and whoever was gathered with them, together under the first."""
        marks = ", ".join("?" * len(ids))
        self._connection.execute(
            f"UPDATE patient SET gathered = ? WHERE gathered IN (SELECT gathered FROM patient WHERE id IN ({marks}))",  # noqa: S608  # question marks only
            (ids[0], *ids),
        )

    def bundles(self) -> Iterator[tuple[str, bytes]]:
        """Each patient's id and Bundle as JSON, patients in the order in which they came."""
        self._connection.execute("CREATE INDEX by_patient ON unit (patient, number)")
        self._connection.execute("CREATE INDEX by_gathered ON patient (gathered)")
        names = self._connection.execute("SELECT gathered FROM patient GROUP BY gathered ORDER BY min(number)")
        for (name,) in names.fetchall():
            parts = [_part(body) for (body,) in self._connection.execute(_GATHERED, (name,))]
            found: dict[tuple[str, str], msgspec.Raw] = {}
            for (unit,) in self._connection.execute(_UNITS, (name,)):
                for named, body in zip(_names.decode(unit), _bodies.decode(unit), strict=True):
                    found[named.resourceType, named.id] = body
            entries = [patient_entry(part) for part in parts]
            entries += [entry(type_, id_, body) for (type_, id_), body in found.items()]
            self.patients += len(parts)
            self.resources.update(type_ for type_, _ in found)
            yield name, encode(transaction(entries))


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


def _keep(unit: Converted, spool: Spool, codes: UnknownCodes, coder: Coder) -> None:
    """Gather a unit's resources, mapped where a map knows their codes, with their Provenance."""
    resources = []
    for each in unit.resources:
        resource, unknown = coder(each)
        resources.append(resource)
        if unknown:
            codes.add(unknown)
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
