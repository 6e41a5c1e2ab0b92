"""The files of a source as Spark reads them: which of them many tasks may share, and which are read whole."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.errors import InputError, UsageError
from adapter.screening.source import LeftOut, Unread
from adapter.screening.source.folder import GZIP, Files, find_files, opened, other, shown
from adapter.screening.spark.session import Place, Session

_MOST_WHOLE = 1 << 30
"""Bytes of a file that one task reads whole: Bundles, and what is compressed."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the source. `lines`: many tasks may read it; `failure`: why none can."""

    url: str
    name: str
    size: int
    changed: int
    lines: bool
    failure: Unread | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """All files in their order, the first so many of them Bundles; and what is said of those that aren't read."""

    files: tuple[File, ...]
    bundles: int
    others: tuple[Unread | LeftOut, ...]


def files_of(session: Session, source: str) -> Source:
    """The files of a folder or of an address. Raises UsageError where there is nothing to read, or one is too large."""
    local = re.match(r"[a-z0-9]+:/", source) is None
    if local:
        if not Path(source).exists():
            msg = f"--source {source} does not exist; name a file, a folder, or an address that Spark reaches"
            raise UsageError(msg)
        return _listed(find_files(Path(source)), _local)
    place = Place(session, source)
    if not place.exists():
        msg = f"--source {source} does not exist"
        raise UsageError(msg)
    return _listed(find_files(place), _remote)


def _listed(files: "Files[Any]", seen: Callable[..., File]) -> Source:
    found = (*(seen(each, lines=False) for each in files.bundles), *(seen(each, lines=True) for each in files.lines))
    for each in found:
        if not each.lines and each.size > _MOST_WHOLE:
            msg = f"{each.name} has more than {_MOST_WHOLE:,} bytes, which one task would have to read; split it"
            raise UsageError(msg)
    return Source(found, len(files.bundles), tuple(map(other, files.others)))


def _local(path: Path, *, lines: bool) -> File:
    try:
        with opened(path):
            pass
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
    except InputError as error:
        return File("", shown(path), 0, 0, lines=False, failure=Unread(shown(path), str(error)))
    status = path.stat()
    split = lines and not packed and path.suffix.lower() != ".gz"
    return File(f"file:{path.absolute()}", shown(path), status.st_size, status.st_mtime_ns, lines=split)


def _remote(path: Place, *, lines: bool) -> File:
    size, changed = path.version()
    split = lines and path.suffix.lower() != ".gz" and not path.begins(GZIP)
    return File(path.url, shown(path), size, changed, lines=split)
