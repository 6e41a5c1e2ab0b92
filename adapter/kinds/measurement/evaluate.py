"""`measurement`: an analyte against a quantity, a limit of normal, a finding or a boolean (CONFORMANCE: Values).

Where, how and with what something was measured, where a criterion asks for it (CONFORMANCE: Observations).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from msgspec import structs
from msgspec.structs import replace

from adapter.criteria.calendar import Duration, Length, birthday
from adapter.criteria.catalogue import Analyte, Scale
from adapter.criteria.model import Done
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.truth import UNKNOWN
from adapter.evaluator.chart import COUNTED, Chart, Reading, in_time
from adapter.evaluator.latest import Fresh, Latest, evidence_of, fresh, fresh_of, last_of, not_inside
from adapter.evaluator.lists import said_of
from adapter.evaluator.moment import INSIDE, Change, Moment, Placed, moment_at, of_days
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import OBSERVATION, observed
from adapter.evaluator.reason import NO_DATA, Reason, truth_of
from adapter.kinds.events.gathered import Event, bind_events, instants, unsettled
from adapter.kinds.events.sequence import Reference, chosen
from adapter.kinds.measurement.compare import Compare, comparison, may_be_anything
from adapter.kinds.measurement.derived import Derived, Deriving, any_of, contradict, derived_reads, is_later
from adapter.kinds.measurement.several import of_several, of_share, of_times, once, turns_of_uncounted
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.record.facts import Circumstances, ObservationFact
from adapter.record.links import coded

_NONE = Circumstances()


def asked_so(readings: Sequence[Reading], statement: Measurement, terminology: Terminology) -> list[Reading]:
    """The readings that were, or may have been, taken as is asked; the latter don't count."""
    found: list[Reading] = []
    for reading in readings:
        said = frozenset(_said(reading.fact, statement, terminology))
        if said == {Membership.IS}:
            found.append(reading)
        elif Membership.NOT not in said:
            found.append(structs.replace(reading, counts=False))
    return found


def _said(fact: ObservationFact, statement: Measurement, terminology: Terminology) -> Iterator[Membership]:
    held = fact.circumstances or _NONE
    if statement.body_site:
        yield said_of(statement.body_site, coded(held.body_site), terminology)
    if statement.method:
        yield said_of(statement.method, coded(held.method), terminology)
    if statement.device:
        yield said_of(statement.device, () if held.device is None else (held.device,), terminology)


def not_said(found: Outcome, readings: Sequence[Reading]) -> Outcome:
    """An answer that a reading leaves open which nobody says to be what is asked: a question, and not a status."""
    unsure = {each.fact.source.resource for each in readings if not each.counts and each.fact.status in COUNTED}
    if found.reason not in (Reason.PRELIMINARY, Reason.UNDATED) or not found.evidence:
        return found
    if found.evidence[0].resource not in unsure:
        return found
    return outcome(Reason.NEEDS_REVIEW, found.evidence, found.changes, "where, how or with what is not said")


