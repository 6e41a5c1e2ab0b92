"""The status of a topic subscription: Parameters (R4 backport) or SubscriptionStatus (R4B) -> how far it has come."""

import msgspec
from msgspec import Struct

from adapter.errors import InputError
from adapter.fhir.references import Reference
from adapter.screening.react.notice import Topic

STATUS_TYPES = frozenset({"Parameters", "SubscriptionStatus"})
_MOST_DIGITS = 18


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


class _Head(Struct, frozen=True, rename="camel"):
    resource_type: str


_head = msgspec.json.Decoder(_Head)
_status = msgspec.json.Decoder(_Status)
_parameters = msgspec.json.Decoder(_Parameters)


def topic_of(raw: bytes) -> tuple[Topic, str, list[str]]:
    """How far the subscription has come, the notification's type, and the references that its events are about.

    Raises InputError where that can't be read.
    """
    try:
        head = _head.decode(raw).resource_type
        status = _status.decode(raw) if head == "SubscriptionStatus" else _of_parameters(_parameters.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the subscription's status can't be read; it is the first entry of a notification"
        raise InputError(msg) from error
    if status.type is None:
        msg = "the subscription's status has no type: handshake, heartbeat, event-notification"
        raise InputError(msg)
    numbers = [_number(each.event_number) for each in status.notification_event]
    name = (status.subscription.reference if status.subscription else None) or ""
    topic = Topic(
        subscription=name[-128:] if name.isprintable() else "",
        numbers=tuple(number for number in numbers if number is not None),
        so_far=_number(status.events_since_subscription_start),
        begins=status.type == "handshake",
    )
    focus = [each.focus.reference for each in status.notification_event if each.focus and each.focus.reference]
    return topic, status.type[:32], focus


def _of_parameters(found: _Parameters) -> _Status:
    by_name = {part.name: part for part in found.parameter}
    events = [_event(part) for part in found.parameter if part.name == "notification-event"]
    subscription, kind = by_name.get("subscription"), by_name.get("type")
    so_far = by_name.get("events-since-subscription-start")
    return _Status(
        type=kind.value_code if kind else None,
        subscription=subscription.value_reference if subscription else None,
        events_since_subscription_start=so_far.number if so_far else None,
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
