"""Formulas that derive one analyte from others: data with their source, and how they are reckoned.

A formula's `value` is an arithmetic expression in a small form of its own, parsed here and never run as code: numbers,
names, `+ - * / **`, brackets, and the functions of the table below. It is reckoned on intervals, since a result may be
`<0.3` and an age be known by its year only: what comes out holds every number that may be meant. Sums, products and
quotients are exact fractions; roots, logarithms and broken powers have 40 digits.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import NamedTuple

from adapter.criteria.calendar import Duration

_DIGITS = Context(prec=40)
_MOST = 16
"""The highest power that is multiplied out exactly."""


class Range(NamedTuple):
    """All numbers from `low` to `high`."""

    low: Fraction
    high: Fraction

    @classmethod
    def hull(cls, *ranges: "Range") -> "Range":
        """The narrowest one that holds several."""
        return cls(min(each.low for each in ranges), max(each.high for each in ranges))


Values = Mapping[str, Range]
"""What the names of an expression stand for."""

Reckoned = Callable[[Values], Range]
"""An expression, ready to be reckoned. Raises ArithmeticError where it has no value."""


class Together(StrEnum):
    """How near to each other the inputs must have been measured: the same sample, recording or minute, or one day."""

    TIME = "time"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Input:
    """An analyte by the name that it has in the expression, in `unit`.

    `window`: how old it may be, whatever the criterion says of the result; else the analyte's freshness.
    """

    analyte: str
    unit: str
    window: Duration | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """What counts as 1 while it is on record, and as 0 where that is denied; else nobody knows which of the two.

    `active`: diagnoses that are present now, and not in the past. `window`: drugs and procedures within it; None: ever.
    """

    conditions: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    active: bool = False
    window: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """How an analyte is derived from others.

    `unit`: of what `value` comes to. `inputs`: by their names in it, the one whose time is the result's first.
    `presence`: names that are 1 or 0 by what is on record. `where`: further names, each reckoned from those before it.
    `age`: the name of the completed years, if it asks for them. `female`, `male`: names whose numbers depend on sex.
    `at_least`, `below`: for whom it is, by age. `step`: to what it is rounded when it is reported; a value and what it
    is rounded to are as good as equal. `source`: where it was published.
    """

    id: str
    title: str
    gives: tuple[str, ...]
    unit: str
    value: str
    source: str
    inputs: Mapping[str, Input]
    presence: Mapping[str, Presence] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    female: Mapping[str, Decimal] = field(default_factory=dict)
    male: Mapping[str, Decimal] = field(default_factory=dict)
    at_least: Duration | None = None
    below: Duration | None = None
    together: Together | None = None
    step: Decimal | None = None

    @property
    def asked(self) -> frozenset[str]:
        """The names that it asks for, but for those that it reckons itself."""
        return frozenset().union(*map(names, (self.value, *self.where.values()))) - self.where.keys()

    @property
    def ages(self) -> frozenset[int] | None:
        """The completed years at which its value may change by age alone; None: with every year."""
        return _all_of(_ages(_parsed(each)) for each in (self.value, *self.where.values()))

    @property
    def by_age(self) -> bool:
        """Whether the patient's age decides about it."""
        return self.at_least is not None or self.below is not None or AGE in self.asked

    @property
    def by_sex(self) -> bool:
        """Whether the patient's sex does."""
        return bool(self.female)


AGE = "age"
"""The name of the patient's completed years."""


