"""A sender's bytes -> JSON text that means one thing: UTF-8, no duplicate keys, no NaN, not too deep.

For everything that comes from outside, over HTTP or from files. msgspec reads it afterwards, fast, but takes the last
of two equal keys; which of them a sender meant nobody knows, so it is refused here (FHIR R4, json.html: property names
SHALL be unique).
"""

import json
import re
from collections import Counter
from itertools import accumulate
from typing import NoReturn

import msgspec

from adapter.errors import MalformedError
from adapter.record.bundle import BOM

MAX_DEPTH = 100
"""How deep arrays and objects may stand in each other; real records need about 20."""

_ORDINARY_DEPTH = 30
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_BLANKS = b" \t\r\n"
_KEY = b'":'
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def json_text(data: bytes) -> bytes:
    """The text, without a byte order mark. Raises MalformedError, which says nothing of the text but a key."""
    plain = data.removeprefix(BOM)
    is_flat = _is_flat(plain)
    if is_flat and _is_plain(plain):
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


def _is_plain(text: bytes) -> bool:
    """Whether decoding keeps as many keys as the text has, but for blanks: then none stands twice.

    What looks like a key in a string is kept as it is, if no character is written as a number. Quick, and true of most
    texts; the standard library looks at the others.
    """
    if b"\\u" in text:
        return False
    try:
        kept = _encoder.encode(_decoder.decode(text))
    except (ValueError, OverflowError, RecursionError):  # the standard library says better what is wrong
        return False
    return kept.translate(None, _BLANKS).count(_KEY) == text.translate(None, _BLANKS).count(_KEY)


def _is_flat(text: bytes) -> bool:
    """Whether the brackets, also those in strings, close within a few levels: quick, and true of ordinary records."""
    brackets = text.translate(None, _NO_BRACKETS)
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
