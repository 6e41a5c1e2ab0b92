"""Exact numbers: decimals, and fractions where a conversion has no decimal that ends (1/113.12)."""

from decimal import Context, Decimal, Inexact
from fractions import Fraction

Number = Decimal | Fraction
"""A number that is exactly what was sent, times exact factors. Decimals and fractions compare with each other."""

_WIDE = Context(prec=400)
_ENDING = Context(prec=60, traps=[Inexact])

ONE = Decimal(1)


def times(number: Number, factor: Number) -> Number:
    """The exact product."""
    if factor is ONE:
        return number
    if isinstance(number, Decimal) and isinstance(factor, Decimal):
        return _WIDE.multiply(number, factor)  # both have far fewer digits than 200
    return Fraction(number) * Fraction(factor)


def shortest(fraction: Fraction) -> Number:
    """The fraction as a decimal if one ends, which is quicker to reckon with; the constant ONE for one."""
    if fraction == 1:
        return ONE
    try:
        return _ENDING.divide(Decimal(fraction.numerator), Decimal(fraction.denominator))
    except Inexact:
        return fraction
