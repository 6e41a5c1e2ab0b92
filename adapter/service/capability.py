"""The CapabilityStatement (FHIR R4): what this service does. A test compares it with the routes."""

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from adapter.evaluator.verdict import instant
from adapter.fhir.elements import Json
from adapter.service.definitions import READ, SEARCHED
from adapter.service.operation import NAME, URL
from adapter.service.search import PARAMETERS


def capability_statement(started: datetime, *, secured: bool) -> Json:
    """What the service can do since it was started; `secured`: callers need a token."""
    rest: Json = {
        "mode": "server",
        "documentation": "Evaluates patients against the eligibility criteria of clinical trials. Nothing is stored.",
        "resource": [_resource(type_) for type_ in READ],
    }
    if secured:
        rest["security"] = {"description": "A bearer token: one of the site's, or a JWT with SMART system scopes."}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": instant(started),
        "kind": "instance",
        "software": {"name": "fhir-trial-adapter", "version": package_version()},
        "implementation": {"description": "fhir-trial-adapter: clinical-trial eligibility with a reason a criterion"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    }


def package_version() -> str:
    """The installed version."""
    try:
        return version("fhir-trial-adapter")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"


def _resource(type_: str) -> Json:
    made: Json = {"type": type_, "interaction": [{"code": "read"}]}
    if type_ in SEARCHED:
        made["interaction"].append({"code": "search-type"})
        made["searchParam"] = [{"name": name, "type": kind} for name, (kind, _) in PARAMETERS.items()]
    if type_ == "ResearchStudy":
        made["operation"] = [{"name": NAME, "definition": URL}]
    return made
