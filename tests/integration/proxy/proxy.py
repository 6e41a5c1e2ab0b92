"""An HTTP proxy in front of a real server: it counts requests, and makes some of them go wrong."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from tests.integration.proxy.faults import Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Callable

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "accept-encoding"}
_STATUS = {
    Fault.STATUS_500: (500, "application/fhir+json", b'{"resourceType":"OperationOutcome","issue":[]}'),
    Fault.STATUS_503: (503, "text/plain", b"busy"),
    Fault.STATUS_429: (429, "text/plain", b"too many"),
    Fault.HTML: (200, "text/html", b"<html><body>The gateway is being maintained.</body></html>"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came. `fault`: what went wrong with it."""

    method: str
    path: str
    """Path and query, as they came."""
    body: bytes
    fault: Fault | None


class Proxy:
    """A proxy on a free port of this machine, in a thread of its own: `with Proxy(hapi.url) as proxy: …`."""

    def __init__(self, upstream: str) -> None:
        """Forward to the FHIR base `upstream`."""
        parts = urlsplit(upstream)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path
        self.faults: Faults | None = None
        """What goes wrong from now on."""
        self.meanwhile: Callable[[Request], None] | None = None
        """What somebody else does at the server after a request has come and before it is handed on."""
        self.requests: list[Request] = []
        """All that came, in the order of arrival."""
        self._port: Future[int] = Future()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """The FHIR base behind the proxy."""
        return f"http://127.0.0.1:{self._port.result(30)}{self._path}"

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        self._port.result(30)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                # A client that goes away in the middle is the client's affair.
                with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    while await self._exchange(reader, writer):
                        pass
            finally:
                connections.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(accepted, "127.0.0.1", 0, limit=1 << 20)
        async with httpx.AsyncClient(base_url=self._origin, timeout=120) as self._http:
            self._port.set_result(server.sockets[0].getsockname()[1])
            await self._end.wait()
            server.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        fault = self.faults.choose(method, path, body) if self.faults else None
        request = Request(method, path, body, fault)
        self.requests.append(request)
        if fault is Fault.CUT_BEFORE:
            return False
        if fault in _STATUS:
            status, kind, said = _STATUS[fault]
            again = {"retry-after": "0"} if status in (429, 503) else {}
            writer.write(_answer(status, {"content-type": kind, **again}, said))
            await writer.drain()
            return True
        sent = {name: value for name, value in headers.items() if name not in _HOP}
        if self.meanwhile:
            await asyncio.to_thread(self.meanwhile, request)
        response = await self._http.request(method, path, content=body, headers=sent)
        if fault is Fault.CUT_AFTER:
            return False
        if fault is Fault.DELAY and self.faults:
            await asyncio.sleep(self.faults.delay)
        answer = _answer(response.status_code, dict(response.headers), response.content)
        cut = fault is Fault.CUT_MIDDLE
        writer.write(answer[: len(answer) - max(1, len(response.content) // 2)] if cut else answer)
        await writer.drain()
        if cut:
            writer.close()  # what was written still goes out
            await writer.wait_closed()
        return not cut


def _answer(status: int, headers: dict[str, str], body: bytes) -> bytes:
    kept = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in _HOP)
    return f"HTTP/1.1 {status} Answer\r\n{kept}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body
