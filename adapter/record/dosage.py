"""Dosage, and the dosage of an administration -> how much, how often (FHIR R4, dosage.html; CONFORMANCE: Exposure).

Read only when a criterion asks for it: an element that can't be read makes the dose unknown, and nothing else.
"""

import re
from decimal import Context, Decimal
from fractions import Fraction

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.sentence import NONE_A_DAY
from adapter.criteria.written import plain
from adapter.record.facts import Amount, Dosing, Instruction
from adapter.record.resources import ABSENT, CodeableConcept, Dosage, Quantity, Range, Ratio, Repeat
from adapter.record.values import IssueCollector, amount, quantity_text, range_amount

_DAYS = {
    "s": Fraction(1, 86_400),
    "min": Fraction(1, 1440),
    "h": Fraction(1, 24),
    "d": Fraction(1),
    "wk": Fraction(7),
    "mo": Fraction(487, 16),
    "a": Fraction(1461, 4),
}
"""FHIR's units of time in days; a month is 30.4375 days, a year 365.25."""

_CODES = {
    "QD": Fraction(1),
    "BID": Fraction(2),
    "TID": Fraction(3),
    "QID": Fraction(4),
    "AM": Fraction(1),
    "PM": Fraction(1),
    "BED": Fraction(1),
    "QOD": Fraction(1, 2),
    "Q1H": Fraction(24),
    "Q2H": Fraction(12),
    "Q3H": Fraction(8),
    "Q4H": Fraction(6),
    "Q6H": Fraction(4),
    "Q8H": Fraction(3),
    "WK": Fraction(1, 7),
    "MO": Fraction(16, 487),
}
"""Times a day of HL7's codes for timing (v3-GTSAbbreviation, as R4's Timing.code lists them)."""

_TIMING = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


class _DoseAndRate(Struct, frozen=True, gc=False):
    doseQuantity: Quantity | None = None
    doseRange: Range | None = None
    rateQuantity: Quantity | None = None
    rateRange: Range | None = None
    rateRatio: Ratio | None = None


_words = msgspec.json.Decoder(tuple[str, ...])
_word = msgspec.json.Decoder(str)
_doses = msgspec.json.Decoder(tuple[_DoseAndRate, ...])
_concept = msgspec.json.Decoder(CodeableConcept)
_quantity = msgspec.json.Decoder(Quantity)
_ratio = msgspec.json.Decoder(Ratio)
_boolean = msgspec.json.Decoder(bool)
_integer = msgspec.json.Decoder(int)
_decimal = msgspec.json.Decoder(Decimal)

_Bounds = tuple[Fraction, Fraction]


_PIECES = frozenset({"1", "tbl", "tab", "tabs", "tablet", "tablets", "cap", "caps", "capsule", "capsules"})
"""How people write pieces of a product, beside a plain 1."""


def dosing(dosages: tuple[Dosage, ...], strength: Raw = ABSENT, *, once: bool) -> Dosing:
    """What the dosages say; an instruction that can't be read has no amount, and no times.

    `strength`: of the product's only ingredient, by which its pieces or volume are told in mass. `once`: of one giving.
    """
    held = _strength(strength)
    return Dosing(tuple(_instruction(each, held, once=once) for each in dosages))


_Strength = tuple[Amount, Amount]
"""So much of the ingredient in so much of the product."""


def _strength(raw: Raw) -> _Strength | None:
    """A strength that is exact and more than nothing; None for any other, and one that can't be read."""
    try:
        ratio = _ratio.decode(raw) if raw else None
    except msgspec.DecodeError:
        return None
    if ratio is None or ratio.numerator is None:
        return None
    quiet = IssueCollector("", "", [])
    much = amount(ratio.numerator, quiet, "")
    of = amount(ratio.denominator, quiet, "") if ratio.denominator is not None else Amount(Decimal(1), Decimal(1))
    if much is None or of is None or not (_is_exact(much) and _is_exact(of)):
        return None
    return much, of


def _is_exact(held: Amount) -> bool:
    return held.low is not None and held.low == held.high and held.low > 0


def _in_mass(given: Amount | None, strength: _Strength | None) -> Amount | None:
    """An amount of a product as one of its ingredient, where the strength is of the same: a tablet, a millilitre."""
    if given is None or strength is None or not (given.unit or given.text):
        return given
    much, of = strength
    if _unit(given) != _unit(of) or much.low is None or of.low is None:
        return given
    low, high = (None if end is None else _EXACT.divide(end * much.low, of.low) for end in (given.low, given.high))
    return Amount(low, high, given.low_open, given.high_open, unit=much.unit, text=much.text)


def _unit(held: Amount) -> str:
    """What an amount is counted in; all pieces are one, since a product has them of one sort."""
    said = (held.unit or held.text or "1").strip().casefold().strip("{}")
    return "1" if said in _PIECES else said


_EXACT = Context(prec=40)


def _instruction(dosage: Dosage, strength: _Strength | None, *, once: bool) -> Instruction:
    try:
        how_much, told = _amount(dosage)
        how_much = _in_mass(how_much, strength)
        times = None if once else _times(dosage)
        as_needed = is_as_needed(dosage)
        place = _integer.decode(dosage.sequence) if dosage.sequence else 0
    except msgspec.DecodeError:
        return Instruction(None, None, as_needed=False, place=0, text=dosage.text or "a dosage that can't be read")
    if as_needed and times is not None:
        times = Fraction(0), times[1]
    text = dosage.text or " ".join(filter(None, (told, _told(times), "as needed" if as_needed else "")))
    return Instruction(how_much, times, as_needed=as_needed, place=place, text=text)


