"""A patient's resources as the bytes of one cell, from which the reader makes the same record again.

Of resources of which nothing is read, only their names are kept: they are counted, and nothing else of them is needed.
"""

import hashlib
from collections import Counter

import msgspec
from msgspec import Struct, structs

from adapter.record.bundle import Resource
from adapter.record.contents import Contents
from adapter.record.facts import Issue
from adapter.record.listed import Readable

_READ = frozenset(kind.__name__ for kind in Readable.__args__)
_NOTHING = b"{}"
_PATIENT = "Patient"


class _Kept(Struct, frozen=True, array_like=True):
    """Contents, in an order that is always the same."""

    resources: tuple[Resource, ...]
    deleted: tuple[str, ...]
    problems: tuple[Issue, ...]
    lacking: tuple[str, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Kept)


def encoded(contents: Contents) -> bytes:
    """The contents as bytes; the same contents always give the same ones."""
    deleted, lacking = tuple(sorted(contents.deleted)), tuple(sorted(contents.lacking))
    return _encoder.encode(_Kept(_needed(contents.resources), deleted, contents.problems, lacking))


def decoded(data: bytes) -> Contents:
    """The contents of bytes that `encoded` made. Raises msgspec.DecodeError for others."""
    kept = _decoder.decode(data)
    return Contents(kept.resources, frozenset(kept.deleted), kept.problems, frozenset(kept.lacking))


def key_of(subject: str, place: str) -> int:
    """The key of a patient in every table: 63 bits of a hash of Patient/id; of the place too where there is no id."""
    named = subject if subject.startswith(f"{_PATIENT}/") else f"{place} {subject}"
    return int.from_bytes(hashlib.blake2b(named.encode(), digest_size=8).digest()) >> 1


def part_of(patient: int, parts: int) -> int:
    """The part in which a patient's rows are."""
    return patient % parts


def _needed(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """The resources, bare where nothing is read of them. Of two of one name it matters whether they are the same."""
    if _READ.issuperset([each.type for each in resources]):
        return resources
    times = Counter(each.key for each in resources if each.type not in _READ)
    return tuple(
        each if each.type in _READ or times[each.key] > 1 else structs.replace(each, raw=_NOTHING) for each in resources
    )
