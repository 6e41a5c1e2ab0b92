"""What we publish of our own, and how it is put on a server: all or none, so that doing it again changes nothing.

Each is found again by its canonical URL, or where FHIR R4 has none for it, by an identifier of ours: a conditional
update. What the server holds under another id keeps that id, and the other resources' references follow it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from adapter.errors import AbsentError, ConflictError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import search_path, together
from adapter.fhir.elements import Json
from adapter.record.bundle import Resource

Package = Mapping[str, Mapping[str, Json]]
"""Resource type -> id -> resource, in the order of the file names. Not to be changed: everyone shares it."""


@cache
def conformance() -> Package:
    """The conformance resources of the package, without its examples."""
    found: dict[str, dict[str, Json]] = {}
    folder = files("profiles") / "package"
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        kind, _, name = file.name.removesuffix(".json").partition("-")
        if name and file.name.endswith(".json"):
            found.setdefault(kind, {})[name] = msgspec.json.decode(file.read_bytes())
    return found


class Change(StrEnum):
    """What publishing did to a resource."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Published:
    """A resource on the server. `reference`: Type/id there."""

    reference: str
    change: Change


async def publish(client: FhirClient, resources: Sequence[Json]) -> list[Published]:
    """Write the resources in one transaction; what became of each, in their order.

    Raises ConflictError where the server holds two of the same, ServerError where it refuses one of them: then nothing
    was written.
    """
    searches = [search_path(each["resourceType"], named_by(each)) for each in resources]
    stood = [_only(found) for found in await client.find([f"{search}&_count=2" for search in searches])]
    moved = {_key(new): old.key for new, old in zip(resources, stood, strict=True) if old and old.key != _key(new)}
    entries = [
        {
            "fullUrl": f"{client.url}/{_key(resource)}",
            "resource": _moved(resource, moved),
            "request": {"method": "PUT", "url": search},
        }
        for resource, search in zip(resources, searches, strict=True)
    ]
    try:
        await client.transaction(entries)
    except ConflictError:
        gone = await _gone(client, [new for new, old in zip(resources, stood, strict=True) if old is None])
        if not gone:
            raise
        for entry in entries:
            if _key(entry["resource"]) in gone:
                entry["request"]["url"] = _key(entry["resource"])
        await client.transaction(entries)
    stands = [_only(found) for found in await client.find([f"{search}&_count=2" for search in searches])]
    return [
        Published(new.key if new else _key(resource), _change(old, new))
        for resource, old, new in zip(resources, stood, stands, strict=True)
    ]


async def _gone(client: FhirClient, resources: Iterable[Json]) -> frozenset[str]:
    """Those that the server doesn't have under our ids, Type/id each.

    Of one that was deleted, HAPI FHIR keeps the id: a search doesn't find it, and a conditional update that would make
    it is refused for ever (409). By its id it can be written again.
    """

    async def absent(key: str) -> bool:
        try:
            await client.read(*key.split("/"))
        except AbsentError:
            return True
        return False

    keys = [_key(each) for each in resources]
    return frozenset(key for key, is_absent in zip(keys, await together(map(absent, keys)), strict=True) if is_absent)


def named_by(resource: Json) -> dict[str, str]:
    """The search that finds a resource of ours on any server."""
    if "url" in resource:
        return {"url": resource["url"]}
    own = resource["identifier"][-1]
    return {"identifier": f"{own['system']}|{own['value']}"}


def _key(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _only(found: Iterable[Resource]) -> Resource | None:
    """The one found; of several the first: the transaction then says that there are several."""
    return next(iter(found), None)


def _change(old: Resource | None, new: Resource | None) -> Change:
    if old is None:
        return Change.CREATED
    return Change.UNCHANGED if new is not None and new.version == old.version else Change.UPDATED


def _moved(content: Any, moved: dict[str, str]) -> Any:  # noqa: ANN401  # JSON
    """The same JSON with references, and the resource's own id, as the server has them."""
    if not moved:
        return content
    if isinstance(content, list):
        return [_moved(each, moved) for each in content]
    if not isinstance(content, dict):
        return content
    made = {name: _moved(each, moved) for name, each in content.items()}
    if isinstance(made.get("reference"), str):
        made["reference"] = moved.get(made["reference"], made["reference"])
    if "resourceType" in made and _key({"id": "", **made}) in moved:
        made["id"] = moved[_key(made)].partition("/")[2]
    return made
