"""Runs a conversion: units of a source in, Bundles, rejections and the list of unknown codes out.

What appears in the folder: `bundles/` with a transaction Bundle a patient, `rejected.ndjson` with everything that could
not be used. They appear when all is done, or not at all, and only their owner may read them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError, UsageError
from adapter.screening.convert.spool import Spool, open_spool
from adapter.screening.private import alone_in, new_file, temporary_folder
from mappings.patient import Converted, Rejected, Unit, provenance
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
            self._file.touch(mode=0o600)
            self._file.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
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
