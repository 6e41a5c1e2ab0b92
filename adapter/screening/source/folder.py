"""Files that hold patients: Bundles as JSON, and NDJSON with a resource or a Bundle a line (FHIR Bulk Data).

A Bundle with one Patient is that patient's record as it is. Everything else is sorted by patient first: Bundles with
several, and the lines of all NDJSON files of a folder together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from adapter.errors import InputError, UsageError
from adapter.evaluator.reads import SUBJECT_TYPES
from adapter.screening.source.found import Found, LeftOut, PatientInput, Unread
from adapter.screening.source.ownership import names_of
from adapter.screening.source.scan import NoResource, Resource, scan
from adapter.screening.source.store import Store, seen_twice

_LINES = frozenset({".ndjson", ".jsonl"})
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a source by name, in the order in which they are read."""

    bundles: tuple[Path, ...]
    lines: tuple[Path, ...]
    others: tuple[Path, ...] = ()


def find_files(source: Path) -> Files:
    """The files of a folder (not of folders in it), or the one file named.

    Raises UsageError if there is nothing to read.
    """
    if not source.is_dir():
        return Files((), (source,)) if source.suffix.lower() in _LINES else Files((source,), ())
    inside = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    files = [path for path in inside if not path.is_dir()]
    bundles = tuple(path for path in files if path.suffix.lower() == ".json")
    lines = tuple(path for path in files if path.suffix.lower() in _LINES)
    if not bundles and not lines:
        msg = f"{source} holds no .json or .ndjson file; name a folder of Bundles or a Bulk Data export"
        raise UsageError(msg)
    return Files(bundles, lines, tuple(path for path in inside if path not in {*bundles, *lines}))


def patients_of(files: Files, store: Store) -> Iterator[Found]:
    """Every patient of the files, and everything that is none; the same order each time."""
    for path in files.others:
        yield LeftOut(path.name, "neither a .json nor an .ndjson file")
    for path in files.bundles:
        try:
            data = path.read_bytes().removeprefix(_BOM)
        except OSError as error:
            yield Unread(path.name, f"can't be opened: {error.strerror}")
            continue
        yield from _from_bundle(data, path.name, store)
    for path in files.lines:
        yield from _from_lines(path, store)
    yield from store.patients()


def _from_lines(path: Path, store: Store) -> Iterator[Found]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                data = (line.removeprefix(_BOM) if number == 1 else line).strip()
                if data:
                    yield from _from_line(data, f"{path.name}:{number}", store)
    except OSError as error:
        yield Unread(path.name, f"can't be read: {error.strerror}")


def _from_line(data: bytes, place: str, store: Store) -> Iterator[Found]:
    try:
        scanned = scan(data)
    except InputError as error:
        yield Unread(place, str(error))
        return
    if len(scanned) == 1 and not scanned[0].place:  # the line is a resource itself, no Bundle of one
        yield from _stored(scanned, place, store)
    else:
        yield from _from_bundle(data, place, store)


def _from_bundle(data: bytes, place: str, store: Store) -> Iterator[Found]:
    try:
        scanned = scan(data)
    except InputError as error:
        yield Unread(place, str(error))
        return
    resources = [item for item in scanned if isinstance(item, Resource)]
    current = _current(resources)
    if len(current) == 1:
        earlier = store.claim(current[0], place)
        yield PatientInput(place, data) if earlier is None else seen_twice(current[0].key, earlier, place)
    elif current or len(resources) < len(scanned) or any(item.type in SUBJECT_TYPES for item in resources):
        yield from _stored(scanned, place, store)
    else:
        yield LeftOut(place, "no patient's data in it")


def _stored(scanned: list[Resource | NoResource], place: str, store: Store) -> Iterator[Found]:
    for item in scanned:
        if isinstance(item, NoResource):
            yield Unread(place, f"{item.place}: {item.reason}")
        elif (unread := store.add(item, place)) is not None:
            yield unread


def _current(resources: list[Resource]) -> list[Resource]:
    """The Patients that no other Patient of the Bundle has replaced, each once."""
    patients = list({item.key: item for item in resources if item.type == "Patient"}.values())
    if len(patients) < 2:  # noqa: PLR2004  # most Bundles: nothing to decode
        return patients
    known = {item.key for item in patients}
    return [item for item in patients if _replacement(item) not in known - {item.key}]


def _replacement(patient: Resource) -> str | None:
    try:
        return names_of(patient).replaced_by
    except msgspec.DecodeError:  # named when the Bundle is split
        return None
