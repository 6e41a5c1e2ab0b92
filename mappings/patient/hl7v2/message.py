"""One message as bytes -> segments whose fields, repetitions, components and subcomponents are read by number.

What fields a segment has is not asked for, so every version and every Z segment is read (docs/adr/0011).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct

from mappings.patient.hl7v2.framing import Frame
from mappings.patient.hl7v2.tables import charset_key, charsets

_FORMATTING = re.compile(r"\.(br|sp|sk|in|ti|fi|nf|ce)\s*([+-]?\d{0,3})", re.ASCII | re.IGNORECASE)
_HEX = re.compile(r"X((?:[0-9A-Fa-f]{2})+)", re.ASCII)
_SILENT = frozenset({"H", "N"})


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that MSH-1 and MSH-2 name."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = "#"


def unescape(text: str, delimiters: Delimiters, charset: str) -> str:
    r"""The text that was meant (chapter 2.7).

    \F\ \S\ \T\ \R\ \E\ \P\ are the delimiters themselves, \Xdd…\ bytes of the message's character set, \.br\ and the
    other formatting commands line breaks and blanks, \H\ and \N\ (highlighting) nothing. Others (\Z…\ of the sender,
    \C…\ and \M…\ of other character sets) and a lone \ stay as they are: nothing is lost.
    """
    mark = delimiters.escape
    if not mark or mark not in text:
        return text
    parts = text.split(mark)
    said = [parts[0]]
    place = 1
    while place < len(parts):
        meant = _meaning(parts[place], delimiters, charset) if place + 1 < len(parts) else None
        if meant is None:  # no sequence: the mark is a character like others
            said.append(mark + parts[place])
            place += 1
        else:
            said += [meant, parts[place + 1]]
            place += 2
    return "".join(said)


def _meaning(code: str, delimiters: Delimiters, charset: str) -> str | None:
    named = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
    }
    if code in named:
        return named[code]
    if code in _SILENT:
        return ""
    if found := _FORMATTING.fullmatch(code):
        return _formatted(found[1].lower(), found[2])
    if found := _HEX.fullmatch(code):
        try:
            return bytes.fromhex(found[1]).decode(charset)
        except UnicodeDecodeError:
            return None
    return None


def _formatted(command: str, count: str) -> str:
    number = abs(int(count)) if count.strip("+-") else 1
    match command:
        case "br" | "ce":
            return "\n"
        case "sp":
            return "\n" * number
        case "sk":
            return " " * number
    return ""


NULL = '""'
"""A field that says "delete what you have"; an empty one says nothing."""

_NAMING_DELIMITERS = 2
"""MSH-1 and MSH-2 are delimiters, and not split by them."""
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_MOST_MARKS = 5


class UnreadableError(ValueError):
    """A message that can't be read; the text says why and what to do, and holds nothing of its content.

    `code`: HL7 table 0357, for the acknowledgement.
    """

    def __init__(self, *, field: str, reason: str, code: str = "100") -> None:
        """The field at fault (MSH-18), and the reason."""
        super().__init__(reason)
        self.field = field
        self.reason = reason
        self.code = code


Known = dict[tuple[object, ...], object]
"""What texts of messages came to: a laboratory says the same codes, units and limits again and again."""

T = TypeVar("T")
_SHORT = 200
"""Characters of a text that is likely to come again."""
_MOST_KNOWN = 50_000
"""Texts that are remembered: a laboratory has some thousand codes, units and limits."""


class Writing:
    """What messages are written in, and what their texts came to: the same text in the same writing means the same.

    `fields`: of texts of fields, their repetitions. `known`: of texts of several fields, what was made of them by one
    series with its settings. Nothing in them is changed.
    """

    __slots__ = ("begins", "charset", "delimiters", "fields", "known")

    def __init__(self, delimiters: Delimiters, charset: str) -> None:
        """Nothing is known yet."""
        self.delimiters = delimiters
        self.charset = charset
        self.begins = re.compile(rf"\s*[A-Za-z][A-Za-z0-9]{{2}}(?:{re.escape(delimiters.field)}|$)")
        self.fields: dict[str, tuple[Value, ...]] = {}
        self.known: Known = {}

    def forget(self) -> None:
        """Let go of what is known where it has become too much."""
        if len(self.known) > _MOST_KNOWN or len(self.fields) > _MOST_KNOWN:
            self.known.clear()
            self.fields.clear()


Writings = dict[tuple[Delimiters, str], Writing]
"""The writings of a series of messages, which are read by the same settings."""


class Value(Struct, frozen=True):
    """One repetition of a field: its components, still escaped."""

    parts: tuple[str, ...]
    delimiters: Delimiters
    charset: str

    def __call__(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component, counted from 1; empty if there is none, or it is the null `""`."""
        text = self.parts[component - 1] if component <= len(self.parts) else ""
        if not text or text.isalnum():  # no delimiter in it
            return text if subcomponent == 1 else ""
        marks = self.delimiters
        if marks.subcomponent and marks.subcomponent in text:
            pieces = text.split(marks.subcomponent)
            text = pieces[subcomponent - 1] if subcomponent <= len(pieces) else ""
        elif subcomponent > 1:
            return ""
        if text == NULL:
            return ""
        return (unescape(text, marks, self.charset) if marks.escape in text else text).strip()

    @property
    def whole(self) -> str:
        """All of it as one text, delimiters as they stood: for fields that are text and were not escaped."""
        joined = self.delimiters.component.join(self.parts)
        return "" if joined == NULL else unescape(joined, self.delimiters, self.charset).strip()

    def __bool__(self) -> bool:
        """Whether it says anything but the null."""
        marks = self.delimiters.subcomponent
        return any(text.strip() and text != NULL for part in self.parts if part for text in _split(part, marks))


