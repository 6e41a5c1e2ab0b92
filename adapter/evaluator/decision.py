"""The decision, from the criteria's truths and the leaves that are still open (CONFORMANCE: Decision).

How long a verdict holds with no new data (CONFORMANCE: Evidence, missing, lifetime).

Every leaf names the instants at which it might change. A criterion is evaluated again at the first of its instants,
from there at the next one, and so on: the first instant at which a shown truth or reason, or the decision, is another
one ends the verdict's life. A criterion waits for one instant at a time, so that it is evaluated at most once at each.
"""

import heapq
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from adapter.criteria.model import Completeness, CriterionRole
from adapter.criteria.truth import MET, NOT_MET, UNKNOWN, Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Moment, midnight, moment_at, span
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.tree import Known, Node, evaluate_criterion
from adapter.evaluator.verdict import DECEASED, Decision
from adapter.record.patient_record import PatientRecord

Evaluated = Sequence[tuple[CriterionRole, Node]]


def is_dead(record: PatientRecord, moment: Moment) -> bool:
    """Whether the patient is known to be dead: a dated death counts from its date on."""
    if not record.deceased or record.death is None:
        return record.deceased
    return not moment.is_future(span(record.death, moment.zone))


def decide(criteria: Evaluated, completeness: Completeness, *, dead: bool) -> tuple[Decision, tuple[str, ...]]:
    """The decision and what it rests on, a short statement each."""
    reasons = [DECEASED] if dead else []
    unknown: list[Node] = []
    for role, node in criteria:
        truth = node.outcome.truth
        if truth is UNKNOWN:
            unknown.append(node)
        elif truth is AGAINST[role]:
            reasons.append(f"{role.value} {_named(node)}")
    if reasons:
        return Decision.INELIGIBLE, tuple(reasons)
    waiting = [node for node in unknown if not _awaits_person(node)]
    if not waiting and completeness is Completeness.FULL:
        return Decision.CANDIDATE, tuple(f"awaits a person: {_named(node)}" for node in unknown)
    reasons = [f"unknown: {_named(node)}" for node in waiting]
    if completeness is Completeness.PARTIAL:
        reasons.append("the source does not publish all criteria")
    return Decision.POTENTIAL_CANDIDATE, tuple(reasons)


AGAINST = {CriterionRole.INCLUSION: NOT_MET, CriterionRole.EXCLUSION: MET}
"""The truth with which a criterion rules a patient out."""


def _named(node: Node) -> str:
    return _named_so(node.bound.name, node.outcome.truth, node.outcome.reason)


@lru_cache(4096)  # the same of many patients
def _named_so(criterion: str | None, truth: Truth, reason: Reason) -> str:
    return f"{criterion} {truth} ({reason})"


def _awaits_person(node: Node) -> bool:
    """Whether each open leaf of an open node does: those under nothing but unknowns, which could still change it."""
    if not node.parts:
        return node.outcome.reason in AWAITS_PERSON
    for part in node.open:  # noqa: SIM110  # asked of every open criterion of every patient
        if not _awaits_person(part):
            return False
    return True


def valid_until(
    criteria: Sequence[tuple[CriterionRole, Node]], chart: Chart, moment: Moment, *, ineligible: bool
) -> datetime | None:
    """The first instant after the moment at which something changes, None if nothing ever does."""
    ends = [_policy_end(chart, moment), None if ineligible else _death(chart, moment)]
    known_end = min((end for end in ends if end is not None), default=None)
    waiting: Waiting = []
    for _, node in criteria:
        if not node.blank and (first := _with_shown(node, moment, waiting)) is not None:
            waiting.append((first, len(waiting), node))
    heapq.heapify(waiting)
    later, known = moment, Known()
    while waiting:
        instant, place, node = waiting[0]
        if known_end is not None and instant >= known_end:
            return known_end
        if later.as_of != instant:
            later, known = moment_at(instant, moment.zone), {}
        again = evaluate_criterion(node.bound, chart, later, known)
        if _shown(again) != _shown(node):
            return instant
        following = _next(again, later)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following, place, node))
    return known_end


Waiting = list[tuple[datetime, int, Node]]
"""Criteria with own results, with the first instant at which each might change, and its place among them."""


def _with_shown(node: Node, moment: Moment, found: Waiting) -> datetime | None:
    """The first instant at which a node might change; parts with own results are added to those found, with theirs."""
    changes = node.outcome.changes
    first = moment.first(changes) if changes else None
    for part in node.parts:
        if part.blank:
            continue  # it never changes: no data are held of it
        if part.parts:
            below = _with_shown(part, moment, found)
        else:
            below = moment.first(part.outcome.changes) if part.outcome.changes else None
        if below is None:
            continue
        if part.bound.name:
            found.append((below, len(found), part))
        elif first is None or below < first:
            first = below
    return first


def _next(node: Node, moment: Moment) -> datetime | None:
    """The first instant after the moment at which a shown criterion might change, parts with own results left out."""
    return _with_shown(node, moment, [])


def _shown(node: Node) -> list[tuple[Truth, Reason]]:
    outcome = node.outcome
    if not node.parts:
        return [(outcome.truth, outcome.reason)]
    return [(each.outcome.truth, each.outcome.reason) for each in node.walk() if each.bound.name]


def _policy_end(chart: Chart, moment: Moment) -> datetime | None:
    until = chart.policy.until
    if until is None or until == date.max:
        return None
    end = midnight(until + timedelta(days=1), moment.zone)
    return end if end > moment.as_of else None


def _death(chart: Chart, moment: Moment) -> datetime | None:
    death = chart.span(chart.record.death)
    return None if death is None or is_dead(chart.record, moment) else death.start
