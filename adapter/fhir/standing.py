"""Whose status a ResearchSubject has: the adapter's last proposal, or a person's, which is never overwritten.

The adapter writes into each version the version that it had read (`based-on-version`). So its own versions are those
whose extension names the version just before them; a person who edits a resource copies the extension, and it then
names an older one. No memory of our own is needed, and no server's numbering is trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.fhir.elements import Json
from adapter.fhir.names import BASED_ON, PROPOSAL, SET_BY_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a ResearchSubject, as far as that question goes."""

    id: str | None
    status: str | None
    proposal: str | None
    based_on: str | None
    set_by_person: bool


def version_of(resource: Json) -> Version:
    """A version from its JSON."""
    extensions = {each.get("url"): each for each in resource.get("extension", ()) if isinstance(each, dict)}
    return Version(
        id=resource.get("meta", {}).get("versionId"),
        status=resource.get("status"),
        proposal=extensions.get(PROPOSAL, {}).get("valueCode"),
        based_on=extensions.get(BASED_ON, {}).get("valueId"),
        set_by_person=extensions.get(SET_BY_PERSON, {}).get("valueBoolean") is True,
    )


def settled_without_history(newest: Version) -> bool | None:
    """Whether the status is a person's, where the newest version alone tells; else None.

    A status other than the proposal is. One that a version written right after the one it is based on has, is not:
    that is how servers number that count versions from 1.
    """
    if newest.set_by_person or newest.proposal is None or newest.status != newest.proposal:
        return True
    if newest.id is not None and newest.id == _next(newest.based_on):
        return False
    return None


def is_persons(versions: Sequence[Version], *, complete: bool) -> bool:
    """Whether the status is a person's. `versions`: the newest first; `complete`: back to the creation.

    It is unless it came down, from a version of the adapter's own, through versions that left it as it was.
    """
    alone = settled_without_history(versions[0])
    if alone is not None:
        return alone
    for place, version in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        if before is None:
            return not (complete and version.based_on is None and version.proposal is not None)
        if version.proposal is not None and version.based_on == before.id:
            return False
        if version.status != before.status:
            return True
    return True


def _next(version: str | None) -> str | None:
    if version is None:
        return "1"
    return str(int(version) + 1) if version.isascii() and version.isdecimal() else None
