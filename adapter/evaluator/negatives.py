"""When a negative that stands on a list holds (CONFORMANCE: Negatives).

A negative must cover what it denies, be fresh, and be newer than anything that could contradict it. The same rules
hold for conditions, exposures and allergies; each kind only says which negatives a record offers, and which entries
could be what is asked.

What is named outside its own list, as far as it keeps a negative open (CONFORMANCE: Mentions).
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from adapter.criteria.calendar import Duration, Length
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed, Span, held_until
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import CLOSED, ConditionFact, ExposureFact, Mention

STATEMENT = "absence-statement"
"""The policy's class of data: how long a "no known …" stands."""

LIST = "list"
"""The policy's class of data: how long an entry of a list of drugs stands that was never closed."""

CLASSES = frozenset({STATEMENT, LIST})


class Negative(Struct, frozen=True, gc=False):
    """One reason to deny: what it covers, and when it was said. Without a time it is said now, as an assumption is."""

    reason: Reason
    concepts: frozenset[str]
    said: Span | None
    evidence: tuple[Evidence, ...] = ()


class Doubtful(Struct, frozen=True, gc=False):
    """An entry that could be what is asked.

    `concepts`: which of those. `closed`: it is over, and what is asked must be present; `ended`: when it was over at
    the latest. `known`: it is the concept, and no question of codes. `mention`: no entry of the list, but what names
    the concept elsewhere, and the reason that it gives; what was denied after it had been (`ended`) is denied.
    """

    concepts: frozenset[str]
    evidence: Evidence
    closed: bool = False
    ended: Span | None = None
    known: bool = False
    mention: Reason | None = None


SHOWN = 3
"""So many mentions are shown: one suffices to ask."""

_ORDER = (Reason.REFUTED, Reason.RESOLVED, Reason.VALUE_FAILS, Reason.EXPLICITLY_ABSENT, Reason.ASSUMED_ABSENT)


def denied(
    concepts: Sequence[str],
    types: frozenset[str],
    negatives: Iterable[Negative],
    doubtful: Sequence[Doubtful],
    otherwise: Outcome,
    chart: Chart,
    assumed: Sequence[Negative] | None = None,
) -> Outcome:
    """What the negatives come to: each concept needs one that nothing blocks; else `otherwise`.

    `types` are those of the list's resources: where one of them could not be read, nothing is denied. `assumed`: what
    the policy assumes, where that is not the concepts' absence.
    Where nothing but entries of unknown meaning stands against a negative, they are the answer: `unmapped-code`.
    """
    if chart.record.may_lack(types):
        return otherwise
    ranked = [*negatives]
    if len(ranked) > 1:
        ranked.sort(key=_weakness)
    ranked += assumptions(concepts, chart) if assumed is None else assumed
    if not ranked and not doubtful:
        return otherwise
    waived = chart.policy.waives
    chosen: list[Negative] = []
    passed: list[Doubtful] = []
    for concept in concepts:
        offered = [each for each in ranked if concept in each.concepts]
        against = [each for each in doubtful if concept in each.concepts]
        if waived(concept):
            passed += [each for each in against if not each.known]
            against = [each for each in against if each.known]
        holds = next((each for each in offered if not any(_blocks(one, each) for one in against)), None)
        if holds is None:
            return _blocked(offered, against, otherwise)
        chosen.append(holds)
    weakest = max(chosen, key=_weakness)
    shown = tuple(dict.fromkeys(item for each in chosen for item in each.evidence))
    note = f"the policy waives entries of unknown meaning: {_words(passed)}" if passed else ""
    if weakest.reason is Reason.ASSUMED_ABSENT:
        shown = (*otherwise.evidence, *shown)
    return outcome(weakest.reason, shown, otherwise.changes, note)


def _weakness(negative: Negative) -> int:
    return _ORDER.index(negative.reason)


def assumptions(concepts: Iterable[str], chart: Chart) -> list[Negative]:
    """What the policy assumes, as a negative that is said now."""
    assumed = chart.policy.assumed_absent.intersection(concepts)
    return [Negative(Reason.ASSUMED_ABSENT, assumed, None)] if assumed else []


def _blocks(doubtful: Doubtful, negative: Negative) -> bool:
    """What is open could be the concept now; what is closed only if it closed after the negative had been said."""
    if doubtful.mention is not None:
        return negative.said is None or doubtful.ended is None or doubtful.ended.end > negative.said.end
    if not doubtful.closed:
        return True
    if negative.said is None or doubtful.ended is None:
        return False
    return doubtful.ended.end > negative.said.end


def _blocked(offered: list[Negative], against: list[Doubtful], otherwise: Outcome) -> Outcome:
    for each in against:
        if each.mention is not None and (not offered or any(_blocks(each, negative) for negative in offered)):
            named = dict.fromkeys(one.evidence for one in against if one.mention is each.mention)
            return outcome(each.mention, (*tuple(named)[:SHOWN], *otherwise.evidence), otherwise.changes)
    unknown = [each for each in against if not each.known and any(_blocks(each, negative) for negative in offered)]
    if not unknown:
        return otherwise
    shown = tuple(dict.fromkeys([each.evidence for each in unknown]))
    return outcome(Reason.UNMAPPED_CODE, shown, otherwise.changes)


def _words(entries: list[Doubtful]) -> str:
    return "; ".join(dict.fromkeys(each.evidence.value for each in entries))


