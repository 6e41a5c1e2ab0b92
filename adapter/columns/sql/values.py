"""Latest values against bounds: the family of `measurement` (CONFORMANCE: Observations, Values, Windows).

Which value is the latest is found once for each patient and analyte, whatever asks for it: every value that counts, has
begun, and ends no earlier than the latest beginning may be it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, UNIT, by_reason, cell
from adapter.columns.sql.text import Value, double, names, rows
from adapter.criteria.quantity import Comparator
from adapter.evaluator.columns import Basis, Latest, Test
from adapter.evaluator.reason import Reason

TIME: Final = "time_start AS t0, time_end AS t1, time_first AS d0, time_last AS d1"

_UP = frozenset({Comparator.AT_LEAST, Comparator.GREATER})
_STRICT = frozenset({Comparator.LESS, Comparator.GREATER})

_COLUMNS = (
    ("basis", "VARCHAR"),
    ("up", "BOOLEAN"),
    ("strict", "BOOLEAN"),
    ("bound", "DOUBLE"),
    ("bound_exact", "BOOLEAN"),
    ("expected", "VARCHAR"),
    ("near", "DOUBLE"),
)
_ASKED = ", ".join(["a.leaf", *(f"a.{name}{place}" for place in (1, 2) for name, _ in _COLUMNS)])
_NO_TEST: tuple[Value, ...] = (None, None, None, None, None, None, None)
_CLOSE = "CAST('1e-9' AS DOUBLE)"
"""Doubles that differ by more than this share of them are in the order of the exact products."""


def observed(analytes: set[str]) -> str:
    """The values that some leaf reads."""
    return f"""obs AS (
    SELECT patient, fact, value_set, counts, {TIME}, low, high, low_open, high_open, exact,
        number_reason, finding, finding_reason, upper_low, upper_high, lower_low, lower_high, limits_exact,
        upper_reason, lower_reason, own_range_impossible, supported, boolean
    FROM observations WHERE value_set IN ({names(analytes)}))"""


def latest(leaves: Mapping[int, Latest], now: str, day: str) -> Iterator[str]:
    """The relations of the leaves; the last one, `measured`, holds their cells."""
    tests = max((len(asked.tests) for asked in leaves.values()), default=1)
    yield _asked(leaves)
    yield f"""state AS (
    SELECT patient, value_set,
        MAX(t0) FILTER (WHERE counts AND t0 <= {now}) AS since,
        BOOL_OR(counts AND t0 IS NULL) AS undated,
        BOOL_OR(NOT counts AND (t0 IS NULL OR t0 <= {now})) AS tentative
    FROM obs GROUP BY patient, value_set)"""
    yield f"""chosen AS (
    SELECT o.* FROM obs o JOIN state s ON o.patient = s.patient AND o.value_set = s.value_set
    WHERE o.counts AND o.t0 <= {now} AND o.t1 >= s.since)"""
    yield """newest AS (
    SELECT patient, value_set, COUNT(*) AS held, MAX(t1) AS t1, MAX(d0) AS d0, MAX(d1) AS d1,
        MIN(t0) = MAX(t0) AND MIN(t1) = MAX(t1) AS same_time
    FROM chosen GROUP BY patient, value_set)"""
    yield judged(
        "weighed_value",
        f"""SELECT o.*, n.held, {_ASKED} FROM chosen o JOIN asked_value a ON a.value_set = o.value_set
        JOIN newest n ON n.patient = o.patient AND n.value_set = o.value_set""",
        tests,
    )
    yield """tied AS (
    SELECT w.leaf, w.patient, w.value_set, w.code, w.t0, w.t1, o.resource, o.element
    FROM weighed_value w JOIN observations o
        ON o.patient = w.patient AND o.value_set = w.value_set AND o.fact = w.fact
    WHERE w.held > 1)"""
    yield """agreed AS (
    SELECT leaf, patient, value_set, code AS least, code AS most, code AS top, 1 AS places
    FROM weighed_value WHERE held = 1
    UNION ALL SELECT leaf, patient, value_set, MIN(code) AS least, MAX(code) AS most,
        MAX_BY(code, STRUCT_PACK(a := t1, b := t0, c := resource, d := element)) AS top,
        COUNT(DISTINCT resource || ' ' || element) AS places
    FROM tied GROUP BY leaf, patient, value_set)"""
    agreed = f"""CASE
        WHEN g.least = g.most THEN g.most
        WHEN g.most = {UNDECIDED} THEN {UNDECIDED}
        WHEN g.least // {UNIT} <> g.most // {UNIT}
            THEN CASE WHEN n.same_time THEN {cell(Reason.CONFLICTING)} ELSE {cell(Reason.IMPRECISE_DATE)} END
        WHEN g.places < n.held THEN {UNDECIDED}
        ELSE g.top END"""
    yield f"""placed AS (
    SELECT g.leaf, g.patient, g.value_set, n.t1, CASE
        WHEN n.d0 >= a.since AND n.d1 <= {day} THEN {agreed}
        WHEN n.d1 < a.since THEN {cell(Reason.STALE)}
        ELSE {cell(Reason.IMPRECISE_DATE)} END AS code
    FROM agreed g JOIN newest n ON g.patient = n.patient AND g.value_set = n.value_set
    JOIN asked_value a ON g.leaf = a.leaf)"""
    yield from _disputed(now, tests)
    yield from _nothing(leaves, now)
    yield """measured AS (
    SELECT leaf, patient, code FROM undisputed UNION ALL SELECT leaf, patient, code FROM undated_only
    UNION ALL SELECT leaf, patient, code FROM alike UNION ALL SELECT leaf, patient, code FROM young)"""


def _asked(leaves: Mapping[int, Latest]) -> str:
    columns = (
        ("leaf", "INTEGER"),
        ("value_set", "VARCHAR"),
        ("since", "DATE"),
        *((f"{name}1", type_) for name, type_ in _COLUMNS),
        *((f"{name}2", type_) for name, type_ in _COLUMNS),
    )
    held = []
    for leaf, asked in leaves.items():
        tests = [*(_test(each) for each in asked.tests), _NO_TEST][:2]
        held.append((leaf, asked.analyte.id, asked.since, *tests[0], *tests[1]))
    return rows("asked_value", columns, held)


def _test(test: Test) -> tuple[Value, ...]:
    bound, exact = (None, None) if test.bound is None else double(test.bound)
    near = None if test.near is None else float(test.near)
    return (
        test.basis.value,
        test.comparator in _UP,
        test.comparator in _STRICT,
        bound,
        exact,
        test.expected,
        near,
    )


def judged(name: str, source: str, tests: int) -> str:
    """A relation of values beside what a leaf asks of them, with the `code` that each comes to.

    Of two tests, one that fails decides, else one that is open; `tests`: how many any leaf has at most.
    """
    told = source
    for place in range(1, tests + 1):
        for layer in (_bounds(place), _orders(place), _standings(place), _codes(place)):
            told = f"SELECT *, {', '.join(f'{text} AS {column}{place}' for column, text in layer)} FROM ({told})"
    if tests == 1:
        return f"{name} AS (SELECT *, code1 AS code FROM ({told}))"
    return f"""{name} AS (SELECT *, CASE
        WHEN basis2 IS NULL OR code1 < {UNIT} THEN code1
        WHEN code1 = {UNDECIDED} OR code2 = {UNDECIDED} THEN {UNDECIDED}
        WHEN code2 < {UNIT} THEN code2
        WHEN code1 < {2 * UNIT} THEN code1
        ELSE code2 END AS code FROM ({told}))"""


Layer = tuple[tuple[str, str], ...]


def _bounds(place: int) -> Layer:
    """The bound itself, or the least and greatest limit of normal that it is a multiple of."""
    basis = f"basis{place}"
    pick = "CASE " + basis + " WHEN '{number}' THEN {{}} WHEN '{upper}' THEN {{}} WHEN '{lower}' THEN {{}} END"
    pick = pick.format(number=Basis.NUMBER, upper=Basis.UPPER, lower=Basis.LOWER)
    return (
        ("limit_low", pick.format(f"bound{place}", "upper_low", "lower_low")),
        ("limit_high", pick.format(f"bound{place}", "upper_high", "lower_high")),
        ("limit_reason", pick.format("NULL", "upper_reason", "lower_reason")),
    )


def _orders(place: int) -> Layer:
    """How both ends of the number stand to both bounds: -1, 0, 1; null of an open end; 9 where doubles don't tell."""
    return tuple(
        (f"{end}_to_{bound}", _order(end, f"limit_{bound}{place}", place))
        for end in ("low", "high")
        for bound in ("low", "high")
    )


