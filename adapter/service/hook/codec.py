"""Pure codecs: a request to the webhook -> what it says. R4 rest-hook with and without payload, and Bundles."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.fhir.client.stored import Bundle, Entry, bundle_of
from adapter.screening.react.hint import Hint, hint_of, key_of
from adapter.screening.react.notice import Notice
from adapter.service.errors import ParameterError
from adapter.service.hook.topic import STATUS_TYPES, topic_of

_CHANGES = frozenset({"transaction", "batch", "transaction-response", "batch-response", "history", "collection"})
_TOPICS = frozenset({"history", "subscription-notification"})


class _Head(Struct, frozen=True, rename="camel"):
    resource_type: str
    id: str | None = None


_head = msgspec.json.Decoder(_Head)


def changed(type_: str, id_: str, body: bytes, terminology: Terminology, types: frozenset[str]) -> Notice:
    """A resource that was created or updated, with its content or without; of a type that nobody reads, just that.

    Raises ParameterError where the address isn't Type/id, or the content is another resource; InputError where it is
    none.
    """
    key = _key(type_, id_)
    if type_ not in types or not body:
        return Notice(kind="changed", hints=(Hint(resource=key),))
    hint = hint_of(body, terminology)
    if hint.resource != key:
        msg = f"the address says {type_}, and the content is another resource; send it to its own address"
        raise ParameterError(msg)
    return Notice(kind="changed", hints=(hint,))


def deleted(type_: str, id_: str) -> Notice:
    """A resource that was deleted. Raises ParameterError as above."""
    return Notice(kind="deleted", hints=(Hint(resource=_key(type_, id_), deleted=True),))


def posted(body: bytes, terminology: Terminology) -> Notice:
    """An empty message, or a Bundle: a topic's notification, or a transaction or batch that somebody has sent.

    Raises InputError for anything else.
    """
    if not body.strip():
        return Notice(kind="ping", sweep=True)
    try:
        kind = _head.decode(body).resource_type
        bundle = bundle_of(body) if kind == "Bundle" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "the body is no Bundle that can be read"
        raise InputError(msg) from error
    if bundle is None:
        msg = f"the body is a {kind[:64]!r}; send a Bundle here, and single resources by PUT to /hook/Type/id"
        raise InputError(msg)
    if bundle.type in _TOPICS and bundle.entry and _type_of(bundle.entry[0].resource) in STATUS_TYPES:
        return _notified(bundle, terminology)
    if bundle.type not in _CHANGES:
        msg = f"a Bundle of type {str(bundle.type)[:64]!r} tells of no changes; send a history, transaction or batch"
        raise InputError(msg)
    hints = [_of_entry(entry, terminology) for entry in bundle.entry]
    told = tuple(hint for hint in hints if hint is not None)
    return Notice(kind="bundle", hints=told, sweep=len(told) < len(hints))


def _notified(bundle: Bundle, terminology: Terminology) -> Notice:
    """A topic's notification: its status first, then what it tells of, in full, by reference, or not at all."""
    topic, kind, focus = topic_of(bytes(bundle.entry[0].resource))
    hints = [_of_entry(entry, terminology) for entry in bundle.entry[1:]]
    known = {hint.resource: hint for hint in hints if hint is not None}
    for reference in focus:
        key = key_of(reference)
        if key is not None and key not in known:
            known[key] = Hint(resource=key)
    untold = kind == "event-notification" and not known
    unreadable = any(hint is None for hint in hints)
    return Notice(kind=f"topic {kind}", hints=tuple(known.values()), sweep=untold or unreadable, topic=topic)


def _of_entry(entry: Entry, terminology: Terminology) -> Hint | None:
    """What one entry says; None: something has changed, and it doesn't say what."""
    keys = list(_keys(entry))
    if entry.request is not None and entry.request.method == "DELETE":
        return Hint(resource=keys[0], deleted=True) if keys else None
    if entry.resource:
        try:
            return hint_of(bytes(entry.resource), terminology)
        except InputError:
            pass
    return Hint(resource=keys[0]) if keys else None


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
        return _head.decode(raw).resource_type if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _key(type_: str, id_: str) -> str:
    key = key_of(f"{type_}/{id_}")
    if key is None:
        msg = "the address is not /hook/Type/id"
        raise ParameterError(msg)
    return key
