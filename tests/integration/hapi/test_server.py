"""The servers that the tests use do what their fixtures promise."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from tests.integration.hapi.client import Hapi
from tests.integration.hapi.server import Process, Settings
from tests.integration.waiting import wait_until

PATIENT = {"resourceType": "Patient", "id": "test-server-p1", "birthDate": "2001-02-03"}


def test_a_resource_is_stored_and_read(hapi: Hapi) -> None:
    """What is put there can be read, and searched at once."""
    hapi.put(PATIENT)
    assert hapi.read("Patient/test-server-p1")["birthDate"] == "2001-02-03"
    assert hapi.count("Patient?_id=test-server-p1") == 1


def test_a_valid_resource_has_no_error(hapi: Hapi) -> None:
    """Of a valid Patient $validate has at most a warning."""
    assert {issue.severity for issue in hapi.validate(PATIENT)} <= {"warning"}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"birthDate": "yesterday"}, ""),
        ({"gender": "pilot"}, ""),
        ({"contact": [{"gender": "male"}]}, "Patient.contact[0]"),
    ],
)
def test_an_invalid_resource_has_an_error(hapi: Hapi, wrong: dict[str, object], where: str) -> None:
    """A wrong date, a wrong code and a broken constraint are errors, whatever the status of the answer."""
    errors = [issue for issue in hapi.validate(PATIENT | wrong) if issue.severity == "error"]
    assert errors
    assert errors[0].expression == where


def test_an_empty_server_is_empty(empty_hapi: Hapi) -> None:
    """A module's own server holds nothing at first, and nothing once it is emptied."""
    assert empty_hapi.count("Patient") == 0
    empty_hapi.transact([PATIENT])
    assert empty_hapi.count("Patient") == 1
    empty_hapi.empty()
    assert empty_hapi.count("Patient") == 0


_CALLERS = 30
"""More than it answers at once."""
_PATIENCE = 25
"""Seconds; a caller that waits in vain for such a connection gives up after 30."""


def _answered(url: str) -> float:
    """When a server that is about to start has answered a batch of searches, which came as early as it could."""
    search = {"request": {"method": "GET", "url": "Observation?patient=p1"}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [search] * 20}

    def answers() -> bool:
        with suppress(httpx.ConnectError):
            answer = httpx.post(url, json=batch, timeout=240)
            return answer.is_success and all(each["response"]["status"] == "200 OK" for each in answer.json()["entry"])
        return False

    wait_until(answers, seconds=240, pause=0.01)
    return time.monotonic()


def test_a_server_that_keeps_its_data_can_be_restarted(start_hapi: Callable[..., Process]) -> None:
    """Stopped it refuses connections; started again it answers at the same address, with its data and settings.

    And at once, though many wait for it.
    """
    server = start_hapi(Settings(external_references=True, max_page_size=2), keeps_data=True)
    before = Hapi(server.url)
    foreign = {"reference": "https://elsewhere.example.org/fhir/Patient/1"}
    observation = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"}}
    before.put(observation | {"subject": foreign})
    before.transact(PATIENT | {"id": f"p{number}"} for number in range(5))
    before.http.close()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/metadata")
    with ThreadPoolExecutor(_CALLERS) as callers:
        answered = [callers.submit(_answered, server.url) for _ in range(_CALLERS)]
        server.start()
        started = time.monotonic()
    assert max(each.result() for each in answered) - started < _PATIENCE
    after = Hapi(server.url)
    assert after.url == before.url
    assert after.read("Observation/o1")["subject"] == foreign
    assert len(after.read("Patient?_count=100")["entry"]) == 2
    assert after.count("Patient?_count=100") == 5
    after.http.close()