class Segment:
    """A segment; fields are counted from 1, as the standard does, and split when they are first asked for."""

    __slots__ = ("_fields", "_writing", "name", "number")

    def __init__(self, fields: Sequence[str], name: str, number: int, writing: Writing) -> None:
        """`fields`: the name, then the fields as they stood. `number`: which one of its name it is in the message."""
        self._fields = fields
        self._writing = writing
        self.name = name
        self.number = number

    def repetitions(self, field: int) -> tuple[Value, ...]:
        """The repetitions of a field that say anything."""
        text = self._fields[field] if field < len(self._fields) else ""
        if not text:
            return ()
        writing = self._writing
        if self.name == "MSH" and field <= _NAMING_DELIMITERS:
            return (Value((text,), writing.delimiters, writing.charset),)
        known = writing.fields.get(text)
        if known is None:
            known = _repetitions(text, writing.delimiters, writing.charset)
            if len(text) <= _SHORT:
                writing.fields[text] = known
        return known

    def value(self, field: int) -> Value:
        """The first repetition of a field; an empty one if there is none."""
        values = self.repetitions(field)
        return values[0] if values else Value((), self._writing.delimiters, self._writing.charset)

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text of the first repetition's component; empty if there is none."""
        raw = self._fields[field] if field < len(self._fields) else ""
        if not raw or raw.isalnum():  # no delimiter in it
            return raw if component == subcomponent == 1 else ""
        values = self.repetitions(field)
        return values[0](component, subcomponent) if values else ""

    def once(self, what: object, fields: tuple[int, ...], make: Callable[[], T]) -> T:
        """What fields of a segment come to, found once for the same texts. `make` reads nothing but these fields."""
        key = (what, *map(self.raw, fields))
        known = self._writing.known
        found = known.get(key)
        if found is None:
            found = make()
            if max(map(len, map(self.raw, fields))) <= _SHORT:
                known[key] = found
        return found  # type: ignore[return-value]  # `what` says what it is

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields as they stood, the name first."""
        return tuple(self._fields)

    def is_null(self, field: int) -> bool:
        """Whether the field is `""`: what was known is not so any more."""
        return self.raw(field).strip() == NULL

    def raw(self, field: int) -> str:
        """The field as it stood, for reports of what could not be used."""
        return self._fields[field] if field < len(self._fields) else ""

    def place(self, field: int | None = None) -> str:
        """The segment in words, `OBX[3]`, with a field `OBX[3]-5`."""
        return f"{self.name}[{self.number}]" + (f"-{field}" if field is not None else "")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that could be split; `kind` as ORU^R01."""

    segments: tuple[Segment, ...]
    kind: str
    control_id: str
    writing: Writing

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def named(self, name: str) -> Iterator[Segment]:
        """The segments of a name."""
        return (segment for segment in self.segments if segment.name == name)


