"""Runs a conversion: units of a source in, Bundles, rejections and the list of unknown codes out.

What appears in the folder: `bundles/` with a transaction Bundle a patient, `rejected.ndjson` with everything that could
not be used. They appear when all is done, or not at all, and only their owner may read them. Converted resources are
gathered by patient on disk (`spool.py`), so that memory doesn't grow with their number.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import rmtree

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.fhir.elements import Json
from adapter.screening.convert.spool import open_spool
from adapter.screening.private import alone_in, new_file, temporary_folder
from mappings.patient import Converted, Rejected, Unit, encode
from mappings.patient.converted import (
    Alike,
    Alikes,
    cut,
    entry,
    place_of,
    provenance_id,
    provenance_of,
)
from mappings.patient.local_codes import Coder, Key, Tally, Unknown, concept_map

BUNDLES = "bundles"
REJECTED = "rejected.ndjson"
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
    with alone_in(out), temporary_folder("convert", out) as fresh, open_spool(fresh, _made(fresh / BUNDLES)) as spool:
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
        spool.finish()
        summary.patients, summary.resources = spool.patients, spool.resources
        summary.unknown = codes.write()
        rmtree(out / BUNDLES, ignore_errors=True)
        for made in (BUNDLES, REJECTED):
            (fresh / made).replace(out / made)
    return summary


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


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
