"""Which of several dated values is the latest, and whether it is fresh (CONFORMANCE: Time, Windows, Observations)."""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct

from adapter.criteria.calendar import Length
from adapter.criteria.catalogue import Analyte
from adapter.evaluator.chart import COUNTED, Chart, Reading
from adapter.evaluator.moment import BEFORE, INSIDE, Change, Moment, Placed, Span, span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import ObservationFact


class Latest(Struct, frozen=True, gc=False):
    """The values that may be the latest one: several where their times are the same or can't be told apart.

    The latest one was measured at `first` or later, and at `last` at the latest.
    """

    readings: tuple[Reading, ...]
    first: date
    last: date
    same_time: bool
    changes: tuple[Change, ...]

    @property
    def time(self) -> Span:
        """When it was measured: from the latest beginning to the latest end."""
        if len(self.readings) == 1 and self.readings[0].time is not None:
            return self.readings[0].time
        times = [reading.time for reading in self.readings if reading.time is not None]
        return Span(max(each.start for each in times), max(each.end for each in times), self.first, self.last)


class Fresh(Struct, frozen=True, gc=False):
    """The latest value, inside the window; its evidence, and when it may be another one or will have left.

    `doubts`: what may be newer, and when more will be; None without either.
    """

    latest: Latest
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    doubts: tuple[list[Reading], tuple[Change, ...]] | None


class Last(Struct, frozen=True, gc=False):
    """A value that is an instant and the latest for sure."""

    reading: Reading
    time: Span
    evidence: tuple[Evidence, ...]


def dated(readings: Sequence[Reading], moment: Moment) -> tuple[list[tuple[Reading, Span]], tuple[Change, ...]]:
    """The values that count and are dated up to the moment, oldest first; and when later ones will count."""
    known: list[tuple[Reading, Span]] = []
    changes: list[Change] = []
    for reading in readings:
        if reading.time is None or not reading.counts:
            continue
        if moment.is_future(reading.time):
            changes.append(reading.time.start)
        else:
            known.append((reading, reading.time))
    return known, tuple(changes)


def latest(readings: Sequence[Reading], moment: Moment) -> Latest | None:
    """The latest of the values that count and are dated; None if there is none. `readings` are oldest first."""
    newest = _last_of_all(readings, moment)
    if newest is not None:
        return newest
    chosen: list[tuple[Reading, Span]] = []
    changes: tuple[Change, ...] = ()
    newest_start = None
    for reading in reversed(readings):
        time = reading.time
        if time is None:
            break
        if not reading.counts:
            continue
        if moment.is_future(time):
            changes += (time.start,)
            continue
        if newest_start is not None and time.end < newest_start:
            break
        chosen.append((reading, time))
        newest_start = time.start if newest_start is None else max(newest_start, time.start)
    if newest_start is None:
        return None
    if len(chosen) == 1:
        time = chosen[0][1]
        return Latest((chosen[0][0],), time.first, time.last, same_time=True, changes=changes)
    chosen = [(reading, time) for reading, time in chosen if time.end >= newest_start]
    first = max(time.first for _, time in chosen)
    last = max(time.last for _, time in chosen)
    spans = {(time.start, time.end) for _, time in chosen}
    return Latest(tuple(reading for reading, _ in chosen), first, last, len(spans) == 1, changes)


def _last_of_all(readings: Sequence[Reading], moment: Moment) -> Latest | None:
    """The last value, where it counts, lies not ahead, and all others ended before it: so it is with most patients."""
    if not readings:
        return None
    last = readings[-1]
    time = last.time
    if time is None or not last.counts or time.start > moment.as_of:
        return None
    before = readings[-2].time if len(readings) > 1 else None
    if before is not None and before.end >= time.start:
        return None
    return Latest((last,), time.first, time.last, same_time=True, changes=())


def fresh(readings: Sequence[Reading], moment: Moment, window: Length) -> Fresh | Outcome:
    """The latest of the values if it lies inside the window, else what comes of there being none."""
    newest = latest(readings, moment)
    if newest is None:
        return nothing_dated(readings, moment)
    shown = evidence(newest.readings)
    placed, left = moment.stands(newest.time, window)
    changes = newest.changes + left
    if placed is INSIDE:
        return Fresh(newest, shown, changes, doubted(readings, newest, moment))
    return outcome(not_inside(placed), shown, changes)


def not_inside(placed: Placed) -> Reason:
    """Why a value doesn't count that is, or may be, outside its window."""
    return Reason.STALE if placed is BEFORE else Reason.IMPRECISE_DATE


def fresh_of(analyte: Analyte, chart: Chart, moment: Moment, window: Length) -> Fresh | Outcome:
    """The same of an analyte's values: found once for all criteria that ask for it at the moment."""
    key = (analyte.id, id(window), moment.as_of)  # definitions and policy keep their windows, so an id stays its own
    found: Fresh | Outcome | None = chart.fresh.get(key)
    if found is None:
        last = last_of(analyte, chart, moment.as_of)
        readings = () if last is not None else chart.readings(analyte)
        found = chart.fresh[key] = fresh(readings, moment, window) if last is None else _fresh(last, moment, window)
    return found


