"""Fetching a patient's record: what is asked for, and that nothing of it is lost."""

from typing import Any

import httpx
import pytest
import respx

from adapter.errors import AbsentError, BadAnswerError, RejectedError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.resources import Capabilities
from adapter.fhir.patients import fetch_record, record_plan
from adapter.record.contents import Contents
from tests.unit.fhir_client.answers import BASE, Json, json, outcome, page

pytestmark = pytest.mark.anyio
TYPES = frozenset({"Observation", "MedicationRequest"})


def can(*, batch: bool = False, **parameters: str) -> Capabilities:
    """A server that can search some types by some parameters."""
    return Capabilities(
        batch=batch,
        history=False,
        parameters={type_: frozenset(names.split()) for type_, names in parameters.items()},
        includes={"MedicationRequest": frozenset({"MedicationRequest:medication"})},
        operations={"Patient": frozenset({"everything"})} if parameters.get("Patient") == "everything" else {},
    )


def test_each_type_is_asked_for_whole() -> None:
    """Not by code: what no map knows must be seen. Medications come along."""
    plan = record_plan(["p1"], TYPES, can(Patient="link", Observation="patient", MedicationRequest="subject"), 100)
    assert plan.searches == (
        "Patient?_id=p1&_count=100",
        "Patient?link=Patient/p1&_count=100",
        "MedicationRequest?subject=p1&_count=100&_include=MedicationRequest:medication",
        "Observation?patient=p1&_count=100",
    )


def test_a_type_that_the_server_does_not_have_is_not_asked_for() -> None:
    """There is nothing to find."""
    plan = record_plan(["p1"], TYPES, can(Patient="", Observation="patient"), 100)
    assert plan.searches == ("Patient?_id=p1&_count=100", "Observation?patient=p1&_count=100")


def test_what_cannot_be_searched_comes_with_everything() -> None:
    """And with it all the rest, in one go."""
    plan = record_plan(["p1"], TYPES, can(Patient="everything", Observation="patient", MedicationRequest="code"), 100)
    assert plan.searches == ()
    asked = "Patient,MedicationRequest,Observation,Medication"
    assert plan.everything == (f"Patient/p1/$everything?_type={asked}&_count=100",)


def test_a_server_that_can_neither_is_refused() -> None:
    """An incomplete record would look like missing data."""
    with pytest.raises(RejectedError, match="Observation"):
        record_plan(["p1"], TYPES, can(Patient="", Observation="code"), 100)


def capabilities(**parameters: str) -> Json:
    """A server's statement."""
    resources: list[dict[str, Any]] = [
        {"type": type_, "searchParam": [{"name": name} for name in names.split()]}
        for type_, names in parameters.items()
    ]
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": resources}],
    }


def patient(id_: str, **links: str) -> Json:
    """A Patient; `replaces` or `replaced_by` another."""
    made = [
        {"type": kind.replace("_", "-"), "other": {"reference": f"Patient/{other}"}} for kind, other in links.items()
    ]
    return {"resourceType": "Patient", "id": id_, "link": made}


def keys(found: Contents) -> set[str]:
    """What a record holds."""
    return {each.key for each in found.resources}


async def test_a_replaced_patient_is_fetched_with_who_replaced_them(
    client: FhirClient, server: respx.MockRouter
) -> None:
    """Asked for by either id, the record has the data of both; a chain is followed to its end."""
    held = [
        patient("p1", replaced_by="p2"),
        patient("p2", replaces="p1", replaced_by="p3"),
        patient("p3"),
        patient("p4"),
    ]

    def patients(request: httpx.Request) -> httpx.Response:
        ids = request.url.params.get("_id", "").split(",")
        targets = request.url.params.get("link", "").split(",")
        linked = [{link["other"]["reference"] for link in each["link"]} for each in held]
        found = [each for each, to in zip(held, linked, strict=True) if each["id"] in ids or to.intersection(targets)]
        return json(page(*found))

    def observations(request: httpx.Request) -> httpx.Response:
        ids = request.url.params["patient"].split(",")
        return json(page(*({"resourceType": "Observation", "id": f"of-{id_}"} for id_ in ids)))

    server.get("/metadata").mock(return_value=json(capabilities(Patient="link", Observation="patient")))
    server.get("/Patient").mock(side_effect=patients)
    server.get("/Observation").mock(side_effect=observations)
    everyone = {f"{kind}{number}" for kind in ("Patient/p", "Observation/of-p") for number in (1, 2, 3)}
    for asked in ("p1", "p2", "p3"):
        assert keys(await fetch_record(client, asked, {"Observation"})) == everyone


