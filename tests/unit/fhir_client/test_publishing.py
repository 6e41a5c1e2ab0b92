"""Publishing: what the server has under another id keeps it, and references follow."""

import httpx
import msgspec
import pytest
import respx

from adapter.errors import ServerError
from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.client.resources import Capabilities
from adapter.fhir.publishing import Change, Published, publish
from bench.fhir_stub import StubServer
from tests.unit.fhir_client.answers import BASE, Json, capabilities, json, outcome, page

pytestmark = pytest.mark.anyio
OWN = {"system": "http://example.org/fhir-trial-adapter/NamingSystem/study", "value": "s1"}
PLAN: Json = {
    "resourceType": "PlanDefinition",
    "id": "s1-eligibility",
    "url": "http://example.org/s1",
    "status": "active",
}
STUDY: Json = {
    "resourceType": "ResearchStudy",
    "id": "s1",
    "identifier": [{"system": "https://clinicaltrials.gov", "value": "NCT1"}, OWN],
    "protocol": [{"reference": "PlanDefinition/s1-eligibility"}],
}


async def test_ids_of_the_server_stay(client: FhirClient, server: respx.MockRouter) -> None:
    """The plan was posted there before, and the server chose its id."""
    held = {"resourceType": "PlanDefinition", "id": "4711", "meta": {"versionId": "3"}}
    server.get("/metadata").mock(return_value=json(capabilities(batch=False)))
    plans = server.get("/PlanDefinition", params={"url": PLAN["url"]}).mock(return_value=json(page(held)))
    written = {**STUDY, "meta": {"versionId": "1"}}
    identifier = {"identifier": f"{OWN['system']}|s1"}
    server.get("/ResearchStudy", params=identifier).mock(side_effect=[json(page()), json(page(written))])

    def transaction(request: httpx.Request) -> httpx.Response:
        entries = msgspec.json.decode(request.content)["entry"]
        assert [entry["resource"]["id"] for entry in entries] == ["4711", "s1"]
        assert entries[1]["resource"]["protocol"] == [{"reference": "PlanDefinition/4711"}]
        assert [entry["request"]["method"] for entry in entries] == ["PUT", "PUT"]
        urls = [httpx.URL(f"{BASE}/{entry['request']['url']}") for entry in entries]
        assert [dict(url.params) for url in urls] == [{"url": PLAN["url"]}, identifier]
        answer = [{"response": {"status": "200 OK"}}, {"response": {"status": "201 Created"}}]
        return json({"resourceType": "Bundle", "type": "transaction-response", "entry": answer})

    server.post("").mock(side_effect=transaction)
    assert await publish(client, [PLAN, STUDY]) == [
        Published("PlanDefinition/4711", Change.UNCHANGED),
        Published("ResearchStudy/s1", Change.CREATED),
    ]
    assert plans.call_count == 2


async def test_what_was_deleted_is_published_again(client: FhirClient, server: respx.MockRouter) -> None:
    """HAPI FHIR keeps the id of a deleted resource: it is not found, and can only be written again by that id."""
    server.get("/metadata").mock(return_value=json(capabilities(batch=False)))
    held = {**PLAN, "meta": {"versionId": "3"}}
    server.get("/PlanDefinition").mock(return_value=json(page(held)))
    again = {**STUDY, "meta": {"versionId": "3"}}
    server.get("/ResearchStudy").mock(side_effect=[json(page()), json(page(again))])
    server.get("/ResearchStudy/s1").mock(return_value=json(outcome("Resource was deleted"), 410))
    sent: list[list[str]] = []

    def transaction(request: httpx.Request) -> httpx.Response:
        urls = [entry["request"]["url"] for entry in msgspec.json.decode(request.content)["entry"]]
        sent.append(urls)
        if "?" in urls[1]:
            return json(outcome("HAPI-0825: client-assigned ID constraint failure"), 409)
        answer = [{"response": {"status": "200 OK"}}, {"response": {"status": "201 Created"}}]
        return json({"resourceType": "Bundle", "type": "transaction-response", "entry": answer})

    server.post("").mock(side_effect=transaction)
    assert await publish(client, [PLAN, STUDY]) == [
        Published("PlanDefinition/s1-eligibility", Change.UNCHANGED),
        Published("ResearchStudy/s1", Change.CREATED),
    ]
    assert sent[-1] == [sent[0][0], "ResearchStudy/s1"]


class _Dies(httpx.ASGITransport):
    """Of whom nothing comes any more from a request on; `carried_out`: whether the server still does that one."""

    def __init__(self, server: StubServer, *, after: int, carried_out: bool) -> None:
        super().__init__(server)
        self.left = after
        self.carried_out = carried_out

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        if self.left < 0:
            if self.carried_out and self.left == -1:
                await super().handle_async_request(request)
            raise httpx.ReadError(request.method)
        return await super().handle_async_request(request)


async def _published(
    server: StubServer, *, after: int = 1000, carried_out: bool = False
) -> tuple[list[Published], int]:
    """Codes first, in a transaction of their own, as with profiles; what became of each, and how many requests."""
    settings = ServerSettings(url="http://hospital.example/fhir", attempts=1, wait=0)
    line = _Dies(server, after=after, carried_out=carried_out)
    async with open_client(settings, line) as client:
        done = [done for each in ([PLAN], [PLAN, STUDY]) for done in await publish(client, each)]
    return done, after - line.left


@pytest.mark.parametrize("carried_out", [False, True])
async def test_killed_at_any_request_it_ends_the_same(*, carried_out: bool) -> None:
    """Who publishes again after a run that was killed has on the server what one run puts there, and once."""
    whole = StubServer()
    done, requests = await _published(whole)
    assert requests > 4
    for after in range(requests):
        server = StubServer()
        with pytest.raises(ServerError):
            await _published(server, after=after, carried_out=carried_out)
        again, _ = await _published(server)
        assert [each.reference for each in again] == [each.reference for each in done]
        for type_ in ("PlanDefinition", "ResearchStudy"):
            ((made, once),) = zip(server.all(type_), whole.all(type_), strict=True)
            assert {**made, "meta": None} == {**once, "meta": None}


@pytest.mark.parametrize(
    ("known", "may"), [("_id _lastUpdated subject", True), ("_lastUpdated subject", False), ("_id", False)]
)
def test_what_a_search_finds_is_deleted_where_the_search_is_known(known: str, *, may: bool) -> None:
    """A server that leaves out a parameter that it doesn't know would delete every resource of the type."""
    able = Capabilities(
        batch=False,
        history=False,
        parameters={"GuidanceResponse": frozenset(known.split())},
        includes={},
        operations={},
        deleting=frozenset({"GuidanceResponse"}),
    )
    assert able.deletes_found("GuidanceResponse") is may
