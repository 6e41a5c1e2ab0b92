"""Starts the service on a port."""

import asyncio
import gc
import ipaddress
import logging
import resource
import time
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from adapter.errors import AdapterError, UsageError
from adapter.screening.settings import PREFIX
from adapter.service.app import check_stores, create_app
from adapter.service.limits import KIBIBYTE, Limits
from adapter.service.middleware import log_as_json
from adapter.service.settings import Settings
from adapter.traces import tracing

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = frozenset({"localhost", LOOPBACK, "::1"})
PORT = 8080
_HEADER = 32
"""Bytes that a header counts for itself."""
_ONCE = (b"host", b"content-type", b"content-encoding")
"""Headers that are there once, or somebody on the way may have looked at the other one."""
_JOINED = 64 * KIBIBYTE
_MOST_PIECES, _PIECE = 4096, 256
"""A body comes in so many pieces, or in as many as it has pieces of so many bytes beside those."""
_KEEP_ALIVE = 30
_SHUTDOWN = 30

log = logging.getLogger(__name__)


def run(settings: Settings, host: str = LOOPBACK, port: int = PORT) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM); what has begun is finished first.

    Raises UsageError where others could reach the service and nothing says who may call it, StoreError where the
    webhook's database or the audit can't be written, AdapterError where the service doesn't start.
    """
    check_bind(settings, host)
    log_as_json()
    for name in ("asyncio", __name__):
        logging.getLogger(name).addFilter(Seldom())
    if any(each.unnamed for each in settings.tokens):
        text = "%sAPI_TOKENS will be gone in a later version: make named ones (trial-adapter token) for %sTOKENS_FILE"
        log.warning(text, PREFIX, PREFIX)
    if settings.jwks_url and not settings.jwt_audience:
        log.warning("%sJWT_AUDIENCE is not set: tokens that were made for other services are accepted", PREFIX)
    check_stores(settings)
    made = server(settings, host, port)
    with suppress(SystemExit), tracing(settings.traces):  # SystemExit: uvicorn's way to end where it could not start
        made.run()
    if not made.started:
        advice = "if the port is in use, name another with --port"
        msg = f"the service did not start on {host}:{port}; its log says why; {advice}"
        raise AdapterError(msg)


def server(settings: Settings, host: str, port: int) -> uvicorn.Server:
    """The server, not yet started; port 0 takes a free one."""
    gc.disable()
    app = create_app(settings, processes=True, hosts=None if settings.asks_who_calls else hosts_of(settings, host))
    gc.collect()
    gc.freeze()  # what is loaded stays for good; collections needn't walk through it again
    gc.enable()
    app.state.service.work.copy()
    limits = settings.limits
    connections = Connections(limits)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=partial(BoundedProtocol, bounds=connections),  # type: ignore[arg-type]  # called as the class is
            backlog=connections.most // 2,  # what is accepted at once, before any is counted
            access_log=False,  # it would log addresses, which may name patients; `middleware` logs instead
            log_config=None,
            server_header=False,
            proxy_headers=bool(settings.proxies),  # its default believes whoever is on this machine
            forwarded_allow_ips=list(settings.proxies),
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_SHUTDOWN,
        )
    )


def hosts_of(settings: Settings, host: str) -> frozenset[str]:
    """The names by which a service may be called whose callers need no token: this machine's, and the public one."""
    public = urlsplit(settings.public_url or "").hostname
    return frozenset({*LOOPBACK_NAMES, host, *filter(None, (public,))})


class Connections:
    """The connections that there may be, and those that wait for a request, the longest first.

    `strangers`: for their first one.
    """

    def __init__(self, limits: Limits) -> None:
        """`most`: at most half of the descriptors that the process may have: database and servers need some."""
        self.limits = limits
        self.most = min(limits.max_connections, max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))
        self.strangers: dict[BoundedProtocol, None] = {}
        self.waiting: dict[BoundedProtocol, None] = {}