def _told(times: _Bounds | None) -> str:
    if times is None:
        return ""
    low, high = (float(round(each, 2)) for each in times)
    return f"{high:g} a day" if low == high else f"{low:g} to {high:g} a day"


def _amount(dosage: Dosage) -> tuple[Amount | None, str]:
    """How much is given each time; of a rate, how much in its time."""
    given = _doses.decode(dosage.doseAndRate) if dosage.doseAndRate else ()
    if dosage.dose:
        given = (*given, _DoseAndRate(doseQuantity=_quantity.decode(dosage.dose)))
    elif dosage.rateRatio:
        given = (*given, _DoseAndRate(rateRatio=_ratio.decode(dosage.rateRatio)))
    elif dosage.rateQuantity:
        given = (*given, _DoseAndRate(rateQuantity=_quantity.decode(dosage.rateQuantity)))
    read = [_one(each) for each in given]
    if len(read) != 1:
        return None, ""
    return read[0]


def _one(given: _DoseAndRate) -> tuple[Amount | None, str]:
    quiet = IssueCollector("", "", [])
    if given.doseQuantity is not None:
        return amount(given.doseQuantity, quiet, ""), quantity_text(given.doseQuantity)
    if given.doseRange is not None:
        low, high = given.doseRange.low, given.doseRange.high
        told = " to ".join(quantity_text(each) for each in (low, high) if each is not None)
        return range_amount(given.doseRange, quiet, ""), told
    if given.rateQuantity is not None:
        return amount(given.rateQuantity, quiet, ""), quantity_text(given.rateQuantity)
    if given.rateRatio is not None:
        return _rate(given.rateRatio, quiet)
    return None, ""


def _rate(ratio: Ratio, quiet: IssueCollector) -> tuple[Amount | None, str]:
    """So much in so long, as an amount in one unit of that time: 100 mg / 2 h is 50 mg/h."""
    if ratio.numerator is None or ratio.denominator is None:
        return None, ""
    told = f"{quantity_text(ratio.numerator)} / {quantity_text(ratio.denominator)}"
    over, under = amount(ratio.numerator, quiet, ""), amount(ratio.denominator, quiet, "")
    if over is None or under is None or not over.unit or not under.unit or not under.low or under.low != under.high:
        return None, told
    low, high = (None if each is None else each / under.low for each in (over.low, over.high))
    return Amount(low, high, over.low_open, over.high_open, f"{over.unit}/{under.unit}"), told


def _times(dosage: Dosage) -> _Bounds | None:
    """How many times a day; None where nobody says it."""
    timing = dosage.timing
    if timing is None:
        return None
    if timing.repeat is not None and (found := _repeated(timing.repeat)) is not None:
        return found
    code = _concept.decode(timing.code) if timing.code else CodeableConcept()
    said = {_CODES.get(each.code or "") for each in code.coding if each.system in (None, _TIMING)} - {None}
    known = said.pop() if len(said) == 1 else None
    return None if known is None else (known, known)


def _repeated(repeat: Repeat) -> _Bounds | None:
    often = max(len(_words.decode(raw)) if raw else 0 for raw in (repeat.when, repeat.timeOfDay))
    if not (repeat.frequency or often or repeat.period):
        return None
    low = _integer.decode(repeat.frequency) if repeat.frequency else often or 1
    high = _integer.decode(repeat.frequencyMax) if repeat.frequencyMax else low
    days = Fraction(len(_words.decode(repeat.dayOfWeek)), 7) if repeat.dayOfWeek else Fraction(1)
    named = _word.decode(repeat.periodUnit) if repeat.periodUnit else "d" if often and not repeat.period else ""
    period = _number(repeat.period) if repeat.period else Fraction(1)
    longest = _number(repeat.periodMax) if repeat.periodMax else period
    unit = _DAYS.get(named)
    if unit is None or not 0 <= low <= high or not 0 < period <= longest:
        return None
    return days * low / (longest * unit), days * high / (period * unit)


def _number(raw: Raw) -> Fraction:
    """A JSON number. Raises DecodeError for anything else."""
    return Fraction(_decimal.decode(raw))


_ZERO = re.compile(rb'"value"\s*:\s*0+(?:\.0*)?(?![.\deE])')


def takes_none(dosage: Dosage) -> bool:
    """Whether it says in words or as the one dose that nothing is taken: "0-0-0", 0 mg."""
    if dosage.text and NONE_A_DAY.search(plain(dosage.text)):
        return True
    if not any(raw and _ZERO.search(bytes(raw)) for raw in (dosage.doseAndRate, dosage.dose)):
        return False
    try:
        given = [each.doseQuantity for each in _doses.decode(dosage.doseAndRate)] if dosage.doseAndRate else []
        given += [_quantity.decode(dosage.dose)] if dosage.dose else []
    except msgspec.DecodeError:
        return False
    much = amount(given[0], IssueCollector("", "", []), "") if len(given) == 1 and given[0] is not None else None
    return much is not None and much.low == much.high == 0


def is_as_needed(dosage: Dosage) -> bool:
    """Whether it is taken only when needed. Raises DecodeError for what is no boolean."""
    return bool(dosage.asNeededCodeableConcept) or (
        bool(dosage.asNeededBoolean) and _boolean.decode(dosage.asNeededBoolean)
    )
