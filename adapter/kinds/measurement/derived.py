"""A value that nobody reported, reckoned from others by a published formula (CONFORMANCE: Derived values)."""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from adapter.criteria.calendar import CalendarUnit, Duration, Length, birthday
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.formula import AGE, Formula, Input, Presence, Range, Together, reckoned, rounded
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth, disjunction
from adapter.evaluator.chart import Chart, Interval, Reading, in_time
from adapter.evaluator.kind import Evaluation
from adapter.evaluator.latest import Fresh, evidence, fresh_of
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import EXPOSURE, PERSON, Read, Role, coded, diagnosed, observed
from adapter.evaluator.reason import Reason, truth_of
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.exposure.evaluate import bind_exposure
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.compare import may_be_anything
from adapter.record.facts import Amount, ObservationFact, Source
from adapter.record.values import stands_for_none

_DIGITS = Context(prec=50)
BIRTH, SEX = "birthDate", "gender"
"""What a data need calls the elements of the Patient that formulas ask for."""


class Derived(NamedTuple):
    """A reckoned value, as a reading with the time of its first input; and what it stands on.

    `assumed`: some of it is absent by the policy's word. `lacks`: the concepts of which nobody knows whether they are.
    """

    reading: Reading
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    note: str
    assumed: bool = False
    lacks: tuple[str, ...] = ()


class _Gathered(NamedTuple):
    """The values of one input, any of which may be meant."""

    number: Range
    readings: tuple[Reading, ...]
    changes: tuple[Change, ...]


class _Bound(NamedTuple):
    """An input with its analyte, and what turns a number in the analyte's unit into the formula's."""

    name: str
    analyte: Analyte
    factor: Fraction
    offset: Fraction
    window: Length | None