class _Joining(asyncio.Transport):
    """What one answer is written to: its head goes out with what follows it, as one segment where that is small."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to a connection."""
        self._transport = transport
        self._head: bytes | None = None
        self._is_begun = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it, after the head; keep that for the next one. What says that a body may come is none yet."""
        if not self._is_begun:
            self._is_begun = bytes(data[9:10]) != b"1"  # HTTP/1.1 100
            if self._is_begun:
                self._head = bytes(data)
                return
        head, self._head = self._head, None
        if head is not None and len(data) <= _JOINED:
            data = head + data
        elif head is not None:
            self._transport.write(head)
        self._transport.write(data)

    def is_closing(self) -> bool:
        """As of the connection."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what was kept, and end the connection."""
        if self._head is not None:
            self.write(b"")
        self._transport.close()


class _RefusedError(Exception):
    """Read no further: the parser ends, 400 is answered, and the connection closed."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection that must send headers, and take what is sent to it, in time, and of which there are only so many.

    Headers, and requests that are sent before the one ahead is answered, are bounded too, and so is whatever the parser
    keeps to itself until it is whole, and into how many pieces a body is cut, each of which takes time. What somebody
    on the way may read otherwise is refused: two headers that say whom or what it is for (RFC 9112, 3.2), chunks in
    HTTP/1.0. What was asked before it is answered, and then nothing more.

    Bodies have their own time limit (adapter.service.http); between requests a connection may be idle (keep-alive).
    Where there are too many, the one goes that has waited for a request the longest; first those that never sent one.
    """

    _late: asyncio.TimerHandle | None = None
    _slow: asyncio.TimerHandle | None = None
    _in_headers = False
    _header_bytes = 0
    _unfinished = 0
    """Bytes since something of a request was whole: its headers, a piece of its body, all of it."""
    _pieces = _body_bytes = 0
    _refused = False
    _ahead: RequestResponseCycle | None = None
    """The request before the newest one, where it was not answered when that came."""

    def __init__(self, *args: Any, bounds: Connections, **kwargs: Any) -> None:  # noqa: ANN401  # as uvicorn's
        """One connection among others."""
        super().__init__(*args, **kwargs)
        self._bounds = bounds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request; refuse where there are too many connections, all with one."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that whatever is not taken is seen
        if len(self.connections) > self._bounds.most:
            longest = next(chain(self._bounds.strangers, self._bounds.waiting), self)
            longest.transport.abort()
            longest.stop_waiting()
            if longest is self:
                return
        self._wait(self._bounds.strangers)

    def data_received(self, data: bytes) -> None:
        """Read on; a request that has begun must have all of its headers in time."""
        self._unset_keepalive_if_required()
        if self._refused:
            self._drop(data)
            return
        self._read(data)
        waits = self.cycle is None or self.cycle.response_complete
        if not waits:
            self.stop_waiting()
        elif self._late is None:
            self._wait(self._bounds.waiting)

    def _read(self, data: bytes) -> None:
        while data:
            self._unfinished += len(data)
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as asked:
                data = self._without_upgrade() + data[asked.args[0] :]
                self.parser = HttpRequestParser(self)
            except HttpParserError:
                self._refuse()
                return
            else:
                if self._unfinished > self._bounds.limits.max_headers:
                    self._refuse()
                return

    def _refuse(self) -> None:
        """Read no further: 400, unless something is still to be answered, after which the connection is closed."""
        self._refused, self._unfinished = True, 0
        log.warning("a request of %s can't be read, and is refused", self.client[0] if self.client else "-")
        newest = self.cycle
        if newest is not None and newest.more_body and not newest.response_started:  # it is the one that is refused
            newest.disconnected = True
            newest.message_event.set()
            if self.pipeline and self.pipeline[0][0] is newest:
                self.pipeline.popleft()
            if self._ahead is not None:
                self.cycle = self._ahead
        if self.cycle is None or self.cycle.disconnected or self.cycle.response_complete:
            self.send_400_response("This is no HTTP request that can be read here.")
        else:
            self.cycle.keep_alive = False

    def _drop(self, data: bytes) -> None:
        """Take what follows a refused request: left unread, it would cut off the answer ahead. But not for ever."""
        self._unfinished += len(data)
        if self._unfinished > self._bounds.limits.max_headers:
            self.flow.pause_reading()

    def _without_upgrade(self) -> bytes:
        """The headers of a request that asks for another protocol, as one that doesn't.

        No server need change (RFC 9110, 7.8), and Java asks for HTTP/2 in its first request. The parser would take the
        body for something of the other protocol.
        """
        kept = [each for each in self.headers if each[0] != b"upgrade"]
        lines = [b"%s: %s\r\n" % each for each in kept]
        return b"%s %s HTTP/1.1\r\n%s\r\n" % (self.parser.get_method(), self.url, b"".join(lines))

    def on_message_begin(self) -> None:
        """A request begins, before the one ahead is answered perhaps."""
        if len(self.pipeline) >= self._bounds.limits.max_pipelined:
            raise _RefusedError
        super().on_message_begin()
        self._in_headers, self._header_bytes, self._unfinished = True, 0, 0
        self._pieces = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what follows a body (a trailer) is none."""
        self._count(len(name) + len(value))
        if self._in_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All headers are there."""
        self._in_headers, self._unfinished = False, 0
        names = [name for name, _ in self.headers]
        is_newer = self.parser.get_http_version() == "1.1"
        if any(names.count(each) > 1 for each in _ONCE) or (is_newer and b"host" not in names):
            raise _RefusedError
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings and not (is_newer and codings == [b"chunked"]):  # RFC 9112, 6.1: no other is read here
            raise _RefusedError
        if not self.parser.should_upgrade():
            ahead = self.cycle
            super().on_headers_complete()
            if self.parser.get_method() != b"HEAD":  # whose answer has nothing after its head
                self.cycle.transport = _Joining(self.transport)
            self._ahead = None if ahead is None or ahead.response_complete else ahead
        elif self.parser.get_method() == b"CONNECT":
            raise _RefusedError

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unfinished = 0
        self._pieces += 1
        self._body_bytes += len(body)
        if self._pieces > _MOST_PIECES + self._body_bytes // _PIECE:
            raise _RefusedError
        held = self.cycle.body
        if not held:
            self.cycle.body = body  # type: ignore[assignment]  # one piece, as it mostly is, is not copied
            body = b""
        elif isinstance(held, bytes):
            self.cycle.body = bytearray(held)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is there; of a request that asks for another protocol, only its headers yet."""
        self._unfinished = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _count(self, size: int) -> None:
        self._header_bytes += size + _HEADER
        if self._header_bytes > self._bounds.limits.max_headers:
            raise _RefusedError

    def on_response_complete(self) -> None:
        """The connection may be idle now, unless the next request has begun."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._bounds.waiting[self] = None
            if self._in_headers and self._late is None:
                self._wait(self._bounds.waiting)

    def pause_writing(self) -> None:
        """What was sent is not taken at once."""
        super().pause_writing()
        self._slow = self._slow or self.loop.call_later(self._bounds.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """All that was sent is taken."""
        super().resume_writing()
        self._stop_slow()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self.stop_waiting()
        self._stop_slow()
        super().connection_lost(exc)

    def _wait(self, among: "dict[BoundedProtocol, None]") -> None:
        self._late = self.loop.call_later(self._bounds.limits.header_seconds, self.transport.abort)
        among[self] = None

    def stop_waiting(self) -> None:
        """A request is there, or the connection is gone."""
        self._bounds.strangers.pop(self, None)
        self._bounds.waiting.pop(self, None)
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _stop_slow(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None


class Seldom(logging.Filter):
    """Lets one record of a kind through in some seconds: asyncio logs each connection that it can't accept."""

    def __init__(self, seconds: float = 10) -> None:
        """Let pass what has not been said in the last seconds."""
        super().__init__()
        self._seconds = seconds
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged."""
        now, kind = time.monotonic(), str(record.msg)[:40]
        if now - self._said.get(kind, -self._seconds) < self._seconds:
            return False
        self._said[kind] = now
        return True


def check_bind(settings: Settings, host: str) -> None:
    """Raises UsageError unless the host is this machine alone, or callers need a token."""
    if settings.asks_who_calls or is_loopback(host):
        return
    msg = (
        f"on {host or 'all addresses'} others can reach the service; set {PREFIX}TOKENS_FILE or {PREFIX}JWKS_URL, "
        f"or serve on {LOOPBACK}"
    )
    raise UsageError(msg)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that is bound there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
