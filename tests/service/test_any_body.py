"""Whatever is sent: an answer, or a refusal that says why. Never a mistake of ours."""

import asyncio
import json
from collections import Counter
from random import Random

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.screening.setup import Setup
from tests.service.mutations import mutated
from tests.unit.service.calls import EVALUATE, FHIR, ONE, Caller, app_with

TYPES = (
    "application/fhir+json",
    "application/fhir+json",
    "application/json",
    "application/fhir+json; charset=latin-1",
    "text/plain",
)
URLS = (
    ONE,
    EVALUATE,
    "/fhir/ResearchStudy/senl-t7/$evaluate",
    f"{ONE}?subject=Patient/p1",
    f"{EVALUATE}?study=senl-t7&asOf=2026",
)
ROUNDS = 4  # `bench.hostile` sends more
REQUESTS = 1_050


@pytest.fixture(scope="module")
def service(strict: Setup, problem_list: Setup) -> Caller:
    """A service over the shipped site."""
    return Caller(app_with(strict, problem_list, max_body=1_000_000))


def check(answer: httpx.Response, what: object) -> int:
    """The status of an answer: 200 with a Bundle, or 4xx with an OperationOutcome."""
    assert answer.status_code < 500, (what, answer.text)
    content = answer.json()
    if answer.status_code == 200:
        assert content["resourceType"] == "Bundle", what
    else:
        assert answer.status_code >= 400, what
        assert content["resourceType"] == "OperationOutcome", what
        assert content["issue"][0]["diagnostics"], what
    return answer.status_code


async def many(service: Caller, seeds: range) -> Counter[int]:
    """A request for each seed; how often each status came."""
    found: Counter[int] = Counter()
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://adapter.example") as client:
        for seed in seeds:
            random = Random(seed)  # noqa: S311  # nothing is to be kept secret
            way, body = mutated(seed)
            type_, url = random.choice(TYPES), random.choice(URLS)
            answer = await client.post(url, content=body, headers={"Content-Type": type_})
            found[check(answer, (seed, way, url))] += 1
    return found


@pytest.mark.parametrize("place", range(ROUNDS))
def test_mutations(service: Caller, place: int) -> None:
    """A thousand bodies changed at random: each is answered or refused, and both happen."""
    found = asyncio.run(many(service, range(place * REQUESTS, (place + 1) * REQUESTS)))
    assert found.total() == REQUESTS
    assert found[200] > REQUESTS / 10
    assert found[400] > REQUESTS / 10
    assert set(found) <= {200, 400, 404, 413, 415, 422}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(["subject", "study", "data", "useServerData", "asOf", "policy"])
elements = st.sampled_from(["valueString", "valueReference", "valueBoolean", "valueDateTime", "valueUri", "resource"])
parameter = st.dictionaries(elements, json_values, max_size=2).flatmap(
    lambda said: names.map(lambda name: {"name": name, **said})
)


@given(st.lists(parameter, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_parameters(service: Caller, given_: list[object]) -> None:
    """Parameters with any values in any elements."""
    body = {"resourceType": "Parameters", "parameter": given_}
    check(service.call("POST", EVALUATE, content=json.dumps(body).encode(), headers=FHIR), body)


@given(json_values)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json(service: Caller, body: object) -> None:
    """Any JSON at all is a refusal."""
    assert check(service.call("POST", EVALUATE, content=json.dumps(body).encode(), headers=FHIR), body) == 400


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(service: Caller, body: bytes) -> None:
    """Any bytes at all are a refusal; without any, the data are asked for."""
    assert check(service.call("POST", EVALUATE, content=body, headers=FHIR), body) == 400


@given(
    st.dictionaries(
        st.sampled_from(["subject", "study", "asOf", "policy", "useServerData", "_format", "x"]), st.text(), max_size=3
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query(service: Caller, query: dict[str, str]) -> None:
    """Any query on any route."""
    for url in (EVALUATE, "/fhir/ResearchStudy", "/fhir/ValueSet/lvef", "/fhir/metadata"):
        check_readable(service.call("GET", url, params=query))


@given(
    st.sampled_from(["accept", "content-type", "content-encoding", "authorization", "x-request-id", "host"]),
    st.binary(max_size=40),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header(service: Caller, name: str, value: bytes) -> None:
    """Any bytes in a header that is read."""
    plain = bytes(byte for byte in value if byte not in b"\r\n\x00")
    headers = [(b"content-type", b"application/fhir+json"), (name.encode(), plain)]
    if name in {"content-type", "host"}:
        headers = [(name.encode(), plain)]
    check_readable(service.call("POST", ONE, content=b"{}", headers=headers))
    check_readable(service.call("GET", "/fhir/ResearchStudy", headers=headers))


def check_readable(answer: httpx.Response) -> None:
    """An answer of any kind that is no mistake of ours."""
    assert answer.status_code < 500, answer.text
    assert answer.json()["resourceType"]