class Deriving:
    """A formula bound to a terminology; it is asked for patients."""

    def __init__(self, formula: Formula, gives: Analyte, terminology: Terminology) -> None:
        """Units and expression are worked out once."""
        self.formula = formula
        self.gives = gives
        self.where = [(name, reckoned(each)) for name, each in formula.where.items()]
        self.value = reckoned(formula.value)
        self.by_years = AGE in formula.asked
        ages = formula.ages
        self.ages = tuple(range(1, OLDEST)) if ages is None else tuple(sorted(ages))
        self.presence = [(name, each, _on_record(each, terminology)) for name, each in formula.presence.items()]
        self.inputs = [_bound(name, each, terminology) for name, each in formula.inputs.items()]
        self.branches = [{name: _single(n) for name, n in branch.items()} for branch in (formula.female, formula.male)]

    def concerns(self, chart: Chart, moment: Moment) -> bool | None:
        """Whether the formula is for people of the patient's age; None if that can't be said."""
        if self.formula.at_least is None and self.formula.below is None:
            return True
        birth = chart.record.birth
        if birth is None or stands_for_none(birth.text):
            return None
        sides = {self._within(born, moment) for born in (birth.first, birth.last)}
        return sides.pop() if len(sides) == 1 else None

    def _within(self, born: date, moment: Moment) -> bool:
        low, high = self.formula.at_least, self.formula.below
        return not (low and moment.day < birthday(born, low)) and not (high and moment.day >= birthday(born, high))

    def derive(self, chart: Chart, moment: Moment, window: Length | None) -> Derived | Outcome:
        """The value of now, if every input is fresh; else why there is none, with what is on record, and what lacks."""
        found: dict[str, _Gathered | Outcome] = {}
        primary: _Gathered | Outcome = _Gathered(_NOUGHT, (), ())
        for place, each in enumerate(self.inputs):
            together = place > 0 and self.formula.together is not None and isinstance(primary, _Gathered)
            beside = primary.readings if together and isinstance(primary, _Gathered) else None
            newest = self._latest(each, chart, moment, window) if beside is None else self._beside(each, beside, chart)
            found[each.name] = newest
            primary = newest if place == 0 else primary
        years = self._years(chart, primary, moment) if self.by_years else None
        open_ = {name: each for name, each in found.items() if isinstance(each, Outcome)}
        lacks = [bound.analyte.id for bound in self.inputs if bound.name in open_]
        if self.by_years and years is None and isinstance(primary, _Gathered):
            lacks.append(BIRTH)
        if lacks:
            return self._open(found, open_, lacks)
        values = {name: each.number for name, each in found.items() if isinstance(each, _Gathered)}
        if years is not None:
            values[AGE] = years
        gathered = [each for each in found.values() if isinstance(each, _Gathered)]
        recorded = {name: evaluate(chart, moment) for name, _, evaluate in self.presence}
        turns = () if self.inputs or not self.by_years else _birthdays(self.ages, chart, moment)
        return self._reckoned(values, gathered, recorded, chart, turns)

    def _reckoned(
        self,
        values: dict[str, Range],
        gathered: Sequence[_Gathered],
        recorded: Mapping[str, Outcome],
        chart: Chart,
        turns: tuple[Change, ...],
    ) -> Derived | Outcome:
        shown = evidence([reading for each in gathered for reading in each.readings], named=True)
        known = [each for each in recorded.values() if each.truth is not Truth.UNKNOWN]
        shown += tuple(dict.fromkeys(item for each in known for item in each.evidence))
        changes = turns + tuple(change for each in gathered for change in each.changes)
        changes += tuple(change for each in recorded.values() for change in each.changes)
        values = values | {name: _RECORDED[each.truth] for name, each in recorded.items()}
        try:
            number = Range.hull(*(self._value({**values, **branch}) for branch in self._of_sex(chart)))
        except ArithmeticError:
            return outcome(Reason.VALUE_NOT_COMPARABLE, shown, changes, f"no value by {self.formula.title}")
        number = rounded(number, self.formula.step)
        low, high = (_decimal(end) for end in number)
        told = _told(low) if low == high else f"{_told(low)} to {_told(high)}"
        unit = "" if self.formula.unit == "1" else f" {self.formula.unit}"
        note = f"{self.gives.title} {told}{unit} by {self.formula.title}"
        first = gathered[0].readings[-1] if gathered else None
        fact = ObservationFact(
            source=first.fact.source if first is not None else Source(chart.record.subject, None),
            element=first.fact.element if first is not None else "",
            shown=told,
            status="final",
            when=first.fact.when if first is not None else None,
            amount=Amount(low, high, unit=self.formula.unit),
        )
        unknown = {name for name, each in recorded.items() if each.truth is Truth.UNKNOWN}
        lacks = tuple(dict.fromkeys(one for name, held, _ in self.presence if name in unknown for one in _named(held)))
        assumed = any(each.assumed for each in known)
        return Derived(
            Reading(fact, first.time if first is not None else None, counts=True), shown, changes, note, assumed, lacks
        )

    def _value(self, values: dict[str, Range]) -> Range:
        for name, reckon in self.where:
            values[name] = reckon(values)
        return self.value(values)

    def _of_sex(self, chart: Chart) -> Sequence[Mapping[str, Range]]:
        """The numbers of the patient's sex; of both where it isn't known."""
        if not self.formula.by_sex:
            return [{}]
        record = chart.record
        sex = record.clinical_sex or (record.gender if record.birth_sex in (None, record.gender) else None)
        female, male = self.branches
        return {"female": [female], "male": [male]}.get(sex or "", [female, male])

    def _years(self, chart: Chart, primary: "_Gathered | Outcome", moment: Moment) -> Range | None:
        """The completed years at the time of the first input; today's where nothing is measured."""
        birth = chart.record.birth
        if birth is None or isinstance(primary, Outcome) or stands_for_none(birth.text):
            return None
        times = [reading.time for reading in primary.readings if reading.time is not None]
        least = _completed(birth.last, min((time.first for time in times), default=moment.day))
        most = _completed(birth.first, max((time.last for time in times), default=moment.day))
        return Range(Fraction(max(least, 0)), Fraction(max(most, 0)))

    def turns(self, chart: Chart, moment: Moment) -> tuple[Change, ...]:
        """When the patient will have reached the ages from or to which the formula holds."""
        birth = chart.record.birth
        if birth is None:
            return ()
        ages = [age for age in (self.formula.at_least, self.formula.below) if age is not None]
        days = {birthday(born, age) for age in ages for born in (birth.first, birth.last)}
        return tuple(sorted(day for day in days if moment.day < day < date.max))

    def _latest(self, each: _Bound, chart: Chart, moment: Moment, window: Length | None) -> "_Gathered | Outcome":
        asked = each.window or window or chart.policy.freshness[each.analyte.freshness]
        newest = fresh_of(each.analyte, chart, moment, asked)
        if isinstance(newest, Outcome):
            return newest
        others, changes = newest.doubts or ([], ())
        readable: list[Reading] = []
        for reading in others:
            number = chart.number(reading.fact, each.analyte)
            if not isinstance(number, Reason):
                readable.append(reading)
            elif may_be_anything(reading, number, chart):
                return outcome(Reason.PRELIMINARY, evidence([reading], named=True), newest.changes + changes)
        return self._numbers(each, (*newest.latest.readings, *readable), newest.changes + changes, chart)

    def _beside(self, each: _Bound, primary: Sequence[Reading], chart: Chart) -> "_Gathered | Outcome":
        """The values that were measured with the first input."""
        found = [
            other
            for other in chart.readings(each.analyte)
            if other.counts and any(self._is_together(other, reading) for reading in primary)
        ]
        return self._numbers(each, found, (), chart) if found else outcome(Reason.NO_DATA)

    def _is_together(self, one: Reading, other: Reading) -> bool:
        if one.fact.source.resource == other.fact.source.resource:
            return True
        if one.time is None or other.time is None:
            return False
        if self.formula.together is Together.DAY:
            return one.time.first == one.time.last == other.time.first == other.time.last
        return one.time.start == other.time.start and one.time.end == other.time.end and one.time.start == one.time.end

    def _numbers(
        self, each: _Bound, readings: Sequence[Reading], changes: tuple[Change, ...], chart: Chart
    ) -> "_Gathered | Outcome":
        ranges: list[Range] = []
        for reading in readings:
            number = chart.number(reading.fact, each.analyte)
            ends = number if isinstance(number, Reason) else closed(number, each.analyte)
            if isinstance(ends, Reason):
                return outcome(ends, evidence([reading], named=True), changes)
            ranges.append(Range(*((end * each.factor + each.offset) for end in ends)))
        return _Gathered(Range.hull(*ranges), tuple(sorted(readings, key=in_time)), changes)

    def _open(
        self, found: Mapping[str, "_Gathered | Outcome"], open_: Mapping[str, Outcome], lacks: Sequence[str]
    ) -> Outcome:
        """The first input that lacks gives the reason; what is there is shown."""
        reason = next(iter(open_.values())).reason if open_ else Reason.NO_DATA
        shown: list[Evidence] = []
        changes: list[Change] = []
        for each in found.values():
            shown += each.evidence if isinstance(each, Outcome) else evidence(each.readings, named=True)
            changes += each.changes
        return outcome(reason, tuple(dict.fromkeys(shown)), tuple(changes), f"by {self.formula.title}").lacking(lacks)


