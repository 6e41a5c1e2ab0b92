"""What every ResearchSubject should be: a fresh evaluation of what the server holds now."""

import math
import time
from datetime import UTC, datetime

import anyio
import httpx

from adapter.errors import AbsentError
from adapter.evaluator import Verdict, evaluate_all
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.client import together
from adapter.fhir.elements import PROPOSAL
from adapter.fhir.patients import fetch_record
from adapter.fhir.research_subject import research_subject_id
from adapter.record import read_record
from adapter.screening.setup import Setup
from tests.integration.hapi.client import Hapi
from tests.integration.webhook.adapter_process import Adapter

Json = dict[str, object]
_MOST = 1800.0


def fresh_verdicts(url: str, names: list[str], setup: Setup) -> list[Verdict]:
    """A verdict on each patient for each study, of the records as they are now."""
    types = frozenset().union(*(bound.types for bound in setup.bounds))

    async def one(client: FhirClient, name: str) -> list[Verdict]:
        try:
            data = await fetch_record(client, name, types)
        except AbsentError:
            return []
        record = read_record(data, setup.terminology, subject=name)
        return list(evaluate_all(setup.bounds, record, datetime.now(UTC), setup.policy))

    async def fetch() -> list[Verdict]:
        async with open_client(ServerSettings(url=url, max_concurrent=4)) as client:
            found = await together([one(client, name) for name in names])
        return [verdict for each in found for verdict in each]

    return anyio.run(fetch)


def proposals(hapi: Hapi) -> dict[str, tuple[str, str]]:
    """The status and the adapter's proposal of every ResearchSubject, by its identifier."""
    fresh = {"Cache-Control": "no-cache"}
    answer = hapi.http.get("ResearchSubject?_count=1000", headers=fresh).raise_for_status().json()
    found: dict[str, tuple[str, str]] = {}
    while True:
        for entry in answer.get("entry", ()):
            subject = entry["resource"]
            said = next(each["valueCode"] for each in subject["extension"] if each["url"] == PROPOSAL)
            found[subject["identifier"][0]["value"]] = (subject["status"], said)
        following = next((link["url"] for link in answer.get("link", ()) if link["relation"] == "next"), None)
        if following is None:
            return found
        answer = hapi.http.get(following).raise_for_status().json()


def wrong(hapi: Hapi, names: list[str], setup: Setup) -> list[str]:
    """Whoever's ResearchSubject is not what a fresh evaluation says, or is missing."""
    stands = proposals(hapi)
    found: list[str] = []
    for verdict in fresh_verdicts(hapi.url, names, setup):
        said = stands.get(research_subject_id(verdict.study, verdict.subject))
        if said is None and not verdict.has_indication:
            continue
        if said is None or said[1] != verdict.decision.value:
            found.append(f"{verdict.subject} {verdict.study}: {said and said[1]}, should be {verdict.decision.value}")
    return found


def wait_until_right(hapi: Hapi, names: list[str], setup: Setup, adapter: Adapter, seconds: float = 240) -> None:
    """Wait until every ResearchSubject is what it should be; a failure where one never is.

    That is so once nothing has become better for so many seconds, neither the queue shorter nor fewer of them wrong,
    however slow the machine is; and in any case after _MOST.
    """
    most = time.monotonic() + _MOST
    end, fewest = time.monotonic() + seconds, math.inf
    while True:
        shortest = math.inf
        while (waiting := adapter.waiting()) and time.monotonic() < min(end, most):
            if waiting < shortest:
                shortest, end = waiting, time.monotonic() + seconds
            time.sleep(0.3)
        try:
            found = wrong(hapi, names, setup)
        except httpx.TransportError:  # a server that was started a moment ago, on a busy machine
            if time.monotonic() >= most:
                raise
            continue
        if not found:
            return
        if len(found) < fewest:
            fewest, end = len(found), time.monotonic() + seconds
        stuck = f"{len(found)} lost, and none became right in {seconds} s: {found[:10]}; {adapter.ready()}"
        assert time.monotonic() < min(end, most), stuck
        time.sleep(0.5)
