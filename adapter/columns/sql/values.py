"""Latest values against bounds: the family of `measurement` (CONFORMANCE: Observations, Values, Windows).

Which value is the latest is found once for each patient and analyte, whatever asks for it: every value that counts, has
begun, and ends no earlier than the latest beginning may be it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, UNIT, by_reason, cell
from adapter.columns.sql.text import Value, double, names, rows
from adapter.evaluator.columns import Basis, Latest, Test
from adapter.evaluator.reason import Reason

TIME: Final = "time_start AS t0, time_end AS t1, time_first AS d0, time_last AS d1"


_COLUMNS = (
    ("up", "BOOLEAN"),
    ("strict", "BOOLEAN"),
    ("bound", "DOUBLE"),
    ("bound_exact", "BOOLEAN"),
    ("expected", "VARCHAR"),
    ("near", "DOUBLE"),
)
_ASKED = ", ".join(["a.leaf", "a.bases", *(f"a.{name}{place}" for place in (1, 2) for name, _ in _COLUMNS)])
_NO_TEST: tuple[Value, ...] = (None, None, None, None, None, None)
CLOSE = "CAST('1e-9' AS DOUBLE)"
"""Doubles that differ by more than this share of them are in the order of the exact products."""

Bases = tuple[Basis, ...]
"""What the tests of a leaf compare, in their order."""


def observed(analytes: set[str]) -> str:
    """The values that some leaf reads."""
    return f"""obs AS (
    SELECT patient, fact, resource, element, value_set, counts, {TIME}, superseded, shared,
        low, high, low_open, high_open, exact, number_reason, finding, finding_reason, upper_low, upper_high,
        lower_low, lower_high, limits_exact, upper_reason, lower_reason, own_range_impossible, supported, boolean
    FROM observations WHERE value_set IN ({names(analytes)}))"""


def standing(now: str) -> str:
    """Whether a value of `obs` is one of the latest."""
    return f"counts AND t0 <= {now} AND (superseded IS NULL OR superseded > {now})"


def latest(leaves: Mapping[int, Latest], now: str, day: str) -> Iterator[str]:
    """The relations of the leaves; the last one, `measured`, holds their cells."""
    yield _asked(leaves)
    stands = standing(now)
    yield f"several AS (SELECT * FROM obs WHERE {stands} AND shared)"
    beside = f"SELECT o.*, a.since, {_ASKED} FROM {{}} o JOIN asked_value a ON a.value_set = o.value_set"
    yield judged("weighed_value", f"{beside.format('obs')} WHERE {stands} AND NOT shared", leaves, "since, t1, d0, d1")
    yield judged("weighed_several", beside.format("several"), leaves, "since, t0, t1, d0, d1, resource, element")
    yield """agreed AS (
    SELECT leaf, patient, ANY_VALUE(since) AS since, COUNT(*) AS held, MAX(t1) AS t1, MAX(d0) AS d0, MAX(d1) AS d1,
        MIN(t0) = MAX(t0) AND MIN(t1) = MAX(t1) AS same_time, MIN(code) AS least, MAX(code) AS most,
        MAX_BY(code, ROW(t1, t0, resource, element)) AS top,
        COUNT(DISTINCT resource || ' ' || element) AS places
    FROM weighed_several GROUP BY leaf, patient)"""
    agreed = f"""CASE
        WHEN least = most THEN most
        WHEN most = {UNDECIDED} THEN {UNDECIDED}
        WHEN least // {UNIT} <> most // {UNIT}
            THEN CASE WHEN same_time THEN {cell(Reason.CONFLICTING)} ELSE {cell(Reason.IMPRECISE_DATE)} END
        WHEN places < held THEN {UNDECIDED}
        ELSE top END"""
    yield f"""placed AS (
    SELECT leaf, patient, t1, d1, d0 >= since AND d1 <= {day} AS fresh, CASE
        WHEN d0 >= since AND d1 <= {day} THEN code
        WHEN d1 < since THEN {cell(Reason.STALE)}
        ELSE {cell(Reason.IMPRECISE_DATE)} END AS code
    FROM (SELECT leaf, patient, since, t1, d0, d1, code FROM weighed_value
        UNION ALL SELECT leaf, patient, since, t1, d0, d1, {agreed} AS code FROM agreed))"""
    odd = "SELECT patient, value_set, fact, counts, t0 FROM obs WHERE"  # each by itself, so that a group can be skipped
    yield f"odd_value AS ({odd} NOT counts UNION ALL {odd} counts AND t0 IS NULL)"
    yield from _disputed(leaves, now)
    yield from _nothing(leaves, now)
    yield """measured AS (
    SELECT leaf, patient, code FROM undisputed UNION ALL SELECT leaf, patient, code FROM undated_only
    UNION ALL SELECT leaf, patient, code FROM alike UNION ALL SELECT leaf, patient, code FROM young)"""


def _bases(asked: Latest) -> Bases:
    return tuple(each.basis for each in asked.tests)


def _ways(leaves: Mapping[int, Latest]) -> list[Bases]:
    """The ways of comparing that the leaves have."""
    return list(dict.fromkeys(_bases(asked) for asked in leaves.values()))


def _asked(leaves: Mapping[int, Latest]) -> str:
    columns = (
        ("leaf", "INTEGER"),
        ("value_set", "VARCHAR"),
        ("since", "DATE"),
        ("bases", "INTEGER"),
        *((f"{name}1", type_) for name, type_ in _COLUMNS),
        *((f"{name}2", type_) for name, type_ in _COLUMNS),
    )
    held = []
    ways = _ways(leaves)
    for leaf, asked in leaves.items():
        tests = [*(_test(each) for each in asked.tests), _NO_TEST][:2]
        held.append((leaf, asked.analyte.id, asked.since, ways.index(_bases(asked)), *tests[0], *tests[1]))
    return rows("asked_value", columns, held)


def _test(test: Test) -> tuple[Value, ...]:
    bound, exact = (None, None) if test.bound is None else double(test.bound)
    near = None if test.near is None else float(test.near)
    return (
        not test.comparator.is_upper,
        test.comparator.is_strict,
        bound,
        exact,
        test.expected,
        near,
    )


def judged(name: str, source: str, leaves: Mapping[int, Latest], kept: str) -> str:
    """A relation of values beside what a leaf asks of them, with the `code` that each comes to.

    The facts are read once for all ways of comparing; each value is judged by what the way of its leaf needs, and no
    more. Of two tests, one that fails decides, else one that is open. `kept`: the other columns of the source that are.
    """
    ways = _ways(leaves)
    layers = [[tuple(_layers(basis, test)) for test, basis in enumerate(bases, 1)] for bases in ways]
    told = source
    for depth in range(_DEPTH):
        columns: dict[str, dict[int, str]] = {}
        for way, tests in enumerate(layers):
            for test, layer in enumerate(tests, 1):
                for column, text in layer[depth]:
                    columns.setdefault(f"{column}{test}", {})[way] = text
        if columns:
            added = (f"{_by_way(each, len(ways))} AS {column}" for column, each in columns.items())
            told = f"SELECT *, {', '.join(added)} FROM ({told})"
    code = _by_way({way: "code1" if len(bases) == 1 else BOTH for way, bases in enumerate(ways)}, len(ways))
    return f"{name} AS (SELECT leaf, patient, {kept}, CAST({code} AS UTINYINT) AS code FROM ({told}))"


def _by_way(texts: Mapping[int, str], ways: int) -> str:
    """A column that is worked out in one of so many ways, by the number of the way; null in those without it."""
    if ways == 1:
        return texts[0]
    return f"CASE bases {' '.join(f'WHEN {way} THEN ({text})' for way, text in texts.items())} END"


BOTH: Final = f"""CASE WHEN code1 < {UNIT} THEN code1
        WHEN code1 = {UNDECIDED} OR code2 = {UNDECIDED} THEN {UNDECIDED}
        WHEN code2 < {UNIT} THEN code2
        WHEN code1 < {2 * UNIT} THEN code1
        ELSE code2 END"""

Layer = tuple[tuple[str, str], ...]

_DEPTH: Final = 5


def _layers(basis: Basis, place: int) -> Iterator[Layer]:
    """The columns of a test, each of `_DEPTH` layers on top of the one before; the last one is its code."""
    ends = ("low", "high") if basis in _LIMITS else ("low",) if basis is Basis.NUMBER else ()
    yield tuple((f"limit_{end}", f"bound{place}" if basis is Basis.NUMBER else f"{basis}_{end}") for end in ends)
    yield (("plain", _plain(basis, place)),) if ends else ()
    yield tuple(
        (f"{end}_to_{bound}", _order(basis, end, f"limit_{bound}{place}", place))
        for end in ("low", "high")
        for bound in ends
    )
    yield tuple((f"to_{bound}", _stands(place, bound)) for bound in ends)
    yield (("code", _code(basis, place)),)


_LIMITS = frozenset({Basis.UPPER, Basis.LOWER})


def _plain(basis: Basis, place: int) -> str:
    """Whether it is one number, far from one bound, and nothing is odd: most are, and need no more than `_above`."""
    said = "low = high AND number_reason IS NULL"
    if basis is Basis.NUMBER:
        far = f"ABS(low - bound{place}) > COALESCE(near{place}, 0) * 1.001"
        return f"COALESCE({said} AND NOT own_range_impossible AND NOT supported AND {far}, FALSE)"
    product = f"(limit_low{place} * bound{place})"
    far = f"ABS(low - {product}) > {CLOSE} * (ABS(low) + ABS({product}))"
    return f"COALESCE({said} AND limit_low{place} = limit_high{place} AND {far}, FALSE)"


def _above(basis: Basis, place: int) -> str:
    """The code of a plain number."""
    bound = f"bound{place}" if basis is Basis.NUMBER else f"(limit_low{place} * bound{place})"
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    return f"WHEN plain{place} THEN CASE WHEN (low > {bound}) = up{place} THEN {satisfies} ELSE {fails} END"


def _order(basis: Basis, number: str, limit: str, place: int) -> str:
    """How an end of the number stands to a bound: -1, 0, 1; null of an open end; 9 where doubles don't tell."""
    nothing = f"WHEN plain{place} OR {number} IS NULL OR {limit} IS NULL THEN NULL"
    if basis is Basis.NUMBER:
        return f"""CASE {nothing} WHEN {number} < {limit} THEN -1 WHEN {number} > {limit} THEN 1
            WHEN exact AND bound_exact{place} THEN 0 ELSE 9 END"""
    factor = f"bound{place}"
    product = f"({limit} * {factor})"
    whole = " AND ".join(
        f"CAST(TRY_CAST({each} AS {type_}) AS DOUBLE) = {each}"
        for each, type_ in ((number, _DECIMAL), (limit, _DECIMAL), (factor, _FACTOR))
    )
    left = f"TRY_CAST({number} AS {_DECIMAL})"
    right = f"(TRY_CAST({limit} AS {_DECIMAL}) * TRY_CAST({factor} AS {_FACTOR}))"
    return f"""CASE {nothing}
        WHEN ABS({number} - {product}) > {CLOSE} * (ABS({number}) + ABS({product}))
            THEN CASE WHEN {number} < {product} THEN -1 ELSE 1 END
        WHEN exact AND limits_exact AND bound_exact{place} AND {whole}
            THEN CASE WHEN {left} < {right} THEN -1 WHEN {left} > {right} THEN 1 ELSE 0 END
        ELSE 9 END"""