def _bound(name: str, each: Input, terminology: Terminology) -> _Bound:
    analyte = terminology.catalogue.analytes[each.analyte]
    known = terminology.conversion(analyte, each.unit, None)
    if known is None:
        msg = f"{each.unit} does not convert to {analyte.unit}, the unit of {analyte.id}"
        raise ValueError(msg)
    factor = 1 / Fraction(known.factor)
    return _Bound(name, analyte, factor, -Fraction(known.offset or 0) * factor, each.window)


OLDEST = 150
"""No birthday is waited for from this one on, by a formula that reckons with the age itself."""

_NOUGHT, _ONE = Range(Fraction(0), Fraction(0)), Range(Fraction(1), Fraction(1))
_RECORDED = {Truth.MET: _ONE, Truth.NOT_MET: _NOUGHT, Truth.UNKNOWN: Range.hull(_NOUGHT, _ONE)}
"""What something counts that is on record, denied, or neither."""


def _on_record(held: Presence, terminology: Terminology) -> Evaluation:
    """Whether any of it is on record: met if one is, denied if all are."""
    occurrence = Occurrence.ACTIVE if held.active else Occurrence.EVER
    asked: list[Evaluation] = []
    if held.conditions:
        asked.append(bind_condition(Condition(concepts=held.conditions, occurrence=occurrence), terminology))
    if held.exposures:
        asked.append(bind_exposure(Exposure(concepts=held.exposures, look_back=held.window), terminology))

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = [each(chart, moment) for each in asked]
        truth = disjunction([each.truth for each in found])
        first = next(each for each in found if each.truth is truth)
        same = [each for each in found if each.truth is truth]
        return Outcome(
            truth,
            first.reason,
            tuple(item for each in same for item in each.evidence),
            tuple(change for each in found for change in each.changes),
            any(each.assumed for each in same),
        )

    return evaluate