async def test_medications_that_did_not_come_along_are_fetched(client: FhirClient, server: respx.MockRouter) -> None:
    """With their ingredients; one that is not on the server stays away, and its drug is listed as unmapped later."""
    server.get("/metadata").mock(return_value=json(capabilities(Patient="", MedicationRequest="patient")))
    server.get("/Patient").mock(return_value=json(page(patient("p1"))))
    orders = [
        {"resourceType": "MedicationRequest", "id": id_, "medicationReference": {"reference": reference}}
        for id_, reference in (("a", "Medication/m1"), ("b", "Medication/gone"), ("c", "#contained"))
    ]
    server.get("/MedicationRequest").mock(return_value=json(page(*orders)))
    mixture = {
        "resourceType": "Medication",
        "id": "m1",
        "ingredient": [{"itemReference": {"reference": f"{BASE}/Medication/m2"}}],
    }
    first = server.get("/Medication", params={"_id": "gone,m1"}).mock(return_value=json(page(mixture)))
    server.get("/Medication", params={"_id": "m2"}).mock(
        return_value=json(page({"resourceType": "Medication", "id": "m2"}))
    )
    found = keys(await fetch_record(client, "p1", {"MedicationRequest"}))
    assert {each for each in found if each.startswith("Medication/")} == {"Medication/m1", "Medication/m2"}
    assert first.call_count == 1


async def test_a_patient_who_is_not_there_is_an_error(client: FhirClient, server: respx.MockRouter) -> None:
    """Never an empty record, which would be read as missing data."""
    server.get("/metadata").mock(return_value=json(capabilities(Patient="", Observation="patient")))
    server.get("/Patient").mock(return_value=json(page()))
    server.get("/Observation").mock(return_value=json(page()))
    with pytest.raises(AbsentError):
        await fetch_record(client, "p9", {"Observation"})


@pytest.mark.parametrize("status", [404, 410])
async def test_a_type_or_page_that_is_gone_is_no_patient_who_is_gone(
    client: FhirClient, server: respx.MockRouter, status: int
) -> None:
    """Only the Patient's own absence is theirs: else a webhook would drop verdicts while a server is rebuilt."""
    server.get("/metadata").mock(return_value=json(capabilities(Patient="", Observation="patient")))
    server.get("/Patient").mock(return_value=json(page(patient("p1"))))
    server.get("/Observation").mock(return_value=json(outcome(), status))
    alone = server.get("/Patient/p1").mock(return_value=json(patient("p1")))
    with pytest.raises(BadAnswerError, match="the Patient is there"):
        await fetch_record(client, "p1", {"Observation"})
    alone.mock(return_value=json(outcome(), status))
    with pytest.raises(AbsentError):
        await fetch_record(client, "p1", {"Observation"})


async def test_a_chain_of_replacements_that_has_no_end_is_an_error(
    client: FhirClient, server: respx.MockRouter
) -> None:
    """A record without its last Patients would look whole."""

    def patients(request: httpx.Request) -> httpx.Response:
        ids = request.url.params["_id"].split(",")
        return json(page(*(patient(id_, replaced_by=f"p{int(id_[1:]) + 1}") for id_ in ids)))

    server.get("/metadata").mock(return_value=json(capabilities(Patient="")))
    server.get("/Patient").mock(side_effect=patients)
    with pytest.raises(BadAnswerError, match="replaced each other"):
        await fetch_record(client, "p1", set())


@pytest.mark.parametrize("asked", ["../Group/g1", "p1,p2", "p1?x", ""])
async def test_what_is_no_id_is_not_sent(client: FhirClient, asked: str) -> None:
    """Nobody else is reached by a trick of the id."""
    with pytest.raises(AbsentError):
        await fetch_record(client, asked, {"Observation"})
