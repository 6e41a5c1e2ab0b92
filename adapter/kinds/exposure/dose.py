"""How much of a drug somebody takes, and how often, against what is asked (CONFORMANCE: Exposure)."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from adapter.criteria import formula
from adapter.criteria.catalogue import Analyte, Equivalents, ExposureConcept
from adapter.criteria.formula import Formula
from adapter.criteria.quantity import Comparator, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Interval
from adapter.evaluator.extent import Reply
from adapter.evaluator.latest import Fresh, fresh_of
from adapter.evaluator.moment import Moment
from adapter.evaluator.reason import Reason
from adapter.record.facts import Amount, Dosing, ExposureFact, Instruction

WEIGHT, HEIGHT, SURFACE = "body-weight", "body-height", "bsa"
"""The analytes that doses by weight and surface are reckoned with, in kg and cm, and what the formula gives."""

_IU = {"U": "[IU]", "IU": "[IU]", "[iU]": "[IU]", "U/d": "[IU]/d", "IU/d": "[IU]/d", "U/kg": "[IU]/kg"}
"""How people write international units; UCUM's U is one of enzymes."""

_TIMES = ("min", "h", "d", "wk", "mo", "a")
_OF_RATES = frozenset({"min", "h"})
"""Times of which only a rate says how much: of single givings nobody knows how fast each was."""


class Unit(NamedTuple):
    """The unit of a dose: `amount` of the drug, for each `time` (None: each giving), by kg or m2 of the body."""

    amount: str
    time: str | None = None
    by_weight: bool = False
    by_surface: bool = False


def unit_of_dose(text: str) -> Unit | None:
    """mg, mg/d, mg/kg, mg/kg/d, mg/m2; None for any other. A bare frequency (/d) has no amount."""
    amount, *below = text.split("/")
    times = [each for each in below if each in _TIMES]
    if len(times) > 1 or len(set(below)) != len(below) or not set(below) <= {*_TIMES, "kg", "m2"}:
        return None
    if "kg" in below and "m2" in below:
        return None
    return Unit(amount, times[0] if times else None, "kg" in below, "m2" in below)


class Range(NamedTuple):
    """A number from `low` to `high`; None: nobody knows how much more."""

    low: Fraction
    high: Fraction | None


Reckoned = Callable[[ExposureFact, Chart, Moment], Range | None]
"""A drug's dose in the unit that is asked; None where it can't be told."""


def bind_dose(
    asked: QuantityThreshold, concepts: Sequence[ExposureConcept], terminology: Terminology, *, equivalents: bool
) -> Reckoned:
    """The reckoning of doses in the unit of what is asked. Raises KeyError for a weight that the catalogue lacks."""
    unit = unit_of_dose(asked.unit) or Unit(asked.unit)
    analytes = terminology.catalogue.analytes
    bodies = [analytes[name] for name in _bodies(unit)]
    surface = terminology.catalogue.formulas[SURFACE][0] if unit.by_surface else None
    tables = [each.equivalents for each in concepts if each.equivalents is not None] if equivalents else []

    def reckon(fact: ExposureFact, chart: Chart, moment: Moment) -> Range | None:
        dosing = fact.dosing() if fact.dosing is not None else None
        factor = _same_effect(fact, tables, terminology) if equivalents else Fraction(1)
        body = _body(bodies, chart, moment, surface)
        if dosing is None or factor is None:
            return None
        total = _total([_dose(each, unit, body, terminology) for each in dosing.instructions], dosing, unit)
        return None if total is None else _times(total, factor)

    return reckon


def _bodies(unit: Unit) -> tuple[str, ...]:
    if unit.by_surface:
        return (WEIGHT, HEIGHT)
    return (WEIGHT,) if unit.by_weight else ()


def bodies_of(asked: QuantityThreshold | None) -> tuple[str, ...]:
    """The analytes that a dose is reckoned with."""
    unit = unit_of_dose(asked.unit) if asked is not None else None
    return _bodies(unit) if unit is not None else ()