def _order(number: str, limit: str, place: int) -> str:
    factor = f"bound{place}"
    product = f"({limit} * {factor})"
    whole = " AND ".join(
        f"CAST(TRY_CAST({each} AS {type_}) AS DOUBLE) = {each}"
        for each, type_ in ((number, _DECIMAL), (limit, _DECIMAL), (factor, _FACTOR))
    )
    left = f"TRY_CAST({number} AS {_DECIMAL})"
    right = f"(TRY_CAST({limit} AS {_DECIMAL}) * TRY_CAST({factor} AS {_FACTOR}))"
    return f"""CASE WHEN {number} IS NULL OR {limit} IS NULL THEN NULL
        WHEN basis{place} = '{Basis.NUMBER}' THEN CASE
            WHEN {number} < {limit} THEN -1 WHEN {number} > {limit} THEN 1
            WHEN exact AND bound_exact{place} THEN 0 ELSE 9 END
        WHEN ABS({number} - {product}) > {_CLOSE} * (ABS({number}) + ABS({product}))
            THEN CASE WHEN {number} < {product} THEN -1 ELSE 1 END
        WHEN exact AND limits_exact AND bound_exact{place} AND {whole}
            THEN CASE WHEN {left} < {right} THEN -1 WHEN {left} > {right} THEN 1 ELSE 0 END
        ELSE 9 END"""


