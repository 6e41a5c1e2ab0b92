"""The routes of the webhook. An answer of success says that the message is stored (invariant 6).

A POST is answered with a Bundle: HAPI FHIR sends a topic's notification as a transaction, and takes any other answer
for a failure, which it tries again and again.

Pure codecs: a request to the webhook -> the resource changes that it names.

R4 rest-hook with and without payload, transactions and batches, and topic notifications, whose first entry is the
subscription's status: Parameters (R4 backport) or SubscriptionStatus (R4B).
"""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Annotated, TypeVarTuple

import msgspec
from fastapi import FastAPI, Path
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from adapter.criteria.terminology import Terminology
from adapter.errors import BusyError, InputError, StoreError
from adapter.fhir import Issue, operation_outcome
from adapter.fhir.elements import Json, conforms_to
from adapter.record.bundle import Bundle, bundle_of, json_text, type_of
from adapter.record.contents import MAX_ENTRIES
from adapter.record.references import key_of
from adapter.record.resources import Reference
from adapter.screening.react.changes import ResourceChange, change_in, change_of
from adapter.screening.react.inbox import Notification, TopicStatus
from adapter.service.errors import NotSupportedError, ParameterError
from adapter.service.hook import Hook
from adapter.service.http import Parcel, check_content_type, hold_of, json_response, read_body
from adapter.service.limits import KIBIBYTE
from adapter.service.openapi import hook_route
from adapter.service.site import Site
from adapter.service.state import state_of

STATUS_TYPES = frozenset({"Parameters", "SubscriptionStatus"})
_KINDS = frozenset({"handshake", "heartbeat", "event-notification", "query-status", "query-event"})
_MOST_DIGITS = 18

_CHANGES = frozenset({"transaction", "batch", "transaction-response", "batch-response", "history", "collection"})
_TOPICS = frozenset({"history", "subscription-notification"})


class _Event(Struct, frozen=True, rename="camel"):
    event_number: str | int | None = None
    focus: Reference | None = None


class _Status(Struct, frozen=True, rename="camel"):
    type: str | None = None
    subscription: Reference | None = None
    events_since_subscription_start: str | int | None = None
    notification_event: tuple[_Event, ...] = ()


class _Part(Struct, frozen=True, rename="camel"):
    name: str
    value_reference: Reference | None = None
    value_code: str | None = None
    value_string: str | None = None
    value_unsigned_int: int | None = None
    value_integer: int | None = None
    part: "tuple[_Part, ...]" = ()

    @property
    def number(self) -> str | int | None:
        """Its number, in whichever type it came."""
        values = (self.value_string, self.value_unsigned_int, self.value_integer)
        return next((value for value in values if value is not None), None)


class _Parameters(Struct, frozen=True):
    parameter: tuple[_Part, ...] = ()


_status = msgspec.json.Decoder(_Status)
_parameters = msgspec.json.Decoder(_Parameters)


def topic_of(raw: bytes) -> tuple[TopicStatus, str, list[str | None]]:
    """How far the subscription has come, the notification's type, and what each of its events is about, if it says so.

    Raises InputError where that can't be read.
    """
    try:
        status = (
            _status.decode(raw) if type_of(raw) == "SubscriptionStatus" else _of_parameters(_parameters.decode(raw))
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the subscription's status can't be read; it is the first entry of a notification"
        raise InputError(msg) from error
    if status.type is None:
        msg = "the subscription's status has no type: handshake, heartbeat, event-notification"
        raise InputError(msg)
    numbers = [_number(each.event_number) for each in status.notification_event]
    name = (status.subscription.reference if status.subscription else None) or ""
    topic = TopicStatus(
        subscription=name[-128:] if name.isprintable() else "",
        numbers=tuple(number for number in numbers if number is not None),
        since_start=_number(status.events_since_subscription_start),
        is_handshake=status.type == "handshake",
    )
    focus = [each.focus.reference if each.focus else None for each in status.notification_event]
    return topic, status.type[:32], focus


def _of_parameters(found: _Parameters) -> _Status:
    by_name = {part.name: part for part in found.parameter}
    events = [_event(part) for part in found.parameter if part.name == "notification-event"]
    subscription, kind = by_name.get("subscription"), by_name.get("type")
    since_start = by_name.get("events-since-subscription-start")
    return _Status(
        type=kind.value_code if kind else None,
        subscription=subscription.value_reference if subscription else None,
        events_since_subscription_start=since_start.number if since_start else None,
        notification_event=tuple(events),
    )


def _event(part: _Part) -> _Event:
    by_name = {each.name: each for each in part.part}
    number, focus = by_name.get("event-number"), by_name.get("focus")
    return _Event(number.number if number else None, focus.value_reference if focus else None)


def _number(text: str | int | None) -> int | None:
    if text is None:
        return None
    plain = str(text)
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= _MOST_DIGITS):
        msg = "an event number is no number"
        raise InputError(msg)
    return int(plain)


