"""FHIR R4 JSON as somebody sends it: its text, its resources and Bundles, and the little of them that sorting needs.

A sender's bytes become JSON text that means one thing: UTF-8, no duplicate keys, no NaN, not too deep. msgspec reads it
afterwards, fast, but takes the last of two equal keys; which of them a sender meant nobody knows, so it is refused here
(FHIR R4, json.html: property names SHALL be unique).

Nothing of a resource is decoded here but its name, so that a bad one can't spoil the others.
"""

import json
import re
from collections import Counter
from decimal import Decimal
from itertools import accumulate
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from msgspec import Meta as Limit
from msgspec import Raw, Struct

from adapter.errors import MalformedError
from adapter.record.repeated import Repeated
from adapter.record.resources import ABSENT, Meta

MAX_DEPTH = 100
"""How deep arrays and objects may stand in each other; real records need about 20."""

_ORDINARY_DEPTH = 30
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NO_MARKS = bytes(byte for byte in _NO_BRACKETS if byte != ord(":"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NUMBERED_COLONS = (b"\\u003a", b"\\u003A")
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_NO_JSON = {b"": "it is empty", b"<": "it is XML or HTML, not JSON; FHIR JSON is read"}
"""What a text is that begins so."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def json_text(data: bytes) -> bytes:
    """The text, without a byte order mark. Raises MalformedError, which says nothing of the text but a key."""
    plain = data.removeprefix(BOM)
    if _repeated.is_plain(plain) or _is_surely_plain(plain):
        return plain
    if _is_deep(plain):
        msg = f"it nests arrays and objects deeper than {MAX_DEPTH}; send it flatter"
        raise MalformedError(msg)
    try:
        json.loads(plain.decode(), object_pairs_hook=_distinct, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        msg = f"it is not UTF-8 (byte {error.start}); FHIR JSON is"
        raise MalformedError(msg) from None
    except json.JSONDecodeError as error:
        msg = (
            _NO_JSON.get(plain.lstrip()[:1])
            or f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        )
        raise MalformedError(msg) from None
    except (ValueError, RecursionError) as error:  # a number of more than 4,300 digits
        msg = "it is not JSON that can be read: a number is too long, or it nests too deep"
        raise MalformedError(msg) from error
    return plain


def _is_surely_plain(text: bytes) -> bool:
    """Whether it is flat, and plain; where not, it may be all the same."""
    marks = text.translate(None, _NO_MARKS)  # in one reading of the text, which is long
    return _is_flat(marks.translate(None, b":")) and _is_plain(text, marks.count(b":"))


_repeated = Repeated(_is_surely_plain)


def _is_plain(text: bytes, colons: int) -> bool:
    """Whether decoding keeps as many colons as the text has, `colons`: one is lost with each key that stands twice.

    Those in strings are kept as they are, unless one is written as a number. Quick, and true of most texts; the
    standard library looks at the others.
    """
    if b"\\" in text and any(each in text for each in _NUMBERED_COLONS):
        return False
    try:
        kept = _encoder.encode(_decoder.decode(text))
    except (ValueError, OverflowError, RecursionError):  # the standard library says better what is wrong
        return False
    return kept.count(b":") == colons


def _is_flat(brackets: bytes) -> bool:
    """Whether the brackets, also those in strings, close within a few levels: quick, and true of ordinary records."""
    for _ in range(_ORDINARY_DEPTH):
        if not brackets:
            return True
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _is_deep(text: bytes) -> bool:
    """Whether the brackets outside of strings nest deeper than the limit: exact, and slower."""
    steps = (_STEPS[byte] for byte in _STRING.sub(b"", text).translate(None, _NO_BRACKETS))
    return any(depth > MAX_DEPTH for depth in accumulate(steps))


def _distinct(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        msg = f"the key {twice[:40]!r} stands twice in one object; keep the one that is meant"
        raise MalformedError(msg)


def _no_number(name: str) -> NoReturn:
    msg = f"{name} is no JSON number; leave the element out"
    raise MalformedError(msg)


BOM = b"\xef\xbb\xbf"


class Resource(Struct, frozen=True, gc=False):
    """A resource as it was sent; `id` is empty if it has none.

    `place`: in what of the input it is, and where, if it has no id; empty if the input is the resource itself. `key`:
    Type/id, or the place of one without an id.
    """

    type: str
    id: str
    version: str | None
    last_updated: str | None
    full_url: str | None
    place: str
    raw: bytes
    key: str

    def json(self) -> dict[str, Any]:
        """The resource as plain Python; numbers with a point are Decimals."""
        found: dict[str, Any] = _plain.decode(self.raw)
        return found


class Link(Struct, frozen=True, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Response(Struct, frozen=True, gc=False):
    """What a batch or transaction says of one of its entries."""

    status: str = ""
    etag: str | None = None
    location: str | None = None
    outcome: Raw = ABSENT


class Request(Struct, frozen=True, gc=False):
    """What an entry of a history was."""

    method: str | None = None
    url: str | None = None


class Search(Struct, frozen=True, gc=False):
    """Why an entry is in a searchset."""

    mode: str | None = None


class Entry(Struct, frozen=True, gc=False, rename="camel"):
    """One entry of a Bundle."""

    full_url: str | None = None
    resource: Raw = ABSENT
    response: Response | None = None
    request: Request | None = None
    search: Search | None = None


class Bundle(Struct, frozen=True, gc=False, rename="camel"):
    """A Bundle as sent."""

    resource_type: str
    type: str | None = None
    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[Entry, ...] = ()

    @property
    def next(self) -> str | None:
        """The address of the next page; empty where there is one, and nobody says where; None after the last."""
        return next((link.url or "" for link in self.link if link.relation == "next"), None)


class _Head(Struct, frozen=True, gc=False):
    resourceType: str
    id: str | None = None
    meta: Meta | None = None


_Nothing = Annotated[int, Limit(gt=0, lt=0)]
"""No value is of this type: an element that makes an Observation another one than plain."""


class PlainObservation(Struct, frozen=True, gc=False):
    """An Observation with nothing else than this: one code, one value, one time; all else is as in `Observation`."""

    resourceType: Literal["Observation"]
    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    code: Raw = ABSENT
    subject: Raw = ABSENT
    effectiveDateTime: str | None = None
    issued: str | None = None
    identifier: Raw = ABSENT
    valueQuantity: Raw = ABSENT
    valueCodeableConcept: Raw = ABSENT
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: Raw = ABSENT
    interpretation: Raw = ABSENT
    referenceRange: Raw = ABSENT
    performer: Raw = ABSENT
    focus: _Nothing = 0
    effectiveInstant: _Nothing | None = None
    effectivePeriod: _Nothing | None = None
    valueRange: _Nothing | None = None
    valueRatio: _Nothing | None = None
    valueSampledData: _Nothing = 0
    valueTime: _Nothing | None = None
    valueDateTime: _Nothing | None = None
    valuePeriod: _Nothing | None = None
    dataAbsentReason: _Nothing | None = None
    note: _Nothing = 0
    contained: _Nothing = 0
    modifierExtension: _Nothing = 0
    specimen: Raw = ABSENT
    component: _Nothing = 0
    hasMember: _Nothing = 0
    derivedFrom: _Nothing = 0
    bodySite: Raw = ABSENT
    method: Raw = ABSENT
    device: _Nothing = 0


class _Whole(Bundle, frozen=True, gc=False, rename="camel"):
    """A Bundle with what else must be as it should in any resource."""

    id: str | None = None
    meta: Meta | None = None


_head = msgspec.json.Decoder(_Head)
_observation = msgspec.json.Decoder(PlainObservation)
_whole = msgspec.json.Decoder(_Whole)
_bundle = msgspec.json.Decoder(Bundle)
_plain = msgspec.json.Decoder(float_hook=Decimal)


def type_of(raw: bytes | Raw) -> str:
    """The type of a resource. Raises msgspec.DecodeError where it is none."""
    return _head.decode(raw).resourceType


def resource_of(
    raw: bytes | Raw, full_url: str | None = None, place: str = "", plain: PlainObservation | None = None
) -> Resource:
    """One resource by itself; `plain`: the Observation that it is, decoded already.

    Raises msgspec.DecodeError where it is none.
    """
    head = plain or _head.decode(raw)
    type_, id_, meta = head.resourceType, head.id, head.meta
    key = f"{type_}/{id_}" if id_ else place or "resource"
    version, updated = (None, None) if meta is None else (meta.versionId, meta.lastUpdated)
    sent = bytes(raw)
    if b"\\" in sent:  # one byte is looked for far sooner than several, and most texts have none
        sent = _plainly(sent)
    return Resource(type_, id_ or "", version, updated, full_url, place, sent, key)


_ESCAPE = re.compile(rb"\\(?:u00([2-7][0-9A-Fa-f])|.)", re.DOTALL)


def _plainly(raw: bytes) -> bytes:
    """The same JSON with ASCII as itself: of some elements a name or a code is looked for without decoding them."""
    return _ESCAPE.sub(_unescaped, raw) if b"\\u00" in raw else raw


def _unescaped(escape: re.Match[bytes]) -> bytes:
    said = bytes.fromhex(escape[1].decode()) if escape[1] else b""
    return escape[0] if said in {b"", b'"', b"\\", b"\x7f"} else said


def plain_observation(raw: bytes | Raw) -> PlainObservation | None:
    """The Observation that a resource is; None where it is anything else, or not plain, or can't be read."""
    try:
        return _observation.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def bundle_of(body: bytes | Raw) -> Bundle:
    """A Bundle. Raises msgspec.DecodeError where it is none."""
    found = _bundle.decode(body)
    if found.resource_type != "Bundle":
        msg = f"a {found.resource_type[:64]!r} where a Bundle is wanted"
        raise msgspec.ValidationError(msg)
    return found


def whole_bundle(text: bytes) -> Bundle | None:
    """The Bundle that a text is, decoded at once; None for any other text, and for one with something wrong."""
    try:
        found = _whole.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found if found.resource_type == "Bundle" else None
