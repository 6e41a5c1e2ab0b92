"""The short texts in which a definition writes amounts: `70 g/L`, `1.5 ULN`, `14 a`, `P30D`.

Each reader raises ValueError with a message that says what form is wanted.
"""

import re
from decimal import Decimal

from adapter.criteria.calendar import CalendarUnit, Duration, of_a_life
from adapter.criteria.quantity import Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold

UNITLESS = "1"
"""UCUM's unit of plain numbers; a score is written without one."""

NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
AMOUNT_PATTERN = rf"^{NUMBER}(?: \S+)?$"
"""The JSON Schema pattern of an amount."""
AGE_PATTERN = r"^[1-9][0-9]* (?:d|wk|mo|a)$"
"""The JSON Schema pattern of an age."""

_AMOUNT = re.compile(rf"({NUMBER})(?: +(\S+))?")


def threshold(comparator: Comparator, text: str) -> QuantityThreshold | LimitThreshold:
    """`<number> <UCUM unit>`, `<number>` of a score, or `<number> ULN` (LLN) as a threshold."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} is no amount; write a number and a UCUM unit (70 g/L), a multiple (1.5 ULN), or a score (2)"
        raise ValueError(msg)
    number, unit = Decimal(found[1]), found[2]
    if unit in set(LimitOfNormal):
        return LimitThreshold(comparator, number, LimitOfNormal(unit))
    return QuantityThreshold(comparator, number, unit or UNITLESS)


def age(text: str) -> Duration:
    """An age in UCUM's calendar units: 14 a, 6 mo, 2 wk, 10 d."""
    if re.fullmatch(AGE_PATTERN, text) is None:
        msg = f"{text!r} is no age; write a whole number and a (years), mo, wk or d, as in 14 a"
        raise ValueError(msg)
    count, unit = text.split()
    return of_a_life(Duration(int(count), CalendarUnit(unit)), text)
