"""One message as bytes -> segments whose fields, repetitions, components and subcomponents are read by number.

What fields a segment has is not asked for, so every version and every Z segment is read (docs/adr/0011).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Value:
    """One repetition of a field: its components, still escaped."""

    parts: tuple[str, ...]
    delimiters: Delimiters
    charset: str

    def __call__(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component, counted from 1; empty if there is none, or it is the null `""`."""
        text = self.parts[component - 1] if component <= len(self.parts) else ""
        if not text:
            return ""
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

    __slots__ = ("_charset", "_delimiters", "_fields", "_values", "name", "number")

    def __init__(self, fields: Sequence[str], number: int, delimiters: Delimiters, charset: str) -> None:
        """`fields`: the name, then the fields as they stood. `number`: which one of its name it is in the message."""
        self._fields = fields
        self._values: dict[int, tuple[Value, ...]] = {}
        self._delimiters = delimiters
        self._charset = charset
        self.name = _name(fields)
        self.number = number

    def repetitions(self, field: int) -> tuple[Value, ...]:
        """The repetitions of a field that say anything."""
        known = self._values.get(field)
        if known is None:
            known = self._values[field] = self._split(field)
        return known

    def _split(self, field: int) -> tuple[Value, ...]:
        text = self.raw(field)
        if not text:
            return ()
        marks, charset = self._delimiters, self._charset
        if self.name == "MSH" and field <= _NAMING_DELIMITERS:
            return (Value((text,), marks, charset),)
        values = (
            Value(tuple(_split(each, marks.component)), marks, charset) for each in _split(text, marks.repetition)
        )
        return tuple(value for value in values if value)

    def value(self, field: int) -> Value:
        """The first repetition of a field; an empty one if there is none."""
        values = self.repetitions(field)
        return values[0] if values else Value((), self._delimiters, self._charset)

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text of the first repetition's component; empty if there is none."""
        raw = self.raw(field)
        if not raw or raw.isalnum():  # no delimiter in it
            return raw if component == subcomponent == 1 else ""
        values = self.repetitions(field)
        return values[0](component, subcomponent) if values else ""

    def is_null(self, field: int) -> bool:
        """Whether the field is `""`: what was known is not so any more."""
        return self.raw(field).strip() == NULL

    def raw(self, field: int) -> str:
        """The field as it stood, for reports of what could not be used."""
        return self._fields[field] if field < len(self._fields) else ""

    def place(self, field: int | None = None) -> str:
        """The segment in words, `OBX[3]`, with a field `OBX[3]-5`."""
        return f"{self.name}[{self.number}]" + (f"-{field}" if field is not None else "")


Writing = tuple[Delimiters, str]
"""What a message is written in: delimiters and character set. The same text in the same means the same."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that could be split; `kind` as ORU^R01."""

    segments: tuple[Segment, ...]
    kind: str
    control_id: str
    writing: "Writing"

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def named(self, name: str) -> Iterator[Segment]:
        """The segments of a name."""
        return (segment for segment in self.segments if segment.name == name)


def parse(frame: Frame, default_charset: str = "utf-8") -> Message:
    """Split a message; raises UnreadableError. `default_charset`: the codec where MSH-18 names none."""
    head = _header_fields(frame.data)
    charset = frame.charset or _charset(head, default_charset)
    delimiters = _delimiters(head)
    try:
        text = frame.data.decode(charset)
    except UnicodeDecodeError as error:
        reason = f"not {charset}: byte {error.start + 1} can't be read; name the character set in MSH-18 or the mapping"
        raise UnreadableError(field="MSH-18", reason=reason, code="102") from error
    seen: Counter[str] = Counter()
    segments: list[Segment] = []
    for line in _segments(text.strip(), delimiters.field):
        fields = line.split(delimiters.field)
        if not segments:  # MSH-1 is the delimiter itself
            fields = [fields[0], delimiters.field, *fields[1:]]
        seen[_name(fields)] += 1
        segments.append(Segment(fields, seen[_name(fields)], delimiters, charset))
    return Message(tuple(segments), _kind(segments), segments[0].text(10), (delimiters, charset))


def _header_fields(data: bytes) -> list[str]:
    """MSH by number, before the character set is known; names of delimiters and of the character set are ASCII."""
    line = data.lstrip(b" \t\x00\x1a").splitlines()[0].decode("latin-1") if data.strip() else ""
    if not line.startswith("MSH"):
        raise UnreadableError(field="MSH", reason="no message: it does not begin with MSH")
    mark = line[3:4]
    if not _MARKS.fullmatch(mark):
        raise UnreadableError(field="MSH-1", reason="MSH is not followed by a delimiter such as |")
    return [line[:3], mark, *line[4:].split(mark)]


def _delimiters(head: list[str]) -> Delimiters:
    field, others = head[1], head[2]
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
    named = [name.strip() for name in head[18].split(head[2][1:2] or "~")] if len(head) > 18 else [""]  # noqa: PLR2004  # MSH-18
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


def _segments(text: str, mark: str) -> Iterator[str]:
    """The segments; a line that begins none belongs to the one before it, a line break in a text."""
    begins = re.compile(rf"[A-Za-z][A-Za-z0-9]{{2}}(?:{re.escape(mark)}|$)")
    current: list[str] = []
    for line in re.split(r"\r\n|\r|\n", text):
        if begins.match(line.lstrip()) or not current:
            if current:
                yield "\n".join(current)
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


def _name(fields: Sequence[str]) -> str:
    return fields[0].strip().upper()


def _split(text: str, mark: str) -> list[str]:
    """The parts of a text; a delimiter that the message hasn't got splits nothing."""
    return text.split(mark) if mark and mark in text else [text]
