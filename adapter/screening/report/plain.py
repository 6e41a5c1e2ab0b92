"""Text for people: words that a record brings made safe to print, instants, numbers, and lines without loose ends."""

import re
import unicodedata
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: str) -> str:
    """The text on one line, with � for every character that is not for reading."""
    return "".join("�" if unicodedata.category(letter) in _UNPRINTABLE else letter for letter in " ".join(text.split()))


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """An instant to the minute, in the site's time zone."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def count(number: int, one: str, many: str) -> str:
    """A number with its noun: 1 entry, 2 entries."""
    return f"{number} {one if number == 1 else many}"


class Trimmed:
    """A stream that takes the blanks off the ends of lines, which tables leave there."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write whole lines."""
        return self._stream.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        """Pass on what was written."""
        self._stream.flush()
