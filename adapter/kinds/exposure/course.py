"""What is asked of a drug beyond the window: since when, how long, how much, unchanged (CONFORMANCE: Exposure)."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct

from adapter.criteria.calendar import Duration, Hours
from adapter.criteria.catalogue import ExposureConcept
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import (
    ONGOING,
    Days,
    Extent,
    Reply,
    apart,
    at_age,
    at_least_ago,
    both,
    days,
    ended,
    in_instants,
    joined,
    lasting,
    ongoing,
)
from adapter.evaluator.moment import Change, Moment, held_until
from adapter.evaluator.negatives import LIST
from adapter.evaluator.reason import Reason
from adapter.kinds.exposure.dose import (
    Range,
    Reckoned,
    as_mass,
    as_needed,
    at_least_all,
    bind_dose,
    compared,
    frequency_of,
    with_others,
)
from adapter.kinds.exposure.statement import Exposure, Lasts
from adapter.record.facts import ExposureFact

Answers = Callable[[Sequence[ExposureFact], Chart, Moment], list[Reply]]
"""What is asked of each of several entries that count, in their order; each of them in the light of the others."""


class _Entry(Struct, frozen=True, gc=False):
    fact: ExposureFact
    extent: Extent
    dose: Range | None


def extent_of(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Extent, tuple[Change, ...]]:
    """When a drug, procedure or stay began and ended. An entry of a list that was never closed goes on for its time."""
    start, end, asserted = chart.span(fact.start), chart.span(fact.end), chart.span(fact.asserted)
    known = end or asserted
    begin = days(start) if start is not None else Days(None, known.last if known is not None else None)
    if end is not None:
        return Extent(begin, days(end)), ()
    if not fact.open_end:
        return ended(begin, None if asserted is None else asserted.last), ()
    if asserted is None:  # undated, it may have been over for years
        return Extent(begin, ONGOING if start is not None else Days(None, None)), ()
    until = held_until(asserted.first, chart.policy.freshness[LIST])
    if until >= moment.day:
        return Extent(begin, ONGOING), moment.leaving(asserted.first, asserted.last, chart.policy.freshness[LIST])
    return Extent(begin, Days(asserted.first, None)), ()


def bind_course(statement: Exposure, concepts: Sequence[ExposureConcept], terminology: Terminology) -> Answers:
    """What is asked of the time, the dose and the course of entries."""
    asked = statement.dose
    reckon: Reckoned | None = None
    if asked is not None:
        reckon = bind_dose(asked, concepts, terminology, equivalents=statement.equivalents)

    def answers(facts: Sequence[ExposureFact], chart: Chart, moment: Moment) -> list[Reply]:
        entries: list[_Entry] = []
        changes: tuple[Change, ...] = ()
        for fact in facts:
            extent, more = extent_of(fact, chart, moment)
            changes += more
            entries.append(_Entry(fact, extent, reckon(fact, chart, moment) if reckon is not None else None))
        stable = None if statement.stable_for is None else _stable(statement.stable_for, entries, moment, terminology)
        found = []
        for entry in entries:
            others = [each for each in entries if each is not entry and not apart(each.extent, entry.extent)]
            said = [*_of_time(statement, entry, entries, chart, moment)]
            if asked is not None and statement.cumulative:
                said.append(compared(at_least_all([each.dose for each in entries]), asked))
            elif asked is not None:
                doses = [each.dose for each in _distinct(entry, others)]
                said.append(compared(None if entry.dose is None else with_others(entry.dose, doses), asked))
            if statement.frequency is not None:
                often = frequency_of(entry.fact, statement.frequency, terminology)
                said.append(compared(often, statement.frequency))
            if statement.as_needed:
                said.append(as_needed(entry.fact))
            if stable is not None:
                said.append(stable)
            whole = both(said)
            found.append(Reply(whole.truth, whole.reason, whole.changes + changes))
        return found

    return answers


def _of_time(
    statement: Exposure, entry: _Entry, entries: Sequence[_Entry], chart: Chart, moment: Moment
) -> list[Reply]:
    """Prescriptions that follow one another without a gap are one course; across a gap nobody knows."""
    found: list[Reply] = []
    if statement.ongoing:
        now = ongoing(entry.extent, moment)
        found.append(Reply(now.truth, Reason.NO_DATA if now.truth is Truth.NOT_MET else now.reason, now.changes))
    if statement.at_age is not None:
        said = at_age(entry.extent, statement.at_age.lower, statement.at_age.upper, chart.record.birth)
        # what was done on one day did not begin elsewhere, as a course may have
        other = said.truth is Truth.NOT_MET and entry.extent.end == entry.extent.begin
        found.append(Reply(said.truth, Reason.NO_DATA, said.changes) if other else said)
    whole, widest = _chain(entry, entries, moment), _widest(entries)
    asked: list[tuple[Reply, Reply]] = []
    ago, length = statement.at_least_ago, statement.lasting
    if isinstance(ago, Hours):
        begun = [at_least_ago(_in_instants(each, chart, moment), ago, moment) for each in (entry, *entries)]
        asked.append((begun[0], max(begun, key=lambda each: _LIKELY.index(each.truth))))
    elif ago is not None:
        asked.append((at_least_ago(whole, ago, moment), at_least_ago(widest, ago, moment)))
    if length is not None:
        asked.append((lasting(whole, length, moment), lasting(widest, length, moment)))
    for sure, possible in asked:
        changes = sure.changes + possible.changes
        if sure.truth is Truth.MET or possible.truth is Truth.NOT_MET:
            found.append(Reply(sure.truth, sure.reason, changes))
        else:
            why = sure.reason if sure.truth is Truth.UNKNOWN else Reason.IMPRECISE_DATE
            found.append(Reply(Truth.UNKNOWN, why, changes))
    return found


_LIKELY = (Truth.NOT_MET, Truth.UNKNOWN, Truth.MET)


def _in_instants(entry: _Entry, chart: Chart, moment: Moment) -> Extent:
    """An entry's time, where hours are asked: what was given on two days need not have gone on between them."""
    extent = entry.extent
    return Extent(in_instants(extent.begin, chart.span(entry.fact.start), moment.zone), extent.end)


