"""The CapabilityStatement (FHIR R4): what this service does. A test compares it with the routes."""

from datetime import datetime

from adapter.evaluator.verdict import instant
from adapter.fhir.elements import Json
from adapter.fhir.names import BASE, conforms_to
from adapter.service.definitions import READ, SEARCHED
from adapter.service.operation import NAME, URL
from adapter.service.search import PARAMETERS
from adapter.version import package_version

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


def capability_statement(started: datetime, *, secured: bool) -> Json:
    """What this service can do since it was started; `secured`: callers need a token."""
    made = capabilities()
    (rest,) = made["rest"]
    if secured:
        rest["security"] = {"description": "A bearer token: one of the site's, or a JWT with SMART system scopes."}
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
        made["operation"] = [{"name": NAME, "definition": URL}]
    return made
