"""Files of HL7 v2 messages, a folder of them, or a stream, as bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from adapter.errors import UsageError
from mappings.patient import Unit
from mappings.patient.hl7v2 import Series
from mappings.patient.hl7v2.framing import CHUNK

STREAM = "-"
"""The name of standard input on a command line."""


def message_units(source: Path, series: Series, stream: BinaryIO) -> Iterator[Unit]:
    """What the messages of a source give: `-` is the stream, a folder's files are read in the order of their names.

    Raises UsageError for a folder without files.
    """
    if str(source) == STREAM:
        yield from series.units("stream", _chunks(stream))
        return
    files = sorted(path for path in source.iterdir() if _is_message_file(path)) if source.is_dir() else [source]
    if not files:
        msg = f"{source} holds no files; name a file of HL7 v2 messages, or a folder of them"
        raise UsageError(msg)
    for path in files:
        with path.open("rb") as opened:
            yield from series.units(path.name, _chunks(opened))


def _is_message_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