def changed(type_: str, id_: str, body: bytes, terminology: Terminology, types: frozenset[str]) -> Notification:
    """A resource that was created or updated, with its content or without; of a type that nobody reads, just that.

    Raises ParameterError where the address isn't Type/id, or the content is another resource; InputError where it is
    none.
    """
    key = _key(type_, id_)
    if type_ not in types or not body:
        return Notification(kind="changed", changes=(ResourceChange(resource=key),))
    change = change_of(body, terminology)
    if change.resource != key:
        msg = f"the address says {type_}, and the content is another resource; send it to its own address"
        raise ParameterError(msg)
    return Notification(kind="changed", changes=(change,))


def deleted(type_: str, id_: str) -> Notification:
    """A resource that was deleted. Raises ParameterError as above."""
    return Notification(kind="deleted", changes=(ResourceChange(resource=_key(type_, id_), deleted=True),))


def posted(body: bytes, terminology: Terminology, max_entries: int = MAX_ENTRIES) -> Notification:
    """An empty message, or a Bundle: a topic's notification, or a transaction or batch that somebody has sent.

    Raises InputError for anything else, and for more entries than `max_entries`.
    """
    if not body.strip():
        return Notification(kind="ping", sweep=True)
    try:
        kind = type_of(body)
        bundle = bundle_of(body) if kind == "Bundle" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the body is no Bundle that can be read"
        raise InputError(msg) from error
    if bundle is None:
        msg = f"the body is a {kind[:64]!r}; send a Bundle here, and single resources by PUT to /hook/Type/id"
        raise InputError(msg)
    if len(bundle.entry) > max_entries:
        msg = f"more than {max_entries:,} entries; send them in parts"
        raise InputError(msg)
    if bundle.type in _TOPICS and bundle.entry and _type_of(bundle.entry[0].resource) in STATUS_TYPES:
        return _notified(bundle, terminology)
    if bundle.type not in _CHANGES:
        msg = f"a Bundle of type {str(bundle.type)[:64]!r} tells of no changes; send a history, transaction or batch"
        raise InputError(msg)
    changes = [change_in(entry, terminology) for entry in bundle.entry]
    told = tuple(change for change in changes if change is not None)
    return Notification(kind="bundle", changes=told, sweep=len(told) < len(changes))


def _notified(bundle: Bundle, terminology: Terminology) -> Notification:
    """A topic's notification: its status first, then what it tells of, in full, by reference, or not at all."""
    topic, kind, focus = topic_of(bytes(bundle.entry[0].resource))
    changes = [change_in(entry, terminology) for entry in bundle.entry[1:]]
    known = {change.resource: change for change in changes if change is not None}
    told = {entry.full_url for entry in bundle.entry[1:]}
    untold = kind == "event-notification" and not known and not focus
    for reference in focus:
        key = key_of(reference or "")
        if key is not None and key not in known:
            known[key] = ResourceChange(resource=key)
        untold = untold or (key is None and (reference is None or reference not in told))
    unreadable = any(change is None for change in changes)
    label = kind if kind in _KINDS else "of another type"  # a metric has one label for whatever else is sent
    return Notification(kind=f"topic {label}", changes=tuple(known.values()), sweep=untold or unreadable, topic=topic)


def _type_of(raw: Raw) -> str | None:
    try:
        return type_of(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _key(type_: str, id_: str) -> str:
    key = key_of(f"{type_}/{id_}")
    if key is None:
        msg = "the address is not /hook/Type/id"
        raise ParameterError(msg)
    return key


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
