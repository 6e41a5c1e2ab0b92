"""Bytes of a file or stream -> single messages, whatever holds them together.

Known are: MLLP (0x0B before, 0x1C 0x0D after a message), batches (FHS, BHS, BTS, FTS), and messages one after another,
with lines that end in CR, LF or both. A message begins at a line that starts with MSH. What stands outside of messages
is given too, so that nothing gets lost.
"""

import re
from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

CHUNK = 1 << 20
MAX_MESSAGE = 64 << 20
"""Bytes of one message. Reports with pictures have some megabytes; more is a file that is no HL7."""

_END = re.compile(rb"\r\n|\r|\n|\x0b|\x1c\r?")
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"M\x00": "utf-16-le", b"\x00M": "utf-16-be"}
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\x00\x1a"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came, or (`stray`) what stands outside of any, what holds a batch together among it.

    `line`: where it begins, counted from 1. `envelope`: FHS, BHS, BTS or FTS, if it is one of these. `charset`: the
    codec where the framing itself says it (a UTF-16 file).
    """

    data: bytes
    line: int
    stray: bool = False
    charset: str | None = None
    envelope: str = ""


def frames(chunks: Iterable[bytes]) -> Iterator[Frame]:
    """The messages in a stream of bytes, in its order."""
    narrow, charset = _narrow(chunks)
    lines: list[bytes] = []
    size, began, stray = 0, 1, True
    for number, line in enumerate(_lines(narrow), start=1):
        head = line.lstrip(_BLANK)[:4]
        starts = head[:3] == b"MSH" and not head[3:].isalnum()
        envelope = head[:3] in {b"FHS", b"BHS", b"BTS", b"FTS"} and not head[3:].isalnum()
        ended = line == b"\x1c"
        if starts or envelope or ended or size > MAX_MESSAGE:
            if lines:
                yield Frame(b"\r".join(lines), began, stray, charset)
            lines, size, stray = [], 0, not starts
        if envelope:
            yield Frame(line.strip(_BLANK), number, stray=True, charset=charset, envelope=head[:3].decode())
        elif not ended and line.strip(_BLANK):
            began = began if lines else number
            lines.append(line)
            size += len(line)
    if lines:
        yield Frame(b"\r".join(lines), began, stray, charset)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; the end of an MLLP message is a line of its own, the byte 0x1C.

    Each byte is looked at once, however long a line is.
    """
    parts: list[bytes] = []
    size, held = 0, b""
    for chunk in chunks:
        text = held + chunk
        held = text[-1:] if text.endswith((b"\r", b"\x1c")) and not text.endswith(b"\x1c\r") else b""  # may go on
        place, stop = 0, len(text) - len(held)
        for found in _END.finditer(text, 0, stop):
            yield b"".join([*parts, text[place : found.start()]])
            if found.group()[:1] == b"\x1c":
                yield b"\x1c"
            parts, size, place = [], 0, found.end()
        parts.append(text[place:stop])
        size += stop - place
        if size > MAX_MESSAGE:
            yield b"".join(parts)
            parts, size = [], 0
    if held or any(parts):
        yield b"".join(parts)
    if held == b"\x1c":
        yield held


def _narrow(chunks: Iterable[bytes]) -> tuple[Iterable[bytes], str | None]:
    """The stream in a charset in which a line's end is one byte, and its name if it had to be changed."""
    stream = iter(chunks)
    first = b""
    for chunk in stream:
        first += chunk
        if len(first) >= len(_BOM):
            break
    wide = _WIDE.get(first[:2])
    if wide is None:
        return _with_first(first.removeprefix(_BOM), stream), None
    decoder = getincrementaldecoder(wide)(errors="replace")
    texts = chain((decoder.decode(part) for part in _with_first(first, stream)), _rest(decoder))
    return (text.lstrip("\ufeff").encode("utf-8") for text in texts), "utf-8"


def _rest(decoder: IncrementalDecoder) -> Iterator[str]:
    """What half a character at the end of the stream is shown as."""
    yield decoder.decode(b"", final=True)


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
