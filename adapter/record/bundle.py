"""FHIR R4 JSON as somebody sends it: its text, its resources and Bundles, and the little of them that sorting needs.

A sender's bytes become JSON text that means one thing: UTF-8, no duplicate keys, no NaN, not too deep. msgspec reads it
afterwards, fast, but takes the last of two equal keys; which of them a sender meant nobody knows, so it is refused here
(FHIR R4, json.html: property names SHALL be unique).

Nothing of a resource is decoded here but its name, so that a bad one can't spoil the others.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any, NoReturn

import msgspec
from msgspec import Raw, Struct

from adapter.errors import MalformedError
from adapter.record.resources import ABSENT, FAILED, Meta

MAX_DEPTH = 100
"""How deep arrays and objects may stand in each other; real records need about 20."""

_ORDINARY_DEPTH = 30
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NO_MARKS = bytes(byte for byte in _NO_BRACKETS if byte != ord(":"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NUMBERED_COLONS = (b"\\u003a", b"\\u003A")
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def json_text(data: bytes) -> bytes:
    """The text, without a byte order mark. Raises MalformedError, which says nothing of the text but a key."""
    plain = data.removeprefix(BOM)
    marks = plain.translate(None, _NO_MARKS)  # in one reading of the text, which is long
    is_flat = _is_flat(marks.translate(None, b":"))
    if is_flat and _is_plain(plain, marks.count(b":")):
        return plain
    if not is_flat and _is_deep(plain):
        msg = f"it nests arrays and objects deeper than {MAX_DEPTH}; send it flatter"
        raise MalformedError(msg)
    try:
        json.loads(plain.decode(), object_pairs_hook=_distinct, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        msg = f"it is not UTF-8 (byte {error.start}); FHIR JSON is"
        raise MalformedError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise MalformedError(msg) from None
    except (ValueError, RecursionError) as error:  # a number of more than 4,300 digits
        msg = "it is not JSON that can be read: a number is too long, or it nests too deep"
        raise MalformedError(msg) from error
    return plain


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

    `place`: where in the input; empty if the input is the resource itself. `key`: Type/id, or the place of one without
    an id.
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
        """The address of the next page."""
        return next((link.url for link in self.link if link.relation == "next"), None)


class _Head(Struct, frozen=True, gc=False, rename="camel"):
    resource_type: str
    id: str | None = None
    meta: Meta | None = None


class _Whole(Bundle, frozen=True, gc=False, rename="camel"):
    """A Bundle with what else must be as it should in any resource."""

    id: str | None = None
    meta: Meta | None = None


_head = msgspec.json.Decoder(_Head)
_whole = msgspec.json.Decoder(_Whole)
_bundle = msgspec.json.Decoder(Bundle)
_plain = msgspec.json.Decoder(float_hook=Decimal)
_NO_META = Meta()


def type_of(raw: bytes | Raw) -> str:
    """The type of a resource. Raises msgspec.DecodeError where it is none."""
    return _head.decode(raw).resource_type


def resource_of(raw: bytes | Raw, full_url: str | None = None, place: str = "") -> Resource:
    """One resource by itself. Raises msgspec.DecodeError where it is none."""
    head = _head.decode(raw)
    meta = head.meta or _NO_META
    type_, id_, text = head.resource_type, head.id or "", bytes(raw)
    key = f"{type_}/{id_}" if id_ else place or "resource"
    return Resource(type_, id_, meta.versionId, meta.lastUpdated, full_url, place, text, key)


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


_HOLDING = frozenset({"DiagnosticReport", "Observation"})
_IN_ERROR = frozenset({b'"entered-in-error"', b'"cancelled"'})
_SETTLED = frozenset({b'"final"', b'"amended"', b'"corrected"', b'"appended"'})
_EFFECTIVE = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
_SHARED = ("subject", "focus", "specimen", "bodySite", "method", "device", "modifierExtension")
_NOTHING = frozenset({b"null", b"[]"})
_Parts = dict[str, Raw]
_parts = msgspec.json.Decoder(_Parts)
_inside = msgspec.json.Decoder(list[Raw])
_several = msgspec.json.Decoder(list[_Parts])
_DEEPEST = 8
"""Panels in panels that are followed."""
_MOST_REPEATED = 1 << 26
"""Bytes of notes and specimens, once a result; where there would be more, none of the results is believed."""


def results_inside(held: Resource) -> list[Resource]:
    """The Observations that a report or a panel contains: results as any, whose ids hold only inside it.

    What one doesn't say of whom, of what and when it is, what it is in says; and what disqualifies the whole (its
    status, notes, specimens, a modifierExtension) disqualifies each. A panel that is contained itself comes between.
    """
    if held.type not in _HOLDING or b'"contained"' not in held.raw:
        return []
    try:
        whole = _elements(held.raw)
        contained = [(type_of(raw), raw) for raw in _inside.decode(whole.get("contained", b"[]"))]
        parts = [_elements(raw) for type_, raw in contained if type_ == "Observation"]
    except msgspec.DecodeError:  # what is wrong with the whole its own reading says
        return []
    specimens = [raw for type_, raw in contained if type_ == "Specimen"]
    panels = {name: panel for panel in parts for name in _members(panel)}
    notes = (each.get(name, b"") for each in (whole, *panels.values()) for name in ("note", "conclusion"))
    if sum(map(len, (*specimens, *notes))) * len(parts) > _MOST_REPEATED:
        specimens, panels = [], {}
        whole = {name: whole[name] for name in whole.keys() - {"note", "conclusion"}} | {
            "status": Raw(b'"preliminary"')
        }
    return [_result(_within(each, panels, whole), specimens, held, place) for place, each in enumerate(parts)]


def _elements(raw: bytes | Raw) -> _Parts:
    return {name: said for name, said in _parts.decode(raw).items() if bytes(said) not in _NOTHING}


def _members(panel: _Parts) -> list[bytes]:
    """The ids, as they are written, of what a panel names inside the same whole."""
    try:
        named = _several.decode(panel.get("hasMember", b"[]"))
    except msgspec.DecodeError:
        return []
    references = [bytes(each.get("reference", b"")) for each in named]
    return [b'"' + each[2:] for each in references if each.startswith(b'"#')]


def _within(part: _Parts, panels: Mapping[bytes, _Parts], whole: _Parts) -> _Parts:
    """A part with what those say that it is in: the whole, and the panels of the same whole that name it as theirs."""
    line = [part]
    while len(line) < _DEEPEST and (panel := panels.get(bytes(line[-1].get("id", b"")))) is not None:
        if any(panel is each for each in line):
            break
        line.append(panel)
    for each in reversed(line):
        whole = _lent(each, whole)
    return whole


def _lent(own: _Parts, whole: _Parts) -> _Parts:
    """A part with what the whole says of all of its parts."""
    shared = {name: whole[name] for name in _SHARED if name in whole and name not in own}
    said = {name: each for name, each in own.items() if name not in {"note", "status"}}
    if not any(name in own for name in _EFFECTIVE):  # when it was, not when it was written, wherever that is said
        shared |= {name: whole[name] for name in _EFFECTIVE if name in whole}
        if any(name in whole for name in _EFFECTIVE):
            said.pop("issued", None)
        elif "issued" in whole:
            shared.setdefault("issued", whole["issued"])
    notes = [*_notes(own), *_notes(whole)]
    return {
        **shared,
        **said,
        **({"status": status} if (status := _weaker(own, whole)) else {}),
        **({"note": Raw(msgspec.json.encode(notes))} if notes else {}),
    }


def _weaker(own: _Parts, whole: _Parts) -> Raw | None:
    """The status of a part, if that of the whole is not weaker: so far the report, or its quality control failed."""
    said, around = bytes(own.get("status", b"")), bytes(whole.get("status", b""))
    if said in _IN_ERROR or (said not in _SETTLED and around not in _IN_ERROR):
        return own.get("status")
    if around in _IN_ERROR:
        return whole["status"]
    failed = any(f'"{code}"'.encode() in bytes(whole.get("interpretation", b"")) for code in FAILED)
    return own["status"] if around in _SETTLED and not failed else Raw(b'"preliminary"')


def _notes(parts: _Parts) -> list[Raw]:
    """The notes of a panel, or a report's conclusion, in which it says what a note would; one that is none stays so."""
    try:
        notes = _inside.decode(parts.get("note", b"[]"))
    except msgspec.DecodeError:
        notes = [parts["note"]]
    return [*notes, Raw(msgspec.json.encode({"text": parts["conclusion"]}))] if "conclusion" in parts else notes


def _result(said: _Parts, specimens: list[Raw], held: Resource, place: int) -> Resource:
    where = f"{held.key}.contained[{place}]"
    beside = {"contained": specimens} if specimens else {}
    raw = msgspec.json.encode({**{name: part for name, part in said.items() if name != "id"}, **beside})
    return Resource("Observation", "", held.version, held.last_updated, None, where, raw, where)
