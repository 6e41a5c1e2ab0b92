"""A request's bytes -> JSON text that means one thing: UTF-8, no duplicate keys, no NaN, not too deep.

msgspec reads it afterwards, fast, but takes the last of two equal keys; which of them a sender meant nobody knows, so
it is refused here (FHIR R4, json.html: property names SHALL be unique).
"""

import json
import re
from itertools import accumulate
from typing import NoReturn

from adapter.service.errors import MalformedError

MAX_DEPTH = 100
"""How deep arrays and objects may stand in each other; real records need about 20."""

_BOM = b"\xef\xbb\xbf"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def json_text(body: bytes) -> bytes:
    """The body, without a byte order mark. Raises MalformedError; its text holds nothing of the body but a key."""
    plain = body.removeprefix(_BOM)
    if _depth(plain) > MAX_DEPTH and _depth(_STRING.sub(b"", plain)) > MAX_DEPTH:  # brackets in strings don't count
        msg = f"the body nests arrays and objects deeper than {MAX_DEPTH}; send it flatter"
        raise MalformedError(msg)
    try:
        json.loads(plain.decode(), object_pairs_hook=_distinct, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        msg = f"the body is not UTF-8 (byte {error.start}); FHIR JSON is"
        raise MalformedError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise MalformedError(msg) from None
    except (ValueError, RecursionError) as error:  # a number of more than 4,300 digits
        msg = "the body is not JSON that can be read: a number is too long, or it nests too deep"
        raise MalformedError(msg) from error
    return plain


def _depth(text: bytes) -> int:
    steps = (_STEPS[byte] for byte in text.translate(None, _NO_BRACKETS))
    return max(accumulate(steps), default=0)


def _distinct(pairs: list[tuple[str, object]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        msg = f"the key {twice[:40]!r} stands twice in one object; keep the one that is meant"
        raise MalformedError(msg)


def _no_number(name: str) -> NoReturn:
    msg = f"{name} is no JSON number; leave the element out"
    raise MalformedError(msg)