_DECIMAL = "DECIMAL(22, 9)"
_FACTOR = "DECIMAL(9, 4)"


def _standings(place: int) -> Layer:
    return tuple((f"to_{bound}", _stands(place, bound)) for bound in ("low", "high"))


def _stands(place: int, bound: str) -> str:
    """Whether every number of the interval satisfies, none does, or it straddles the bound."""
    low, high, strict = f"low_to_{bound}{place}", f"high_to_{bound}{place}", f"strict{place}"
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    return f"""CASE WHEN {low} = 9 OR {high} = 9 THEN {UNDECIDED}
        WHEN up{place} THEN CASE
            WHEN {low} = 1 OR ({low} = 0 AND (NOT {strict} OR low_open)) THEN {satisfies}
            WHEN {high} = -1 OR ({high} = 0 AND ({strict} OR high_open)) THEN {fails}
            ELSE {cell(Reason.VALUE_STRADDLES)} END
        WHEN {high} = -1 OR ({high} = 0 AND (NOT {strict} OR high_open)) THEN {satisfies}
        WHEN {low} = 1 OR ({low} = 0 AND ({strict} OR low_open)) THEN {fails}
        ELSE {cell(Reason.VALUE_STRADDLES)} END"""


def _codes(place: int) -> Layer:
    """A number that may be rounded onto the bound stays undecided, and one that oxygen raises is a question."""
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    high = f"CASE WHEN up{place} THEN {satisfies} ELSE {fails} END"
    code = f"""CASE basis{place}
        WHEN '{Basis.FINDING}' THEN CASE
            WHEN finding IS NULL THEN {by_reason("finding_reason")}
            WHEN finding = expected{place} THEN {satisfies} ELSE {fails} END
        WHEN '{Basis.BOOLEAN}' THEN CASE
            WHEN boolean IS NULL THEN {cell(Reason.VALUE_NOT_COMPARABLE)}
            WHEN boolean = (expected{place} = 'true') THEN {satisfies} ELSE {fails} END
        WHEN '{Basis.DONE}' THEN {cell(Reason.RECORDED)}
        WHEN '{Basis.NUMBER}' THEN CASE
            WHEN number_reason IS NOT NULL THEN {by_reason("number_reason")}
            WHEN own_range_impossible THEN {cell(Reason.IMPLAUSIBLE)}
            WHEN low = high AND ABS(low - bound{place}) <= near{place} * 1.001 THEN {UNDECIDED}
            WHEN supported AND to_low{place} = {high} THEN {cell(Reason.NEEDS_REVIEW)}
            ELSE to_low{place} END
        ELSE CASE
            WHEN number_reason IS NOT NULL THEN {by_reason("number_reason")}
            WHEN limit_low{place} IS NULL THEN {by_reason(f"limit_reason{place}")}
            WHEN to_low{place} = to_high{place} THEN to_low{place}
            WHEN to_low{place} = {UNDECIDED} OR to_high{place} = {UNDECIDED} THEN {UNDECIDED}
            ELSE {cell(Reason.REFERENCE_RANGE_MISSING)} END
        END"""
    return (("code", code),)


