"""What a folder of facts holds, as its `manifest.json` says it.

What makes the files of a folder its facts is the manifest, which names the folder that they are in. A run writes into
another one and then replaces the manifest: a run that is killed, or finds the disk full, changes nothing.

Nothing here needs pyarrow, so that a folder can be told for what it is where the extra `facts` is not installed.
"""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Final

import msgspec
from msgspec import Struct

from adapter.errors import UsageError

FORMAT: Final = 6
"""The version of what is written in a folder of facts (`adapter.columns.schema`); another one is not read."""

MANIFEST = "manifest.json"
FAILURES = "failures.ndjson"

_DATA = re.compile(r"data-(\d+)")


class Basis(Struct, frozen=True):
    """What of a policy goes into the facts; a policy that shares it can be asked of them."""

    time_zone: str
    antigen_cutoff: str
    normal_limits: dict[str, tuple[str | None, str | None]]


class Manifest(Struct, frozen=True, kw_only=True):
    """What a folder of facts holds.

    `data`: the folder inside it with the files. `until`: the instant up to which the changes of a FHIR server are in
    it, None of other sources. `failed`: how many patients or parts of the source could not be read, each a line of
    `failures.ndjson`.
    """

    format: int = FORMAT
    data: str
    parts: int
    terminology: str
    basis: Basis
    until: datetime | None
    patients: int
    failed: int


class _Any(Struct, frozen=True):
    """What every version of a manifest has."""

    basis: Basis
    data: str
    format: int


_any = msgspec.json.Decoder(_Any)
_manifest = msgspec.json.Decoder(Manifest)


def next_data(folder: Path) -> str:
    """The name of a new folder of files inside a folder of facts."""
    held = _held(folder)
    known = _DATA.fullmatch(held.data) if held is not None else None
    return f"data-{int(known[1]) + 1 if known else 1}"


def commit(folder: Path, manifest: Manifest, new_file: Callable[[Path], IO[bytes]]) -> None:
    """Make the files that a manifest names the facts of a folder."""
    temporary = folder / f".{MANIFEST}"
    with new_file(temporary) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    temporary.replace(folder / MANIFEST)


def is_facts(folder: Path) -> bool:
    """Whether a folder holds facts, of whatever version; an export has a `manifest.json` too."""
    return _held(folder) is not None


def _held(folder: Path) -> _Any | None:
    try:
        return _any.decode((folder / MANIFEST).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def may_become_facts(folder: Path) -> bool:
    """Whether a folder may be written to: there is none yet, or it holds facts, or what a killed run has left."""
    if not folder.exists() or is_facts(folder):
        return True
    return all(each.name.startswith(".") or _DATA.fullmatch(each.name) for each in folder.iterdir())


def manifest_of(folder: Path) -> Manifest:
    """What a folder of facts holds. Raises UsageError where it holds none, or those of another version."""
    held = _held(folder)
    if held is not None and held.format != FORMAT:
        msg = f"{folder} holds facts of form {held.format}, and this version reads {FORMAT}; extract again"
        raise UsageError(msg)
    try:
        return _manifest.decode((folder / MANIFEST).read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        what = "holds no facts" if folder.is_dir() else "is no folder, and holds no facts"
        msg = f"{folder} {what}; name one that `trial-adapter extract --source … --out FOLDER` wrote"
        raise UsageError(msg) from error
