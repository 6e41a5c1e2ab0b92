"""The routes of the webhook. An answer of success says that the message is stored (invariant 6).

A POST is answered with a Bundle: HAPI FHIR sends a topic's notification as a transaction, and takes any other answer
for a failure, which it tries again and again.
"""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, TypeVarTuple

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
from adapter.service.http import Parcel, check_content_type, hold_of, json_response, read_body
from adapter.service.limits import KIBIBYTE
from adapter.service.notifications import changed, deleted, posted
from adapter.service.openapi import hook_route
from adapter.service.site import Site
from adapter.service.state import state_of

STORED = operation_outcome([Issue(code="informational", severity="information", text="stored")])
STORED_BUNDLE: Json = {
    "resourceType": "Bundle",
    "meta": conforms_to("taken"),
    "type": "transaction-response",
    "entry": [{"response": {"status": "200", "outcome": STORED}}],
}


Ts = TypeVarTuple("Ts")
Type = Annotated[str, Path(alias="type")]
Id = Annotated[str, Path(alias="id")]

_SMALL = 16 * KIBIBYTE
"""Bytes up to which a body is read in the event loop: handing it to a worker takes longer than reading it."""

_AT_ONCE = 500
"""Changes of a message that are stored in one transaction: others' messages get their turn in between."""


def add_hook(app: FastAPI) -> None:
    """Add them; without a webhook they say how to set one up."""

    @app.put("/hook/{type}/{id}", **hook_route("A resource was created or updated", "Resource"))  # noqa: FAST003  # by alias
    async def change(request: Request, type_: Type, id_: Id) -> Response:
        hook = _hook(request)
        found = await _read(request, resource_changed, type_, id_, hook.context.relevance.types)
        return await _stored(hook, found, STORED)

    @app.delete("/hook/{type}/{id}", **hook_route("A resource was deleted", None))  # noqa: FAST003  # as above
    async def deletion(request: Request, type_: Type, id_: Id) -> Response:
        return await _stored(_hook(request), [deleted(type_, id_)], STORED)

    @app.post("/hook", **hook_route("Something changed (empty), or a Bundle says what", "Bundle", "Bundle"))
    async def message(request: Request) -> Response:
        hook = _hook(request)
        return await _stored(hook, await _read(request, message_posted), STORED_BUNDLE)


def resource_changed(site: Site, body: Parcel, type_: str, id_: str, types: frozenset[str]) -> Notification:
    """A resource that was sent to its address; `types`: those that studies read. Raises as `changed`."""
    terminology = site.policies.setup(None).terminology
    return changed(type_, id_, _text(site, body), terminology, types)


def message_posted(site: Site, body: Parcel) -> Notification:
    """A message to the webhook's own address. Raises as `posted`."""
    return posted(_text(site, body), site.policies.setup(None).terminology, site.limits.max_entries)


def _text(site: Site, body: Parcel) -> bytes:
    plain = body.plain(site.limits.max_body).strip()
    return json_text(plain) if plain else b""


async def _read(
    request: Request, read: Callable[[Site, Parcel, *Ts], Notification], *more: *Ts
) -> Iterator[Notification]:
    """What a request says; parts of a large message are unpacked one by one, as they are stored.

    Its body must be JSON if it is not empty: HAPI FHIR's empty message says it is a form.
    """
    state = state_of(request)
    until = time.monotonic() + state.settings.limits.timeout
    body = await read_body(request)
    small = body.size <= _SMALL and not body.gzipped
    if body.parts and not (small and not body.plain(_SMALL).strip()):
        check_content_type(request.headers.get("content-type"))
    if small:
        return _parts(read(state.site, body, *more))
    left = until - time.monotonic()
    packed = await state.work.run(hold_of(request).caller, left, _packed, read, body, *more)
    return map(pickle.loads, packed.parts)


def _packed(site: Site, read: Callable[[Site, Parcel, *Ts], Notification], body: Parcel, *more: *Ts) -> Parcel:
    return Parcel(tuple(map(pickle.dumps, _parts(read(site, body, *more)))))


def _parts(notification: Notification) -> Iterator[Notification]:
    """A message as several, of which the last has all but changes."""
    rest = notification.changes
    while len(rest) > _AT_ONCE:
        first, rest = rest[:_AT_ONCE], rest[_AT_ONCE:]
        yield replace(notification, kind=None, changes=first, sweep=False, topic=None)
    yield replace(notification, changes=rest)


async def _stored(hook: Hook, parts: Iterable[Notification], answer: Json) -> Response:
    try:
        for each in parts:
            await hook.inbox.store(each)
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
