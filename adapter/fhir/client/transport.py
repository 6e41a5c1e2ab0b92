"""One request to a FHIR server: where it is, how long we wait, what is tried again, and what an answer's status means.

Every request that the client sends may arrive twice without harm: reads and searches (also as a batch of GETs), PUTs
to an id, conditional creates, and transactions of such. So a request whose answer was lost is sent again. A PUT with
If-Match that had been carried out is then a conflict, which its caller reads again and decides anew.

Tried again:

- no connection, a connection that broke, no answer in time: the network's doing, or a server that restarts
- 408, 425: the server asks for it
- 429, 503: overload; not before what Retry-After says, and not at all where it says more than `wait_max`
- 500, 502, 504: a deadlock in the server's database, or a gateway whose server restarts
- an answer of success that is no JSON: cut off on the way, or a gateway's page in the place of the answer
- 409 to a transaction that names no versions: somebody else writes the same at this moment

Not tried again: every other status. The same request would get the same answer. But a transaction that is refused after
a try whose answer was lost may be refused because of that try, which the server has carried out, or still does (HAPI
FHIR: 422 for a code system that it just took): a conflict with ourselves.

No error says what a server says of a patient.
"""

import asyncio
import email.utils
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from adapter.errors import (
    AbsentError,
    BadAnswerError,
    ConflictError,
    NoAccessError,
    OverloadedError,
    RejectedError,
    ServerError,
    UnreachableError,
    UsageError,
)
from adapter.retries import retry_context

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of this machine, to itself."""

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses after which a request is tried again."""


class PassingError(BadAnswerError):
    """A failure of the server that may be over at the next try."""


class PassingConflictError(ConflictError):
    """A conflict that may be over at the next try: with another writer, or with an earlier try of our own."""


