"""References between resources (FHIR R4, references.html): what one names, and whether that is what is meant here.

The one reader of them. A relative reference and an absolute one to the same server name the same resource; an absolute
one to another server does not, where the input says on which server its resource is (Bundle.entry.fullUrl).
"""

import re
from collections.abc import Iterable
from typing import Generic, TypeVar

from adapter.record.resources import Identifier, PatientLink, Reference

ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
"""A FHIR id."""

_KEY = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}", re.ASCII)
_SERVER = ("http://", "https://")
T = TypeVar("T")


def name_of(text: str) -> str:
    """A reference or fullUrl as a name: Type/id, whatever the address before it; a URN as it is."""
    plain = text.partition("/_history/")[0]
    return "/".join(plain.split("/")[-2:]) if plain.startswith(_SERVER) else plain


def key_of(text: str) -> str | None:
    """Type/id of a reference or URL, relative or absolute, of a version or not; None if it is none."""
    name = name_of(text.partition("?")[0])
    return name if _KEY.fullmatch(name) else None


def is_key(text: str) -> bool:
    """Whether a text is Type/id and nothing else."""
    return _KEY.fullmatch(text) is not None


def base_of(text: str) -> str | None:
    """The server's base in an absolute address of a resource; None for anything else."""
    plain = text.partition("/_history/")[0]
    return plain.rsplit("/", 2)[0] if plain.startswith(_SERVER) and key_of(plain) else None


def id_of(reference: Reference | None, type_: str, base: str | None = None) -> str | None:
    """The id of a resource of a type that is referred to; None for another type, and for another server than `base`."""
    key = key_of(reference.reference) if reference is not None and reference.reference else None
    if reference is None or key is None or not key.startswith(f"{type_}/"):
        return None
    there = base_of(reference.reference or "")
    return key.partition("/")[2] if there is None or base is None or there == base else None


def linked(links: Iterable[PatientLink], *types: str, base: str | None = None) -> list[str]:
    """The ids of the Patients that links of some types name."""
    return [id_ for each in links if each.type in types and (id_ := id_of(each.other, "Patient", base))]


def identified(identifier: Identifier | None) -> str | None:
    """An identifier as a name, system|value; None without a value."""
    return f"{identifier.system or ''}|{identifier.value}" if identifier is not None and identifier.value else None


class Referable(Generic[T]):
    """Things by the names by which resources refer to them."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        """Nothing yet."""
        self._held: dict[str, tuple[T, str | None]] = {}

    def add(self, thing: T, key: str, full_url: str | None) -> None:
        """A thing that is called Type/id, and has an address where it was sent with one."""
        held = thing, base_of(full_url) if full_url else None
        self._held[key] = held
        if full_url:
            self._held[full_url] = held

    def find(self, text: str) -> T | None:
        """What a reference names."""
        plain = text.partition("/_history/")[0]
        held = self._held.get(plain)
        if held is None and plain.startswith(_SERVER):
            held = self._held.get(name_of(plain))
            if held is not None and held[1] not in {None, base_of(plain)}:
                return None
        return held[0] if held is not None else None