def _named(held: Presence) -> tuple[str, ...]:
    return held.conditions + held.exposures


def _birthdays(ages: Sequence[int], chart: Chart, moment: Moment) -> tuple[Change, ...]:
    """The next days on which an age is reached that the formula asks about, `ages` rising."""
    birth = chart.record.birth
    found = set[date]()
    for born in (birth.first, birth.last) if birth is not None else ():
        days = (
            birthday(born, Duration(years, CalendarUnit.YEAR))
            for years in ages[bisect(ages, _completed(born, moment.day)) :]
        )
        found.update(islice((day for day in days if day > moment.day), 1))
    return tuple(sorted(found))


def _single(number: Decimal) -> Range:
    return Range(Fraction(number), Fraction(number))


def closed(number: Interval, analyte: Analyte) -> tuple[Fraction, Fraction] | Reason:
    """Both ends; an open one is what a living patient can have, and 0 where the detection limit is below that."""
    low, high, possible = number.low, number.high, analyte.plausible
    if possible is None and (low is None or high is None):
        return Reason.VALUE_STRADDLES
    if high is None:
        high = possible.high if possible else low
    if low is None and possible is not None and high is not None:
        low = possible.low if possible.low < high else Decimal(0)
    return Fraction(low or 0), Fraction(high or 0)


def _completed(born: date, day: date) -> int:
    years = day.year - born.year
    return years if birthday(born, Duration(max(years, 0), CalendarUnit.YEAR)) <= day else years - 1


def _decimal(number: Fraction) -> Decimal:
    return _DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator))


def _told(number: Decimal) -> str:
    return f"{float(number):.4g}"


def derived_reads(analyte: Analyte, catalogue: Catalogue, window: Length | None) -> Iterator[Read]:
    """What the formulas of an analyte read beside its own values."""
    for formula in catalogue.formulas.get(analyte.id, ()):
        for each in formula.inputs.values():
            yield from observed(catalogue.analytes[each.analyte], Role.BESIDE, each.window or window)
        for held in formula.presence.values():
            yield from _reads_of(held, catalogue)
        if formula.by_age:
            yield Read(data=PERSON, name=BIRTH, role=Role.BESIDE)
        if formula.by_sex:
            yield Read(data=PERSON, name=SEX, role=Role.BESIDE)


def _reads_of(held: Presence, catalogue: Catalogue) -> Iterator[Read]:
    for read in diagnosed(held.conditions, catalogue):
        yield replace(read, role=Role.BESIDE) if read.role is Role.ASKED else read
    for concept in held.exposures:
        yield coded(EXPOSURE, concept, Role.BESIDE, held.window)
        for each in catalogue.exposures[concept].absent:
            yield coded(EXPOSURE, each, Role.ABSENT)


def any_of(deriving: Sequence[Deriving], chart: Chart, moment: Moment, window: Length | None) -> Derived | Outcome:
    """The value by the formula that concerns the patient, at an age to come perhaps; no data if none does."""
    concerned = [(each, each.concerns(chart, moment)) for each in deriving]
    turns = tuple(turn for each in deriving for turn in each.turns(chart, moment))
    if any(fits is None for _, fits in concerned):
        reason = Reason.NO_DATA if chart.record.birth is None else Reason.IMPRECISE_DATE
        return outcome(reason, (), turns).lacking([BIRTH])
    sure = next((each for each, fits in concerned if fits), None)
    if sure is None:
        return outcome(Reason.NO_DATA, (), turns)
    found = sure.derive(chart, moment, window)
    return found.also(turns) if isinstance(found, Outcome) else found._replace(changes=found.changes + turns)


def is_later(derived: Derived, reported: Fresh) -> bool:
    """Whether a reckoned value is of a later day than the latest one that was reported."""
    time = derived.reading.time
    return time is not None and time.first > reported.latest.last


def contradict(one: Reason, other: Reason) -> bool:
    """Whether two reasons stand for opposite definite truths."""
    return {truth_of(one), truth_of(other)} == {Truth.MET, Truth.NOT_MET}
