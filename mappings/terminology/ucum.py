"""Conversion between UCUM units, as exact fractions.

The syntax is parsed by ucumvert; the numbers are UCUM's own definitions, which it packages (ucum-essence 2.2), taken as
fractions, so that mg/dL to g/L is 1/100 and not 0.009999999999999998. Where we depart from UCUM, on purpose:

- An arbitrary unit ([IU], [CFU], …) has a dimension of its own: UCUM forbids to convert it into anything else.
- mol is a base unit. UCUM makes it a number, by which mmol/L would convert into cells/L.
- A special unit (Cel, [pH], B, …) converts by no factor.

ucumvert is imported at the first use: that takes a third of a second, and most runs never need it, since masses and
amounts of substance in a volume (mg/dL, umol/L) are reckoned without it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

_REMEMBERED = 4096  # unit texts come from patient data: what is remembered has an end
_MAX_LENGTH = 64
_MAX_EXPONENT = 30
_METRIC = {
    prefix: Fraction(10) ** power
    for prefix, power in {"": 0, "k": 3, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15}.items()
}
_CONCENTRATION = re.compile(r"([kdcmunpf]?)(g|mol)/([dcmunpf]?)L")
_BASE_OF_OURS = frozenset({"mol"})


@dataclass(frozen=True, slots=True)
class _Unit:
    """A multiple of base units, each with its exponent."""

    factor: Fraction
    dimension: tuple[tuple[str, int], ...] = ()

    def times(self, other: "_Unit", sign: int = 1) -> "_Unit":
        exponents = Counter(dict(self.dimension))
        for base, exponent in other.dimension:
            exponents[base] += sign * exponent
        dimension = tuple(sorted((base, exponent) for base, exponent in exponents.items() if exponent))
        return _Unit(self.factor * other.factor**sign, dimension)

    def to_the(self, exponent: int) -> "_Unit":
        return _Unit(self.factor**exponent, tuple((base, exponent * power) for base, power in self.dimension))


class _NoFactorError(ValueError):
    """The text is no UCUM unit, or one that converts by no factor."""


@lru_cache(maxsize=_REMEMBERED)
def unit_factor(source: str, target: str) -> Fraction | None:
    """The factor that turns a number in the UCUM unit `source` into one in `target`; None if there is none."""
    if source == target:
        return Fraction(1)
    held, wanted = _concentration(source), _concentration(target)
    if held is not None and wanted is not None:
        return held[0] / wanted[0] if held[1] == wanted[1] else None
    try:
        one, other = _parsed(source), _parsed(target)
    except _NoFactorError:
        return None
    return one.factor / other.factor if one.dimension == other.dimension else None


def _concentration(text: str) -> tuple[Fraction, str] | None:
    """A mass or an amount of substance in a volume, as most results have it: how many g/L or mol/L, and which."""
    found = _CONCENTRATION.fullmatch(text)
    return None if found is None else (_METRIC[found[1]] / _METRIC[found[3]], found[2])


def is_unit(text: str) -> bool:
    """Whether a text is a UCUM unit, be it one that converts by no factor (Cel)."""
    from lark.exceptions import LarkError  # noqa: PLC0415  # as below

    try:
        _parser().parse(text)
    except LarkError:
        return False
    return len(text) <= _MAX_LENGTH


@lru_cache(maxsize=_REMEMBERED)
def _parsed(text: str) -> _Unit:
    from lark.exceptions import LarkError  # noqa: PLC0415  # slow to import: see the module's docstring

    if len(text) > _MAX_LENGTH:
        raise _NoFactorError
    try:
        return _evaluated(_parser().parse(text))
    except LarkError as error:
        raise _NoFactorError from error


@cache
def _parser() -> "Lark":
    from ucumvert import get_ucum_parser  # noqa: PLC0415  # as above

    parser: Lark = get_ucum_parser()  # ucumvert has no type for it
    return parser


@dataclass(frozen=True, slots=True)
class _Definitions:
    """UCUM's tables: powers of ten by prefix, and by atom its base or what it is a multiple of (None: special)."""

    prefixes: dict[str, Fraction]
    base: frozenset[str]
    atoms: dict[str, tuple[Fraction, str] | None]


@cache
def _definitions() -> _Definitions:
    from ucumvert import xml_util  # noqa: PLC0415  # as above

    base = _BASE_OF_OURS | set(xml_util.get_base_units())
    atoms: dict[str, tuple[Fraction, str] | None] = {}
    for unit in xml_util.get_units_with_full_definition():
        if unit.is_special:
            atoms[unit.code_cs] = None
        elif unit.is_arbitrary and unit.defining_unit == "1":
            base = base | {unit.code_cs}
        else:
            atoms[unit.code_cs] = Fraction(str(unit.conversion_factor)), unit.defining_unit
    prefixes = {
        prefix.attrib["Code"]: Fraction(value.attrib["value"])
        for prefix in xml_util.root.findall(".//{*}prefix")
        for value in prefix.findall("{*}value")
    }
    return _Definitions(prefixes, frozenset(base), atoms)


def _evaluated(node: "Tree[Token] | Token") -> _Unit:
    """One node of ucumvert's parse tree; an annotation is 1."""
    rule, children = getattr(node, "data", None), getattr(node, "children", [])
    match rule, children:
        case None, _:
            return _Unit(Fraction(1))
        case "simple_unit", [*prefix, atom]:
            unit = _Unit(_factor(atom)) if atom.type == "FACTOR" else _atom(str(atom))
            return _Unit(unit.factor * _definitions().prefixes[prefix[0]], unit.dimension) if prefix else unit
        case "annotatable", [unit, exponent]:
            power = int(exponent)
            if abs(power) > _MAX_EXPONENT:
                raise _NoFactorError
            return _evaluated(unit).to_the(power)
        case "term", [left, operator, right]:
            return _evaluated(left).times(_evaluated(right), -1 if operator == "/" else 1)
        case "main_term", [_, right]:
            return _Unit(Fraction(1)).times(_evaluated(right), -1)
    return _evaluated(children[0])  # a component with its annotation, or a main term of one


def _factor(token: "Token") -> Fraction:
    if len(token) > _MAX_EXPONENT:
        raise _NoFactorError
    return Fraction(int(token))


@cache
def _atom(code: str) -> _Unit:
    known = _definitions()
    if code in known.base:
        return _Unit(Fraction(1), ((code, 1),))
    definition = known.atoms[code]
    if definition is None:
        raise _NoFactorError
    factor, unit = definition
    defined = _parsed(unit)
    return _Unit(factor * defined.factor, defined.dimension)
