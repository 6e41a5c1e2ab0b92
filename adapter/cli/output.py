"""What commands print, and on what."""

import sys
from pathlib import Path
from typing import Any, TextIO, cast

import msgspec
from rich.console import Console

from adapter.screening.plain_text import Trimmed

_WIDTH_WITHOUT_TERMINAL = 120
_UNBROKEN = 10_000


def console(*, stderr: bool = False, unbroken: bool = False) -> Console:
    """Where a command prints to; without a terminal, in lines of one width without trailing blanks.

    `unbroken`: there each row of a table is one line, however long, as other programs want it.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    width = _UNBROKEN if unbroken else _WIDTH_WITHOUT_TERMINAL
    return Console(file=cast("TextIO", Trimmed(stream)), width=width, highlight=False)


def print_line(text: str) -> None:
    """Print a line as it is, however long."""
    console().print(text, soft_wrap=True, highlight=False, markup=False)


def print_note(text: str) -> None:
    """Print a line beside the output, on stderr."""
    console(stderr=True).print(text, soft_wrap=True, highlight=False, markup=False)


def print_paths(*paths: Path) -> None:
    """Print a path a line."""
    for path in paths:
        print_line(str(path))


def print_json(content: Any) -> None:  # noqa: ANN401  # JSON
    """Print JSON for people to read."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
