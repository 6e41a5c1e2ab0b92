"""Values that nobody reported, by a formula of others (CONFORMANCE: Derived values): of whom all of it is plain.

Plain is a patient with one birthday, a sex that is known where it matters, and one number for each input, measured on
one day. The number is reckoned in doubles, so that one near a bound, or near where it would be rounded otherwise, is
left to the evaluation, which reckons with fractions. So are all others.
"""

import ast
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, cell, no_date
from adapter.columns.sql.defaults import SEX
from adapter.columns.sql.text import Value, literal, rows
from adapter.columns.sql.values import BOTH, CLOSE, standing
from adapter.criteria.catalogue import Analyte
from adapter.criteria.formula import AGE
from adapter.criteria.quantity import Number
from adapter.evaluator.columns import Basis, Latest, Reckoned, Test
from adapter.evaluator.reason import Reason

_NONE, _FRESH, _STALE, _ODD = 0, 1, 2, 3
"""What is on record of an input; an odd one is for the evaluation."""

_TEST = (("up", "BOOLEAN"), ("strict", "BOOLEAN"), ("bound", "DOUBLE"), ("whole", "BOOLEAN"))


def reckoned(leaves: Mapping[int, Latest], empty: Mapping[int, int], now: str, day: str) -> Iterator[str]:
    """The relations of values that are reckoned; `derived` holds their cells.

    The last one, `answered_without`, names the leaves and patients of whom no formula leaves anything open. `empty`:
    each leaf's cell of whom nothing bears on it.
    """
    first = [(leaf, each[0]) for leaf, asked in leaves.items() for each in asked.reckoned_from]
    yield rows("first_input", (("leaf", "INTEGER"), ("value_set", "VARCHAR")), first)
    formulas: list[tuple[Reckoned, Analyte]] = []
    held: list[tuple[Value, ...]] = []
    for leaf, asked in leaves.items():
        for each in asked.reckoned if all(test.basis is Basis.NUMBER for test in asked.tests) else ():
            if (each, asked.analyte) not in formulas:
                formulas.append((each, asked.analyte))
            tests = [*(_test(test, each) for test in asked.tests), (None,) * len(_TEST)][:2]
            place = formulas.index((each, asked.analyte))
            held.append((leaf, place, empty[leaf], *tests[0], *tests[1]))
    columns = (("leaf", "INTEGER"), ("formula", "INTEGER"), ("empty", "INTEGER"))
    of_tests = tuple((f"{name}{place}", type_) for place in (1, 2) for name, type_ in _TEST)
    yield rows("reckons", (*columns, *of_tests), held)
    yield from _inputs([each for each, _ in formulas], now, day)
    told = " UNION ALL ".join(_by_formula(place, *each) for place, each in enumerate(formulas))
    nobody = "SELECT 0 AS formula, patient, TRUE AS concerned, 0 AS state, low AS v, low AS r FROM obs WHERE FALSE"
    yield f"by_formula AS ({told or nobody})"
    yield from _ageless(leaves)
    yield """reckoned AS (
    SELECT q.*, f.patient, f.concerned, f.state, f.v, f.r FROM by_formula f JOIN reckons q ON q.formula = f.formula
    LEFT JOIN reported o ON o.patient = f.patient AND o.leaf = q.leaf
    LEFT JOIN ageless a ON a.patient = f.patient AND a.leaf = q.leaf
    WHERE o.patient IS NULL AND a.patient IS NULL)"""
    ends = ", ".join(
        f"{_to_bound('v', place)} AS v_to{place}, {_to_bound('r', place)} AS r_to{place}" for place in (1, 2)
    )
    codes = ", ".join(f"{_code(place)} AS code{place}" for place in (1, 2))
    yield f"""derived AS (
    SELECT leaf, patient, code FROM (
        SELECT leaf, patient, COALESCE(MAX(code) FILTER (WHERE concerned), MAX(empty)) AS code
        FROM (SELECT leaf, patient, concerned, empty, CASE state
                WHEN {_NONE} THEN empty WHEN {_STALE} THEN {cell(Reason.STALE)}
                WHEN {_FRESH} THEN CASE WHEN bound2 IS NULL THEN code1 ELSE {BOTH} END
                ELSE {UNDECIDED} END AS code
            FROM (SELECT *, {codes} FROM (SELECT *, {ends} FROM reckoned)))
        GROUP BY leaf, patient HAVING COUNT(*) FILTER (WHERE concerned) <= 1)
    WHERE code <> {UNDECIDED}
    UNION ALL SELECT a.leaf, a.patient, {cell(Reason.IMPRECISE_DATE)} AS code FROM ageless a
        LEFT JOIN reported o ON o.patient = a.patient AND o.leaf = a.leaf WHERE a.born AND o.patient IS NULL)"""
    # What was reported stands where nothing that is reckoned could be of a later day.
    yield """answered_without AS (
    SELECT leaf, patient FROM derived
    UNION ALL SELECT a.leaf, a.patient FROM ageless a
        LEFT JOIN seen_alike s ON s.patient = a.patient AND s.leaf = a.leaf WHERE s.patient IS NULL
    UNION ALL SELECT leaf, patient FROM (
        SELECT p.leaf, p.patient, ANY_VALUE(p.d1) AS reported, MAX(o.d0) AS newest
        FROM placed p JOIN first_input i ON i.leaf = p.leaf
        JOIN obs o ON o.patient = p.patient AND o.value_set = i.value_set
        WHERE p.fresh GROUP BY p.leaf, p.patient)
    WHERE newest IS NULL OR newest <= reported)"""


