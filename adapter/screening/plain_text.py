"""Plain lines and tables for a terminal or a pipe."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: str) -> str:
    """The text on one line, with � for every character that is not for reading."""
    return "".join("�" if unicodedata.category(letter) in _UNPRINTABLE else letter for letter in " ".join(text.split()))


def count(number: int, one: str, many: str) -> str:
    """A number with its noun: 1 entry, 1,200 entries."""
    return f"{number:,} {one if number == 1 else many}"


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


def plain_table(*headings: str) -> Table:
    """A plain table; a heading that begins with > has numbers below it."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, caption_justify="left")
    for heading in headings:
        table.add_column(heading.lstrip(">"), justify="right" if heading.startswith(">") else "left", overflow="fold")
    return table


def print_trials(console: Console, trials: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a trial, of what `trials_json` says."""
    table = plain_table("Study", "Title", "Status", "Criteria")
    for trial in trials:
        criteria = f"{sum(trial['criteria'].values())}, {trial['completeness']}"
        table.add_row(trial["id"], plain(trial["title"]), trial["status"], criteria)
    console.print(table)