T = TypeVar("T")
_BAD_REQUEST, _SERVER_FAULT = 400, 500
_MOST_SAID = 500
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures on the way before any of a request has been sent."""

_IS_A_BASE = "is this address a FHIR server's base?"
_KINDS: dict[int, tuple[type[ServerError], str]] = {
    401: (NoAccessError, "the credentials are missing or not valid; check them"),
    403: (NoAccessError, "the credentials don't allow this; ask the server's operator for the right"),
    404: (AbsentError, "not found"),
    409: (PassingConflictError, "something else changed there meanwhile"),
    410: (AbsentError, "deleted"),
    412: (ConflictError, "something else changed there meanwhile"),
    429: (OverloadedError, "it is too busy; try again later"),
    503: (OverloadedError, "it is too busy; try again later"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """A FHIR server. `url`: its base, without a slash at the end; `auth`: adapter.fhir.client.auth, None for none.

    `timeout`: seconds to wait for an answer; `max_concurrent`: requests at once, those that wait their turn are not
    counted; `attempts`: how often a request is tried in all; `wait`, `wait_max`: seconds of the first and of the
    longest pause between tries; `page_size`: resources asked for a page. `total_timeout`: seconds for an answer that
    comes bit by bit; `max_answer`: bytes of one, decompressed; `max_record`: bytes of all pages of a search. `proxy`:
    the address of a proxy to go through, None for none.
    """

    url: str
    auth: httpx.Auth | None = field(default=None, repr=False)
    timeout: float = 30
    connect_timeout: float = 5
    max_concurrent: int = 8
    attempts: int = 5
    wait: float = 0.25
    wait_max: float = 20
    page_size: int = 1000
    total_timeout: float = 120
    max_answer: int = 32 * 1024 * 1024
    max_record: int = 128 * 1024 * 1024
    proxy: str | None = field(default=None, repr=False)


def http_client(  # what a client is made of
    *,
    timeout: float | httpx.Timeout,
    proxy: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    limits: httpx.Limits | None = None,
    auth: httpx.Auth | None = None,
) -> httpx.AsyncClient:
    """The one way in which we connect to anybody: through a proxy only if it is named here, and without redirects.

    HTTP_PROXY and its like are not read: whoever sets them would get tokens and patient data. SSL_CERT_FILE is, for a
    site's own authority. `transport`: for tests.
    """
    pool = limits or httpx.Limits(max_connections=100, max_keepalive_connections=20)
    direct = transport or httpx.AsyncHTTPTransport(limits=pool, proxy=proxy)
    return httpx.AsyncClient(auth=auth, timeout=timeout, transport=direct, follow_redirects=False, trust_env=False)


async def small_answer(  # what one request is made of
    method: str,
    address: str,
    what: str,
    *,
    seconds: float,
    most: int,
    proxy: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    **sent: Any,  # noqa: ANN401  # as httpx takes them
) -> tuple[httpx.Response, bytes]:
    """One request over a connection of its own, for keys, tokens and the like: the answer and its body.

    `seconds`: for all of it; `most`: bytes; `what`: how errors call it; `sent`: headers and form. Raises
    httpx.HTTPError, TimeoutError, and BadAnswerError for a body that is larger.
    """
    async with (
        asyncio.timeout(seconds),
        http_client(transport=transport, timeout=seconds, proxy=proxy) as http,
        http.stream(method, address, **sent) as answer,
    ):
        return answer, await body_of(answer, most, what)


def proxy_address(text: str, name: str) -> str:
    """The address of a proxy, which may hold a user name and password. Raises UsageError, which shows none."""
    try:
        fits = urlsplit(text).scheme in {"http", "https"} and bool(httpx.URL(text).host)
    except (httpx.InvalidURL, ValueError):
        fits = False
    if not fits:
        msg = f"{name} {without_secrets(text)!r} is no address of a proxy; write http://host:port"
        raise UsageError(msg)
    return text


def base_url(text: str, *, secret: bool) -> str:
    """A FHIR base address as it was given, without the slash at its end.

    `secret`: credentials go there. Raises UsageError for what can't be one, and where credentials could be read on the
    way: over plain HTTP to another machine.
    """
    if {"?", "#"} & set(text.rstrip("?#")):
        msg = f"{without_secrets(text)!r} is no FHIR base address: a ? or # ends it; write https://host/path"
        raise UsageError(msg)
    return web_address(text, "FHIR base address", why="credentials would be readable" if secret else None).rstrip("/")


def web_address(text: str, name: str, why: str | None = None) -> str:
    """An http(s) address as it was given; `name`: what is said of it, such as "FHIR base address".

    `why`: why it must not be plain HTTP, but within this machine. Raises UsageError, which shows no password.
    """
    try:
        parts, host = urlsplit(text), httpx.URL(text).host
        _ = parts.port  # ValueError for one that there can't be
    except (httpx.InvalidURL, ValueError):
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host or host != parts.hostname or "\\" in text:
        msg = f"{without_secrets(text)!r} is no {name}; write https://host/path"
        raise UsageError(msg)
    if parts.username is not None or parts.password is not None:
        msg = f"a {name} must not hold a password or user name; give them as credentials"
        raise UsageError(msg)
    if why and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        msg = f"the {name} {without_secrets(text)!r} is plain HTTP, and {why}; use https"
        raise UsageError(msg)
    return text


_PORTS = {"http": 80, "https": 443}


def same_origin(one: str | httpx.URL, other: str | httpx.URL) -> bool:
    """Whether two addresses are of one server: scheme, host and port, as the one who sends requests reads them."""
    try:
        first, second = httpx.URL(one), httpx.URL(other)
    except (httpx.InvalidURL, ValueError):
        return False
    return _origin(first) == _origin(second)


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    return address.scheme, address.host, address.port or _PORTS.get(address.scheme)


def without_secrets(address: str) -> str:
    """An address without what may be secret in it: user name, password, query."""
    plain = re.split(r"[?#]", address, maxsplit=1)[0]
    scheme, slashes, rest = plain.rpartition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


async def retried(
    send: Callable[[], Awaitable[T]], settings: ServerSettings, *, writes: bool = False, repeats: bool = False
) -> T:
    """What `send` comes to, tried as often as the settings allow; else the last error.

    `writes`: a refusal may come of an earlier try; `repeats`: it is sent again where something else changes there.
    """
    passing = (UnreachableError, OverloadedError, PassingError, *((PassingConflictError,) if repeats else ()))
    lost = False

    def again(error: Exception) -> bool | float:
        if isinstance(error, OverloadedError) and error.retry_after is not None:
            return error.retry_after if error.retry_after <= settings.wait_max else False
        return isinstance(error, passing)

    async def once() -> T:
        nonlocal lost
        try:
            return await send()
        except (UnreachableError, PassingError) as error:
            lost = lost or (writes and not isinstance(error.__cause__, _NOTHING_SENT))
            raise
        except RejectedError as error:
            if not lost:
                raise
            msg = f"{error}, or an earlier try, whose answer was lost, was carried out"
            conflict = PassingConflictError(msg)
            conflict.details = error.details
            raise conflict from error

    context = retry_context(
        again,
        attempts=settings.attempts,
        timeout=None,
        wait_initial=settings.wait,
        wait_max=settings.wait_max,
        wait_jitter=settings.wait,
    )
    async for attempt in context:
        with attempt:
            return await once()
    msg = "a request that is tried no time"
    raise ServerError(msg)


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """One request, whose failures on the way are UnreachableErrors. `what`: server, method and type of the request.

    Raises RejectedError for what no server can be asked: an address of more characters than one has.
    """
    try:
        yield
    except (httpx.TimeoutException, TimeoutError) as error:
        msg = f"{what}: no answer in time; is the server overloaded?"
        raise UnreachableError(msg) from error
    except httpx.RequestError as error:
        msg = f"{what}: no connection, or it broke ({type(error).__name__}); does the server run there?"
        raise UnreachableError(msg) from error
    except httpx.InvalidURL as error:  # whose text may name a patient
        msg = f"{what}: an id or identifier is too long to be asked for"
        raise RejectedError(msg) from error


async def body_of(response: httpx.Response, most: int, what: str) -> bytes:
    """The body of an answer that is streamed, decompressed. Raises BadAnswerError as soon as it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > most:
            msg = f"{what}: the answer is larger than {most} bytes; ask for smaller pages (PAGE_SIZE)"
            raise BadAnswerError(msg)
        parts.append(part)
    return b"".join(parts)


