"""How long a verdict holds with no new data (CONFORMANCE: Evidence, missing, lifetime).

Every leaf names the instants at which it might change. A criterion is evaluated again at the first of its instants,
from there at the next one, and so on: the first instant at which a shown truth or reason, or the decision, is another
one ends the verdict's life. A criterion waits for one instant at a time, so that it is evaluated at most once at each.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from adapter.criteria.definition import CriterionRole
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.decision import is_dead
from adapter.evaluator.moment import Change, Moment, midnight, moment_at
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node, evaluate_criterion


def valid_until(
    criteria: Sequence[tuple[CriterionRole, Node]], chart: Chart, moment: Moment, *, ineligible: bool
) -> datetime | None:
    """The first instant after the moment at which something changes, None if nothing ever does."""
    ends = [_policy_end(chart, moment), None if ineligible else _death(chart, moment)]
    known_end = min((end for end in ends if end is not None), default=None)
    shown = [each for _, node in criteria for each in _all_shown(node)]
    waiting = [(instant, place) for place, node in enumerate(shown) if (instant := _next(node, moment)) is not None]
    heapq.heapify(waiting)
    while waiting:
        instant, place = waiting[0]
        if known_end is not None and instant >= known_end:
            return known_end
        later = moment_at(instant, moment.zone)
        again = evaluate_criterion(shown[place].bound, chart, later, {})
        if _shown(again) != _shown(shown[place]):
            return instant
        following = _next(again, later)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following, place))
    return known_end


def _all_shown(node: Node) -> Iterator[Node]:
    """A criterion, and those below it that have a result of their own."""
    yield node
    for part in node.parts:
        for below in _all_shown(part):
            if below is not part or part.bound.criterion.id:
                yield below


def _next(node: Node, moment: Moment) -> datetime | None:
    """The first instant after the moment at which a shown criterion might change, parts with own results left out."""
    instants = (_instant(change, moment) for change in _changes(node))
    return min((instant for instant in instants if instant > moment.as_of), default=None)


def _changes(node: Node) -> Iterator[Change]:
    if node.blank:
        return
    yield from node.outcome.changes
    for part in node.parts:
        if not part.bound.criterion.id:
            yield from _changes(part)


def _instant(change: Change, moment: Moment) -> datetime:
    return change if isinstance(change, datetime) else midnight(change, moment.zone)


def _shown(node: Node) -> list[tuple[Truth, Reason]]:
    outcome = node.outcome
    if not node.parts:
        return [(outcome.truth, outcome.reason)]
    return [(each.outcome.truth, each.outcome.reason) for each in node.walk() if each.bound.criterion.id]


def _policy_end(chart: Chart, moment: Moment) -> datetime | None:
    until = chart.policy.until
    if until is None or until == date.max:
        return None
    end = midnight(until + timedelta(days=1), moment.zone)
    return end if end > moment.as_of else None


def _death(chart: Chart, moment: Moment) -> datetime | None:
    death = chart.span(chart.record.death)
    return None if death is None or is_dead(chart.record, moment) else death.start
