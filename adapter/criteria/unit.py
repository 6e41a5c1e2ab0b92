"""Units: how people write them, brought to one form, and how numbers in them convert.

Letter case, blanks and the ways to write a power of ten say nothing. Mass and substance convert by molar mass.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from adapter.criteria.catalogue import Analyte

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


def canonical_factor(analyte: Analyte, unit: str, unit_factor: UnitFactor) -> Fraction | None:
    """What turns a number in a UCUM unit into the analyte's canonical unit; None if nothing does.

    Mass and amount of substance convert by the analyte's molar mass.
    """
    canonical = analyte.unit or "1"
    if _LOGARITHM.search(unit):
        return None
    if unit == canonical:
        return Fraction(1)
    direct = unit_factor(unit, canonical)
    if direct is not None or analyte.molar_mass is None:
        return direct
    mass = Fraction(analyte.molar_mass)
    for held, wanted, ratio in (("g/L", "mol/L", 1 / mass), ("mol/L", "g/L", mass)):
        there, back = unit_factor(unit, held), unit_factor(wanted, canonical)
        if there is not None and back is not None:
            return there * ratio * back
    return None