def _ageless(leaves: Mapping[int, Latest]) -> Iterator[str]:
    """Of whom nobody knows for which age they are, so that what was reported says all; and of whom anything was."""
    columns = (("leaf", "INTEGER"), ("born", "DATE"))
    yield rows("age_bound", columns, [(leaf, born) for leaf, asked in leaves.items() for born in asked.ages])
    yield f"""ageless AS (
    SELECT DISTINCT b.leaf, p.patient, p.birth_first IS NOT NULL AS born
    FROM (SELECT patient, birth_first, birth_last, COALESCE({no_date("birth_text")}, FALSE) AS none FROM patients) p
    JOIN age_bound b ON p.birth_first IS NULL OR p.none OR (p.birth_first <= b.born AND p.birth_last > b.born))"""
    named = [(leaf, asked.analyte.id) for leaf, asked in leaves.items()]
    yield rows("reckoned_leaf", (("leaf", "INTEGER"), ("value_set", "VARCHAR")), named)
    yield """reported AS (
    SELECT l.leaf, o.patient FROM reckoned_leaf l
        JOIN (SELECT DISTINCT patient, value_set FROM obs) o ON o.value_set = l.value_set
    UNION SELECT leaf, patient FROM seen_alike)"""


def _test(test: Test, formula: Reckoned) -> tuple[Value, ...]:
    """`whole`: the bound is one of the numbers to which a value is rounded, so that an equal double is an equal one."""
    bound = Fraction(test.bound or 0)
    step = formula.formula.step
    whole = step is not None and (bound / Fraction(step)).denominator == 1
    return not test.comparator.is_upper, test.comparator.is_strict, float(bound), whole


def _inputs(formulas: list[Reckoned], now: str, day: str) -> Iterator[str]:
    """What is on record of each input, and the formulas' inputs side by side."""
    asked: list[tuple[Value, ...]] = [
        (number, place, each.analyte, each.since)
        for number, formula in enumerate(formulas)
        for place, each in enumerate(formula.inputs)
    ]
    columns = (("formula", "INTEGER"), ("place", "INTEGER"), ("value_set", "VARCHAR"), ("since", "DATE"))
    yield rows("reckon_input", columns, asked)
    counts = standing(now)
    yield f"""input_held AS (
    SELECT i.formula, i.place, i.since, o.patient, COUNT(*) FILTER (WHERE {counts}) AS held,
        BOOL_OR(o.t0 IS NULL OR (NOT o.counts AND o.t0 <= {now}) OR ({counts} AND o.shared)) AS odd,
        MAX(o.low) FILTER (WHERE {counts} AND o.low = o.high AND o.low > 0 AND o.number_reason IS NULL) AS x,
        MAX(o.d0) FILTER (WHERE {counts}) AS d0, MAX(o.d1) FILTER (WHERE {counts}) AS d1
    FROM obs o JOIN reckon_input i ON o.value_set = i.value_set GROUP BY i.formula, i.place, i.since, o.patient)"""
    yield f"""input_state AS (
    SELECT formula, place, patient, x, d0, CASE WHEN odd OR held > 1 THEN {_ODD} WHEN held = 0 THEN {_NONE}
        WHEN d1 < since THEN {_STALE} WHEN d0 >= since AND d1 <= {day} AND d0 = d1 AND x IS NOT NULL THEN {_FRESH}
        ELSE {_ODD} END AS state
    FROM input_held)"""
    most = max((len(each.inputs) for each in formulas), default=1)
    beside = ", ".join(
        f"MAX({column}) FILTER (WHERE place = {place}) AS {column}{place}"
        for place in range(most)
        for column in ("state", "x")
    )
    yield f"""inputs AS (
    SELECT formula, patient, MAX(d0) FILTER (WHERE place = 0) AS measured, {beside}
    FROM input_state GROUP BY formula, patient)"""


