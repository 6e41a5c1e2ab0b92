"""Pure codecs: a request to the webhook -> the resource changes that it names.

R4 rest-hook with and without payload, transactions and batches, and topic notifications, whose first entry is the
subscription's status: Parameters (R4 backport) or SubscriptionStatus (R4B).
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.record.bundle import Bundle, Entry, bundle_of, type_of
from adapter.record.contents import MAX_ENTRIES
from adapter.record.references import key_of
from adapter.record.resources import Reference
from adapter.screening.react.changes import ResourceChange, change_of
from adapter.screening.react.inbox import Notification, TopicStatus
from adapter.service.errors import ParameterError

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


def topic_of(raw: bytes) -> tuple[TopicStatus, str, list[str]]:
    """How far the subscription has come, the notification's type, and the references that its events are about.

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
    focus = [each.focus.reference for each in status.notification_event if each.focus and each.focus.reference]
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
    changes = [_of_entry(entry, terminology) for entry in bundle.entry]
    told = tuple(change for change in changes if change is not None)
    return Notification(kind="bundle", changes=told, sweep=len(told) < len(changes))


def _notified(bundle: Bundle, terminology: Terminology) -> Notification:
    """A topic's notification: its status first, then what it tells of, in full, by reference, or not at all."""
    topic, kind, focus = topic_of(bytes(bundle.entry[0].resource))
    changes = [_of_entry(entry, terminology) for entry in bundle.entry[1:]]
    known = {change.resource: change for change in changes if change is not None}
    for reference in focus:
        key = key_of(reference)
        if key is not None and key not in known:
            known[key] = ResourceChange(resource=key)
    untold = kind == "event-notification" and not known
    unreadable = any(change is None for change in changes)
    label = kind if kind in _KINDS else "of another type"  # a metric has one label for whatever else is sent
    return Notification(kind=f"topic {label}", changes=tuple(known.values()), sweep=untold or unreadable, topic=topic)


def _of_entry(entry: Entry, terminology: Terminology) -> ResourceChange | None:
    """What one entry says; None: something has changed, and it doesn't say what."""
    keys = list(_keys(entry))
    if entry.request is not None and entry.request.method == "DELETE":
        return ResourceChange(resource=keys[0], deleted=True) if keys else None
    if entry.resource:
        try:
            return change_of(bytes(entry.resource), terminology)
        except InputError:
            pass
    return ResourceChange(resource=keys[0]) if keys else None


def _keys(entry: Entry) -> Iterator[str]:
    """The names that an entry gives its resource, the surest first."""
    located = entry.response.location if entry.response is not None else None
    asked = entry.request.url if entry.request is not None and entry.request.method != "POST" else None
    for text in (located, asked, entry.full_url):
        key = key_of(text) if text and "?" not in text else None
        if key is not None:
            yield key


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
