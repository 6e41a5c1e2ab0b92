"""What is found of a Bundle by parts that were seen before is so of its whole text: no object has a name twice."""

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import MalformedError
from adapter.record.bundle import MAX_DEPTH, _is_surely_plain, json_text
from adapter.record.repeated import Repeated
from demo.cohort import cohort

COHORT = [content for _, _, content in cohort(30, seed=7)]
NAMES = (
    "a", "b", "g", "h", "gb", "G1", "id", "resource", "fullUrl", "search", "entry", "request",
    "\\u0061", "\\u0062", 'x\\"resource', "r\\u0065source", ":", "{", "}", "\u00e4",
)  # fmt: skip
VALUES = (
    '"a"',
    '"B1"',
    '"\\""',
    '"\\u00e4"',
    '":"',
    '"{"',
    '"}]"',
    "1",
    "12",
    "012",
    "true",
    "tru1",
    "null",
    "[]",
    "{}",
    "[1,{}]",
)
MARKS = b'0123abcdeABtru"\\:{}[],. \xc3\xa4\x00'


def members(random: Random, most: int) -> str:
    """The inside of an object, mostly with names that are distinct."""
    names = random.sample(NAMES[:6], min(most, 3)) if random.random() < 0.9 else random.choices(NAMES, k=most)
    return ",".join(f'"{name}":{value(random)}' for name in names)


def value(random: Random) -> str:
    """A value, perhaps an object."""
    if random.random() < 0.2:
        return f"{{{members(random, 2)}}}"
    return random.choice(VALUES) if random.random() < 0.1 else random.choice(VALUES[:2])


def entry(random: Random) -> str:
    """An entry of a Bundle, as usual or not."""
    before = (
        '"fullUrl":"a1",' if random.random() < 0.7 else f'"{random.choice(NAMES)}":1,' if random.random() < 0.1 else ""
    )
    behind = (
        ',"search":{}' if random.random() < 0.3 else f',"{random.choice(NAMES)}":1' if random.random() < 0.1 else ""
    )
    return f'{{{before}"resource":{{{members(random, 3)}}}{behind}}}'


def bundle(random: Random, inside: list[str]) -> bytes:
    """A Bundle of entries, now and then with other letters, and with a mark too much or too few."""
    head, tail = random.choice(
        (("", ""), ('"id":"a",', ""), ("", ',"id":"b"'), ('"entry":[],', ""), ("", ',"entry":[]'))
    )
    text = f'{{"resourceType":"Bundle",{head}"entry":[{",".join(inside)}]{tail}}}'.encode()
    if random.random() < 0.3:  # numbers differ from record to record
        text = bytes(random.choice(b"019abB") if each in b"019abB" and random.random() < 0.1 else each for each in text)
    if random.random() < 0.3:
        place = random.randrange(len(text))
        mark = bytes([random.choice(MARKS)])
        text = text[:place] + mark + text[place + random.randrange(2) :]
    return text


def means_one_thing(text: bytes) -> bool:
    """By the standard library."""
    distinct = True

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal distinct
        distinct = distinct and len({name for name, _ in pairs}) == len(pairs)

    try:
        json.loads(text.decode(), object_pairs_hook=look, parse_constant=float.fromhex)
    except ValueError:
        return False
    return distinct


@given(st.integers(0, 10**9))
def test_what_is_found_by_parts_is_so_of_the_whole(number: int) -> None:
    """Of Bundles whose entries repeat, with letters that differ, names that stand twice, and what is no JSON."""
    random, repeated = Random(number), Repeated(_is_surely_plain)  # noqa: S311  # made-up data
    entries = [entry(random) for _ in range(4)]
    for _ in range(12):
        text = bundle(random, random.choices(entries, k=random.randrange(1, 24)))
        if repeated.is_plain(text):
            assert means_one_thing(text)


def test_records_are_found_by_their_parts() -> None:
    """Those of the cohort, once others like them were seen."""
    repeated = Repeated(_is_surely_plain)
    for content in COHORT * 3:
        repeated.is_plain(content)
    assert sum(map(repeated.is_plain, COHORT)) > 0.9 * len(COHORT)


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        ('{"aa":1,"ag":2}', '{"ag":1,"ag":2}'),
        ('{"ab":1,"ac":2}', '{"ab":1,"ab":2}'),
        ('{"x":"a","g":true}', '{"x":"a","g":tru1}'),
        ('{"x":10}', '{"x":01}'),
        ('{"x":"\\b"}', '{"x":"\\c"}'),
        ('{"x":"\u00e4"}', '{"x":"\\ud8zz"}'),
        ('{"\\u0061":1,"x":1}', '{"\\u0078":1,"x":1}'),
    ],
)
def test_parts_that_look_alike(usual: str, other: str) -> None:
    """One is as usual, the other means nothing, or two things."""
    repeated = Repeated(_is_surely_plain)

    def held(each: str) -> bytes:
        inside = [f'{{"resource":{resource}}}' for resource in (*[usual] * 9, each, usual)]
        return f'{{"entry":[{",".join(inside)}]}}'.encode()

    for _ in range(3):
        repeated.is_plain(held(usual))
    for each in (usual, other):
        assert not repeated.is_plain(held(each)) or means_one_thing(held(each))


_BEFORE, _BEHIND = '{"fullUrl":"a","resource":{"id":"1"}}', '{"resource":{"id":"1"},"fullUrl":"b"}'
_USUAL = '{"resource":{"id":"1"}}'
_BOTH = '{"fullUrl":"a","resource":{"id":"1"},"fullUrl":"b"}'
_SEARCHED = '{"resource":{"id":"1"},"search":{}}'
_TWICE = '{"search":1,"resource":{"id":"1"},"search":{}}'
_ELSEWHERE = '{"resource":{"id":"1"}},{"resource" : {}}],"x":['


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (
            [[_BEFORE] * 20, [_BEHIND] * 20],
            f'{{"entry":[{",".join([_USUAL, *[_BEFORE] * 9, _BOTH, *[_BEHIND] * 9])}]}}',
        ),
        *(
            ([[_SEARCHED] * 20], f'{{"entry":[{{{name}:{{"x":[{",".join([_TWICE, *[_SEARCHED] * 9, _USUAL])}]}}}}]}}')
            for name in ('"resource" ', '"r\\u0065source"')
        ),
        ([], f'{{"entry":[{"".join([_ELSEWHERE] * 20)}{{"resource":{{"id":"1"}}}}]}}'),
    ],
)
def test_parts_that_are_put_together_otherwise(seen: list[list[str]], text: str) -> None:
    """Of parts that are all as usual, a text in which a name stands twice, since they meet where others do."""
    repeated = Repeated(_is_surely_plain)
    for inside in seen * 3:
        repeated.is_plain(f'{{"entry":[{",".join(inside)}]}}'.encode())
    assert not means_one_thing(text.encode())
    assert not any(repeated.is_plain(text.encode()) for _ in range(3))


def test_what_is_too_deep_is_refused() -> None:
    """Also where it was seen before."""
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    text = b'{"entry":[' + b",".join([b'{"resource":%s}' % deep] * 20) + b"]}"
    for _ in range(3):
        with pytest.raises(MalformedError):
            json_text(text)
