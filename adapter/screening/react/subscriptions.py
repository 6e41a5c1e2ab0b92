"""The Subscriptions (FHIR R4, rest-hook) that cover what the studies read: one a resource type.

A code can't be part of a Subscription's criteria: changes with a code that no map knows must be notified, too. HAPI
FHIR notifies deletions where an extension asks for it; other servers don't know it, and the sweep finds deletions.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from adapter.errors import AbsentError, ConflictError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.transport import http_client
from adapter.fhir.elements import Json, conforms_to
from adapter.record.bundle import Resource

_DELETES = "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages"
_REASON = "fhir-trial-adapter: changes that may move a candidate"
_WORKING = "active"
_NO_TYPE = "the server has no such resources"
_POLL = 0.25
_CONNECT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSubscriptions:
    """The Subscriptions that there should be: changes of `types` are sent to `hook`, with `secret` in a header."""

    hook: str
    secret: str
    types: tuple[str, ...]

    def subscription(self, type_: str) -> Json:
        """The Subscription of a type, new."""
        return {
            "resourceType": "Subscription",
            "meta": conforms_to("hook-subscription"),
            "status": "requested",
            "reason": _REASON,
            "criteria": _criteria(type_),
            "channel": {
                "extension": [{"url": _DELETES, "valueBoolean": True}],
                "type": "rest-hook",
                "endpoint": self.hook,
                "payload": "application/fhir+json",
                "header": [f"Authorization: Bearer {self.secret}"],
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """One Subscription, or one that is missing (`status` None). `error`: what is wrong with it, as the server says."""

    type: str
    id: str | None = None
    status: str | None = None
    error: str | None = None
    wanted: bool = True
    in_order: bool = False


async def status(client: FhirClient, wanted: WantedSubscriptions) -> list[SubscriptionState]:
    """The state of each wanted Subscription, and of those to this address that are not wanted."""
    found = await _ours(client, wanted.hook)
    there = await _there(client, wanted)
    states = [SubscriptionState(type=each, in_order=True, error=_NO_TYPE) for each in wanted.types if each not in there]
    for type_ in there:
        mine = found.pop(_criteria(type_), [])
        states += [_standing(type_, each, wanted) for each in mine[:1]] or [SubscriptionState(type=type_)]
        states += [_surplus(type_, each) for each in mine[1:]]
    for criteria, others in found.items():
        states += [_surplus(criteria, each) for each in others]
    return states


async def subscribe(client: FhirClient, wanted: WantedSubscriptions, patience: float = 30) -> list[SubscriptionState]:
    """Make the Subscriptions what they should be, and wait until the server has taken them up, at most `patience` s.

    Doing it twice changes nothing. What could not be had shows in the answer. Raises ServerError.
    """
    found = await _ours(client, wanted.hook)
    for type_ in await _there(client, wanted):
        mine = found.pop(_criteria(type_), [])
        await _ensure(client, wanted, type_, mine)
    for others in found.values():
        for each in others:
            await client.delete("Subscription", each["id"])
    return await _settled(client, wanted, patience)


async def unsubscribe(client: FhirClient, hook: str) -> int:
    """Delete every Subscription to this address; how many there were. Raises ServerError."""
    ids = [each["id"] for each in await _telling(client, hook)]
    for id_ in ids:
        await client.delete("Subscription", id_)
    return len(ids)


async def listens(address: str, transport: httpx.AsyncBaseTransport | None = None) -> bool:
    """Whether anybody answers at an address, whatever it says. `transport`: for tests.

    A server takes up a Subscription without trying the address, and so calls one in order that leads nowhere.
    """
    try:
        async with (
            asyncio.timeout(_CONNECT),
            http_client(transport=transport, timeout=_CONNECT) as http,
            http.stream("GET", address),
        ):
            return True
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return False


class SubscriptionKeeper:
    """Puts the Subscriptions in order again, whoever has deleted or stopped them."""

    def __init__(self, client: FhirClient, wanted: WantedSubscriptions, note: Callable[[int], None]) -> None:
        """`note` is called with how many were not in order."""
        self._client = client
        self._wanted = wanted
        self._note = note

    async def __call__(self) -> None:
        """Check, and repair. Raises ServerError."""
        broken = [each for each in await status(self._client, self._wanted) if not each.in_order]
        self._note(len(broken))
        if broken:
            await subscribe(self._client, self._wanted)


async def _ensure(client: FhirClient, wanted: WantedSubscriptions, type_: str, mine: list[Json]) -> None:
    made = wanted.subscription(type_)
    if not mine:
        await client.create(made, urlencode({"url": wanted.hook, "criteria": _criteria(type_)}))
        return
    first, *rest = mine
    if not _is_in_order(first, wanted):
        with suppress(AbsentError, ConflictError):  # somebody else was quicker; the status says how it stands
            await client.update({**made, "id": first["id"]})
    for each in rest:
        await client.delete("Subscription", each["id"])


async def _settled(client: FhirClient, wanted: WantedSubscriptions, patience: float) -> list[SubscriptionState]:
    """How they stand once none waits for the server any more."""
    end = asyncio.get_running_loop().time() + patience
    while True:
        states = await status(client, wanted)
        waiting = [each for each in states if each.status == "requested"]
        if not waiting or asyncio.get_running_loop().time() >= end:
            return states
        await asyncio.sleep(_POLL)


async def _there(client: FhirClient, wanted: WantedSubscriptions) -> list[str]:
    """The wanted types that the server has."""
    known = (await client.capabilities()).parameters
    return [each for each in wanted.types if each in known]


async def _ours(client: FhirClient, hook: str) -> dict[str, list[Json]]:
    """The Subscriptions to an address, by criteria, the oldest first; those to topics are left to their makers."""
    found: dict[str, list[Json]] = {}
    for resource in await _telling(client, hook):
        criteria = str(resource.get("criteria"))
        if "://" not in criteria:
            found.setdefault(criteria, []).append(resource)
    return found


async def _telling(client: FhirClient, hook: str) -> list[Json]:
    resources = [each.json() for each in _by_age(await client.search("Subscription", {"url": hook}))]
    return [each for each in resources if each.get("channel", {}).get("endpoint") == hook]


def _by_age(found: Iterable[Resource]) -> list[Resource]:
    return sorted((each for each in found if each.type == "Subscription"), key=lambda each: each.id)


def _criteria(type_: str) -> str:
    return f"{type_}?"


def _standing(type_: str, resource: Json, wanted: WantedSubscriptions) -> SubscriptionState:
    return SubscriptionState(
        type=type_,
        id=resource["id"],
        status=resource.get("status"),
        error=resource.get("error"),
        in_order=_is_in_order(resource, wanted),
    )


def _surplus(type_: str, resource: Json) -> SubscriptionState:
    return SubscriptionState(type=type_, id=resource["id"], status=resource.get("status"), wanted=False)


def _is_in_order(resource: Json, wanted: WantedSubscriptions) -> bool:
    """Whether it is active and sends what is wanted; an earlier error doesn't count once it is active."""
    made = wanted.subscription("")["channel"]
    channel = resource.get("channel", {})
    same = all(channel.get(name) == made[name] for name in ("type", "endpoint", "payload", "header"))
    return resource.get("status") == _WORKING and same and "end" not in resource
