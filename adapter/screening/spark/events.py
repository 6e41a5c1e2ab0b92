"""What a source holds, as rows that Spark can sort: an event for each resource, record, or part that can't be read.

An event's order is where it stands in the source, as a text that sorts so: phase, file, position in it, number there.
A position is a line's number; in a file that several tasks read at once, it is the offset of a task's first line, and
how many lines before: as many lines as a task has read are an event too, so that numbers can be told afterwards.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from typing import cast
from urllib.parse import unquote

import msgspec
import pyarrow as pa

from adapter.errors import InputError, place_of
from adapter.record.bundle import Resource
from adapter.record.references import Owner, PatientNames, plain_names
from adapter.screening.source import Found, LeftOut, PatientInput, Unread
from adapter.screening.source.folder import from_bundle, from_line, line_text, lines_of, unpacked
from adapter.screening.source.store import MEDICATION, medication_names, sorted_by

PATIENT, OWNED, RECORD = "patient", "owned", "record"
FOUND, UNREAD, DELETED, LINES = "found", "unread", "deleted", "lines"

SCHEMA = pa.schema(
    {
        "order": pa.string(),
        "kind": pa.string(),  # of the above, or Medication
        "owner": pa.string(),  # the name of whose it is
        "names": pa.list_(pa.string()),  # further names, or what is deleted
        "medication": pa.string(),  # the name of one that it needs
        "content": pa.binary(),  # msgpack
        "lines": pa.int64(),  # of LINES: how many
    }
)

READING, PATIENTS, ORPHANS = "0", "1", "2"
"""Phases of a screening, in which a patient or a failure is told."""

WHOLE = 10**15 - 1
"""The position of what is said of a whole file; behind all of its lines."""

_BATCH = 4 << 20
"""Bytes of content that are handed to Spark at once."""

_encode = msgspec.msgpack.encode


def order_of(phase: str, file: int, position: int, number: int = 0) -> str:
    """An event's place in the source."""
    return f"{phase}.{file:06}.{position:015}.{number:06}"


@dataclass(frozen=True, slots=True)
class Places:
    """The names of the files of a source, and the numbers of their lines.

    `before`: of files that several tasks read, the offset at which each of them began and how many lines there are
    before it.
    """

    names: tuple[str, ...]
    before: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def shown(self, order: str) -> str:
        """A place as a screening names it without Spark: the file, and the line where it has several."""
        _, number, at, _ = order.split(".")
        file, position = int(number), int(at)
        if position == WHOLE:
            return self.names[file]
        begun = self.before.get(file)
        if begun is None:
            return f"{self.names[file]}:{position}"
        offset, lines = begun[bisect_right(begun, position, key=lambda each: each[0]) - 1]
        return f"{self.names[file]}:{lines + position - offset + 1}"


class _Recorder:
    """Takes what is read of a source, as a store does, and keeps it as events."""

    def __init__(self, types: frozenset[str]) -> None:
        self._types = types
        self._rows: list[dict[str, object]] = []
        self._size = 0
        self._place = ""
        self._number = 0
        self._claimed: str | None = None
        self._lost: Unread | None = None

    def claim(self, patient: Resource, place: str) -> None:  # noqa: ARG002  # a store's
        self._claimed = next(iter(plain_names(patient)), None)

    def keeps(self, resource: Resource) -> bool:
        return resource.type in self._types

    def add(self, resource: Resource, place: str) -> Unread | None:
        if resource.type == MEDICATION:
            self._add(place, MEDICATION, names=sorted(medication_names(resource)), content=_encode(resource))
            return None
        found = sorted_by(resource, place) if self.keeps(resource) or resource.type == "Patient" else None
        if isinstance(found, Unread):
            return found
        if isinstance(found, PatientNames):
            others = [*found.names[1:], *filter(None, [found.replaced_by])]
            self._add(place, PATIENT, owner=found.names[0], names=others, content=_encode(resource))
        elif isinstance(found, Owner):
            self._add(place, OWNED, owner=found.patient, medication=found.medication, content=_encode(resource))
        return None

    def delete(self, keys: Iterable[str]) -> None:
        if named := sorted(keys):
            self._add(self._place, DELETED, names=named)

    def unread(self, parts: Iterable[Unread]) -> Iterator[Unread]:
        for self._lost in parts:
            yield self._lost

    def take(self, found: Iterable[Found]) -> None:
        """Keep what was found beside what has been added."""
        for item in found:
            if isinstance(item, PatientInput):
                self._add(item.place, RECORD, owner=self._claimed, content=_encode(item.contents))
            else:
                kind = UNREAD if item is self._lost else FOUND
                self._add(item.place, kind, content=found_bytes(item))

    def lines(self, file: int, offset: int, lines: int) -> None:
        """Note how many lines a task has read from an offset on."""
        self._add(_place(file, offset), LINES, lines=lines)

    def batches(self, *, last: bool = False) -> Iterator[pa.RecordBatch]:
        """What has been kept, as soon as it is enough to be handed on; in the end, the rest of it."""
        if self._rows and (last or self._size > _BATCH):
            yield pa.RecordBatch.from_pylist(self._rows, SCHEMA)
            self._rows, self._size = [], 0

    def _add(self, place: str, kind: str, *, content: bytes | None = None, **columns: object) -> None:
        self._number = self._number + 1 if place == self._place else 0
        self._place = place
        order = f"{READING}.{place}.{self._number:06}"
        self._rows.append({"order": order, "kind": kind, "content": content, **columns})
        self._size += 200 + len(content or b"")


