"""Around every request: its id, one line of log, who may call, and an answer whatever goes wrong.

Pure ASGI, so that a request costs little. A log line is one JSON object on stderr and holds no patient data
(invariant 8): it has the route's template, never the address itself, which may name a patient. For the same reason
uvicorn's own access log stays off.
"""

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.errors import AdapterError, place_of
from adapter.screening.react.context import UNAUTHORIZED
from adapter.service.access import CALLER, NOBODY, Caller, local, table
from adapter.service.auth import MATCHING, Authenticator
from adapter.service.errors import FaultError, ForbiddenError, TooManyError, UnauthorizedError
from adapter.service.hook import is_hook
from adapter.service.http import HOLD, Sent, error_answer, internal_error
from adapter.service.limits import KIBIBYTE, Allowances, InFlight, Limits, no_room
from adapter.traces import Span, span

FIELDS = "fields"
"""The name under which a log call passes what is to stand beside its message: `extra={FIELDS: {...}}`."""

log = logging.getLogger(__name__)
LIVE = "/health/live"
"""Liveness is asked by machinery, by whatever name, and says nothing."""
REQUEST_ID = "X-Request-Id"
REQUEST = "request"
"""The name under which a request's state holds its id."""

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_PIECE = 256 * KIBIBYTE
_SECONDS = 5
"""Over which requests of a caller are counted."""
_KEY = secrets.token_bytes(32)
_REFUSED = frozenset({401, 403})
_TELLS = frozenset({"DELETE", "POST", "PUT"})
"""Methods of messages; a GET asks whether anybody is there (`trial-adapter status`)."""
_REQUEST_ID_HEADER = REQUEST_ID.lower().encode()
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class JsonLines(logging.Formatter):
    """A record as a line of JSON; an exception as its kind and place, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        made: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            made["error"] = place_of(record.exc_info[1])
        return msgspec.json.encode(made).decode()


def log_as_json() -> None:
    """Set up logging for the process: what others log below a warning is left out, since it may name patients."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line says them,
    logging._srcfile = None  # nor where in the code it comes from  # noqa: SLF001  # as Python's manual has it
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in ("adapter", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)


@dataclass(slots=True)
class _Told:
    """A request by its id, who sent it, and how it was answered; 0: not yet."""

    request: str
    caller: Caller = NOBODY
    status: int = 0


class RequestMiddleware:
    """The outermost layer of the app."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        limits: Limits,
        hosts: frozenset[str] | None = None,
        origins: tuple[str, ...] = (),
    ) -> None:
        """Wrap an app. `hosts`: by which names it may be called where callers need no token, None for any.

        `origins`: of web pages that may call.
        """
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._authenticator = authenticator
        self._limits = limits
        self._in_flight = InFlight(limits.max_in_flight)
        self._rate = Allowances(limits.max_rate * _SECONDS, _SECONDS)
        self._failures = Allowances(limits.max_failures, 60)
        self._known = Known()
        self._open = table().public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, method = Sent(scope), scope["method"] if scope["method"] in _METHODS else "_OTHER"
        if scope["path"] == LIVE:
            await self._answer(scope, receive, send, headers, Span())
            return
        with span(method, "server", come_from=headers, method=method) as timed:
            await self._answer(scope, receive, send, headers, timed)
            timed.rename(f"{method} {_route(scope)}")

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: Headers, timed: Span) -> None:
        asked = headers.get(REQUEST_ID, "")
        told = _Told(asked if _REQUEST_ID.fullmatch(asked) else secrets.token_hex(16))
        began, loop = time.perf_counter(), asyncio.get_running_loop()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_REQUEST_ID_HEADER, told.request.encode())]
            elif len(message.get("body", b"")) > _PIECE:
                if taking.when() is None:  # else it is to be given up already
                    taking.reschedule(loop.time() + self._limits.answer_seconds)
                for part in _in_pieces(message):
                    await send(part)
                return
            await send(message)

        is_late = False
        try:
            async with asyncio.timeout(None) as taking:
                await self._answered(scope, receive, send_on, headers, told, lambda: taking.reschedule(loop.time()))
        except TimeoutError:
            is_late = True
        try:
            if is_late and told.status == 0:  # it held on to what others needed
                await error_answer(no_room())(scope, receive, send_on)
        finally:
            _log(scope, told, 1000 * (time.perf_counter() - began), timed)

    async def _answered(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: Headers,
        told: "_Told",
        give_up: Callable[[], None],
    ) -> None:
        """Hand a request on, or say why not."""
        try:
            told.caller = await self._caller(scope, headers)
            who = _name(told.caller, scope)
            self._rate.take(who, "more requests than one caller may send")
            with self._in_flight.hold(who, give_up) as hold:
                scope.setdefault("state", {}).update({CALLER: told.caller, HOLD: hold, REQUEST: told.request})
                await self._app(scope, receive, send)
        except AdapterError as error:
            await error_answer(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001  # its text may hold patient data; its place does not
            place = error.place if isinstance(error, FaultError) else place_of(error)
            log.error("internal error %s: %s", told.request, place)  # noqa: TRY400  # no traceback, see above
            if told.status == 0:
                await internal_error(place)(scope, receive, send)

    async def _caller(self, scope: Scope, headers: Headers) -> Caller:
        """Who sent a request. Raises what says why that can't be told, or why they may not go on."""
        path = scope["path"]
        if self._hosts is not None and path != LIVE and not is_hook(path):
            check_host(headers, scope["method"], self._hosts, self._origins)
        if path in self._open:
            return NOBODY
        base = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}{scope.get('root_path', '')}"
        sent = headers.getlist("authorization")  # of two, a proxy may have looked at the other: together they are none
        if not sent:
            return await self._authenticator.check(None, path, base, _address(scope))
        address, shown = _address(scope), ", ".join(sent)
        wait = self._failures.wait(address)
        if wait > 0 and not self._known.holds(address, shown):
            msg = "too many failed tokens from this address"
            raise TooManyError(msg, wait)
        try:
            found = await self._authenticator.check(shown, path, base, address)
        except UnauthorizedError:
            self._failures.count(address)
            raise
        self._known.add(address, shown)
        return found


