"""What was imported, in one JSON file of a site: a release a kind, each with the hash of the files it came from."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes
from adapter.errors import UsageError
from mappings.terminology.imports.releases import find_file, findings, tab_rows

Kind = Literal["rxnorm", "snomed", "omop"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class FileOfRelease(Struct, frozen=True):
    """A file that was read: its name, and the SHA-256 of its bytes."""

    name: str
    sha256: str


class Release(Struct, frozen=True):
    """What one release says. `members`: value set -> system -> its codes in it.

    `known`: system -> the codes that the release tells apart, so that one which a value set of `complete` does not hold
    is not what that set means.
    """

    kind: Kind
    files: tuple[FileOfRelease, ...]
    members: Mapping[str, Mapping[str, tuple[str, ...]]]
    known: Mapping[str, tuple[str, ...]]
    complete: Mapping[str, tuple[str, ...]]


class _Store(Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    releases: tuple[Release, ...] = ()


_decoder = msgspec.json.Decoder(_Store)
_CHUNK = 1 << 20


def import_release(kind: Kind, folder: Path, terminology: Terminology) -> Release:
    """Read a release, and say which value sets hold which of its codes.

    Raises UsageError, with file and line, where the release is not whole.
    """
    from mappings.terminology.imports.releases import read_omop, read_rxnorm  # noqa: PLC0415  # long, and seldom needed

    if not folder.is_dir():
        msg = f"no folder {folder}; name that of an unpacked release"
        raise UsageError(msg)
    readers: dict[Kind, Callable[[Path, Terminology], tuple[ReleasedCodes, Iterable[Path]]]] = {
        "rxnorm": read_rxnorm,
        "snomed": read_snomed,
        "omop": read_omop,
    }
    found, files = readers[kind](folder, terminology)
    members: dict[str, dict[str, list[str]]] = {}
    for name, codings in sorted(found.members.items()):
        by_system = members.setdefault(name, {})
        for coding in sorted(codings):
            by_system.setdefault(coding.system, []).append(coding.code)
    return Release(
        kind=kind,
        files=tuple(FileOfRelease(path.name, _sha256(path)) for path in files),
        members={name: {system: tuple(codes) for system, codes in each.items()} for name, each in members.items()},
        known={system: tuple(sorted(codes)) for system, codes in sorted(found.known.items())},
        complete={system: tuple(sorted(names)) for system, names in sorted(found.complete.items())},
    )


def keep_release(release: Release, path: Path) -> None:
    """Put a release into a site's file, in the place of an earlier one of its kind."""
    kept = _read(path).releases if path.exists() else ()
    whole = _Store(1, (*(each for each in kept if each.kind != release.kind), release))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(msgspec.json.encode(whole))
    temporary.replace(path)


def load_releases(path: Path) -> tuple[ReleasedCodes, ...]:
    """The releases in a site's file. Raises UsageError where it is missing, or no such file."""
    if not path.is_file():
        msg = f"no file {path}; `trial-adapter terminology import` writes it"
        raise UsageError(msg)
    return tuple(_released(each) for each in _read(path).releases)


def _released(release: Release) -> ReleasedCodes:
    named = hashlib.sha256(msgspec.json.encode((release.kind, release.files))).hexdigest()
    members = {
        name: tuple(Coding(system, code) for system, codes in each.items() for code in codes)
        for name, each in release.members.items()
    }
    return ReleasedCodes(
        hash=named,
        members=members,
        known={system: frozenset(codes) for system, codes in release.known.items()},
        complete={system: frozenset(names) for system, names in release.complete.items()},
    )


def _read(path: Path) -> _Store:
    try:
        return _decoder.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        msg = f"{path}: not what `trial-adapter terminology import` writes ({error}); import the releases anew"
        raise UsageError(msg) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


_IS_A = "116680003"
_ACTIVE = "1"


def read_snomed(folder: Path, terminology: Terminology) -> tuple[ReleasedCodes, tuple[Path, ...]]:
    """What the release says, and the files that were read. Raises UsageError where one is missing or not whole."""
    concepts = find_file(folder, "sct2_Concept_Snapshot_*.txt")
    relationships = find_file(folder, "sct2_Relationship_Snapshot_*.txt")
    active = {code for code, state in tab_rows(concepts, ("id", "active")) if state == _ACTIVE}
    parents: dict[str, list[str]] = defaultdict(list)
    for state, child, parent, type_ in tab_rows(relationships, ("active", "sourceId", "destinationId", "typeId")):
        if state == _ACTIVE and type_ == _IS_A and child in active and parent in active:
            parents[child].append(parent)
    return findings(parents, terminology), (concepts, relationships)