def _by_formula(number: int, asked: Reckoned, gives: Analyte) -> str:
    """Whether a formula concerns a patient, what of its inputs is the first that lacks, and its value, also rounded."""
    formula = asked.formula
    concerned = [f"p.birth_first <= {literal(asked.born_until)}"] if asked.born_until is not None else []
    concerned += [f"p.birth_first > {literal(asked.born_after)}"] if asked.born_after is not None else []
    named = {
        each.name: f"(i.x{place} * {_number(each.factor)} + {_number(each.offset)})"
        for place, each in enumerate(asked.inputs)
    }
    named[AGE] = "GREATEST(i.years, 0)"
    for name, female in formula.female.items():
        male = formula.male[name]
        named[name] = f"(CASE i.sex WHEN 'female' THEN {_number(female)} WHEN 'male' THEN {_number(male)} END)"
    for name, text in formula.where.items():
        named[name] = _expression(text, named)
    states = " ".join(
        f"WHEN COALESCE(i.state{place}, {_NONE}) <> {_FRESH} THEN COALESCE(i.state{place}, {_NONE})"
        for place in range(len(asked.inputs))
    )
    value = _expression(formula.value, named)
    birthday = f"p.birth_first = p.birth_last AND NOT {no_date('p.birth_text')}" if formula.by_age else "TRUE"
    rounded, told = "v", "TRUE"
    if formula.step is not None:
        step = _number(formula.step)
        steps = f"(v / {step} + {_number(Fraction(1, 2))})"
        rounded = f"FLOOR{steps} * {step}"
        told = f"ABS({steps} - ROUND{steps}) > {CLOSE} * ABS{steps}"
    if gives.plausible is not None:
        low, high = _number(gives.plausible.low), _number(gives.plausible.high)
        told += f" AND v > {low} * 1.001 AND v < {high} * 0.999 AND {rounded} >= {low} AND {rounded} <= {high}"
    return f"""SELECT {number} AS formula, patient, concerned,
        CASE WHEN state <> {_FRESH} OR COALESCE({told}, FALSE) THEN state ELSE {_ODD} END AS state, v, {rounded} AS r
    FROM (SELECT patient, concerned, state, CASE WHEN state = {_FRESH} THEN {value} END AS v
        FROM (SELECT i.*, {" AND ".join(concerned) or "TRUE"} AS concerned, CASE {states} ELSE {_FRESH} END AS state,
                {SEX} AS sex, YEAR(i.measured) - YEAR(p.birth_first) - CASE
                    WHEN MONTH(i.measured) * 100 + DAY(i.measured) < MONTH(p.birth_first) * 100 + DAY(p.birth_first)
                    THEN 1 ELSE 0 END AS years
            FROM inputs i JOIN patients p ON p.patient = i.patient
            WHERE i.formula = {number} AND {birthday}) i)"""


def _number(number: Number) -> str:
    return literal(float(number))


def _expression(text: str, named: Mapping[str, str]) -> str:
    """An expression of a formula over columns; what names stand for is in brackets."""
    return _node(ast.parse(text.strip(), mode="eval").body, named)


_OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_FUNCTIONS: Final = {"min": "LEAST", "max": "GREATEST", "sqrt": "SQRT", "ln": "LN", "exp": "EXP"}


def _node(node: ast.expr, named: Mapping[str, str]) -> str:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _number(Fraction(str(number)))
        case ast.Name(id=name):
            return named[name]
        case ast.UnaryOp(operand=operand):
            return f"(-{_node(operand, named)})"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"POWER({_node(left, named)}, {_node(right, named)})"
        case ast.BinOp(left=left, op=operator, right=right):
            return f"({_node(left, named)} {_OPERATORS[type(operator)]} {_node(right, named)})"
        case ast.Call(func=ast.Name(id=called), args=arguments):
            return f"{_FUNCTIONS[called]}({', '.join(_node(each, named) for each in arguments)})"
    msg = f"{ast.unparse(node)} is no part of a formula over plain numbers"
    raise ValueError(msg)


def _to_bound(number: str, place: int) -> str:
    """How the value, or what it is rounded to, stands to a bound: -1, 0, 1; 9 where doubles don't tell."""
    equal = f"CASE WHEN whole{place} THEN 0 ELSE 9 END" if number == "r" else "9"
    return f"""CASE WHEN ABS({number} - bound{place}) <= {CLOSE} * (ABS({number}) + ABS(bound{place})) THEN {equal}
        WHEN {number} < bound{place} THEN -1 ELSE 1 END"""


def _code(place: int) -> str:
    """The code of a value and of what it is rounded to: they are as good as equal, and so is all between."""
    low, high = f"LEAST(v_to{place}, r_to{place})", f"GREATEST(v_to{place}, r_to{place})"
    satisfies, fails = cell(Reason.VALUE_SATISFIES), cell(Reason.VALUE_FAILS)
    return f"""CASE WHEN v_to{place} = 9 OR r_to{place} = 9 OR v IS NULL THEN {UNDECIDED}
        WHEN up{place} THEN CASE WHEN {low} = 1 OR ({low} = 0 AND NOT strict{place}) THEN {satisfies}
            WHEN {high} = -1 OR ({high} = 0 AND strict{place}) THEN {fails} ELSE {cell(Reason.VALUE_STRADDLES)} END
        WHEN {high} = -1 OR ({high} = 0 AND NOT strict{place}) THEN {satisfies}
        WHEN {low} = 1 OR ({low} = 0 AND strict{place}) THEN {fails} ELSE {cell(Reason.VALUE_STRADDLES)} END"""
