"""Whether a Bundle's JSON means one thing, by its parts: records say much the same, so most parts were seen before.

A part begins where an entry's resource does, and ends where the next one's does. Parts that differ in nothing but
digits, capitals and what else numbers in hexadecimal are written with have the same structure, and names in the same
places: where all of them stay distinct with those letters taken for one, no such part has a name twice. So that is
found once for all of them; what is told is whether a text is surely plain, never that it is not.
"""

import json
import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

_BEGINS = (b'"resource":{', b'"resource": {')
_HEAD, _TAIL = b'{"entry":[{', b"}}]}"
_BEFORE, _BEHIND = frozenset({"fullUrl"}), frozenset({"search", "request", "response"})
"""What stands in an entry before its resource, and what behind it: so the two have no name in common."""

_ALIKE = b"0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ"
_AS_ONE = bytes.maketrans(_ALIKE, b"1" * len(_ALIKE))
_NAMES_AS_ONE = str.maketrans(dict.fromkeys(_ALIKE.decode(), "1"))
_MOST, _LONGEST = 2048, 8192  # parts that a process remembers, and bytes of each
_ALONE, _FEW = 2, 8
"""So many parts may be new, and one in so many of the others: a Patient always is."""

_LEARNED = 32  # of a text that is strange, so many parts at most
_CREDIT, _PRICE, _PAUSE = 8192, 8, 64
"""To learn a part costs as much as so many that were seen before save. Where they save too little, one text in so many
is looked at.
"""

_SPELT = re.compile(rb"\\u00[2-7]")  # a letter of ASCII by its number
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"\s*(:?)', re.DOTALL)


class _Anything(Struct, frozen=True, gc=False):
    """Any object: decoding it finds whether it is JSON, but for the characters of what is skipped."""


_anything = msgspec.json.Decoder(_Anything)
_decoder = msgspec.json.Decoder()


class Repeated:
    """Remembers what parts without a name that stands twice look like."""

    def __init__(self, is_plain: Callable[[bytes], bool]) -> None:
        """`is_plain`: whether a text surely means one thing, found without remembering anything."""
        self._is_plain = is_plain
        self._seen: set[bytes] = set()
        self._credit, self._texts = _CREDIT, 0

    def is_plain(self, text: bytes) -> bool:
        """Whether a text is a Bundle that surely means one thing: False where it is none, and where that is unknown."""
        self._texts += 1
        if self._credit < _PRICE and self._texts % _PAUSE:
            return False
        begin = next((each for each in _BEGINS if each in text), None)
        first, *parts = text.split(begin) if begin is not None else (text,)
        if begin is None or len(parts) == 1:
            return False
        last, seen = parts.pop(), self._seen
        new = [part for part in parts if part.translate(_AS_ONE) not in seen]
        self._credit = min(self._credit + len(parts) - len(new), _CREDIT)
        if len(new) > _ALONE + len(parts) // _FEW:
            self._learn(new[: min(_LEARNED, self._credit // _PRICE)])
            return False
        return _is_json(text) and self._is_rest(begin.join((first, *new, last)), len(new) + 1)

    def _is_rest(self, text: bytes, resources: int) -> bool:
        """Whether a Bundle without the parts that were seen before is plain, and each resource in it an entry's."""
        if text.count(b'"resource"') != resources or _SPELT.search(text) or not self._is_plain(text):
            return False
        return len(_entries(_decoder.decode(text))) == resources

    def _is_whole(self, part: bytes) -> bool:
        """Whether a part is plain, and leads from the resource of one entry to that of the next."""
        text = _alone(part)
        if not self._is_plain(text):
            return False
        bundle = _decoder.decode(text)
        return [*bundle] == ["entry"] and len(_entries(bundle)) == 2  # noqa: PLR2004  # its own and the next

    def _learn(self, new: Sequence[bytes]) -> None:
        """What parts of a strange text look like."""
        self._credit -= _PRICE * len(new)
        for part in new:
            if len(part) <= _LONGEST and self._is_whole(part) and _stay_distinct(part):
                if len(self._seen) >= _MOST:
                    self._seen.clear()
                self._seen.add(part.translate(_AS_ONE))


def _is_json(text: bytes) -> bool:
    try:
        _anything.decode(text)
    except (ValueError, OverflowError, RecursionError):
        return False
    return True


def _alone(part: bytes) -> bytes:
    """A Bundle in which a part stands between two beginnings."""
    return b"".join((_HEAD, _BEGINS[0], part, _BEGINS[0], _TAIL))


def _entries(bundle: object) -> list[object]:
    """The entries of a Bundle; none where any is not as usual."""
    found = bundle.get("entry") if isinstance(bundle, dict) else None
    return found if isinstance(found, list) and all(map(_is_usual, found)) else []


def _is_usual(entry: object) -> bool:
    """Whether an entry has a resource, and nothing but what may stand before it and behind it."""
    names = [*entry] if isinstance(entry, dict) else []
    if "resource" not in names:
        return False
    place = names.index("resource")
    return _BEFORE.issuperset(names[:place]) and _BEHIND.issuperset(names[place + 1 :])


def _stay_distinct(part: bytes) -> bool:
    """Whether the names of each object in a part are written plainly, and distinct where letters are taken for one."""
    text, distinct = _alone(part), True

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal distinct
        distinct = distinct and len({name.translate(_NAMES_AS_ONE) for name, _ in pairs}) == len(pairs)

    json.loads(text, object_pairs_hook=look)
    return distinct and not any(found[1] and b"\\" in found[0] for found in _STRING.finditer(text))