class Known:
    """Tokens that were valid, by the address that sent them: wrong ones of the same address don't shut them out."""

    def __init__(self, kept: int = 4096) -> None:
        """`kept`: how many are remembered, the latest."""
        self._kept = kept
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def holds(self, address: str, shown: str) -> bool:
        """Whether this token was valid when it last came from there."""
        return _digest(address, shown) in self._digests

    def add(self, address: str, shown: str) -> None:
        """Remember a token that was valid."""
        digest = _digest(address, shown)
        self._digests[digest] = None
        self._digests.move_to_end(digest)
        if len(self._digests) > self._kept:
            self._digests.popitem(last=False)


def _digest(address: str, shown: str) -> bytes:
    return hashlib.blake2b(f"{address} {shown}".encode(errors="replace"), key=_KEY, digest_size=16).digest()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "-"


def _name(caller: Caller, scope: Scope) -> str:
    """By whom limits are counted: the name of a token, or an address."""
    return _address(scope) if caller.name in {NOBODY.name, local().name, MATCHING} else caller.name


def _in_pieces(message: Message) -> Iterator[Message]:
    """A large body in pieces, each of which waits until the caller has taken the one before."""
    view = memoryview(message["body"])
    for start in range(0, len(view), _PIECE):
        more = start + _PIECE < len(view) or message.get("more_body", False)
        yield {**message, "body": view[start : start + _PIECE], "more_body": more}


def check_host(headers: Headers, method: str, hosts: frozenset[str], origins: tuple[str, ...] = ()) -> None:
    """Raises ForbiddenError for what a web page of another origin may have sent, where callers need no token.

    A name that leads to this machine (DNS rebinding) makes a page's requests look like our own: so we answer only to
    names that are known. A page of another origin may lead here (a link), and nothing else: neither send, nor have the
    browser fetch what it can't read itself. What is no browser says nothing of pages.
    Pages of `origins` may do both.
    """
    host = headers.get("host", "")
    if _host_of(f"//{host}") not in hosts:
        msg = "called by a name that is not known here; set TRIAL_ADAPTER_PUBLIC_URL, or have callers send tokens"
        raise ForbiddenError(msg)
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin in origins:
        return
    foreign = origin is not None and origin.partition("//")[2].lower() != host.lower()
    leads = (
        method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )
    if foreign or (site not in {"none", "same-origin"} and not leads):
        msg = "sent by a web page of another origin; have callers send tokens"
        raise ForbiddenError(msg)


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # no address
        return None


def _count_refusal(scope: Scope) -> None:
    """Count a message with a wrong secret, or none, or of who may not: its sender believes that it notifies us."""
    hook = scope["app"].state.service.hook if "app" in scope else None
    if hook is not None:
        hook.context.metrics.messages.labels(UNAUTHORIZED).inc()


def _log(scope: Scope, told: _Told, taken: float, timed: Span) -> None:
    """One line, and what else counts requests. `taken`: milliseconds."""
    said = {"method": scope["method"], "route": _route(scope), "status": told.status, "request": told.request}
    fields = {FIELDS: {**said, "caller": told.caller.name, "milliseconds": round(taken, 1)}}
    timed.say(route=_route(scope), status=told.status)
    if timed.trace is not None:
        fields[FIELDS]["trace"] = timed.trace
    if told.status in _REFUSED and is_hook(scope["path"]) and scope["method"] in _TELLS:
        _count_refusal(scope)
    line = "%s %s %d %.1f ms %s"
    log.info(line, scope["method"], said["route"], told.status, taken, told.request, extra=fields)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "-")