LONGEST_WAIT = 86_400.0
"""Seconds: what a server says of a later time than tomorrow is taken for tomorrow."""


def seconds_of(retry_after: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header names, as a number or as a date; None where it says nothing readable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (known - (now or datetime.now(UTC))).total_seconds()), LONGEST_WAIT)


class _Text(Struct, frozen=True):
    text: str | None = None


class _Issue(Struct, frozen=True):
    severity: str | None = None
    code: str | None = None
    diagnostics: str | None = None
    details: _Text | None = None


class _Outcome(Struct, frozen=True, rename="camel"):
    resource_type: str
    issue: tuple[_Issue, ...] = ()


_outcome = msgspec.json.Decoder(_Outcome)


def error_of(status: int, body: bytes, what: str, retry_after: float | None = None) -> ServerError:
    """The error of an answer that is no success. `what`: server, method and type of the request."""
    said = _said(body)
    kind, advice = _KINDS.get(status) or _other(status)
    if kind is AbsentError and not said:
        advice += f"; {_IS_A_BASE}"
    message = f"{what}: {status}: {advice}"
    error = OverloadedError(message, retry_after) if kind is OverloadedError else kind(message)
    error.details = said
    return error


def _other(status: int) -> tuple[type[ServerError], str]:
    if status in AGAIN:
        return PassingError, "the server failed; its log says why"
    if _BAD_REQUEST <= status < _SERVER_FAULT:
        return RejectedError, "the server doesn't accept the request"
    return BadAnswerError, f"no answer that can be used; {_IS_A_BASE}"


def _said(body: bytes) -> str:
    """What an OperationOutcome says; it may hold patient data, so it is for the person who asked, never for a log."""
    try:
        outcome = _outcome.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if outcome.resource_type != "OperationOutcome":
        return ""
    texts = (
        issue.diagnostics or (issue.details.text if issue.details else None) or issue.code
        for issue in outcome.issue
        if issue.severity in {"error", "fatal"}
    )
    return "; ".join(filter(None, texts))[:_MOST_SAID]