def _disputed(now: str, tests: int) -> Iterator[str]:
    """What may be newer than the latest value and doesn't count: where it says otherwise, nothing is sure."""
    yield judged(
        "beside",
        f"""SELECT o.*, {_ASKED}, p.code AS found FROM (SELECT * FROM obs WHERE NOT counts OR t0 IS NULL) o
    JOIN placed p ON o.patient = p.patient AND o.value_set = p.value_set JOIN asked_value a ON a.leaf = p.leaf
    WHERE p.code < {UNDECIDED} AND p.code // {UNIT} <> 1
        AND ((NOT o.counts AND o.t0 > p.t1 AND o.t0 <= {now}) OR (o.counts AND o.t0 IS NULL))""",
        tests,
    )
    against = f"code < {UNDECIDED} AND code // {UNIT} NOT IN (1, found // {UNIT})"
    yield f"""doubt AS (
    SELECT leaf, patient, CASE
        WHEN BOOL_OR(t0 IS NOT NULL AND {against}) THEN {cell(Reason.PRELIMINARY)}
        WHEN BOOL_OR(t0 IS NOT NULL AND code = {UNDECIDED}) THEN {UNDECIDED}
        WHEN BOOL_OR(t0 IS NULL AND {against}) THEN {cell(Reason.UNDATED)}
        WHEN BOOL_OR(code = {UNDECIDED}) THEN {UNDECIDED} END AS code
    FROM beside GROUP BY leaf, patient)"""
    yield """undisputed AS (
    SELECT p.leaf, p.patient, COALESCE(d.code, p.code) AS code
    FROM placed p LEFT JOIN doubt d ON p.leaf = d.leaf AND p.patient = d.patient)"""


def _nothing(leaves: Mapping[int, Latest], now: str) -> Iterator[str]:
    """Without a latest value: undated ones, ones that are not final, those that look alike, or other analytes' ones."""
    yield f"""undated_only AS (
    SELECT a.leaf, s.patient,
        CASE WHEN s.undated THEN {cell(Reason.UNDATED)} ELSE {cell(Reason.PRELIMINARY)} END AS code
    FROM state s JOIN asked_value a ON a.value_set = s.value_set
    WHERE s.since IS NULL AND (s.undated OR s.tentative))"""
    alike = [
        (leaf, asked.analyte.id, other) for leaf, asked in leaves.items() for other in asked.analyte.not_comparable
    ]
    yield rows("looks_alike", (("leaf", "INTEGER"), ("value_set", "VARCHAR"), ("other", "VARCHAR")), alike)
    yield f"""alike AS (
    SELECT DISTINCT l.leaf, o.patient, {cell(Reason.VALUE_NOT_COMPARABLE)} AS code
    FROM looks_alike l JOIN obs o ON o.value_set = l.other
    LEFT JOIN state s ON s.patient = o.patient AND s.value_set = l.value_set
    WHERE o.counts AND (o.t0 IS NULL OR o.t0 <= {now})
        AND s.since IS NULL AND NOT COALESCE(s.undated, FALSE) AND NOT COALESCE(s.tentative, FALSE))"""
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