def bind_measurement(statement: Measurement, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one measurement criterion."""
    analytes = terminology.catalogue.analytes
    analyte = analytes[statement.analyte]
    alternative = analytes[analyte.alternative] if analyte.alternative else None
    compare = _comparing(statement, analyte, alternative, terminology)
    taken = statement.taken
    formulas = (
        ()
        if taken is not Selection.LATEST or statement.asks_how
        else terminology.catalogue.formulas.get(analyte.id, ())
    )
    deriving = () if isinstance(statement.test, Done) else [Deriving(each, analyte, terminology) for each in formulas]
    if taken is Selection.LATEST and analyte.scale is not Scale.ANSWER and not (alternative or statement.asks_how):
        return _bind_latest(statement.window, analyte, compare, deriving)

    def judged(readings: Sequence[Reading], chart: Chart, moment: Moment, window: Length) -> Outcome:
        if taken is not Selection.LATEST:
            return _of_several(statement, readings, compare, chart, moment, window)
        if analyte.scale is Scale.ANSWER and (diseases := _by_disease(readings)):
            return _alike([_of_latest(fresh(own, moment, window), compare, chart) for own in diseases])
        shared = readings is chart.readings(analyte)
        newest = fresh_of(analyte, chart, moment, window) if shared else fresh(readings, moment, window)
        found = _of_latest(newest, compare, chart)
        if not deriving:
            return found
        return _or_derived(found, newest, readings, deriving, compare, chart, moment, statement.window)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        readings: Sequence[Reading] = chart.readings(analyte)
        changes: tuple[Change, ...] = ()
        if alternative is not None and analyte.alternative_below is not None:
            young, changes = _younger(chart, moment, analyte.alternative_below)
            readings = _merged(readings, chart.readings(alternative)) if young else readings
        if statement.asks_how:
            readings = asked_so(readings, statement, terminology)
        window = statement.window or chart.policy.freshness[analyte.freshness]
        found = judged(readings, chart, moment, window)
        if found.reason is NO_DATA and analyte.not_comparable:
            found = _not_comparable(analyte, found, chart, moment)
        return (not_said(found, readings) if statement.asks_how else found).also(changes)

    return evaluate


def _bind_latest(
    own_window: Length | None, analyte: Analyte, compare: Compare, deriving: Sequence[Deriving]
) -> Callable[[Chart, Moment], Outcome]:
    """The same for most measurements: the analyte's latest value, however it was taken."""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        window = own_window or chart.policy.freshness[analyte.freshness]
        last = None if deriving else last_of(analyte, chart, moment.as_of)
        if last is not None:
            placed, changes = moment.stands(last.time, window)
            reason, note = compare(last.reading, chart) if placed is INSIDE else (not_inside(placed), "")
            return outcome(reason, last.evidence, changes, note)
        newest = fresh_of(analyte, chart, moment, window)
        found = _of_latest(newest, compare, chart)
        if deriving:
            readings = chart.readings(analyte)
            found = _or_derived(found, newest, readings, deriving, compare, chart, moment, own_window)
        if found.reason is NO_DATA and analyte.not_comparable:
            found = _not_comparable(analyte, found, chart, moment)
        return found

    return evaluate


def bind_before(
    statement: Measurement, event: Reference, terminology: Terminology
) -> Callable[[Chart, Moment], Outcome]:
    """The same as it was when an event began; of several that may be meant, what is the same before each of them."""
    stood, gather = bind_measurement(statement, terminology), bind_events(event, terminology)
    catalogue = terminology.catalogue
    held = catalogue.analytes[statement.analyte]
    reads = (*observed(held), *derived_reads(held, catalogue, None))
    names = {read.name for read in reads if read.data is OBSERVATION}

    def before(each: Event, chart: Chart, moment: Moment) -> Outcome:
        first, last = instants(each, chart, moment.zone)[0].begin
        if not (isinstance(first, datetime) and isinstance(last, datetime)):
            return outcome(Reason.UNDATED, (each.evidence,))
        whole, last = last, min(last, moment.as_of)
        turns: tuple[Change, ...] = ()
        for value in chart.in_order(fact for name in names for fact in chart.record.observations.get(name, ())):
            if value.time is not None and value.time.start <= last and value.time.end >= first:
                return outcome(Reason.IMPRECISE_DATE, (evidence_of(value.fact), each.evidence))
            turns += (value.time.start,) if value.time is not None and last < value.time.start <= whole else ()
        day = moment_at(first, moment.zone).day
        ends = {min(of_days(day, day, moment.zone).end, last), last}
        found = [stood(chart, moment_at(end, moment.zone)) for end in sorted(ends)]
        same = len({each.truth for each in found}) == 1
        shown = (*found[0].evidence, each.evidence)
        turns += found[-1].changes if last < whole else ()  # of what may begin yet, time goes on
        return (
            replace(found[0], evidence=shown, changes=turns) if same else outcome(Reason.IMPRECISE_DATE, shown, turns)
        )

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        gathered = gather(chart, moment)
        events = chosen(gathered.events, event.which)
        if not any(each.sure for each in events):
            unsure = [outcome(each.reason, (each.evidence,)) for each in events]
            return (unsure[0] if unsure else unsettled(gathered.whole, ())).also(gathered.changes)
        found = [before(each, chart, moment) for each in events]
        if len({each.truth for each in found}) > 1:
            why = next((each.reason for each in events if not each.sure), Reason.IMPRECISE_DATE)
            shown = tuple(dict.fromkeys(item for each in found for item in each.evidence))
            return outcome(why, shown, gathered.changes + tuple(turn for each in found for turn in each.changes))
        return found[0].also(gathered.changes + tuple(turn for each in found[1:] for turn in each.changes))

    return evaluate


def _by_disease(readings: Sequence[Reading]) -> list[list[Reading]]:
    """The readings of each disease that they say to be about, where there are several; else none."""
    if len({reading.fact.about for reading in readings if reading.fact.about}) < 2:  # noqa: PLR2004  # several
        return []
    groups: dict[frozenset[str], list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.fact.about, []).append(reading)
    return list(groups.values())


def _alike(found: Sequence[Outcome]) -> Outcome:
    """What is the same of each disease; else a question, since nobody says which of them is meant."""
    first = found[0]
    shown = tuple(dict.fromkeys(item for each in found for item in each.evidence))
    changes = tuple(change for each in found for change in each.changes)
    if all(each.truth is first.truth for each in found):
        return outcome(first.reason, shown, changes, first.note)
    return outcome(Reason.NEEDS_REVIEW, shown, changes, "of several diseases")


def _of_several(
    statement: Measurement,
    readings: Sequence[Reading],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Length,
) -> Outcome:
    if statement.times is not None or statement.share is not None:
        readings = once(readings)
    if statement.times is not None:
        return of_times(readings, compare, chart, moment, window, statement)
    if statement.share is not None:
        return of_share(readings, compare, chart, moment, window, statement.share)
    return of_several(readings, compare, chart, moment, window, every=statement.taken is Selection.ALL)


def _of_latest(newest: Fresh | Outcome, compare: Compare, chart: Chart) -> Outcome:
    """What the latest value says, unless one that may be newer, and doesn't count, would change it."""
    if isinstance(newest, Outcome):
        return newest
    reason, note = agreed(newest.latest, compare, chart)
    found = outcome(reason, newest.evidence, newest.changes, note)
    if newest.doubts is None or found.truth is UNKNOWN:
        return found
    others, changes = newest.doubts
    for other in others:
        said = compare(other, chart)[0]
        may_differ = said is Reason.VALUE_STRADDLES and other.fact.string is not None  # NYHA II-III
        if may_differ or may_be_anything(other, said, chart) or truth_of(said) not in (found.truth, UNKNOWN):
            reason = Reason.UNDATED if other.time is None else Reason.PRELIMINARY
            return outcome(reason, (evidence_of(other.fact), *found.evidence), found.changes + changes)
    return found.also(changes)


def _or_derived(
    found: Outcome,
    reported: Fresh | Outcome,
    readings: Sequence[Reading],
    deriving: Sequence[Deriving],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Length | None,
) -> Outcome:
    """What was reported, if it is fresh and no later reckoned value contradicts it; else what is reckoned."""
    is_open = None
    if isinstance(reported, Outcome):
        stands = window or chart.policy.freshness[deriving[0].gives.freshness]
        found = found.also(turns_of_uncounted(readings, moment, stands))
        is_open = _kept_open(found, readings, moment, stands)
        if is_open is not None and found.reason is not Reason.STALE:
            return found
    key = (f"derived {deriving[0].gives.id}", id(window), moment.as_of)
    if key not in chart.fresh:
        chart.fresh[key] = any_of(deriving, chart, moment, window)  # the chart keeps it, so that its fact has one id
    derived: Derived | Outcome = chart.fresh[key]
    if isinstance(reported, Fresh):
        return _beside(found, reported, derived, compare, chart)
    if isinstance(derived, Outcome):
        if found.reason is not NO_DATA:
            shown = found.evidence + derived.evidence
            derived = Outcome(found.truth, found.reason, shown, derived.changes, lacks=derived.lacks)
        return derived.also(found.changes)
    if is_open is not None:
        return is_open
    reason, note = compare(derived.reading, chart)
    notes = f"{derived.note}; {note}" if note else derived.note
    return _of_derived(outcome(reason, derived.evidence, found.changes + derived.changes, notes), derived)


def _beside(found: Outcome, reported: Fresh, derived: Derived | Outcome, compare: Compare, chart: Chart) -> Outcome:
    """What a fresh value says that was reported, unless one that is reckoned of a later day contradicts it."""
    if isinstance(derived, Derived) and is_later(derived, reported):
        reason, _ = compare(derived.reading, chart)
        if contradict(reason, found.reason):
            shown = found.evidence + derived.evidence
            return outcome(Reason.CONFLICTING, shown, found.changes + derived.changes, derived.note)
    return found.also(derived.changes)


def _kept_open(found: Outcome, readings: Sequence[Reading], moment: Moment, window: Length) -> Outcome | None:
    """What a reported value leaves open that may be of the window and is undated, or not final; None without one."""
    if found.reason is Reason.IMPRECISE_DATE:
        return found
    for reading in readings:
        time = reading.time
        old = time is not None and moment.place_time(time, window) is Placed.BEFORE
        if time is not None and (reading.counts or moment.is_future(time) or old):
            continue
        reason = Reason.UNDATED if reading.counts else Reason.PRELIMINARY
        return outcome(reason, (evidence_of(reading.fact), *found.evidence), found.changes)
    return None


def _of_derived(judged: Outcome, derived: Derived) -> Outcome:
    """With what nobody knows of it, where that leaves it open, and the policy's word, where it stands on that."""
    if judged.truth is UNKNOWN:
        return judged.lacking(derived.lacks)
    return replace(judged, assumed=derived.assumed)


def agreed(newest: Latest, compare: Compare, chart: Chart) -> tuple[Reason, str]:
    """The reason of the values that may be the latest, if they agree on the truth."""
    if len(newest.readings) == 1:
        return compare(newest.readings[0], chart)
    outcomes = [compare(reading, chart) for reading in newest.readings]
    if len({truth_of(reason) for reason, _ in outcomes}) > 1:
        return (Reason.CONFLICTING if newest.same_time else Reason.IMPRECISE_DATE), ""
    return outcomes[0]


def _younger(chart: Chart, moment: Moment, age: Duration) -> tuple[bool, tuple[Change, ...]]:
    """Whether the patient is surely younger, and when that ends."""
    birth = chart.record.birth
    if birth is None:
        return False, ()
    reached = birthday(birth.first, age)
    return moment.day < reached, ((reached,) if moment.day < reached else ())


def _merged(one: Sequence[Reading], other: Sequence[Reading]) -> Sequence[Reading]:
    if not other:
        return one
    return sorted([*one, *other], key=in_time)


def _comparing(
    statement: Measurement, analyte: Analyte, alternative: Analyte | None, terminology: Terminology
) -> Compare:
    """What a value comes to; one of the alternative that can't be read as the analyte's, as its own: "Lansky 90 %"."""
    compare = comparison(statement.test, analyte, terminology)
    if alternative is None:
        return compare
    id_, as_own = alternative.id, comparison(statement.test, alternative, terminology)

    def either(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        found = compare(reading, chart)
        if found[0] is not Reason.VALUE_NOT_COMPARABLE:
            return found
        own = any(fact is reading.fact for fact in chart.record.observations.get(id_, ()))
        return as_own(reading, chart) if own else found

    return either


def _not_comparable(analyte: Analyte, otherwise: Outcome, chart: Chart, moment: Moment) -> Outcome:
    """Values that look alike and must not be compared are shown, and leave the answer open."""
    facts = [fact for name in analyte.not_comparable for fact in chart.record.observations.get(name, ())]
    readings = chart.in_order(facts)
    later = [r.time.start for r in readings if r.counts and r.time is not None and moment.is_future(r.time)]
    known = [r for r in readings if r.counts and (r.time is None or not moment.is_future(r.time))]
    if not known:
        return otherwise.also(tuple(later))
    return outcome(Reason.VALUE_NOT_COMPARABLE, (evidence_of(known[-1].fact),), otherwise.changes)
