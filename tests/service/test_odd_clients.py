"""Clients that send nearly what they should, to every route that a record is posted to: answered, or told why not."""

import asyncio
import copy
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_network
from random import Random
from typing import Any

import httpx
import pytest

from adapter.screening.setup import Setup
from adapter.service.examples import requests
from tests.unit.service.calls import Caller, app_with

Json = Any
ODD: tuple[Json, ...] = (
    None,
    [],
    {},
    "",
    "x" * 5000,
    "\x00",
    0,
    -1,
    10**30,
    1.5e300,
    True,
    [None],
    [[]],
    {"resourceType": None},
    {"resourceType": "Bundle", "type": "searchset", "entry": None},
    {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Patient", "id": "p2"}}]},
    {"resourceType": "OperationOutcome", "issue": []},
    {"reference": "Patient/p2"},
    "https://evil.example/fhir",
    "0000-00-00",
)
REQUESTS = 150


@pytest.fixture(scope="module")
def service(strict: Setup) -> Caller:
    """A service whose routes are all open."""
    return Caller(app_with(strict, matching=(ip_network("127.0.0.0/8"),)))


def places(content: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every member and element."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for step, below in inner:
        yield (*path, step)
        yield from places(below, (*path, step))


def changed(content: Json, random: Random) -> Json:
    """A copy in which one or two places are odd, gone, or stand twice."""
    made = copy.deepcopy(content)
    for _ in range(random.choice((1, 1, 2))):
        *before, last = random.choice(list(places(made)))
        held = made
        for step in before:
            held = held[step]
        match random.choice(("odd", "odd", "odd", "gone", "twice")):
            case "odd":
                held[last] = random.choice(ODD)
            case "gone":
                del held[last]
            case _ if isinstance(held, list):
                held.append(copy.deepcopy(held[last]))
            case _:
                held[f"{last}x"] = held[last]
        if not list(places(made)):
            break
    return made


@pytest.mark.parametrize(
    "route",
    [
        "/fhir/ResearchStudy/$evaluate",
        "/fhir/ResearchStudy/$match",
        "/getClinicalTrial",
        "/cds-services/{service_id}",
        "/cds-services/{service_id}/feedback",
    ],
)
def test_nearly_right(service: Caller, route: str) -> None:
    """Answers are of their kind, and without null members; refusals are OperationOutcomes with words; both happen."""
    example = requests(service.app.state.service.site)[route]
    url = route.replace("{service_id}", "trial-eligibility")

    async def sent() -> Counter[int]:
        statuses: Counter[int] = Counter()
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://adapter.example") as client:
            for seed in range(REQUESTS):
                body = changed(example, Random(seed))  # noqa: S311  # nothing is to be kept secret
                answer = await client.post(url, json=body)
                statuses[answer.status_code] += 1
                assert answer.status_code < 500, (seed, answer.text)
                if answer.status_code == 200:
                    assert ":null" not in answer.text, seed
                else:
                    outcome = answer.json()
                    assert outcome["resourceType"] == "OperationOutcome", seed
                    assert outcome["issue"][0]["diagnostics"], seed
        return statuses

    found = asyncio.run(sent())
    assert found[200] > REQUESTS / 20, found
    assert REQUESTS - found[200] > REQUESTS / 20, found
    assert set(found) <= {200, 400, 404, 412, 413, 422}, found
