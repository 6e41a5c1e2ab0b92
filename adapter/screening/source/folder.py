"""Files that hold patients: Bundles as JSON, and NDJSON with a resource or a Bundle a line (FHIR Bulk Data).

Regular files only, plain or compressed. What a file is, its content says and not its name: gzip begins with two bytes
that no JSON does. A Bundle with one Patient is that patient's record as it is. Everything else is sorted by patient
first: Bundles with several, and the lines of all NDJSON files of a folder together. What a Bulk Data export says beside
its output is part of it: deletions are applied, errors of the server are failures.
"""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Generic, Protocol, Self, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError, UsageError
from adapter.record.bundle import BOM, Resource, json_text
from adapter.record.contents import Contents, contents_of
from adapter.record.glance import Glance, glance
from adapter.record.r4_types import RESOURCE_TYPES
from adapter.record.references import names_of
from adapter.screening.source import Found, LeftOut, PatientInput, Unread
from adapter.screening.source.store import Sorting, Store, seen_twice

MAX_TEXT = 1 << 30
"""Bytes, decompressed, that are read as one JSON text: a file, or a line of NDJSON. Patients have some megabytes."""

GZIP = b"\x1f\x8b"
"""How a compressed file begins."""


class Listed(Protocol):
    """A file or folder as it is listed, wherever it is; a Path is one."""

    @property
    def name(self) -> str:
        """Its name in its folder."""

    @property
    def suffix(self) -> str:
        """What stands in its name from the last dot on."""

    def with_suffix(self, suffix: str) -> Self:
        """The same place under another suffix."""

    def is_dir(self) -> bool:
        """Whether it is a folder."""

    def iterdir(self) -> Iterable[Self]:
        """What is in the folder."""


P = TypeVar("P", bound=Listed)


def read_json(path: Path) -> bytes:
    """A file's JSON text. Raises InputError where it can't be opened, isn't JSON, or is too large."""
    with opened(path) as file:
        data = file.read(MAX_TEXT + 1)
    return json_text(_bounded(data))


def read_lines(path: Path) -> Iterator[tuple[int, bytes | InputError]]:
    """The lines of an NDJSON file that are not empty, by number; what is wrong with one stands in its place.

    Raises InputError where the file can't be opened, or not read to its end.
    """
    with opened(path) as file:
        yield from lines_of(file)


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, bytes | InputError]]:
    """The same of a file that is open."""
    number = 0
    while line := file.readline(MAX_TEXT + 1):
        number += 1
        text = line_text(line, first=number == 1)
        if text is not None:
            yield number, text


def line_text(line: bytes, *, first: bool) -> bytes | InputError | None:
    """The JSON text of a line (`first`: of its file) or what is wrong with it; None where it is empty."""
    plain = _bounded(line.removeprefix(BOM) if first else line).strip()
    if not plain:
        return None
    try:
        return json_text(plain)
    except InputError as error:
        return error


def shown(path: Listed) -> str:
    """A file's name for people and for JSON: bytes that are no UTF-8 as escapes."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, unpacked where it is compressed. Raises InputError where it can't be read, or not to its end."""
    try:
        # A FIFO without a writer would let us wait for ever, a device never end
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = "can't be read: no regular file (a folder, a pipe or a device)"
                raise InputError(msg)
            with unpacked(file) as plain:
                yield plain
    except OSError as error:
        msg = f"can't be read: {error.strerror}"
        raise InputError(msg) from error


@contextmanager
def unpacked(file: BufferedReader) -> Iterator[IO[bytes]]:
    """The same of a file that is open."""
    try:
        if file.peek(len(GZIP))[: len(GZIP)] != GZIP:
            yield file
            return
        with gzip.open(file) as plain:
            yield cast("IO[bytes]", plain)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = "can't be read: its gzip is broken, or ends too early"
        raise InputError(msg) from error


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_TEXT:
        msg = f"can't be read: more than {MAX_TEXT:,} bytes in one JSON text"
        raise InputError(msg)
    return data


_LINES = frozenset({".ndjson", ".jsonl"})
_BUNDLE = ".json"
_GZIP_SUFFIX = ".gz"
_PARTS = frozenset({"output", "deleted", "error"})
"""Folders in which the parts of a Bulk Data export are kept."""

_NO_DATA = frozenset({"", ".txt", ".md", ".log", ".pdf", ".html", ".yaml", ".yml", ".toml", ".sh", ".py"})
"""Suffixes of files that stand beside patients' data and hold none."""


class _Manifest(Struct, frozen=True, gc=False):
    """What a Bulk Data server says of an export; no resource."""

    transactionTime: str
    output: list[Raw]


_manifest = msgspec.json.Decoder(_Manifest)


@dataclass(frozen=True, slots=True)
class Files(Generic[P]):
    """The files of a source by name, in the order in which they are read; `others`: those that are not."""

    bundles: tuple[P, ...]
    lines: tuple[P, ...]
    others: tuple[P, ...] = ()


def find_files(source: P) -> Files[P]:
    """The files of a folder (and of the parts of an export in it), or the one file named.

    Raises UsageError if there is nothing to read.
    """
    if not source.is_dir():
        return Files((), (source,)) if _suffix(source) in _LINES else Files((source,), ())
    inside: list[P] = []
    for path in _visible(source):
        inside += _visible(path) if path.name in _PARTS and path.is_dir() else [path]
    files = [path for path in inside if not path.is_dir()]
    bundles = tuple(path for path in files if _suffix(path) == _BUNDLE)
    lines = tuple(path for path in files if _suffix(path) in _LINES)
    read = {*bundles, *lines}
    if not bundles and not lines:
        msg = f"{source} holds no .json or .ndjson file; name a folder of Bundles or a Bulk Data export"
        raise UsageError(msg)
    return Files(bundles, lines, tuple(path for path in inside if path not in read))


