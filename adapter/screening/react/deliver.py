"""Sends events to the configured URLs, signed, a patient's events in order, until they are accepted.

The signature is that of the Standard Webhooks specification (1.0): HMAC-SHA256 of `id.timestamp.body`, base64.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import msgspec

from adapter.evaluator.verdict import instant
from adapter.fhir.client.client import together
from adapter.screening.react.context import Context
from adapter.store import deliveries
from adapter.store.deliveries import Delivery
from adapter.store.duties import Lease
from adapter.store.verdicts import Event
from adapter.traces import span

log = logging.getLogger(__name__)

DELIVER = "deliver"
"""The duty's name."""

_AT_ONCE = 50
_PATIENCE = 20.0
_LONGEST_REST = timedelta(minutes=1)
_MOST_ATTEMPTS = 20
_MOST_REFUSALS = 3
"""Whoever refuses so many events one after the other gets no more in this round: it is not about one event."""
_TAKES_NOTHING = frozenset({429, 502, 503, 504})
"""Statuses of a receiver that can take nothing just now, whatever it is sent."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an event was not taken; `is_of_all`: others would not be either; `is_silence`: no answer came in time."""

    text: str
    is_of_all: bool
    is_silence: bool = False


class EventDelivery:
    """Sends the events that are due."""

    def __init__(self, context: Context, http: httpx.AsyncClient, secret: str) -> None:
        """Over `http`, which follows no redirects: an event goes to a configured host or nowhere."""
        self._context = context
        self._http = http
        self._secret = secret.encode()
        self._silent: dict[str, tuple[int, datetime]] = {}

    async def __call__(self, _: Lease) -> None:
        """Send what is due, to all URLs side by side: what waits for one of them is not in the others' way."""
        await together([self._send_due(url) for url in self._context.urls])

    async def _send_due(self, url: str) -> None:
        """A URL that refuses an event gets no later ones of its patient in this round; one that takes nothing none.

        One that did not answer at all is left alone for a while: each round would wait for it.
        """
        context = self._context
        now = context.clock()
        silent, until = self._silent.get(url, (0, now))
        if now < until <= now + _LONGEST_REST:
            return
        due = await context.database.run(partial(deliveries.due, urls=(url,), now=now, most=_AT_ONCE))
        held: set[str] = set()
        refusals = 0
        for each in due:
            patient = each.event.patient
            if refusals >= _MOST_REFUSALS:
                break
            if patient in held:
                continue
            refusal = await self._send(each)
            if refusal is None or not refusal.is_silence:
                self._silent.pop(url, None)
            else:
                rest = min(deliveries.pause(silent + 1), _LONGEST_REST)
                self._silent[url] = silent + 1, context.clock() + rest
            if refusal is None:
                refusals = 0
                await context.database.run(partial(deliveries.delivered, sent=each))
                continue
            held.add(patient)
            refusals = _MOST_REFUSALS if refusal.is_of_all else refusals + 1
            context.metrics.errors.labels("event").inc()
            given_up = each.attempts + 1 >= _MOST_ATTEMPTS
            again = None if given_up else context.clock() + deliveries.pause(each.attempts + 1)
            await context.database.run(partial(deliveries.failed, sent=each, error=refusal.text, again=again))
            log.warning("event %d was not accepted: %s", each.event.id, refusal.text)

    async def _send(self, sent: Delivery) -> _Refusal | None:
        """None if the receiver accepted the event, else why not."""
        body = msgspec.json.encode(event_json(sent.event))
        headers = signed(sent.event, body, int(self._context.clock().timestamp()), self._secret)
        try:  # what the receiver says beside its status is not read
            with span("event", "client", server=httpx.URL(sent.url).host) as timed:
                async with (
                    asyncio.timeout(_PATIENCE),
                    self._http.stream("POST", sent.url, content=body, headers={**headers, **timed.headers}) as answer,
                ):
                    timed.say(status=answer.status_code)
                    status = answer.status_code
                    return None if answer.is_success else _Refusal(f"status {status}", status in _TAKES_NOTHING)
        except (httpx.HTTPError, TimeoutError) as error:
            is_silence = isinstance(error, TimeoutError | httpx.TimeoutException)
            return _Refusal(type(error).__name__, is_of_all=True, is_silence=is_silence)


def event_json(event: Event) -> dict[str, Any]:
    """An event as it is sent and listed."""
    return {
        "type": "verdict-changed",
        "id": event.id,
        "at": instant(event.at),
        "study": event.study,
        "subject": event.patient,
        "old": {"decision": event.old} if event.old else None,
        "new": {"decision": event.new} if event.new else None,
        "criteria": [msgspec.to_builtins(each) for each in event.criteria],
    }


def signed(event: Event, body: bytes, timestamp: int, secret: bytes) -> dict[str, str]:
    """The headers of an event: what a receiver needs to know that it is ours, and not an old one.

    The time is part of its name: numbers are given again where an old backup of the database was restored.
    """
    name = f"verdict-changed-{event.id}-{int(event.at.timestamp() * 1000)}"
    content = b".".join((name.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
