"""`change`: how far an analyte has risen or fallen to its latest value (CONFORMANCE: The criterion algebra, change)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from adapter.criteria.calendar import Hours, Length
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.expression import AnalyteFacts, Expression, Freshness, Known, Readings, call
from adapter.criteria.fields import Bound, CodeOf, ConceptOf, Field, Keys, Section, Window
from adapter.criteria.formula import Range
from adapter.criteria.model import Leaf
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.columns import unsaid
from adapter.evaluator.finding import amount_of
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trial, untold
from adapter.evaluator.latest import dated, evidence, fresh
from adapter.evaluator.moment import Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import Read, Role, observed
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import COMPARATORS
from adapter.kinds.measurement.compare import stands
from adapter.kinds.measurement.derived import closed
from adapter.kinds.measurement.several import turns_of_uncounted, uncounted

PERCENT = "%"
"""The unit of a change that is told as a part of the earlier value."""


class Direction(StrEnum):
    """Which way it went."""

    RISE = "rise"
    FALL = "fall"


class Since(StrEnum):
    """From which of the earlier values inside the window: the first, the one before, the lowest, the highest."""

    FIRST = "first"
    PREVIOUS = "previous"
    LOWEST = "lowest"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Leaf):
    """An analyte has risen or fallen by so much to its latest value; `by` in per cent is of the earlier value."""

    analyte: str
    direction: Direction
    by: QuantityThreshold
    since: Since = Since.FIRST
    window: Length | None = None


def bind_change(statement: Change, trial: Trial) -> Evaluation:
    """Met by the latest value against an earlier one, both inside the window. Raises ValueError for a wrong unit."""
    analyte = trial.terminology.catalogue.analytes[statement.analyte]
    bound = _bound(statement.by, analyte, trial.terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        readings = chart.readings(analyte)
        window = statement.window or chart.policy.freshness[analyte.freshness]
        newest = fresh(readings, moment, window)
        if isinstance(newest, Outcome):
            return newest
        known, changes = dated(readings, moment)
        changes += tuple(each for _, time in known for each in moment.leaving_time(time, window))
        changes += turns_of_uncounted(readings, moment, window)
        now = newest.latest.readings
        earlier = _earlier(known, now, moment, window)
        doubtful = next(uncounted(readings, moment, window), None)
        if isinstance(earlier, Reason) or doubtful is not None:
            reason, shown = earlier if isinstance(earlier, Reason) else Reason.NO_DATA, newest.evidence
            if doubtful is not None:
                reason = Reason.UNDATED if doubtful.time is None else Reason.PRELIMINARY
                shown = (*evidence([doubtful]), *shown)
            return outcome(reason, shown, changes, "no earlier value inside the window")
        reason, before = _held(statement, bound, _chosen(earlier, statement.since), now, analyte, chart)
        return outcome(reason, evidence([*before, *now]), changes)

    return evaluate


def _bound(by: QuantityThreshold, analyte: Analyte, terminology: Terminology) -> Fraction:
    """How far, in per cent or in the analyte's canonical unit; a difference has no offset."""
    if by.unit == PERCENT:
        return Fraction(by.value)
    known = terminology.conversion(analyte, by.unit, None)
    if known is None:
        msg = f"{by.unit} does not convert to {analyte.unit}, the unit of {analyte.id}"
        raise ValueError(msg)
    return Fraction(by.value) * Fraction(known.factor)


def _earlier(
    known: Sequence[tuple[Reading, Span]], now: Sequence[Reading], moment: Moment, window: Length
) -> Sequence[Reading] | Reason:
    """The values that are surely earlier and inside the window, or why there are none."""
    start = min(reading.time.start for reading in now if reading.time is not None)
    held = [(reading, moment.place_time(time, window)) for reading, time in known if time.end < start]
    if any(place is Placed.STRADDLES for _, place in held):
        return Reason.IMPRECISE_DATE
    return [reading for reading, place in held if place is Placed.INSIDE] or Reason.NO_DATA


