"""What is tried again, and how often.

Every request that the client sends may arrive twice without harm: reads and searches (also as a batch of GETs), PUTs
to an id, conditional creates, and transactions of such. So a request whose answer was lost is sent again. A PUT with
If-Match that had been carried out is then a conflict, which its caller reads again and decides anew.

Tried again:

- no connection, a connection that broke, no answer in time: the network's doing, or a server that restarts
- 408, 425: the server asks for it
- 429, 503: overload; not before what Retry-After says, and not at all where it says more than `wait_max`
- 500, 502, 504: a deadlock in the server's database, or a gateway whose server restarts
- an answer of success that is no JSON: cut off on the way, or a gateway's page in the place of the answer

Not tried again: every other status. The same request would get the same answer.
"""

import email.utils
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import stamina

from adapter.errors import BadAnswerError, OverloadedError, ServerError, UnreachableError
from adapter.fhir.client.settings import ServerSettings

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses after which a request is tried again."""

T = TypeVar("T")

stamina.instrumentation.set_on_retry_hooks([])  # its own would write to stderr, where a command says one clear line


class PassingError(BadAnswerError):
    """A failure of the server that may be over at the next try."""


async def retried(send: Callable[[], Awaitable[T]], settings: ServerSettings) -> T:
    """What `send` comes to, tried as often as the settings allow; else the last error."""

    def again(error: Exception) -> bool | float:
        if isinstance(error, OverloadedError) and error.retry_after is not None:
            return error.retry_after if error.retry_after <= settings.wait_max else False
        return isinstance(error, UnreachableError | OverloadedError | PassingError)

    context = stamina.retry_context(
        again,
        attempts=settings.attempts,
        timeout=None,
        wait_initial=settings.wait,
        wait_max=settings.wait_max,
        wait_jitter=settings.wait,
    )
    async for attempt in context:
        with attempt:
            return await send()
    msg = "a request that is tried no time"
    raise ServerError(msg)


def seconds_of(retry_after: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header names, as a number or as a date; None where it says nothing readable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (known - (now or datetime.now(UTC))).total_seconds())