class Statement(Struct, frozen=True, gc=False):
    """An explicit "no known …": when it was said, and whether its own status lets it count."""

    said: Span | None
    counts: bool
    evidence: Evidence


_NOTHING = outcome(Reason.NO_DATA)


def stated(
    statements: Sequence[Statement],
    concepts: Iterable[str],
    chart: Chart,
    moment: Moment,
    window: Duration | None = None,
) -> tuple[list[Negative], Outcome, tuple[Change, ...]]:
    """The statements that are fresh, as negatives; what is said of the others; and when that changes.

    `window`: how long such a statement stands, by default the policy's time.
    """
    if not statements:
        return [], _NOTHING, ()
    stands = window or chart.policy.freshness[STATEMENT]
    covered = frozenset(concepts)
    found: list[Negative] = []
    passed = _NOTHING
    changes: tuple[Change, ...] = ()
    for each in statements:
        if not each.counts:
            continue
        if each.said is None:
            passed = outcome(Reason.UNDATED, (each.evidence,))
            continue
        if moment.is_future(each.said):
            changes += (each.said.start,)
            continue
        changes += moment.leaving(each.said.first, each.said.last, stands)
        match moment.place(each.said.first, each.said.last, stands):
            case Placed.INSIDE:
                found.append(Negative(Reason.EXPLICITLY_ABSENT, covered, each.said, (each.evidence,)))
            case Placed.BEFORE:
                passed = outcome(Reason.STALE, (each.evidence,))
            case Placed.STRADDLES:
                passed = outcome(Reason.IMPRECISE_DATE, (each.evidence,))
    return found, passed, changes


def contradicting(said: Iterable[Negative], known: Iterable[Span | None]) -> tuple[Evidence, ...]:
    """The statements that nothing is known, said after everything that is known: two words of one list that differ."""
    newest = max((each.end for each in known if each is not None), default=None)
    return tuple(
        item
        for each in said
        if each.said is not None and (newest is None or newest < each.said.start)
        for item in each.evidence
    )


def mentioned(
    concepts: Iterable[str],
    stands: Callable[[str], Length | None],
    chart: Chart,
    moment: Moment,
    *,
    apart_from: frozenset[str] = frozenset(),
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """The mentions of the concepts that may hold now, the newest first; and when that changes.

    `stands`: for how long one of a concept does, None: for good. `apart_from`: concepts that a mention is not of.
    """
    if not chart.record.mentions:
        return [], ()
    found: dict[Mention, set[str]] = {}
    changes: tuple[Change, ...] = ()
    for concept in concepts:
        for each in chart.record.mentions.get(concept, ()):
            if each.ordered or each.reaction or not each.concepts.isdisjoint(apart_from):
                continue
            counts, more = _counts(each, stands(concept), chart, moment)
            changes += more
            if counts:
                found.setdefault(each, set()).add(concept)
    held = [doubtful(each, names, Reason.NEEDS_REVIEW, chart) for each, names in found.items()]
    held.sort(key=lambda each: (-each.ended.last.toordinal() if each.ended else 0, each.evidence.resource))
    return held, changes


def _counts(mention: Mention, stands: Length | None, chart: Chart, moment: Moment) -> tuple[bool, tuple[Change, ...]]:
    """Whether it has been said by now, and not too long ago."""
    start, end = chart.span(mention.start), chart.span(mention.end)
    if start is not None and moment.is_future(start):
        return False, (start.start,)
    last = end or start
    if stands is None or last is None or mention.open_end or moment.is_future(last):
        return True, ()
    return moment.place_time(last, stands) is not Placed.BEFORE, moment.leaving_time(last, stands)


def doubtful(mention: Mention, concepts: Iterable[str], reason: Reason, chart: Chart) -> Doubtful:
    """A mention as what could be the concepts."""
    ended = None if mention.open_end else chart.span(mention.end or mention.start)
    return Doubtful(frozenset(concepts), evidence_of(mention), ended=ended, known=True, mention=reason)


def evidence_of(mention: Mention) -> Evidence:
    """The evidence that a mention is; its time is its last known day."""
    when = mention.end or mention.start
    source = mention.source
    return Evidence(source.resource, source.version, mention.element, mention.shown, when.text if when else None)


def may_go_on(fact: ExposureFact | Mention | ConditionFact, time: Span | None, chart: Chart) -> bool:
    """Whether something may have gone on then, by its days; what has no end holds for the policy's time for lists.

    An order that is over, nobody knows since when, holds for the time of a statement of absence from its beginning.
    A diagnosis without an end that is active does until today; one that is closed, or of an encounter, as what is over:
    from when it was recorded, if that was later than it began.
    """
    stands = chart.policy.freshness[LIST]
    if isinstance(fact, ConditionFact):
        begun, ended = chart.span(fact.onset), chart.span(fact.abatement)
        known = [each.last for each in (begun, chart.span(fact.recorded)) if each is not None]
        over = fact.encounter or fact.clinical in CLOSED
        latest = [held_until(max(known), stands)] if known and over else []
    else:
        begun, ended, asserted = chart.span(fact.start), chart.span(fact.end), chart.span(fact.asserted)
        latest = [] if asserted is None else [held_until(asserted.last, stands) if fact.open_end else asserted.last]
        if fact.ordered and begun is not None and not fact.open_end:
            latest.append(held_until(begun.last, chart.policy.freshness[STATEMENT]))
    if time is None or (begun is not None and begun.first > time.last):
        return time is None
    return (ended.last if ended is not None else min(latest, default=time.first)) >= time.first
