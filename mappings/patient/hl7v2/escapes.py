r"""Escape sequences of HL7 v2 (chapter 2.7) -> text.

\F\ \S\ \T\ \R\ \E\ \P\ are the delimiters themselves, \Xdd…\ bytes of the message's character set, \.br\ and the other
formatting commands line breaks and blanks, \H\ and \N\ (highlighting) nothing. Others (\Z…\ of the sender, \C…\ and
\M…\ of other character sets) and a lone \ stay as they are: nothing is lost.
"""

import re
from dataclasses import dataclass

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
    """The text that was meant."""
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
