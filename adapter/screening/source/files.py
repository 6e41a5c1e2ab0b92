"""Opens the files of patients: regular ones only, plain or compressed (gzip), and reads them as the same JSON text.

What a file is, its content says and not its name: gzip begins with two bytes that no JSON does.
"""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from adapter.errors import InputError
from adapter.record.bundle import BOM, json_text

MAX_TEXT = 1 << 30
"""Bytes, decompressed, that are read as one JSON text: a file, or a line of NDJSON. Patients have some megabytes."""

_GZIP = b"\x1f\x8b"


def read_json(path: Path) -> bytes:
    """A file's JSON text. Raises InputError where it can't be opened, isn't JSON, or is too large."""
    with _opened(path) as file:
        data = file.read(MAX_TEXT + 1)
    return json_text(_bounded(data))


def read_lines(path: Path) -> Iterator[tuple[int, bytes | InputError]]:
    """The lines of an NDJSON file that are not empty, by number; what is wrong with one stands in its place.

    Raises InputError where the file can't be opened, or not read to its end.
    """
    with _opened(path) as file:
        number = 0
        while line := file.readline(MAX_TEXT + 1):
            number += 1
            plain = _bounded(line.removeprefix(BOM) if number == 1 else line).strip()
            if not plain:
                continue
            try:
                yield number, json_text(plain)
            except InputError as error:
                yield number, error


def shown(path: Path) -> str:
    """A file's name for people and for JSON: bytes that are no UTF-8 as escapes."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        # A FIFO without a writer would let us wait for ever, a device never end
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                msg = "can't be read: no regular file (a folder, a pipe or a device)"
                raise InputError(msg)
            packed = file.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
            if not packed:
                yield file
                return
            with gzip.open(file) as plain:
                yield cast("IO[bytes]", plain)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = "can't be read: its gzip is broken, or ends too early"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"can't be read: {error.strerror}"
        raise InputError(msg) from error


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_TEXT:
        msg = f"can't be read: more than {MAX_TEXT:,} bytes in one JSON text"
        raise InputError(msg)
    return data
