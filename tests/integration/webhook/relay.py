"""Between the FHIR server and the webhook: each notification arrives three times, late and out of order."""

import random
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx


class Relay:
    """Takes everything at once, and hands it on later to `target`: `with Relay(seed=1) as relay: …`."""

    def __init__(self, seed: int, times: int = 3, latest: float = 1.5) -> None:
        """Each message so many `times`, the last of them at most `latest` seconds later."""
        self.target = ""
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._times = times
        self._latest = latest
        self._client = httpx.Client(timeout=httpx.Timeout(30, pool=None))
        self._lock = threading.Lock()
        self._closed = False
        self._under_way: list[threading.Thread] = []
        self.taken = 0
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:  # http.server's name
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                taken = relay.take(self.command, self.path, dict(self.headers), body)
                self.send_response(200 if taken else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            do_DELETE = do_POST = do_PUT  # noqa: N815  # as above

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Hand a message on, later, several times; False once the relay is closed."""
        kept = {name: value for name, value in headers.items() if name.lower() in {"authorization", "content-type"}}
        with self._lock:
            if self._closed:
                return False
            self.taken += 1
            for _ in range(self._times):
                pause = self._random.uniform(0, self._latest)
                thread = threading.Thread(target=self._hand_on, args=(pause, method, path, kept, body), daemon=True)
                self._under_way.append(thread)
                thread.start()
        return True

    def _hand_on(self, pause: float, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        time.sleep(pause)
        with suppress(httpx.TransportError):  # one is lost on the way, as may be
            self._client.request(method, self.target + path, headers=headers, content=body)

    def drain(self) -> None:
        """Wait until all that was taken has been handed on."""
        with self._lock:
            under_way = list(self._under_way)
        for thread in under_way:
            thread.join()

    def __enter__(self) -> Self:
        """Listen."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            self._closed = True
        self.drain()
        self._client.close()
