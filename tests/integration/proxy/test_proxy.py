"""The proxy that the tests put in front of a server does to requests what it says."""

import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from tests.integration.hapi.client import Hapi
from tests.integration.proxy.faults import Fault, Faults
from tests.integration.proxy.proxy import Proxy

PATIENT = {"resourceType": "Patient", "id": "test-proxy-p1", "gender": "female"}


@pytest.fixture
def proxied(hapi: Hapi, open_proxy: Callable[[str], Proxy]) -> tuple[Proxy, httpx.Client]:
    """A proxy, and a client behind it."""
    proxy = open_proxy(hapi.url)
    return proxy, httpx.Client(base_url=proxy.url, timeout=30)


def test_it_hands_on_and_counts(hapi: Hapi, proxied: tuple[Proxy, httpx.Client]) -> None:
    """Without faults a client sees what the server says, links lead back to the proxy, and every request is kept."""
    proxy, client = proxied
    with client:
        assert client.put("/Patient/test-proxy-p1", json=PATIENT).status_code in (200, 201)
        found = client.get("/Patient", params={"_id": "test-proxy-p1"}).json()
        assert found["link"][0]["url"].startswith(proxy.url)
        assert client.get("/Patient/test-proxy-none").status_code == 404
    assert hapi.read("Patient/test-proxy-p1")["gender"] == "female"
    assert [(each.method, each.path.removeprefix("/fhir")) for each in proxy.requests] == [
        ("PUT", "/Patient/test-proxy-p1"),
        ("GET", "/Patient?_id=test-proxy-p1"),
        ("GET", "/Patient/test-proxy-none"),
    ]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.CUT_BEFORE, httpx.RemoteProtocolError),
        (Fault.CUT_AFTER, httpx.RemoteProtocolError),
        (Fault.CUT_MIDDLE, httpx.RemoteProtocolError),
    ],
)
def test_it_cuts(proxied: tuple[Proxy, httpx.Client], fault: Fault, error: type[Exception]) -> None:
    """A cut connection is an error to the client; the next request goes through."""
    proxy, client = proxied
    with client:
        proxy.faults = Faults(seed=1, rate=1, kinds=(fault,))
        with pytest.raises(error):
            client.get("/metadata")
        proxy.faults = None
        assert client.get("/metadata").status_code == 200


def test_a_request_whose_answer_is_lost_was_carried_out(hapi: Hapi, proxied: tuple[Proxy, httpx.Client]) -> None:
    """CUT_AFTER loses the answer, CUT_BEFORE the request."""
    proxy, client = proxied
    with client:
        for fault, id_ in ((Fault.CUT_BEFORE, "test-proxy-lost"), (Fault.CUT_AFTER, "test-proxy-kept")):
            proxy.faults = Faults(seed=1, rate=1, kinds=(fault,))
            with pytest.raises(httpx.RemoteProtocolError):
                client.put(f"/Patient/{id_}", json=PATIENT | {"id": id_})
    assert hapi.count("Patient?_id=test-proxy-lost,test-proxy-kept") == 1


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault.STATUS_500, 500, "application/fhir+json"),
        (Fault.STATUS_503, 503, "text/plain"),
        (Fault.STATUS_429, 429, "text/plain"),
        (Fault.HTML, 200, "text/html"),
    ],
)
def test_it_answers_itself(proxied: tuple[Proxy, httpx.Client], fault: Fault, status: int, kind: str) -> None:
    """Statuses and pages that a gateway sends in the place of the server."""
    proxy, client = proxied
    with client:
        proxy.faults = Faults(seed=1, rate=1, kinds=(fault,))
        answer = client.get("/metadata")
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert ("retry-after" in answer.headers) == (status in (429, 503))


def test_it_is_late(proxied: tuple[Proxy, httpx.Client]) -> None:
    """A delayed answer is whole."""
    proxy, client = proxied
    with client:
        proxy.faults = Faults(seed=1, rate=1, kinds=(Fault.DELAY,), delay=0.3)
        began = time.monotonic()
        assert client.get("/metadata").json()["resourceType"] == "CapabilityStatement"
        assert time.monotonic() - began >= 0.3


def test_the_same_seed_makes_the_same_faults() -> None:
    """Whatever the order in which requests come; and about as many go wrong as were asked for."""
    paths = [f"/fhir/Patient/{number}" for number in range(500)]
    one, other = Faults(seed=7, rate=0.2), Faults(seed=7, rate=0.2)
    first = {path: one.choose("GET", path, b"") for path in paths}
    assert {path: other.choose("GET", path, b"") for path in reversed(paths)} == first
    counts = Counter(first.values())
    assert 60 <= 500 - counts[None] <= 140
    assert set(counts) == {None, *Fault}
    again = [one.choose("GET", path, b"") for path in paths]
    assert again != list(first.values())