def _held(
    statement: Change,
    bound: Fraction,
    before: Sequence[Reading],
    now: Sequence[Reading],
    analyte: Analyte,
    chart: Chart,
) -> tuple[Reason, Sequence[Reading]]:
    """The reason, and the earlier values that it stands on."""
    numbers = [_number(reading, analyte, chart) for reading in (*before, *now)]
    ranges = [number for number in numbers if isinstance(number, Range)]
    wrong = next((number for number in numbers if isinstance(number, Reason)), None)
    if wrong is not None:
        return wrong, before
    base, latest = _base(ranges[: len(before)], statement.since), Range.hull(*ranges[len(before) :])
    change = _difference(base, latest, statement.direction)
    if statement.by.unit == PERCENT:
        if base.low <= 0:
            return Reason.VALUE_NOT_COMPARABLE, before
        ends = [end * 100 / of for end in change for of in base]
        change = Range(min(ends), max(ends))
    return stands(Interval(*change), statement.by.comparator, bound), before


def _chosen(earlier: Sequence[Reading], since: Since) -> Sequence[Reading]:
    """The values that may be the one that is compared with; every one, where the number decides."""
    if since in (Since.LOWEST, Since.HIGHEST):
        return earlier
    times = [(each, each.time) for each in earlier if each.time is not None]
    if since is Since.FIRST:
        end = min(time.end for _, time in times)
        return [each for each, time in times if time.start <= end]
    start = max(time.start for _, time in times)
    return [each for each, time in times if time.end >= start]


def _base(ranges: Sequence[Range], since: Since) -> Range:
    if since is Since.LOWEST:
        return Range(min(each.low for each in ranges), min(each.high for each in ranges))
    if since is Since.HIGHEST:
        return Range(max(each.low for each in ranges), max(each.high for each in ranges))
    return Range.hull(*ranges)


def _difference(base: Range, now: Range, direction: Direction) -> Range:
    if direction is Direction.RISE:
        return Range(now.low - base.high, now.high - base.low)
    return Range(base.low - now.high, base.high - now.low)


def _number(reading: Reading, analyte: Analyte, chart: Chart) -> Range | Reason:
    number = amount_of(reading, analyte, chart)
    ends = number if isinstance(number, Reason) else closed(number, analyte)
    return ends if isinstance(ends, Reason) else Range(*ends)


def _reads(statement: Change, catalogue: Catalogue) -> Iterator[Read]:
    return observed(catalogue.analytes[statement.analyte], Role.ASKED, statement.window)


def _truth(statement: Change, catalogue: Catalogue) -> Expression:
    if isinstance(statement.window, Hours):
        return Known.UNKNOWN
    held = catalogue.analytes[statement.analyte]
    by = statement.by.comparator.value, statement.by.value, statement.by.unit
    of = Readings(held.id), AnalyteFacts(held.id), statement.direction.value, statement.since.value
    window = Freshness(held.freshness) if statement.window is None else statement.window
    return call("Formulas", "Changed", *of, *by, Known.PATIENT, Known.CUTOFF, Known.NOW, window)


_BASES = {
    Since.FIRST: "the first value",
    Since.PREVIOUS: "the value before",
    Since.LOWEST: "the lowest value",
    Since.HIGHEST: "the highest value",
}


def _words(statement: Change, catalogue: Catalogue) -> Phrase:
    about = catalogue.analytes[statement.analyte].title
    by = f"{COMPARATORS[statement.by.comparator]} {statement.by.value.normalize():f} {statement.by.unit}"
    within = f" within {statement.window.words}" if statement.window else ""
    asked = f"{statement.direction.value} of {by} from {_BASES[statement.since]}{within}"
    return Phrase(about, asked, f"{about}: {asked}", leads=True)


def _contradiction(statement: Change) -> str | None:
    if statement.by.comparator.is_upper or statement.by.value > 0:
        return None
    return "a change of 0 is none; write how far it went, as in `by: {at-least: 25 %}`"


CHANGE = Kind(
    name="change",
    statement=Change,
    form=Keys(
        (
            Field("analyte", ConceptOf(Section.ANALYTE)),
            Field("direction", CodeOf(Direction)),
            Field("by", Bound("analyte"), says="In per cent of the earlier value, or in a unit of the analyte."),
            Field("since", CodeOf(Since), says="From which earlier value; else from the first."),
            Field("window", Window(hours=True), says="In which both values lie; else the policy's freshness decides."),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=bind_change,
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=unsaid,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
