"""Simple search (FHIR R4, search.html) of definitional resources: `_id`, `identifier`, `url`, `status`.

A parameter given twice must match both times; values separated by commas are alternatives.
"""

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlencode

from adapter.fhir.elements import Json
from adapter.fhir.names import BASE, conforms_to
from adapter.service.errors import ParameterError

_SHOWN = frozenset({"_format", "_pretty"})


def _is_id(resource: Json, value: str) -> bool:
    return bool(resource["id"] == value)


def _has_identifier(resource: Json, value: str) -> bool:
    """`value`, `system|value`, `|value` (no system) or `system|`."""
    system, bar, plain = value.rpartition("|")
    return any(
        (not bar or each.get("system", "") == system) and plain in ("", each.get("value"))
        for each in resource.get("identifier", ())
    )


def _has_url(resource: Json, value: str) -> bool:
    """The canonical, with or without its version; a type that has no url in R4 goes by our name for it."""
    url, _, version = value.partition("|")
    own = resource.get("url") or f"{BASE}/{resource['resourceType']}/{resource['id']}"
    return own == url and version in ("", resource.get("version"))


def _has_status(resource: Json, value: str) -> bool:
    return resource.get("status") == value.rpartition("|")[2]


PARAMETERS: dict[str, tuple[str, Callable[[Json, str], bool]]] = {
    "_id": ("token", _is_id),
    "identifier": ("token", _has_identifier),
    "url": ("uri", _has_url),
    "status": ("token", _has_status),
}
"""Each search parameter: its type, and whether a resource matches a value."""


def searched(resources: Iterable[Json], pairs: Sequence[tuple[str, str]], base: str, type_: str) -> Json:
    """A searchset of the resources that match; `base` is the service's address. Raises ParameterError."""
    asked = [(name, value) for name, value in pairs if name not in _SHOWN]
    for name, value in asked:
        if name not in PARAMETERS:
            msg = f"no search parameter {name[:64]!r}; known are {', '.join(PARAMETERS)}"
            raise ParameterError(msg, code="not-supported", expression=name)
        if not value:
            msg = f"{name} is empty; give it a value or leave it out"
            raise ParameterError(msg, expression=name)
    found = [each for each in resources if all(_matches(each, name, value) for name, value in asked)]
    query = f"?{urlencode(asked)}" if asked else ""
    made: Json = {
        "resourceType": "Bundle",
        "meta": conforms_to("found"),
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}/{type_}{query}"}],
    }
    if found:
        made["entry"] = [
            {"fullUrl": f"{base}/{type_}/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in found
        ]
    return made


def _matches(resource: Json, name: str, value: str) -> bool:
    alternatives = (value,) if name == "url" else value.split(",")
    return any(PARAMETERS[name][1](resource, each) for each in alternatives if each)