def parse(frame: Frame, default_charset: str = "utf-8", writings: Writings | None = None) -> Message:
    """Split a message; raises UnreadableError. `default_charset`: the codec where MSH-18 names none.

    `writings`: of the series that the message belongs to.
    """
    head = _header_fields(frame.data)
    charset = frame.charset or _charset(head, default_charset)
    delimiters = _delimiters(head[1], head[2])
    try:
        text = frame.data.decode(charset)
    except UnicodeDecodeError as error:
        reason = f"not {charset}: byte {error.start + 1} can't be read; name the character set in MSH-18 or the mapping"
        raise UnreadableError(field="MSH-18", reason=reason, code="102") from error
    writing = None if writings is None else writings.get((delimiters, charset))
    if writing is None:
        writing = Writing(delimiters, charset)
        if writings is not None:
            writings[delimiters, charset] = writing
    writing.forget()
    mark = delimiters.field
    seen: Counter[str] = Counter()
    segments: list[Segment] = []
    for line in _segments(text.strip(), writing.begins):
        fields = line.split(mark)
        name = fields[0].strip().upper()
        if not segments:  # MSH-1 is the delimiter itself
            fields = [fields[0], mark, *fields[1:]]
        seen[name] += 1
        segments.append(Segment(fields, name, seen[name], writing))
    return Message(tuple(segments), _kind(segments), segments[0].text(10), writing)


_FIRST_LINE = re.compile(rb"[^\r\n]*")


def _header_fields(data: bytes) -> list[str]:
    """MSH by number, before the character set is known; names of delimiters and of the character set are ASCII."""
    found = _FIRST_LINE.match(data.lstrip(b" \t\x00\x1a"))
    line = found[0].decode("latin-1") if found else ""
    if not line.startswith("MSH"):
        raise UnreadableError(field="MSH", reason="no message: it does not begin with MSH")
    mark = line[3:4]
    if not _MARKS.fullmatch(mark):
        raise UnreadableError(field="MSH-1", reason="MSH is not followed by a delimiter such as |")
    return [line[:3], mark, *line[4:].split(mark)]


@lru_cache(maxsize=64)
def _delimiters(field: str, others: str) -> Delimiters:
    named = field + others
    if not others or len(others) > _MOST_MARKS or not all(map(_MARKS.fullmatch, named)) or len(set(named)) < len(named):
        raise UnreadableError(field="MSH-2", reason="MSH-2 does not name delimiters, each another one, such as ^~\\&")
    return Delimiters(field, *others, **_defaults(field, others))


def _defaults(field: str, others: str) -> dict[str, str]:
    """What MSH-2 leaves out: as usual, unless the usual one is taken; then it can't occur."""
    usual = {"repetition": "~", "escape": "\\", "subcomponent": "&", "truncation": "#"}
    left = list(usual)[len(others) - 1 :]
    return {name: "" if usual[name] in field + others else usual[name] for name in left}


def _charset(head: list[str], default: str) -> str:
    named = head[18] if len(head) > 18 else ""  # noqa: PLR2004  # MSH-18
    return _codec(named, head[2][1:2] or "~", default)


@lru_cache(maxsize=256)
def _codec(listed: str, mark: str, default: str) -> str:
    named = [name.strip() for name in listed.split(mark)]
    codecs = [charsets().get(charset_key(name)) for name in named]
    japanese = next((codec for codec in codecs if codec and codec.startswith("iso2022")), None)
    if japanese is not None:  # the others come after an escape sequence, which these codecs know
        return japanese
    if not named[0] or named[0] == NULL:
        return default
    codec = codecs[0]
    if codec is None:
        raise UnreadableError(
            field="MSH-18", reason="MSH-18 names a character set that is not supported (docs/hl7v2.md)", code="103"
        )
    return codec


_LINE_END = re.compile(r"\r\n|\r|\n")


def _segments(text: str, begins: re.Pattern[str]) -> Iterator[str]:
    """The segments; a line that begins none belongs to the one before it, a line break in a text."""
    current: list[str] = []
    for line in _LINE_END.split(text):
        if not current or begins.match(line):
            if current:
                yield current[0] if len(current) == 1 else "\n".join(current)
            current = [line.lstrip() if current else line.strip()]
        elif line.strip():
            current.append(line)
    if current:
        yield "\n".join(current)


def _kind(segments: list[Segment]) -> str:
    """Message type and event; the event may stand in EVN-1, or in MSH-9.3's structure, or be the only one there is."""
    header = segments[0]
    type_, event = header.text(9), header.text(9, 2)
    if "_" in type_ and not event:
        type_, event = type_.split("_", 1)
    if not event:
        event = next((segment.text(1) for segment in segments if segment.name == "EVN"), "")
    if not event and type_ == "ORU":
        event = "R01"
    return f"{type_}^{event}".upper()


def _repetitions(text: str, marks: Delimiters, charset: str) -> tuple[Value, ...]:
    values = (Value(tuple(_split(each, marks.component)), marks, charset) for each in _split(text, marks.repetition))
    return tuple(value for value in values if value)


def _split(text: str, mark: str) -> list[str]:
    """The parts of a text; a delimiter that the message hasn't got splits nothing."""
    return text.split(mark) if mark and mark in text else [text]