_DECIMAL = "DECIMAL(22, 9)"
_FACTOR = "DECIMAL(9, 4)"


def _stands(place: int, bound: str) -> str:
    """Whether every number of the interval satisfies, none does, or it straddles the bound."""
    low, high, strict = f"low_to_{bound}{place}", f"high_to_{bound}{place}", f"strict{place}"
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    return f"""CASE WHEN plain{place} THEN NULL WHEN {low} = 9 OR {high} = 9 THEN {UNDECIDED}
        WHEN up{place} THEN CASE
            WHEN {low} = 1 OR ({low} = 0 AND (NOT {strict} OR low_open)) THEN {satisfies}
            WHEN {high} = -1 OR ({high} = 0 AND ({strict} OR high_open)) THEN {fails}
            ELSE {cell(Reason.VALUE_STRADDLES)} END
        WHEN {high} = -1 OR ({high} = 0 AND (NOT {strict} OR high_open)) THEN {satisfies}
        WHEN {low} = 1 OR ({low} = 0 AND ({strict} OR low_open)) THEN {fails}
        ELSE {cell(Reason.VALUE_STRADDLES)} END"""


def _code(basis: Basis, place: int) -> str:
    """A number that may be rounded onto the bound stays undecided, and one that oxygen raises is a question."""
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    match basis:
        case Basis.FINDING:
            return f"""CASE WHEN finding IS NULL THEN {by_reason("finding_reason")}
            WHEN finding = expected{place} THEN {satisfies} ELSE {fails} END"""
        case Basis.BOOLEAN:
            return f"""CASE WHEN boolean IS NULL THEN {cell(Reason.VALUE_NOT_COMPARABLE)}
            WHEN boolean = (expected{place} = 'true') THEN {satisfies} ELSE {fails} END"""
        case Basis.DONE:
            return str(cell(Reason.RECORDED))
        case Basis.NUMBER:
            high = f"CASE WHEN up{place} THEN {satisfies} ELSE {fails} END"
            return f"""CASE {_above(basis, place)}
            WHEN number_reason IS NOT NULL THEN {by_reason("number_reason")}
            WHEN own_range_impossible THEN {cell(Reason.IMPLAUSIBLE)}
            WHEN low = high AND ABS(low - bound{place}) <= near{place} * 1.001 THEN {UNDECIDED}
            WHEN supported AND to_low{place} = {high} THEN {cell(Reason.NEEDS_REVIEW)}
            ELSE to_low{place} END"""
        case _:
            return f"""CASE {_above(basis, place)}
            WHEN number_reason IS NOT NULL THEN {by_reason("number_reason")}
            WHEN limit_low{place} IS NULL THEN {by_reason(f"{basis}_reason")}
            WHEN to_low{place} = to_high{place} THEN to_low{place}
            WHEN to_low{place} = {UNDECIDED} OR to_high{place} = {UNDECIDED} THEN {UNDECIDED}
            ELSE {cell(Reason.REFERENCE_RANGE_MISSING)} END"""


