"""Around every request: its id, one line of log, who may call, and an answer whatever goes wrong.

Pure ASGI, so that a request costs little. A log line is one JSON object on stderr and holds no patient data
(invariant 8): it has the route's template, never the address itself, which may name a patient. For the same reason
uvicorn's own access log stays off.
"""

import logging
import re
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.errors import AdapterError, place_of
from adapter.service.auth import Authenticator
from adapter.service.hook import HookAuthenticator, is_hook
from adapter.service.http import error_answer, internal_error

FIELDS = "fields"
"""The name under which a log call passes what is to stand beside its message: `extra={FIELDS: {...}}`."""


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
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for name in ("adapter", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)


log = logging.getLogger(__name__)

OPEN_TO_ALL = frozenset({"/health/live"})
"""Liveness is asked by machinery that has no token, and says nothing."""

REQUEST_ID = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RequestMiddleware:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, hook_authenticator: HookAuthenticator) -> None:
        """Wrap an app."""
        self._app = app
        self._authenticator = authenticator
        self._hook_authenticator = hook_authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = headers.get(REQUEST_ID, "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid4().hex
        began = time.perf_counter()
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            if is_hook(scope["path"]):
                self._hook_authenticator.check(headers.get("authorization"))
            elif scope["path"] not in OPEN_TO_ALL:
                await self._authenticator.check(headers.get("authorization"))
            await self._app(scope, receive, send_on)
        except AdapterError as error:
            await error_answer(error)(scope, receive, send_on)
        except Exception as error:  # noqa: BLE001  # its text may hold patient data; its place does not
            log.error("internal error %s: %s", request_id, place_of(error))  # noqa: TRY400  # no traceback, see above
            if status == 0:
                await internal_error(place_of(error))(scope, receive, send_on)
        finally:
            taken = 1000 * (time.perf_counter() - began)
            said = {"method": scope["method"], "route": _route(scope), "status": status, "request": request_id}
            fields = {FIELDS: {**said, "milliseconds": round(taken, 1)}}
            log.info("%s %s %d %.1f ms %s", scope["method"], said["route"], status, taken, request_id, extra=fields)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "-")