def found_bytes(found: Unread | LeftOut) -> bytes:
    """What is no patient, to be kept."""
    return _encode((isinstance(found, LeftOut), found))


def found_again(content: bytes, place: str) -> Unread | LeftOut:
    """What has been kept, at its place as people name it."""
    left_out, found = msgspec.msgpack.decode(content)
    if left_out:
        return LeftOut(place, found["reason"])
    return Unread(place, found["reason"], found["subject"])


def _place(file: int, position: int) -> str:
    return f"{file:06}.{position:015}"


def file_key(path: str) -> str:
    """A file's address in one form: Spark writes them in several."""
    scheme, colon, rest = path.partition(":")
    return f"file:/{rest.lstrip('/')}" if colon and scheme == "file" else path


def by_place(
    work: Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """What a function makes of batches; an error says where it was, and not what: Spark writes it into its logs."""
    try:
        yield from work(batches)
    except Exception as error:  # noqa: BLE001  # as above
        msg = f"internal error, please report it: {place_of(error)}"
        raise RuntimeError(msg) from None


def of_lines(
    batches: Iterable[pa.RecordBatch], files: Mapping[str, int], types: frozenset[str]
) -> Iterator[pa.RecordBatch]:
    """The events of lines, each with its file's address and the offset from which on the task reads that file."""
    recorder = _Recorder(types)
    begun, lines, file = ("", 0), 0, 0
    for batch in batches:
        for path, offset, line in zip(*(each.to_pylist() for each in batch.columns), strict=True):
            if begun != (path, offset):
                if lines:
                    recorder.lines(file, begun[1], lines)
                begun, lines, file = (path, offset), 0, files[file_key(unquote(path))]
            text = line_text(line, first=offset == lines == 0)
            if text is not None:
                recorder.take(from_line(text, _place(file, offset + lines), recorder))
            lines += 1
            yield from recorder.batches()
    if lines:
        recorder.lines(file, begun[1], lines)
    yield from recorder.batches(last=True)


def of_files(
    batches: Iterable[pa.RecordBatch], files: Mapping[str, int], bundles: int, types: frozenset[str]
) -> Iterator[pa.RecordBatch]:
    """The events of files that are read whole, each with its address; the first so many of the source are Bundles."""
    recorder = _Recorder(types)
    for batch in batches:
        for path, content in zip(*(each.to_pylist() for each in batch.columns), strict=True):
            number = files[file_key(path)]
            file = unpacked(cast("BufferedReader", BufferedReader(BytesIO(content))))
            recorder.lines(number, WHOLE, 1)
            if number < bundles:
                recorder.take(from_bundle(file, _place(number, WHOLE), recorder))
            else:
                try:
                    with file as plain:
                        for line, text in lines_of(plain):
                            recorder.take(from_line(text, _place(number, line), recorder))
                            yield from recorder.batches()
                except InputError as error:
                    recorder.take(recorder.unread([Unread(_place(number, WHOLE), str(error))]))
            yield from recorder.batches()
    yield from recorder.batches(last=True)


def roots_of(pairs: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Names that belong together -> one of them, for each that is another one."""
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while (next_ := above.get(name, name)) != name:
            above[name] = above.get(next_, next_)
            name = next_
        return name

    for one, other_ in pairs:
        first, second = sorted((root(one), root(other_)))
        above[second] = first
    return {name: found for name in list(above) if (found := root(name)) != name}