def patients_of(files: Files[Path], store: Store, complete: Callable[[Store], None] | None = None) -> Iterator[Found]:
    """Every patient of the files, and everything that is none; the same order each time.

    `complete`: is called before the store's patients are taken, and may add to it.
    """
    for path in files.others:
        yield other(path)
    for path in files.bundles:
        yield from from_bundle(opened(path), shown(path), store)
    yield from sorted_patients(files, store, complete)


def sorted_patients(
    files: Files[Path], store: Store, complete: Callable[[Store], None] | None = None
) -> Iterator[Found]:
    """What `patients_of` finds after the files of one JSON text."""
    for path in files.lines:
        yield from _from_lines(path, store)
    if complete is not None:
        complete(store)
    yield from store.patients()


def _visible(folder: P) -> list[P]:
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)


def _suffix(path: Listed) -> str:
    """What a file's name says it holds, compressed or not."""
    return (path.with_suffix("") if path.suffix.lower() == _GZIP_SUFFIX else path).suffix.lower()


def other(path: Listed) -> Unread | LeftOut:
    """A file that is not read: a failure, unless it surely holds no patients' data."""
    if path.is_dir():
        if any(_suffix(inner) in {_BUNDLE, *_LINES} for inner in path.iterdir()):
            return Unread(shown(path), "a folder with patients' data in it; screen it by itself")
        return LeftOut(shown(path), "a folder without patients' data")
    if path.suffix.lower() in _NO_DATA and path.name.partition(".")[0] not in RESOURCE_TYPES:
        return LeftOut(shown(path), "neither a .json nor an .ndjson file")
    return Unread(
        shown(path), "neither a .json nor an .ndjson file, which may be compressed as .gz; nothing else is read"
    )


def from_bundle(file: AbstractContextManager[IO[bytes]], place: str, store: Sorting) -> Iterator[Found]:
    """What is in a file of one JSON text, as it is opened."""
    try:
        with file as plain:
            data = plain.read(MAX_TEXT + 1)
        text = json_text(_bounded(data))
        looked = glance(text)
        if looked is None and _is_manifest(text):
            yield LeftOut(place, "the manifest of an export")
            return
        held = looked or contents_of(text)
    except InputError as error:
        yield Unread(place, str(error))
        return
    if isinstance(held, Contents):
        yield from _from_contents(held, place, store)
    else:
        yield _claimed(held.sent, held, place, store)


def only_patient(path: Path) -> tuple[Resource, PatientInput] | None:
    """The one Patient of a file of one JSON text, and their data; None where `from_bundle` has more to say of it."""
    try:
        with opened(path) as plain:
            text = json_text(_bounded(plain.read(MAX_TEXT + 1)))
        held = glance(text) or contents_of(text)
    except InputError:
        return None
    current = current_patients(held.resources) if isinstance(held, Contents) else [held.sent]
    return (current[0], PatientInput(shown(path), held)) if len(current) == 1 else None


def _is_manifest(text: bytes) -> bool:
    try:
        return bool(_manifest.decode(text).transactionTime)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _from_lines(path: Path, store: Store) -> Iterator[Found]:
    try:
        for number, line in read_lines(path):
            yield from from_line(line, f"{shown(path)}:{number}", store)
    except InputError as error:
        yield from store.unread([Unread(shown(path), str(error))])


def from_line(line: bytes | InputError, place: str, store: Sorting) -> Iterator[Found]:
    """What is in a line, or that it can't be read."""
    try:
        if isinstance(line, InputError):
            raise line
        contents = contents_of(line)
    except InputError as error:
        yield from store.unread([Unread(place, str(error))])
        return
    if len(contents.resources) == 1 and not contents.resources[0].place:  # the resource itself, no Bundle of one
        yield from _stored(contents, place, store)
    else:
        yield from _from_contents(contents, place, store)


def _from_contents(contents: Contents, place: str, store: Sorting) -> Iterator[Found]:
    current = current_patients(contents.resources)
    if len(current) == 1:
        yield _claimed(current[0], contents, place, store)
    elif current or contents.problems or contents.deleted or any(map(store.keeps, contents.resources)):
        yield from _stored(contents, place, store)
    else:
        yield LeftOut(place, "no patient's data in it")


def _claimed(patient: Resource, held: Contents | Glance, place: str, store: Sorting) -> PatientInput | Unread:
    earlier = store.claim(patient, place)
    return PatientInput(place, held) if earlier is None else seen_twice(patient.key, earlier, place)


def _stored(contents: Contents, place: str, store: Sorting) -> Iterator[Found]:
    store.delete(contents.deleted)
    yield from store.unread(Unread(place, f"{each.path}: {each.message}") for each in contents.problems)
    for each in contents.resources:
        unread = store.add(each, place)
        if unread is not None:
            yield from store.unread([unread]) if unread.subject is None else [unread]


def current_patients(resources: Sequence[Resource]) -> list[Resource]:
    """The Patients that no other Patient of the Bundle has replaced, each once."""
    patients = list({each.key: each for each in resources if each.type == "Patient"}.values())
    if len(patients) < 2:  # noqa: PLR2004  # most Bundles: nothing to decode
        return patients
    known = {each.key for each in patients}
    return [each for each in patients if _replacement(each) not in known - {each.key}]


def _replacement(patient: Resource) -> str | None:
    try:
        return names_of(patient).replaced_by
    except msgspec.DecodeError:  # named when the Bundle is split
        return None
