"""What is named outside its own list, as far as it keeps a negative open (CONFORMANCE: Mentions)."""

from collections.abc import Callable, Iterable

from adapter.criteria.calendar import Length
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.negatives import Doubtful
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import Mention


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
