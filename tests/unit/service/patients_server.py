"""A FHIR server that holds some patients, as `$evaluate` and others ask it."""

from collections.abc import Iterable

import httpx
import msgspec

from tests.unit.fhir_client.answers import json, outcome, page
from tests.unit.screening.records import bundle, ecog, of, patient
from tests.unit.service.calls import Json, resources

TYPES = ("Patient", "Observation", "Condition", "Consent")


class PatientsServer:
    """A FHIR server with some resources; `broken`: patients whose Observations it can't read."""

    def __init__(self, held: Iterable[Json], broken: tuple[str, ...] = ()) -> None:
        """Hold resources."""
        self.held = list(held)
        self.broken = broken
        self.requests: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Search and read, as far as the adapter asks."""
        self.requests.append(request.url.path)
        type_, _, id_ = request.url.path.removeprefix("/r4/").partition("/")
        if type_ == "metadata":
            return json(self._statement())
        of_type = [each for each in self.held if each["resourceType"] == type_]
        if id_:
            found = [each for each in of_type if each["id"] == id_]
            return json(found[0]) if found else json(outcome(), 404)
        said = request.url.params
        ids = (said.get("_id") or said.get("patient") or said["subject"]).split(",")
        if type_ == "Observation" and set(ids) & set(self.broken):
            return json(outcome(), 400)
        return json(page(*(each for each in of_type if self._name(each) in ids)))

    @staticmethod
    def _name(resource: Json) -> str:
        owner = resource.get("subject", {}).get("reference", "")
        return str(resource["id"]) if resource["resourceType"] == "Patient" else owner.partition("/")[2]

    @staticmethod
    def _statement() -> Json:
        listed = [{"type": each, "searchParam": [{"name": "patient"}]} for each in TYPES]
        rest: Json = {"mode": "server", "resource": listed}
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [rest]}


def resources_of(record: bytes) -> list[Json]:
    """The resources of a Bundle."""
    return [entry["resource"] for entry in msgspec.json.decode(record)["entry"]]


def versioned(resource: Json, version: str | None) -> Json:
    """A resource with a version, or without."""
    return {**resource, "meta": {"versionId": version}} if version else resource


P1 = resources_of(bundle(patient(), versioned(ecog("e1", of(), 1), "3")))
P2 = resources_of(bundle(patient("p2"), ecog("e2", of("p2"), 4)))
GROUP: Json = {
    "resourceType": "Group",
    "id": "g1",
    "member": [{"entity": {"reference": "Patient/p1"}}, {"entity": {"reference": "Patient/p2"}}],
}


def ecog_of(answer: httpx.Response) -> list[tuple[str, str]]:
    """Subject and result of the criterion on ECOG, for each guidance."""
    found = []
    for guidance in resources(answer, "GuidanceResponse"):
        for parameter in guidance["contained"][0].get("parameter", []):
            parts = {part["name"]: part for part in parameter.get("part", [])}
            if parameter["name"] == "criterion" and parts["id"]["valueString"] == "I6":
                found.append((guidance["subject"]["reference"], parts["result"]["valueCode"]))
    return found