def _same_effect(fact: ExposureFact, tables: Sequence[Equivalents], terminology: Terminology) -> Fraction | None:
    """What a dose of the drug is in the class's own; None for a drug that the table doesn't have, or two of it."""
    found = {
        Fraction(table.reference) / Fraction(dose)
        for table in tables
        for code in fact.codes
        if (dose := table.doses.get((terminology.canonical_system(code.system) or code.system, code.code))) is not None
    }
    return found.pop() if len(found) == 1 else None


def _body(analytes: Sequence[Analyte], chart: Chart, moment: Moment, surface: Formula | None) -> Range | None:
    """The weight in kg, or the surface in m2 by its formula; None unless fresh."""
    found: list[Range] = []
    for analyte in analytes:
        newest = fresh_of(analyte, chart, moment, chart.policy.freshness[analyte.freshness])
        if not isinstance(newest, Fresh):
            return None
        numbers = [chart.number(reading.fact, analyte) for reading in newest.latest.readings]
        read = [each for each in map(_closed, numbers) if each is not None]
        if len(read) != len(numbers):
            return None
        found.append(Range(min(each.low for each in read), max(each.high or each.low for each in read)))
    if surface is None:
        return found[0] if found else None
    ends = [formula.Range(each.low, each.high or each.low) for each in found]
    held = {analyte.id: each for analyte, each in zip(analytes, ends, strict=True)}
    values = {name: held[each.analyte] for name, each in surface.inputs.items()}
    return Range(*formula.reckoned(surface.value)(values))


def _closed(number: Interval | Reason) -> Range | None:
    if isinstance(number, Reason) or number.low is None or number.high is None or number.low <= 0:
        return None
    return Range(Fraction(number.low), Fraction(number.high))


def _named(amount: Amount, terminology: Terminology) -> str:
    """An amount's unit, by its code or the words beside it."""
    named = amount.unit or (amount.text and (terminology.unit_of(amount.text) or amount.text)) or ""
    return _IU.get(named, named)


def as_mass(amount: Amount, terminology: Terminology) -> tuple[Fraction | None, Fraction | None, str]:
    """An amount from low to high with its unit, to compare with others: in mg if it is a mass."""
    named = _named(amount, terminology)
    factor = terminology.unit_factor(named, "mg")
    ends = [None if end is None else Fraction(end) * (factor or 1) for end in (amount.low, amount.high)]
    return ends[0], ends[1], named if factor is None else "mg"


def _dose(said: Instruction, unit: Unit, body: Range | None, terminology: Terminology) -> Range | None:
    """One dosage in the unit that is asked."""
    amount = said.amount
    if amount is None:
        return None
    given = unit_of_dose(_named(amount, terminology))
    if given is None or (amount.low is None and amount.high is None):
        return None
    often = _often(said, given, unit)
    wanted = unit.amount + (f"/{unit.time}" if unit.time else "")
    time = given.time or ("d" if unit.time else None)
    factor = terminology.unit_factor(given.amount + (f"/{time}" if time else ""), wanted)
    if often is None or often.high is None or factor is None:
        return None
    low = Fraction(amount.low or 0) * factor * often.low
    high = None if amount.high is None else Fraction(amount.high) * factor * often.high
    return _by_body(Range(low, high), given, unit, body)


def _often(said: Instruction, given: Unit, unit: Unit) -> Range | None:
    """How many of the amounts make up what is asked: one giving, or a day's; None where nobody says it."""
    once = Range(Fraction(1), Fraction(1))
    if unit.time is None:
        return once if given.time is None else None  # a rate says nothing of one giving
    if given.time is not None:
        return once if said.times is None else None  # a rate for a part of the day
    return None if said.times is None or unit.time in _OF_RATES else Range(*said.times)