def _chain(entry: _Entry, entries: Sequence[_Entry], moment: Moment) -> Extent:
    """The course that an entry surely belongs to; the entry's own time where it is too little known."""
    begin, end = entry.extent.begin.last, entry.extent.end.first
    if begin is None or end is None:
        return entry.extent
    for chain in joined([each.extent for each in entries], moment):
        first, last = chain.begin.first, chain.end.last
        if first is not None and last is not None and first <= begin <= last:
            return Extent(Days(first, first), ONGOING if last >= moment.day else Days(last, last))
    return entry.extent


def _widest(entries: Sequence[_Entry]) -> Extent:
    """From the first day that any entry may have begun until the last that any may have ended."""
    begins = [each.extent.begin.first for each in entries]
    ends = [each.extent.end.last for each in entries]
    first = None if None in begins else min(each for each in begins if each is not None)
    last = None if None in ends else max(each for each in ends if each is not None)
    return Extent(Days(first, first), Days(last, last) if last is not None else ONGOING)


def _distinct(entry: _Entry, others: Sequence[_Entry]) -> list[_Entry]:
    """Other entries of the same time, without those that tell the same: an order, and what was dispensed for it."""
    kind = entry.fact.source.resource.partition("/")[0]

    def repeats(other: _Entry) -> bool:
        same = other.dose == entry.dose and other.fact.codes == entry.fact.codes
        return same and other.fact.source.resource.partition("/")[0] != kind

    return [each for each in others if not repeats(each)]


def _stable(window: Duration, entries: Sequence[_Entry], moment: Moment, terminology: Terminology) -> Reply:
    """Every drug of the class that was taken in the window, through all of it and always at the same dose.

    Two doses of one drug, one after the other, are a change; at the same time they may be both: a question.
    """
    start = moment.window_start(window)
    left: tuple[Change, ...] = ()
    drugs: defaultdict[object, list[_Entry]] = defaultdict(list)
    for entry in entries:
        over = entry.extent.end.last
        if over is None or over >= start:
            drugs[frozenset(entry.fact.codes)].append(entry)
        if over is not None:
            left += moment.leaving(entry.extent.end.first or over, over, window)
    found = [_same(window, each, moment, terminology) for each in drugs.values()]
    told = both(found) if found else Reply(Truth.UNKNOWN, Reason.OUTSIDE_WINDOW)
    return Reply(told.truth, told.reason, told.changes + left)


def _same(window: Duration, taken: Sequence[_Entry], moment: Moment, terminology: Terminology) -> Reply:
    """One drug through the window. What was asserted long ago and never closed may have gone on."""
    regimens = [_regimen(each.fact, terminology) for each in taken]
    courses = [*(_chain(each, taken, moment) for each in taken), *(each.extent for each in taken)]
    told = _best([both([lasting(each, window, moment), ongoing(each, moment)]) for each in courses])
    if None in regimens:
        return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW, told.changes)
    if len(set(regimens)) > 1:
        changed = any(
            regimens[place] != regimens[after] and apart(taken[place].extent, taken[after].extent)
            for place in range(len(taken))
            for after in range(place)
        )
        return Reply(
            Truth.NOT_MET if changed else Truth.UNKNOWN,
            Reason.VALUE_FAILS if changed else Reason.NEEDS_REVIEW,
            told.changes,
        )
    if told.truth is Truth.NOT_MET:
        return Reply(Truth.UNKNOWN, Reason.OUTSIDE_WINDOW, told.changes)
    return told


def _best(found: Sequence[Reply]) -> Reply:
    """The strongest of several answers: one course through the window is enough. All of them may change."""
    order = (Truth.MET, Truth.UNKNOWN, Truth.NOT_MET)
    first = min(found, key=lambda each: order.index(each.truth))
    return Reply(first.truth, first.reason, tuple(change for each in found for change in each.changes))


def _regimen(fact: ExposureFact, terminology: Terminology) -> tuple[object, ...] | None:
    """The drug with all that its dosages say, to compare; None where any of them says too little."""
    dosing = fact.dosing() if fact.dosing is not None else None
    if dosing is None or not dosing.instructions:
        return None
    parts = [(each.amount, each.times, each.as_needed) for each in dosing.instructions]
    if any(amount is None or times is None or needed or times[0] != times[1] for amount, times, needed in parts):
        return None
    return tuple((as_mass(amount, terminology), times) for amount, times, _ in parts if amount is not None)
