"""Whether time or treatment can change a criterion that fails, and when (CONFORMANCE: Evidence, missing, lifetime).

A truth stands on its leaves. Each of them may change never, any day (a result, a treatment, a word), or on a day that
is known (a birthday, the end of a window). A criterion may be another one as soon as so many of its leaves may have
changed that the others don't settle it any more.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from adapter.criteria.calendar import Length
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import ByTime, Outlook, kind_of
from adapter.evaluator.lifetime import instant_of
from adapter.evaluator.moment import Moment, Span, moment_at
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node, truth_of


class Future(NamedTuple):
    """What may become of a definite truth.

    `lasting`: neither time nor treatment changes it. `until`: it can't be another one before; None: any day, or never.
    """

    lasting: bool
    until: datetime | None = None


def future(node: Node, chart: Chart, moment: Moment, terminology: Terminology) -> Future:
    """What may become of a node with a definite truth, if nobody corrects the record."""
    ends = {id(leaf): _end(leaf, chart, moment, terminology) for leaf in _standing(node)}
    for instant in sorted({end for end in ends.values() if end is not None}):
        if _at(node, instant, ends) is not node.outcome.truth:
            return Future(lasting=False, until=instant if instant > moment.as_of else None)
    return Future(lasting=True)


def _is_leaf(node: Node) -> bool:
    """Whether nothing below it decides: it has no parts, or a person's word stands in their place."""
    return not node.parts or (node.outcome.reason is Reason.ATTESTED and node.decider is None)


def _standing(node: Node) -> Iterator[Node]:
    """The definite leaves that it may stand on."""
    if not _is_leaf(node):
        for part in node.parts:
            yield from _standing(part)
    elif node.outcome.truth is not Truth.UNKNOWN:
        yield node


def _at(node: Node, instant: datetime, ends: dict[int, datetime | None]) -> Truth:
    """The truth that is sure still to stand at an instant."""
    if _is_leaf(node):
        end = ends.get(id(node))
        return Truth.UNKNOWN if end is not None and end <= instant else node.outcome.truth
    return truth_of(node.bound.statement, [_at(part, instant, ends) for part in node.parts])


def _end(leaf: Node, chart: Chart, moment: Moment, terminology: Terminology) -> datetime | None:
    """The first instant at which a leaf may come to something else; the moment's own for any day; None: never."""
    statement, found = leaf.bound.statement, leaf.outcome
    if found.assumed or found.reason is Reason.ATTESTED:
        return moment.as_of
    if found.reason is Reason.NOT_APPLICABLE:
        return None
    if not isinstance(statement, Leaf):
        return None
    match kind_of(statement).outlook(statement, found.truth, terminology.catalogue):
        case Outlook.LASTING:
            return None
        case ByTime(within):
            ends = [end for end in (_changed(leaf, chart, moment), _passed(within, moment)) if end is not None]
            return min(ends, default=None)
        case _:
            return moment.as_of


def _changed(leaf: Node, chart: Chart, moment: Moment) -> datetime | None:
    """The first instant at which the same data give another truth."""
    evaluation = leaf.bound.evaluation
    if evaluation is None:
        return None
    instants = {instant for each in leaf.outcome.changes if (instant := instant_of(each, moment)) > moment.as_of}
    for instant in sorted(instants):
        later = evaluation(chart, moment_at(instant, moment.zone))
        if later.truth is not leaf.outcome.truth and later.reason is not Reason.IMPLAUSIBLE:
            return instant  # that nobody gets so old makes no elderly patient young
    return None


def _passed(within: Length | None, moment: Moment) -> datetime | None:
    """When a window that reaches back from then will no longer reach today."""
    now = Span(moment.as_of, moment.as_of, moment.day, moment.day)
    left = moment.leaving_time(now, within) if within else ()
    return instant_of(left[0], moment) if left else None