def _fresh(last: Last, moment: Moment, window: Length) -> Fresh | Outcome:
    """The same of a value that is the latest for sure."""
    time = last.time
    placed, changes = moment.stands(time, window)
    if placed is not INSIDE:
        return outcome(not_inside(placed), last.evidence, changes)
    newest = Latest((last.reading,), time.first, time.last, same_time=True, changes=())
    return Fresh(newest, last.evidence, changes, None)


def last_of(analyte: Analyte, chart: Chart, as_of: datetime) -> Last | None:
    """An analyte's last value, where that counts and all values are instants before it, and none ahead; else None.

    Of values that are instants nothing but the last one plays a part in which is the latest: so it is with most.
    """
    found = chart.last.get(analyte.id)
    if found is None or found[0] > as_of:
        fact = _last_instant(chart.record.observations.get(analyte.id, ()), as_of)
        time = None if fact is None or fact.when is None else span(fact.when, chart.policy.time_zone)
        last = (
            None if fact is None or time is None else Last(Reading(fact, time, counts=True), time, (evidence_of(fact),))
        )
        found = chart.last[analyte.id] = as_of, last
    return found[1]


def _last_instant(facts: Sequence[ObservationFact], as_of: datetime) -> ObservationFact | None:
    """The value that was measured after all others; None where one is no instant, or it doesn't count by then."""
    last = newest = None
    for fact in facts:
        moment = None if fact.when is None else fact.when.moment
        if moment is None:
            return None
        if newest is None or moment > newest:
            last, newest = fact, moment
        elif moment == newest:
            last = None
    return None if last is None or newest is None or newest > as_of or last.status not in COUNTED else last


def doubted(
    readings: Sequence[Reading], newest: Latest, moment: Moment
) -> tuple[list[Reading], tuple[Change, ...]] | None:
    """What may be newer than the latest value that counts, and when more will be; None without either.

    Later values that are not final, and values that count and have no date. `readings` are oldest first.
    """
    if readings[-1] is newest.readings[0] and readings[0].time is not None:
        return None  # it is the last of all, and none is undated
    end = max(reading.time.end for reading in newest.readings if reading.time is not None)
    found: list[Reading] = []
    changes: tuple[Change, ...] = ()
    for reading in reversed(readings):
        time = reading.time
        if time is None or time.end <= end:
            break
        if reading.counts:
            continue  # it lies ahead
        if moment.is_future(time):
            changes += (time.start,)
        elif time.start > end:
            found.append(reading)
    for reading in readings:
        if reading.time is not None:
            break
        if reading.counts:
            found.append(reading)
    return (found, changes) if found or changes else None


def nothing_dated(readings: Sequence[Reading], moment: Moment) -> Outcome:
    """Why there is no latest value: undated ones, ones that are not final, or none at all."""
    _, changes = dated(readings, moment)
    undated = [reading for reading in readings if reading.counts and reading.time is None]
    if undated:
        return outcome(Reason.UNDATED, evidence(undated), changes)
    tentative: list[Reading] = []
    for reading in readings:
        if reading.counts:
            continue
        if reading.time is not None and moment.is_future(reading.time):
            changes += (reading.time.start,)
        else:
            tentative.append(reading)
    if tentative:
        return outcome(Reason.PRELIMINARY, evidence(tentative[-1:]), changes)
    return outcome(Reason.NO_DATA, (), changes)


def evidence(readings: Sequence[Reading], *, named: bool = False) -> tuple[Evidence, ...]:
    """The evidence that readings are; `named`: with what was measured."""
    if len(readings) == 1:
        return (evidence_of(readings[0].fact, named=named),)
    return tuple([evidence_of(reading.fact, named=named) for reading in readings])


_FLAGS = {"result-positive": "positive", "result-negative": "negative"}


def _flagged(fact: ObservationFact) -> str:
    """What a result that says it in other words ("see report") is flagged as."""
    flags = (word for held, word in _FLAGS.items() if held in fact.interpretation and held not in (fact.coded or ()))
    return "".join(f" (flagged {word})" for word in flags if word not in fact.shown.casefold())


def evidence_of(fact: ObservationFact, *, named: bool = False) -> Evidence:
    """The evidence that an observation is; `named`: with what was measured, where the criterion doesn't say it."""
    source = fact.source
    shown = f"{fact.shown} (note: {fact.note})" if fact.note else fact.shown
    if fact.interpretation and fact.string is not None and fact.element != "interpretation":
        shown += _flagged(fact)
    if named and fact.test:
        shown = f"{fact.test}: {shown}"
    return Evidence(source.resource, source.version, fact.element, shown, fact.when.text if fact.when else None)
