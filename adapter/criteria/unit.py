"""Units: how people write them, brought to one form, and how numbers in them convert.

Letter case, blanks and the ways to write a power of ten say nothing.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction

from adapter.criteria.catalogue import Analyte
from adapter.criteria.quantity import ONE, SAME, Linear, shortest

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUP = re.compile(r"<sup>(\d+)</sup>")
_BLANKS = re.compile(r"\s+")
_POWER = re.compile(
    r"(?:[x×·*.])?10(?:\*\*|\^|\*|exp|e)\(?\+?(\d{1,2})\)?|(?:[x×·*.])?10\((\d{1,2})\)|(?<![\w{])[x×]?e(\d{1,2})(?=/)"
)
_LETTER_POWER = re.compile(r"(?<=[a-z])(?:\^|\*\*|\*)(\d)")


def unit_key(text: str) -> str:
    """The form under which tables hold a unit's text: `×10⁹ / L`, `10E9/l` and `10^9/L` are all `10*9/l`."""
    raised = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    lower = _BLANKS.sub("", _SUP.sub(r"^\1", raised.casefold())).replace("μ", "u").replace("µ", "u")
    power = _POWER.sub(lambda found: f"10*{found[1] or found[2] or found[3]}", lower)
    return _LETTER_POWER.sub(r"\1", power)


UnitFactor = Callable[[str, str], Fraction | None]
"""(from, to), both UCUM -> the factor that turns a number of the one into the other, None if there is none."""

_LOGARITHM = re.compile(r"\{[^}]*(?:log|ln)[^}]*\}", re.IGNORECASE)
"""An annotation that changes the number: what it stands beside converts by no factor."""

_SURFACE = re.compile(r"/\(?\{?1[.,]73[ _.*]*m(?:2|²|\^2|\*\*2|\*2)\}?\)?", re.IGNORECASE)
_PER_SURFACE = "/{1.73_m2}"
"""The ways to write `per 1.73 m2 of body surface`, and the one that we use. UCUM takes it for an annotation, which says
nothing; mL/min and mL/min/1.73 m2 are two kinds of quantity."""

_SUBSTANCE = re.compile(r"(?:.*(?:mol|eq|kat).*|(?:.*[^iI])?U(?:/.*)?)")
_CHARGE = re.compile(r"(?<![a-z])[mun]?eq(?![a-z])")

_TO_CELSIUS = {
    "Cel": Linear(ONE),
    "K": Linear(ONE, Decimal("-273.15")),
    "[degF]": Linear(Fraction(5, 9), Fraction(-160, 9)),
}
"""UCUM's definitions of its temperatures with an offset, section 4.5 (tables 4 and 9)."""


def canonical_conversion(analyte: Analyte, unit: str, unit_factor: UnitFactor) -> Linear | None:
    """What turns a number in a UCUM unit into the analyte's canonical unit; None if nothing does.

    Mass and amount of substance convert by the analyte's molar mass, equivalents by its charge, and units of which the
    analyte says so by that. One kind of unit is never taken for another: a ratio of amounts of substance (mmol/mol) is
    no fraction, and what is per body surface is not what isn't.
    """
    canonical = _SURFACE.sub(_PER_SURFACE, analyte.unit or "1")
    unit = _SURFACE.sub(_PER_SURFACE, unit)
    if _LOGARITHM.search(unit):
        return None
    if unit == canonical:
        return SAME
    if (own := analyte.conversions.get(unit)) is not None:
        return own.linear
    if unit in _TO_CELSIUS and canonical in _TO_CELSIUS:
        return _temperature(unit, canonical)
    if (_PER_SURFACE in unit) != (_PER_SURFACE in canonical):
        return None
    factor = _factor(analyte, unit, canonical, unit_factor)
    return None if factor is None else Linear(shortest(factor))


def unit_of(text: str, synonyms: Mapping[str, str], kind: str | None = None) -> str | None:
    """The UCUM unit that a text means, by a table of synonyms; None if it isn't there. `kind`: `Analyte.kind`."""
    key = unit_key(text)
    own = synonyms.get(f"{kind}:{key}") if kind else None
    return own or synonyms.get(key)


def conversion(
    analyte: Analyte, unit: str | None, text: str | None, synonyms: Mapping[str, str], unit_factor: UnitFactor
) -> Linear | None:
    """What turns a number in a unit, as it was sent, into the analyte's canonical unit; None if nothing does.

    `unit` is UCUM; without one, `text` goes through the synonyms, and is else taken as UCUM. A unit and a text that
    mean different units convert by none.
    """
    named = _meant(text, analyte, synonyms) if text else None
    if unit is None:
        return canonical_conversion(analyte, named or text or "", unit_factor)
    found = canonical_conversion(analyte, unit, unit_factor)
    if found is None and (mended := _meant(unit, analyte, synonyms)):
        found = canonical_conversion(analyte, mended, unit_factor)
    if named is not None and canonical_conversion(analyte, named, unit_factor) != found:
        return None  # the code and the words beside it are two units: one of them is wrong
    return found


def _meant(text: str, analyte: Analyte, synonyms: Mapping[str, str]) -> str | None:
    """The unit that a text means of an analyte: one that it converts by a formula of its own, else by the table.

    Letter case says nothing but at the beginning, where it tells milli from mega.
    """
    key = unit_key(text)
    own = next((each for each in analyte.conversions if unit_key(each) == key and each[:1] == text[:1]), None)
    return own or unit_of(text, synonyms, analyte.kind)


def temperatures(canonical: str | None) -> dict[str, Linear]:
    """The other units of temperature that convert to one, each with how."""
    if canonical not in _TO_CELSIUS:
        return {}
    return {unit: _temperature(unit, canonical) for unit in _TO_CELSIUS if unit != canonical}


def _temperature(unit: str, canonical: str) -> Linear:
    """Through degrees Celsius."""
    there, back = _TO_CELSIUS[unit], _TO_CELSIUS[canonical]
    factor = Fraction(there.factor) / Fraction(back.factor)
    offset = (Fraction(there.offset or 0) - Fraction(back.offset or 0)) / Fraction(back.factor)
    return Linear(shortest(factor), shortest(offset))


def _charge(analyte: Analyte, unit: str, canonical: str) -> Fraction | None:
    """How many amounts of the canonical unit an equivalent is, or the reverse; None if the analyte doesn't say."""
    held, wanted = bool(_CHARGE.search(unit)), bool(_CHARGE.search(canonical))
    if held is wanted:
        return Fraction(1)
    if analyte.charge is None:
        return None
    return Fraction(1, analyte.charge) if held else Fraction(analyte.charge)


def _factor(analyte: Analyte, unit: str, canonical: str, unit_factor: UnitFactor) -> Fraction | None:
    alike = bool(_SUBSTANCE.fullmatch(unit)) is bool(_SUBSTANCE.fullmatch(canonical))
    charge = _charge(analyte, unit, canonical)
    direct = unit_factor(unit, canonical) if alike and charge is not None else None
    if direct is not None and charge is not None:
        return direct * charge
    if analyte.molar_mass is None:
        return None
    mass = Fraction(analyte.molar_mass)
    for held, wanted, ratio in (("g/L", "mol/L", 1 / mass), ("mol/L", "g/L", mass)):
        there, back = unit_factor(unit, held), unit_factor(wanted, canonical)
        if there is not None and back is not None:
            return there * ratio * back
    return None
