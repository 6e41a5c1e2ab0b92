"""The routes of the webhook. An answer of success says that the message is stored (invariant 6).

A POST is answered with a Bundle: HAPI FHIR sends a topic's notification as a transaction, and takes any other answer
for a failure, which it tries again and again.
"""

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import Response

from adapter.errors import StoreError
from adapter.fhir import Issue, operation_outcome
from adapter.fhir.canonicals import conforms_to
from adapter.fhir.elements import Json
from adapter.record.bundle import json_text
from adapter.screening.react.inbox import Notification
from adapter.service.errors import BusyError, NotSupportedError
from adapter.service.hook import Hook
from adapter.service.http import check_content_type, json_response, read_body
from adapter.service.notifications import changed, deleted, posted
from adapter.service.openapi import hook_route
from adapter.service.state import state_of

STORED = operation_outcome([Issue(code="informational", severity="information", text="stored")])
STORED_BUNDLE: Json = {
    "resourceType": "Bundle",
    "meta": conforms_to("taken"),
    "type": "transaction-response",
    "entry": [{"response": {"status": "200", "outcome": STORED}}],
}


Type = Annotated[str, Path(alias="type")]
Id = Annotated[str, Path(alias="id")]

_LARGE = 64 * 1024
"""Bytes from which on a body is read beside the event loop: below, changing threads takes longer than reading."""


def add_hook(app: FastAPI) -> None:
    """Add them; without a webhook they say how to set one up."""

    @app.put("/hook/{type}/{id}", **hook_route("A resource was created or updated", "Resource"))  # noqa: FAST003  # by alias
    async def change(request: Request, type_: Type, id_: Id) -> Response:
        hook = _hook(request)
        body = await _body(request)
        setup = hook.context.rules.setup
        read = partial(_changed, type_, id_, body, setup.terminology, hook.context.relevance.types)
        return await _stored(hook, await _apart(read, body), STORED)

    @app.delete("/hook/{type}/{id}", **hook_route("A resource was deleted", None))  # noqa: FAST003  # as above
    async def deletion(request: Request, type_: Type, id_: Id) -> Response:
        return await _stored(_hook(request), deleted(type_, id_), STORED)

    @app.post("/hook", **hook_route("Something changed (empty), or a Bundle says what", "Bundle", "Bundle"))
    async def message(request: Request) -> Response:
        hook = _hook(request)
        body = await _body(request)
        read = partial(_posted, body, hook.context.rules.setup.terminology)
        return await _stored(hook, await _apart(read, body), STORED_BUNDLE)


def _changed(type_: str, id_: str, body: bytes, *context: Any) -> Notification:  # noqa: ANN401  # what `changed` takes
    return changed(type_, id_, json_text(body) if body else b"", *context)


def _posted(body: bytes, *context: Any) -> Notification:  # noqa: ANN401  # what `posted` takes
    return posted(json_text(body) if body else b"", *context)


async def _apart(read: partial[Notification], body: bytes) -> Notification:
    return read() if len(body) < _LARGE else await to_thread.run_sync(read)


async def _body(request: Request) -> bytes:
    """The body, which must be JSON if it is not empty: HAPI FHIR's empty message says that it is a form."""
    settings = state_of(request).settings
    body = (await read_body(request, settings.max_body, settings.timeout)).strip()
    if body:
        check_content_type(request.headers.get("content-type"))
    return body


async def _stored(hook: Hook, notification: Notification, answer: Json) -> Response:
    try:
        await hook.inbox.store(notification)
    except StoreError as error:
        msg = f"not stored: {error}"
        raise BusyError(msg) from error
    return json_response(answer)


def _hook(request: Request) -> Hook:
    hook = state_of(request).hook
    if hook is None:
        msg = "there is no webhook here; set TRIAL_ADAPTER_HOOK_SECRET and TRIAL_ADAPTER_FHIR_URL"
        raise NotSupportedError(msg)
    return hook
