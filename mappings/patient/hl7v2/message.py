"""One message as bytes -> segments whose fields, repetitions, components and subcomponents are read by number.

The `hl7` library splits (docs/adr/0011-hl7-v2-by-python-hl7.md); its own unescaping is not used, since it writes field
contents into the log. What fields a segment has is not asked for, so every version and every Z segment is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import hl7

from mappings.patient.hl7v2.escapes import Delimiters, unescape
from mappings.patient.hl7v2.framing import Frame
from mappings.patient.hl7v2.tables import charset_key, charsets

NULL = '""'
"""A field that says "delete what you have"; an empty one says nothing."""

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
    """One repetition of a field: its components, each with its subcomponents, still escaped."""

    parts: tuple[tuple[str, ...], ...]
    delimiters: Delimiters
    charset: str

    def __call__(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component, counted from 1; empty if there is none, or it is the null `""`."""
        try:
            text = self.parts[component - 1][subcomponent - 1]
        except IndexError:
            return ""
        return "" if text == NULL else unescape(text, self.delimiters, self.charset).strip()

    @property
    def whole(self) -> str:
        """All of it as one text, delimiters as they stood: for fields that are text and were not escaped."""
        joined = self.delimiters.component.join(self.delimiters.subcomponent.join(part) for part in self.parts)
        return "" if joined == NULL else unescape(joined, self.delimiters, self.charset).strip()

    def __bool__(self) -> bool:
        """Whether it says anything but the null."""
        return any(text.strip() and text != NULL for part in self.parts for text in part)


class Segment:
    """A segment; fields are counted from 1, as the standard does."""

    __slots__ = ("_charset", "_delimiters", "_raw", "name", "number")

    def __init__(self, raw: hl7.Segment, name: str, number: int, delimiters: Delimiters, charset: str) -> None:
        """`number`: which one of its name it is in the message, from 1."""
        self._raw = raw
        self._delimiters = delimiters
        self._charset = charset
        self.name = name
        self.number = number

    def repetitions(self, field: int) -> tuple[Value, ...]:
        """The repetitions of a field that say anything."""
        if field >= len(self._raw):
            return ()
        values = (Value(_parts(raw), self._delimiters, self._charset) for raw in self._raw[field])
        return tuple(value for value in values if value)

    def value(self, field: int) -> Value:
        """The first repetition of a field; an empty one if there is none."""
        return next(iter(self.repetitions(field)), Value((), self._delimiters, self._charset))

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text of the first repetition's component; empty if there is none."""
        return self.value(field)(component, subcomponent)

    def is_null(self, field: int) -> bool:
        """Whether the field is `""`: what was known is not so any more."""
        return field < len(self._raw) and str(self._raw[field]).strip() == NULL

    def raw(self, field: int) -> str:
        """The field as it stood, for reports of what could not be used."""
        return str(self._raw[field]) if field < len(self._raw) else ""

    def place(self, field: int | None = None) -> str:
        """The segment in words, `OBX[3]`, with a field `OBX[3]-5`."""
        return f"{self.name}[{self.number}]" + (f"-{field}" if field is not None else "")


@dataclass(frozen=True, slots=True)
class Message:
    """A message that could be split; `kind` as ORU^R01."""

    segments: tuple[Segment, ...]
    kind: str
    control_id: str
    charset: str

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
    try:
        raw = hl7.parse("\r".join(_segments(text, delimiters.field)))
    except (hl7.HL7Exception, ValueError, IndexError, AssertionError) as error:
        raise UnreadableError(field="MSH", reason="not built as HL7 v2 is") from error
    seen: dict[str, int] = {}
    segments = []
    for segment in raw:
        name = str(segment[0]).strip().upper()
        seen[name] = seen.get(name, 0) + 1
        segments.append(Segment(segment, name, seen[name], delimiters, charset))
    return Message(tuple(segments), _kind(segments), segments[0].text(10), charset)


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
    current: str | None = None
    for line in re.split(r"\r\n|\r|\n", text):
        if begins.match(line.lstrip()) or current is None:
            if current is not None:
                yield current
            current = line.strip() if current is None else line.lstrip()
        elif line.strip():
            current += f"\n{line}"
    if current is not None:
        yield current


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


def _parts(raw: str | list[Any]) -> tuple[tuple[str, ...], ...]:
    """A repetition as the library gives it: a text, or components that are texts or lists of subcomponents."""
    if isinstance(raw, str):
        return ((raw,),)
    return tuple((part,) if isinstance(part, str) else tuple(map(str, part)) for part in raw)
