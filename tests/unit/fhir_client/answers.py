"""What FHIR servers answer."""

from typing import Any

import httpx

BASE = "https://fhir.example.org/r4"
Json = dict[str, Any]


def json(content: Json, status: int = 200, **headers: str) -> httpx.Response:
    """FHIR JSON."""
    return httpx.Response(status, json=content, headers={"Content-Type": "application/fhir+json", **headers})


def outcome(text: str = "Jane Doe is not allowed", severity: str = "error") -> Json:
    """An OperationOutcome."""
    issue = {"severity": severity, "code": "processing", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def observation(id_: str, version: str = "1") -> Json:
    """An Observation with a version."""
    return {"resourceType": "Observation", "id": id_, "meta": {"versionId": version}}


def page(*resources: Json, after: str | None = None, total: int | None = None, mode: str = "match") -> Json:
    """A page of a search."""
    made: Json = {"resourceType": "Bundle", "type": "searchset"}
    if resources:
        made["entry"] = [{"resource": each, "search": {"mode": mode}} for each in resources]
    if after:
        made["link"] = [{"relation": "next", "url": after}]
    if total is not None:
        made["total"] = total
    return made


def answers(*entries: tuple[str, Json]) -> Json:
    """The answer to a batch: a status and a resource each."""
    made = [{"response": {"status": status}, "resource": resource} for status, resource in entries]
    return {"resourceType": "Bundle", "type": "batch-response", "entry": made}


def capabilities(*, batch: bool = True, version: str = "4.0.1") -> Json:
    """A CapabilityStatement."""
    rest: Json = {"mode": "server", "resource": [{"type": "Observation", "searchParam": [{"name": "patient"}]}]}
    if batch:
        rest["interaction"] = [{"code": "batch"}]
    return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": [rest]}