def _disputed(leaves: Mapping[int, Latest], now: str) -> Iterator[str]:
    """What may be newer than the latest value and doesn't count: where it says otherwise, nothing is sure."""
    yield f"""disputing AS (
    SELECT p.leaf, o.patient, o.value_set, o.fact, p.code AS found
    FROM odd_value o JOIN asked_value a ON a.value_set = o.value_set
    JOIN placed p ON o.patient = p.patient AND a.leaf = p.leaf
    WHERE p.code < {UNDECIDED} AND p.code // {UNIT} <> 1
        AND ((NOT o.counts AND o.t0 > p.t1 AND o.t0 <= {now}) OR (o.counts AND o.t0 IS NULL)))"""
    yield judged(
        "beside",
        f"""SELECT o.*, {_ASKED}, d.found FROM disputing d JOIN asked_value a ON a.leaf = d.leaf
    JOIN obs o ON o.patient = d.patient AND o.value_set = d.value_set AND o.fact = d.fact""",
        leaves,
        "t0, found",
    )
    against = f"code < {UNDECIDED} AND code // {UNIT} NOT IN (1, found // {UNIT})"
    in_words = (Reason.VALUE_STRADDLES, Reason.VALUE_NOT_COMPARABLE, Reason.UNMAPPED_CODE)  # the evaluation says more
    open_ = f"code IN ({UNDECIDED}, {', '.join(str(cell(each)) for each in in_words)})"
    yield f"""doubt AS (
    SELECT leaf, patient, CASE
        WHEN BOOL_OR(t0 IS NOT NULL AND {against}) THEN {cell(Reason.PRELIMINARY)}
        WHEN BOOL_OR(t0 IS NOT NULL AND {open_}) THEN {UNDECIDED}
        WHEN BOOL_OR(t0 IS NULL AND {against}) THEN {cell(Reason.UNDATED)}
        WHEN BOOL_OR({open_}) THEN {UNDECIDED} END AS code
    FROM beside GROUP BY leaf, patient)"""
    yield """undisputed AS (
    SELECT p.leaf, p.patient, COALESCE(d.code, p.code) AS code
    FROM placed p LEFT JOIN doubt d ON p.leaf = d.leaf AND p.patient = d.patient)"""