def _by_body(found: Range, given: Unit, unit: Unit, body: Range | None) -> Range | None:
    """A dose for the whole body, by its weight or surface; one that is told so already stays."""
    same = (given.by_weight, given.by_surface) == (unit.by_weight, unit.by_surface)
    if same:
        return found
    if given.by_weight or given.by_surface or body is None or body.low <= 0:
        return None
    high = None if found.high is None else found.high / body.low
    return Range(found.low / (body.high or body.low), high)


def _total(doses: Sequence[Range | None], dosing: Dosing, unit: Unit) -> Range | None:
    """All dosages of one entry: a day's are added up, one giving is any of them, and of a taper any step may be now."""
    known = [each for each in doses if each is not None]
    if not known or len(known) != len(doses):
        return None
    places = [each.place for each in dosing.instructions]
    if unit.time is None or len(set(places)) == len(places) > 1:
        highs = [each.high for each in known if each.high is not None]
        return Range(min(each.low for each in known), max(highs) if len(highs) == len(known) else None)
    return _sum(known) if len(set(places)) == 1 else None


def _sum(doses: Sequence[Range]) -> Range:
    highs = [each.high for each in doses if each.high is not None]
    low = sum((each.low for each in doses), Fraction(0))
    return Range(low, sum(highs, Fraction(0)) if len(highs) == len(doses) else None)


def _times(held: Range, factor: Fraction) -> Range:
    return Range(held.low * factor, None if held.high is None else held.high * factor)


def with_others(own: Range, others: Sequence[Range | None]) -> Range:
    """A dose beside others of the same time, which may stand in its place or come on top."""
    if not others:
        return own
    if own.high is None or any(each is None or each.high is None for each in others):
        return Range(own.low, None)
    return Range(own.low, own.high + sum((each.high for each in others if each and each.high is not None), Fraction(0)))


def at_least_all(doses: Sequence[Range | None]) -> Range:
    """What was given altogether: at least what is known of it; what was given elsewhere nobody knows."""
    return Range(sum((each.low for each in doses if each is not None), Fraction(0)), None)


def compared(dose: Range | None, asked: QuantityThreshold) -> Reply:
    """A dose against a bound; one that can't be told is a question."""
    if dose is None:
        return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW)
    bound = Fraction(asked.value)
    low, high = dose
    match asked.comparator:
        case Comparator.AT_LEAST:
            sure, possible = low >= bound, high is None or high >= bound
        case Comparator.GREATER:
            sure, possible = low > bound, high is None or high > bound
        case Comparator.AT_MOST:
            sure, possible = high is not None and high <= bound, low <= bound
        case Comparator.LESS:
            sure, possible = high is not None and high < bound, low < bound
    if sure:
        return Reply(Truth.MET)
    return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW) if possible else Reply(Truth.NOT_MET, Reason.NO_DATA)


def frequency_of(fact: ExposureFact, asked: QuantityThreshold, terminology: Terminology) -> Range | None:
    """How often it is taken, in the unit that is asked (/d, /wk); None where nobody says it."""
    dosing = fact.dosing() if fact.dosing is not None else None
    if dosing is None or not dosing.instructions or len({each.place for each in dosing.instructions}) > 1:
        return None
    factor = terminology.unit_factor("/d", asked.unit)
    times = [each.times for each in dosing.instructions]
    if factor is None or any(each is None for each in times):
        return None
    return _times(_sum([Range(*each) for each in times if each is not None]), factor)


def as_needed(fact: ExposureFact) -> Reply:
    """Whether it is taken only when needed."""
    dosing = fact.dosing() if fact.dosing is not None else None
    if dosing is None or not dosing.instructions:
        return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW)
    said = [each.as_needed for each in dosing.instructions]
    if all(said):
        return Reply(Truth.MET)
    return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW) if any(said) else Reply(Truth.NOT_MET, Reason.NO_DATA)
