"""`trial-adapter serve` on a port: what only a real server shows."""

import gzip
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import ROOT
from tests.service.serving import PATIENCE, SERVE, TOKEN, Served, serving
from tests.unit.service.calls import FHIR, ONE, RECORD


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A service with a token and a small limit."""
    with serving(API_TOKENS=TOKEN, MAX_BODY="200000") as service:
        yield service


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    """A caller with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=served.address, headers=headers, timeout=PATIENCE) as caller:
        yield caller


def test_a_request_and_its_answer(client: httpx.Client) -> None:
    """A record goes in, a Bundle with a ResearchSubject and a GuidanceResponse comes out."""
    answer = client.post(ONE, content=RECORD, headers=FHIR)
    assert [entry["resource"]["resourceType"] for entry in answer.json()["entry"]] == [
        "ResearchSubject",
        "GuidanceResponse",
    ]
    assert "server" not in answer.headers
    packed = client.post(ONE, content=gzip.compress(RECORD), headers={**FHIR, "Content-Encoding": "gzip"})
    assert packed.status_code == 200


def test_no_token(served: Served) -> None:
    """Without a token only liveness answers."""
    assert httpx.get(f"{served.address}/health/live").status_code == 200
    answer = httpx.post(f"{served.address}{ONE}", content=RECORD, headers=FHIR)
    assert (answer.status_code, answer.json()["resourceType"]) == (401, "OperationOutcome")


def test_many_at_once(client: httpx.Client) -> None:
    """Requests at the same time don't disturb each other: each gets the same bytes."""
    url = f"{ONE}?asOf=2026-03-01"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(url, content=RECORD, headers=FHIR), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_too_large_is_refused_before_it_has_come(served: Served, client: httpx.Client) -> None:
    """A body that announces too much is refused at once, and the service goes on."""
    host = served.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=PATIENCE)
    connection.putrequest("POST", ONE)
    headers = {**FHIR, "Authorization": f"Bearer {TOKEN}", "Content-Length": str(10**12)}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert answer.status == 413
    assert b"OperationOutcome" in answer.read()
    connection.close()
    assert client.get("/health/ready").status_code == 200


def test_the_log(served: Served, client: httpx.Client) -> None:
    """A line a request, without the address: no patient's id, no query."""
    client.get("/fhir/ValueSet/Mustermann?name=Mustermann", headers={"X-Request-Id": "seen-1"})
    assert "GET /fhir/ValueSet/{id} 404" in served.await_line("seen-1")
    assert "Mustermann" not in "".join(served.lines)


def test_a_caller_who_goes_away(served: Served, client: httpx.Client) -> None:
    """A connection that breaks in the middle of a body harms nobody else."""
    connection = http.client.HTTPConnection(served.address.removeprefix("http://"), timeout=PATIENCE)
    connection.putrequest("POST", ONE)
    for name, value in {**FHIR, "Authorization": f"Bearer {TOKEN}", "Content-Length": "1000"}.items():
        connection.putheader(name, value)
    connection.putheader("X-Request-Id", "gone-1")
    connection.endheaders(b"{")
    connection.close()
    served.await_line("gone-1")
    assert client.post(ONE, content=RECORD, headers=FHIR).status_code == 200


def test_it_refuses_to_be_reached_by_everyone() -> None:
    """Bound beyond loopback without tokens, the command ends with 2 and one line that says what to set."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAL_ADAPTER_")}
    ended = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", SERVE.replace("'--port'", "'--host', '0.0.0.0', '--port'")],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 2
    assert "TRIAL_ADAPTER_TOKENS_FILE" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("believed", [True, False])
def test_whose_word_on_the_caller_counts(*, believed: bool) -> None:
    """A named proxy's: wrong tokens of one caller cost its others nothing. Nobody else's, not even on this machine."""
    settings = {"API_TOKENS": TOKEN, "MAX_FAILURES": "3", **({"PROXIES": "loopback"} if believed else {})}

    def status(caller: str) -> int:
        headers = {**FHIR, "Authorization": "Bearer wrong", "X-Forwarded-For": caller}
        return httpx.post(f"{service.address}{ONE}", content=RECORD, headers=headers).status_code

    with serving(**settings) as service:
        tried = [status("10.0.0.1") for _ in range(6)]
        assert (tried[0], tried[-1]) == (401, 429)
        assert status("10.0.0.2") == (401 if believed else 429)