def _nothing(leaves: Mapping[int, Latest], now: str) -> Iterator[str]:
    """Without a latest value: undated ones, ones that are not final, those that look alike, or other analytes' ones."""
    yield f"""odd_state AS (
    SELECT patient, value_set, BOOL_OR(counts) AS undated FROM odd_value
    WHERE t0 IS NULL OR t0 <= {now} GROUP BY patient, value_set)"""
    alike = [
        (leaf, asked.analyte.id, other) for leaf, asked in leaves.items() for other in asked.analyte.not_comparable
    ]
    yield rows("looks_alike", (("leaf", "INTEGER"), ("value_set", "VARCHAR"), ("other", "VARCHAR")), alike)
    yield f"""seen_alike AS (
    SELECT DISTINCT l.leaf, l.value_set, o.patient FROM looks_alike l JOIN obs o ON o.value_set = l.other
    WHERE o.counts AND (o.t0 IS NULL OR o.t0 <= {now}))"""
    yield f"""undated_only AS (
    SELECT a.leaf, s.patient,
        CASE WHEN s.undated THEN {cell(Reason.UNDATED)} ELSE {cell(Reason.PRELIMINARY)} END AS code
    FROM odd_state s JOIN asked_value a ON a.value_set = s.value_set
    LEFT JOIN placed h ON h.leaf = a.leaf AND h.patient = s.patient WHERE h.patient IS NULL)"""
    yield f"""alike AS (
    SELECT l.leaf, l.patient, {cell(Reason.VALUE_NOT_COMPARABLE)} AS code FROM seen_alike l
    LEFT JOIN placed h ON h.leaf = l.leaf AND h.patient = l.patient
    LEFT JOIN odd_state s ON s.patient = l.patient AND s.value_set = l.value_set
    WHERE h.patient IS NULL AND s.patient IS NULL)"""
    others = [
        (leaf, asked.analyte.alternative, asked.young_after)
        for leaf, asked in leaves.items()
        if asked.young_after is not None and asked.analyte.alternative
    ]
    yield rows("for_young", (("leaf", "INTEGER"), ("value_set", "VARCHAR"), ("young_after", "DATE")), others)
    yield f"""young AS (
    SELECT DISTINCT y.leaf, o.patient, {UNDECIDED} AS code
    FROM for_young y JOIN obs o ON o.value_set = y.value_set JOIN patients p ON p.patient = o.patient
    WHERE p.birth_first > y.young_after)"""


def analytes(leaves: Mapping[int, Latest]) -> Iterator[str]:
    """The value sets that the leaves read."""
    for asked in leaves.values():
        yield from (asked.analyte.id, *asked.analyte.not_comparable, asked.analyte.alternative or asked.analyte.id)
        for inputs in asked.reckoned_from:
            yield from inputs
