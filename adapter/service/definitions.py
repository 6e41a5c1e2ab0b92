"""The definitional resources that can be read and searched, and the CapabilityStatement (FHIR R4).

Search (search.html) by `_id`, `identifier`, `url`, `status`: a parameter given twice must match both times; values
separated by commas are alternatives. A test compares the CapabilityStatement with the routes.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

import msgspec
from anyio import to_thread

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.evaluator.verdict import instant
from adapter.fhir.elements import BASE, Json, conforms_to
from adapter.fhir.publishing import conformance
from adapter.service.errors import ParameterError
from adapter.service.operation_definitions import (
    FEASIBILITY,
    FEASIBILITY_URL,
    MATCH,
    MATCH_URL,
    NAME,
    URL,
    feasibility_definition,
    operation_definition,
)
from adapter.version import package_version
from mappings.trial.fhir import resources_of, shared_resources
from mappings.trial.fhir.shared import local_value_sets

SEARCHED = ("ResearchStudy", "PlanDefinition", "Group", "Library")
"""The types that can be searched."""

READ = (*SEARCHED, "OperationDefinition", "StructureDefinition", "CodeSystem", "ValueSet")
"""The types that can be read."""

Definitions = Mapping[str, Mapping[str, Json]]
"""Resource type -> id -> resource, in a fixed order."""

_SHOWN = frozenset({"_format", "_pretty"})
NAME_OF_SERVICE = "fhir-trial-adapter"
PUBLISHED = "2026-11-25"
"""When the statement of the FHIR package last changed."""

PROFILES = {
    "ResearchStudy": ("study",),
    "PlanDefinition": ("eligibility-plan", "treatment-plan"),
    "Group": ("enrollment-group",),
    "Library": ("criteria-library",),
}
"""The profiles that the served resources of a type conform to."""


def definitional(trials: Iterable[TrialDefinition], terminology: Terminology) -> Definitions:
    """Every resource that the service serves: the trials', the value sets, the operation, our profiles.

    What several of them bring (a value set that two trials use) is there once. Raises DefinitionError where a trial
    can't be told as FHIR R4.
    """
    found: dict[str, dict[str, Json]] = {type_: {} for type_ in READ}
    held = tuple(trials)
    operations = (operation_definition(), feasibility_definition())
    packaged = (*local_value_sets(terminology), *packaged_value_sets(), *operations, *_of_package())
    of_trials = (resource for trial in held for resource in resources_of(trial, terminology))
    for resource in (*packaged, *of_trials, *shared_resources(held, terminology)):
        of_type = found.get(resource["resourceType"])
        if of_type is not None:
            of_type.setdefault(resource["id"], resource)
    return found


class Served:
    """What a service serves of some trials, made once, when it is first asked for: half of the start would go there."""

    def __init__(self, make: Callable[[], Definitions]) -> None:
        """Nothing is made yet."""
        self._make = make
        self._making = threading.Lock()
        self._made: Definitions | None = None

    def made(self) -> Definitions:
        """All of it; the first call takes a while, and whoever else calls waits. Raises as `definitional`."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def of_type(self, type_: str) -> Mapping[str, Json]:
        """The resources of a type that can be read, by their ids; made beside the event loop. Raises as `made`."""
        held = self._made
        return (await to_thread.run_sync(self.made) if held is None else held)[type_]


def _of_package() -> tuple[Json, ...]:
    """Our profiles and extensions, and the value sets of our codes."""
    held = conformance()
    return (*held["StructureDefinition"].values(), *held["ValueSet"].values())


@cache
def packaged_value_sets() -> tuple[Json, ...]:
    """The value sets of the terminology, in the order of their ids."""
    folder = files("mappings.terminology") / "value-sets"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return tuple(msgspec.json.decode(file.read_bytes()) for file in found)


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


def capability_statement(started: datetime, *, secured: bool) -> Json:
    """What this service can do since it was started; `secured`: callers need a token."""
    made = capabilities()
    (rest,) = made["rest"]
    if secured:
        rest["security"] = {"description": "A bearer token: one of the site's, or a JWT with SMART scopes."}
    of_this_service: Json = {
        "date": instant(started),
        "kind": "instance",
        "instantiates": [made.pop("url")],
        "implementation": {"description": "fhir-trial-adapter: clinical-trial eligibility with a reason a criterion"},
    }
    return {**made, **of_this_service}


def capabilities() -> Json:
    """What every such service can do, as the FHIR package says it."""
    rest: Json = {
        "mode": "server",
        "documentation": "Evaluates patients against the eligibility criteria of clinical trials. Nothing is stored.",
        "resource": [_resource(type_) for type_ in READ],
    }
    return {
        "resourceType": "CapabilityStatement",
        "id": NAME_OF_SERVICE,
        "meta": conforms_to("capabilities"),
        "url": f"{BASE}/CapabilityStatement/{NAME_OF_SERVICE}",
        "version": "1.0.0",
        "name": "FhirTrialAdapter",
        "title": "What a fhir-trial-adapter can do",
        "status": "active",
        "date": PUBLISHED,
        "description": "Reads and searches trials as FHIR, and evaluates patients against their eligibility criteria.",
        "kind": "capability",
        "software": {"name": NAME_OF_SERVICE, "version": package_version()},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    }


def _resource(type_: str) -> Json:
    made: Json = {"type": type_, "interaction": [{"code": "read"}]}
    if type_ in PROFILES:
        made["supportedProfile"] = [f"{BASE}/StructureDefinition/{name}" for name in PROFILES[type_]]
    if type_ in SEARCHED:
        made["interaction"].append({"code": "search-type"})
        made["searchParam"] = [{"name": name, "type": kind} for name, (kind, _) in PARAMETERS.items()]
    if type_ == "ResearchStudy":
        operations = ((NAME, URL), (MATCH, MATCH_URL), (FEASIBILITY, FEASIBILITY_URL))
        made["operation"] = [{"name": name, "definition": url} for name, url in operations]
    return made
