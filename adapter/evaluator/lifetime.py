"""How long a verdict holds with no new data (CONFORMANCE: Evidence, missing, lifetime).

Every leaf names the instants at which it might change. They are tried in order: the criterion is evaluated at each,
and the first at which a shown truth or reason, or the decision, is another one ends the verdict's life.
"""

import heapq
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from adapter.criteria.definition import CriterionKind
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.decision import is_dead
from adapter.evaluator.moment import Change, Moment, midnight, moment_at
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node, evaluate_criterion


def valid_until(
    criteria: Sequence[tuple[CriterionKind, Node]], chart: Chart, moment: Moment, *, ineligible: bool
) -> datetime | None:
    """The first instant after the moment at which something changes, None if nothing ever does."""
    ends = [_policy_end(chart, moment), None if ineligible else _death(chart, moment)]
    known_end = min((end for end in ends if end is not None), default=None)
    queue: list[tuple[datetime, int]] = []
    for place, (_, node) in enumerate(criteria):
        _push(queue, place, node, moment)
    while queue:
        instant, place = heapq.heappop(queue)
        if known_end is not None and instant >= known_end:
            return known_end
        while queue and queue[0] == (instant, place):
            heapq.heappop(queue)
        node = criteria[place][1]
        later = moment_at(instant, moment.zone)
        again = evaluate_criterion(node.bound, chart, later, {})
        if _shown(again) != _shown(node):
            return instant
        _push(queue, place, again, later)
    return known_end


def _push(queue: list[tuple[datetime, int]], place: int, node: Node, moment: Moment) -> None:
    for each in node.walk():
        for change in each.outcome.changes:
            instant = _instant(change, moment)
            if instant > moment.as_of:
                heapq.heappush(queue, (instant, place))


def _instant(change: Change, moment: Moment) -> datetime:
    return change if isinstance(change, datetime) else midnight(change, moment.zone)


def _shown(node: Node) -> list[tuple[Truth, Reason]]:
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
