"""How long a verdict holds with no new data (CONFORMANCE: Evidence, missing, lifetime).

Every leaf names the instants at which it might change. They are tried in order: the criterion is evaluated at each,
and the first at which a shown truth or reason, or the decision, is another one ends the verdict's life.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import count

from adapter.criteria.definition import CriterionKind
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.decision import is_dead
from adapter.evaluator.moment import Moment, midnight, moment_at
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node, evaluate_criterion


def valid_until(
    criteria: Sequence[tuple[CriterionKind, Node]], chart: Chart, moment: Moment, *, ineligible: bool
) -> datetime | None:
    """The first instant after the moment at which something changes, None if nothing ever does."""
    ends = [_policy_end(chart, moment), None if ineligible else _death(chart, moment)]
    known_end = min((end for end in ends if end is not None), default=None)
    queue: list[_Try] = []
    numbers = count()
    for _, node in criteria:
        _push(queue, numbers, node, node, moment)
    while queue:
        instant, _, node = heapq.heappop(queue)
        if known_end is not None and instant >= known_end:
            return known_end
        later = moment_at(instant, moment.zone)
        again = evaluate_criterion(node.bound, chart, later, {})
        if _shown(again) != _shown(node):
            return instant
        _push(queue, numbers, again, again, later)
    return known_end


_Try = tuple[datetime, int, Node]
"""An instant to try, a number that keeps the order, and the criterion that might change."""


def _push(queue: list[_Try], numbers: Iterator[int], node: Node, shown: Node, moment: Moment) -> None:
    """Queue the instants of a node and all below; `shown` is the nearest criterion with a result of its own."""
    if node.blank:
        return
    for change in node.outcome.changes:
        instant = change if isinstance(change, datetime) else midnight(change, moment.zone)
        if instant > moment.as_of:
            heapq.heappush(queue, (instant, next(numbers), shown))
    for part in node.parts:
        _push(queue, numbers, part, part if part.bound.criterion.id else shown, moment)


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