def names(expression: str) -> frozenset[str]:
    """The names that an expression asks for. Raises ValueError for what is no expression."""
    tree = _parsed(expression)
    functions = {
        node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - functions


@cache
def reckoned(expression: str) -> Reckoned:
    """The expression of a formula. Raises ValueError, with words for the author, for what is none."""
    return _node(_parsed(expression).body, expression)


def _parsed(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        msg = f"{expression!r} is no expression ({error.msg})"
        raise ValueError(msg) from error


def _ages(node: ast.AST) -> frozenset[int] | None:
    """Of a part of an expression: the bounds that the age is held against; None where it is reckoned with itself."""
    match node:
        case ast.Call(
            func=ast.Name(id="at_least" | "above" as function),
            args=[ast.Name(id=name), ast.Constant(value=int() | float() as bound)],
        ) if name == AGE:
            return frozenset([ceil(bound) if function == "at_least" else floor(bound) + 1])
        case ast.Name(id=name) if name == AGE:
            return None
    return _all_of(_ages(each) for each in ast.iter_child_nodes(node))


def _all_of(parts: Iterable[frozenset[int] | None]) -> frozenset[int] | None:
    """The ages of several parts; None where one of them has every age."""
    found: set[int] = set()
    for part in parts:
        if part is None:
            return None
        found |= part
    return frozenset(found)


def _node(node: ast.expr, text: str) -> Reckoned:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            number = Fraction(Decimal(ast.get_source_segment(text.strip(), node) or ""))
            return lambda _: Range(number, number)
        case ast.Name():
            name = node.id
            return lambda values: values[name]
        case ast.UnaryOp(op=ast.USub()):
            operand = _node(node.operand, text)
            return lambda values: _negative(operand(values))
        case ast.BinOp() if type(node.op) in _OPERATORS:
            left, right, operator = _node(node.left, text), _node(node.right, text), _OPERATORS[type(node.op)]
            return lambda values: operator(left(values), right(values))
        case ast.Call(func=ast.Name(id=called), keywords=[]) if called in _FUNCTIONS:
            count, function = _FUNCTIONS[called]
            if len(node.args) != count:
                msg = f"{called} takes {count}, has {len(node.args)}"
                raise ValueError(msg)
            arguments = [_node(each, text) for each in node.args]
            return lambda values: function(*(each(values) for each in arguments))
    known = ", ".join(sorted(_FUNCTIONS))
    msg = f"{ast.unparse(node)!r} is not understood; write numbers, names, + - * / **, brackets, and {known}"
    raise ValueError(msg)


def _negative(one: Range) -> Range:
    return Range(-one.high, -one.low)


def _sum(one: Range, other: Range) -> Range:
    return Range(one.low + other.low, one.high + other.high)


def _product(one: Range, other: Range) -> Range:
    found = [a * b for a in one for b in other]
    return Range(min(found), max(found))


def _quotient(one: Range, other: Range) -> Range:
    if other.low <= 0 <= other.high:
        msg = "divided by what may be 0"
        raise ZeroDivisionError(msg)
    return _product(one, Range(1 / other.high, 1 / other.low))


def _power(one: Range, other: Range) -> Range:
    """Of what isn't negative: it rises or falls with its base and with its exponent, so the corners hold it."""
    if one.low < 0:
        msg = "a power of what may be negative"
        raise ArithmeticError(msg)
    found = [_raised(base, exponent) for base in one for exponent in other]
    return Range(min(found), max(found))


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1 and abs(exponent) <= _MOST:
        return base ** int(exponent)
    return _of(_DIGITS.power(_decimal(base), _decimal(exponent)))


def _rising(function: Callable[[Decimal], Decimal]) -> Callable[[Range], Range]:
    """A function that rises everywhere."""

    def of(one: Range) -> Range:
        return Range(_of(function(_decimal(one.low))), _of(function(_decimal(one.high))))

    return of


def _of(number: Decimal) -> Fraction:
    if not number.is_finite():
        msg = "no number"
        raise ArithmeticError(msg)
    return Fraction(number)


def _decimal(number: Fraction) -> Decimal:
    return _DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator))


def _least(one: Range, other: Range) -> Range:
    return Range(min(one.low, other.low), min(one.high, other.high))


def _most(one: Range, other: Range) -> Range:
    return Range(max(one.low, other.low), max(one.high, other.high))


def _points(one: Range, bound: Range, *, reached: bool) -> Range:
    """1 where a number is above a bound (or at it, if that is enough), else 0."""
    sure = one.low > bound.high or (reached and one.low == bound.high)
    possible = one.high > bound.low or (reached and one.high == bound.low)
    return Range(Fraction(sure), Fraction(possible))


_OPERATORS: dict[type[ast.operator], Callable[[Range, Range], Range]] = {
    ast.Add: _sum,
    ast.Sub: lambda one, other: _sum(one, _negative(other)),
    ast.Mult: _product,
    ast.Div: _quotient,
    ast.Pow: _power,
}

_FUNCTIONS: dict[str, tuple[int, Callable[..., Range]]] = {
    "min": (2, _least),
    "max": (2, _most),
    "sqrt": (1, _rising(_DIGITS.sqrt)),
    "ln": (1, _rising(_DIGITS.ln)),
    "exp": (1, _rising(_DIGITS.exp)),
    "either": (2, Range.hull),
    "at_least": (2, lambda one, bound: _points(one, bound, reached=True)),
    "above": (2, lambda one, bound: _points(one, bound, reached=False)),
}
"""What may be called, with how many arguments.

`at_least(x, 65)` and `above(x, 65)` are 1 or 0, as scores count; `either(1, 2)` is one of them, nobody says which.
"""


def rounded(number: Range, step: Decimal | None) -> Range:
    """A number with what it is rounded to when it is reported."""
    if step is None:
        return number
    size = Fraction(step)
    ends = [Fraction((end / size + Fraction(1, 2)).__floor__()) * size for end in number]
    return Range(min(number.low, ends[0]), max(number.high, ends[1]))
