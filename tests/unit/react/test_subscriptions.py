"""The Subscriptions on a FHIR server."""

from collections.abc import AsyncIterator

import httpx
import pytest

from adapter.fhir.client import FhirClient
from adapter.screening.react.subscriptions import (
    SubscriptionKeeper,
    SubscriptionState,
    WantedSubscriptions,
    listens,
    status,
    subscribe,
    unsubscribe,
)
from bench.fhir_stub import StubServer
from tests.unit.react.hospital import client_of

pytestmark = pytest.mark.anyio

HOOK = "https://adapter.example/hook"
WANTED = WantedSubscriptions(hook=HOOK, secret="s3cret", types=("Condition", "Observation", "Patient"))  # noqa: S106  # a test's


@pytest.fixture
def server() -> StubServer:
    """A server that takes up what is requested, as HAPI FHIR does."""
    made = StubServer()

    def take_up(method: str, _: str, resource: dict[str, object] | None) -> None:
        is_one = method == "PUT" and resource is not None and resource["resourceType"] == "Subscription"
        if is_one and resource is not None and resource["status"] == "requested":
            made.put({**resource, "status": "active"})

    made.told.append(take_up)
    return made


@pytest.fixture
async def client(server: StubServer) -> AsyncIterator[FhirClient]:
    """A client of it."""
    async with client_of(server) as opened:
        yield opened


def in_order(states: list[SubscriptionState]) -> list[str]:
    """The types whose Subscription is in order."""
    return [each.type for each in states if each.in_order]


@pytest.mark.parametrize(("code", "expected"), [(200, True), (401, True), (0, False)])
async def test_whether_the_address_leads_anywhere(code: int, expected: bool) -> None:  # noqa: FBT001  # expected
    """Any answer is one: the webhook itself wants the secret. Nobody is told of what isn't there."""

    def answer(request: httpx.Request) -> httpx.Response:
        if code == 0:
            msg = "no connection"
            raise httpx.ConnectError(msg, request=request)
        return httpx.Response(code)

    assert await listens(HOOK, httpx.MockTransport(answer)) is expected


async def test_one_a_type(server: StubServer, client: FhirClient) -> None:
    """With the secret in its header, and asking for deletions."""
    assert in_order(await subscribe(client, WANTED)) == ["Condition", "Observation", "Patient"]
    made = server.all("Subscription")
    assert {each["criteria"] for each in made} == {"Condition?", "Observation?", "Patient?"}
    for each in made:
        assert each["channel"]["endpoint"] == HOOK
        assert each["channel"]["header"] == ["Authorization: Bearer s3cret"]
        assert each["channel"]["extension"][0]["valueBoolean"] is True


async def test_again_changes_nothing(server: StubServer, client: FhirClient) -> None:
    """Not a version."""
    await subscribe(client, WANTED)
    before = {key: len(found) for key, found in server.versions.items()}
    await subscribe(client, WANTED)
    assert {key: len(found) for key, found in server.versions.items()} == before


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "off"},
        {"status": "error", "error": "could not reach it"},
        {"channel": {"type": "rest-hook", "endpoint": HOOK}},
        {"end": "2020-01-01T00:00:00Z"},
        None,
    ],
)
async def test_a_broken_one_is_repaired(
    server: StubServer, client: FhirClient, broken: dict[str, object] | None
) -> None:
    """Switched off, failed, changed, ended or deleted: it is told by status, and put in order."""
    await subscribe(client, WANTED)
    key = next(f"Subscription/{each['id']}" for each in server.all("Subscription") if each["criteria"] == "Condition?")
    if broken is None:
        server.delete(key)
    else:
        known = server.get(key)
        assert known is not None
        server.put({**known, **broken})
    assert in_order(await status(client, WANTED)) == ["Observation", "Patient"]
    told: list[int] = []
    await SubscriptionKeeper(client, WANTED, told.append)()
    await SubscriptionKeeper(client, WANTED, told.append)()
    assert told == [1, 0]
    assert in_order(await status(client, WANTED)) == ["Condition", "Observation", "Patient"]
    assert len(server.all("Subscription")) == 3


async def test_a_type_that_the_server_does_not_have(server: StubServer, client: FhirClient) -> None:
    """It can't tell of one, so none is asked for."""
    more = WantedSubscriptions(hook=HOOK, secret=WANTED.secret, types=("Condition", "Genome"))
    states = await subscribe(client, more)
    assert in_order(states) == ["Genome", "Condition"]
    assert len(server.all("Subscription")) == 1


async def test_a_new_secret(server: StubServer, client: FhirClient) -> None:
    """It is put into all of them."""
    await subscribe(client, WANTED)
    other = WantedSubscriptions(hook=HOOK, secret="n3w", types=WANTED.types)  # noqa: S106  # a test's
    assert in_order(await status(client, other)) == []
    await subscribe(client, other)
    assert {each["channel"]["header"][0] for each in server.all("Subscription")} == {"Authorization: Bearer n3w"}


async def test_what_is_not_wanted_any_more(server: StubServer, client: FhirClient) -> None:
    """A type that no study reads any more, and a second one of a type, go; other people's stay."""
    await subscribe(client, WANTED)
    others = {"resourceType": "Subscription", "id": "theirs", "status": "active", "criteria": "Condition?"}
    server.put({**others, "channel": {"type": "rest-hook", "endpoint": "https://other.example/hook"}})
    server.put({**others, "id": "twice", "channel": {"type": "rest-hook", "endpoint": HOOK}})
    less = WantedSubscriptions(hook=HOOK, secret=WANTED.secret, types=("Condition",))
    surplus = [each.type for each in await status(client, less) if not each.wanted]
    assert len(surplus) == 3
    await subscribe(client, less)
    assert len(server.all("Subscription")) == 2
    assert await unsubscribe(client, HOOK) == 1
    assert [each["id"] for each in server.all("Subscription")] == ["theirs"]


async def test_a_topic_subscription_is_left_alone(server: StubServer, client: FhirClient) -> None:
    """A person has made it, beside ours; only who takes everything away takes it away, too."""
    topic = {"resourceType": "Subscription", "id": "t", "status": "active", "criteria": "http://example.org/topic"}
    server.put({**topic, "channel": {"type": "rest-hook", "endpoint": HOOK}})
    assert in_order(await subscribe(client, WANTED)) == ["Condition", "Observation", "Patient"]
    assert all(each.in_order for each in await status(client, WANTED))
    assert server.get("Subscription/t") is not None
    assert await unsubscribe(client, HOOK) == 4
    assert server.get("Subscription/t") is None
