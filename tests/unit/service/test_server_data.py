"""`$evaluate` where a FHIR server holds the patients' records."""

import asyncio
from typing import Any

import httpx
import pytest
import respx

from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import bundle, ecog, of, patient
from tests.unit.service.calls import ONE, Caller, app_with, data, parameters, refusal, resources
from tests.unit.service.patients_server import GROUP, P1, P2, PatientsServer, ecog_of, versioned


def ask(strict: Setup, server: PatientsServer, method: str, url: str, **said: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
    """One request to a service with that server."""
    settings = ServerSettings(url=BASE, wait=0, attempts=1)
    app = app_with(strict, servers=Servers(record=settings, research=settings))

    async def called() -> httpx.Response:
        with respx.mock(base_url=BASE, assert_all_called=False) as router:
            router.route().mock(side_effect=server.answer)
            async with app.router.lifespan_context(app):
                return await Caller(app).answer(method, url, **said)

    return asyncio.run(called())


def test_the_server_is_asked_for_the_subject(strict: Setup) -> None:
    """A GET is enough."""
    answer = ask(strict, PatientsServer([*P1, *P2]), "GET", f"{ONE}?subject=Patient/p1")
    assert ecog_of(answer) == [("Patient/p1", "met")]


def test_data_of_another_person_under_the_same_id_are_refused(strict: Setup) -> None:
    """As HL7 v2 intake does: a verdict on half of each would be one on nobody."""
    other = bundle(patient(birthDate="1950-01-01"), ecog("e9", of(), 4))
    answer = ask(
        strict, PatientsServer(P1), "POST", ONE, content=other, headers={"Content-Type": "application/fhir+json"}
    )
    assert answer.status_code == 422
    assert "another birth date for Patient/p1" in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(("server", "status"), [(BASE, 200), ("http://other.example/fhir", 400)])
def test_a_subject_on_another_server_is_somebody_else(strict: Setup, server: str, status: int) -> None:
    """Only the configured server's address may stand before an id."""
    answer = ask(strict, PatientsServer(P1), "GET", f"{ONE}?subject={server}/Patient/p1")
    assert answer.status_code == status


@pytest.mark.parametrize(("server", "status"), [(BASE, 200), ("http://other.example/fhir", 400)])
def test_sent_data_without_addresses_are_nobody_elsewhere(strict: Setup, server: str, status: int) -> None:
    """Data that don't say where they stand have no patient of another server, though they have one of that id."""
    sent = {"content": bundle(*P1), "headers": {"Content-Type": "application/fhir+json"}}
    answer = ask(strict, PatientsServer(P1), "POST", f"{ONE}?subject={server}/Patient/p1", **sent)
    assert answer.status_code == status


def test_members_of_a_group_on_the_server_are_evaluated(strict: Setup) -> None:
    """Each with a record of their own."""
    answer = ask(strict, PatientsServer([*P1, *P2, GROUP]), "GET", f"{ONE}?subject=Group/g1")
    assert ecog_of(answer) == [("Patient/p1", "met"), ("Patient/p2", "not-met")]


@pytest.mark.parametrize(
    ("version", "result"),
    [
        pytest.param(None, "not-met", id="no version: the sent one counts"),
        pytest.param("3", "not-met", id="the same version: the sent one counts"),
        pytest.param("4", "not-met", id="a newer version"),
        pytest.param("2", "met", id="an older version: the server's counts"),
    ],
)
def test_sent_data_count_unless_they_are_older(strict: Setup, version: str | None, result: str) -> None:
    """The same Observation on the server, version 3, says otherwise."""
    sent = bundle(patient(), versioned(ecog("e1", of(), 4), version))
    body = parameters(data(sent))
    answer = ask(strict, PatientsServer(P1), "POST", ONE, json=body, headers={"Content-Type": "application/fhir+json"})
    assert ecog_of(answer) == [("Patient/p1", result)]


def test_sent_data_are_added_to_the_servers(strict: Setup) -> None:
    """A Bundle without results, for a patient of the server; useServerData false leaves the server out."""
    sent = data(bundle(patient()))
    headers = {"Content-Type": "application/fhir+json"}
    server = PatientsServer(P1)
    assert ecog_of(ask(strict, server, "POST", ONE, json=parameters(sent), headers=headers)) == [("Patient/p1", "met")]
    alone = PatientsServer(P1)
    body = parameters(sent, {"name": "useServerData", "valueBoolean": False})
    assert ecog_of(ask(strict, alone, "POST", ONE, json=body, headers=headers)) == [("Patient/p1", "unknown")]
    assert alone.requests == []


def test_data_of_someone_whom_the_server_does_not_know(strict: Setup) -> None:
    """Stand for themselves."""
    sent = data(bundle(patient("new"), ecog("e9", of("new"), 1)))
    answer = ask(
        strict,
        PatientsServer(P1),
        "POST",
        ONE,
        json=parameters(sent),
        headers={"Content-Type": "application/fhir+json"},
    )
    assert ecog_of(answer) == [("Patient/new", "met")]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?subject=Patient/nobody", 404),
        ("?subject=Group/none", 404),
        ("?subject=Observation/e1", 400),
        ("", 400),
        ("?subject=Patient/p2", 422),
    ],
)
def test_what_cannot_be_answered_is_an_outcome(strict: Setup, query: str, status: int) -> None:
    """What the server refuses is 422, and what it said stays with it."""
    found, _, text = refusal(ask(strict, PatientsServer([*P1, *P2], broken=("p2",)), "GET", f"{ONE}{query}"))
    assert found == status
    assert "Doe" not in text


def test_one_who_fails_among_others_is_named(strict: Setup) -> None:
    """The others have their verdicts."""
    answer = ask(strict, PatientsServer([*P1, *P2, GROUP], broken=("p2",)), "GET", f"{ONE}?subject=Group/g1")
    assert ecog_of(answer) == [("Patient/p1", "met")]
    (failed,) = resources(answer, "OperationOutcome")
    assert "Patient/p2" in failed["issue"][0]["diagnostics"]
