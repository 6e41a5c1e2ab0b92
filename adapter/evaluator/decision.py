"""The decision, from the criteria's truths and the leaves that are still open (CONFORMANCE: Decision)."""

from collections.abc import Sequence
from functools import lru_cache

from adapter.criteria.definition import Completeness, CriterionRole
from adapter.criteria.truth import Truth
from adapter.evaluator.moment import Moment, span
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.tree import Node
from adapter.evaluator.verdict import DECEASED, Decision
from adapter.record.facts import PatientRecord

Evaluated = Sequence[tuple[CriterionRole, Node]]


def is_dead(record: PatientRecord, moment: Moment) -> bool:
    """Whether the patient is known to be dead: a dated death counts from its date on."""
    if not record.deceased or record.death is None:
        return record.deceased
    return not moment.is_future(span(record.death, moment.zone))


def decide(criteria: Evaluated, completeness: Completeness, *, dead: bool) -> tuple[Decision, tuple[str, ...]]:
    """The decision and what it rests on, a short statement each."""
    against = [(role, node) for role, node in criteria if node.outcome.truth is AGAINST[role]]
    reasons = [DECEASED] if dead else []
    reasons += [f"{role.value} {_named(node)}" for role, node in against]
    if reasons:
        return Decision.INELIGIBLE, tuple(reasons)
    unknown = [node for _, node in criteria if node.outcome.truth is Truth.UNKNOWN]
    waiting = [node for node in unknown if not _awaits_person(node)]
    if not waiting and completeness is Completeness.FULL:
        return Decision.CANDIDATE, tuple(f"awaits a person: {_named(node)}" for node in unknown)
    reasons = [f"unknown: {_named(node)}" for node in waiting]
    if completeness is Completeness.PARTIAL:
        reasons.append("the source does not publish all criteria")
    return Decision.POTENTIAL_CANDIDATE, tuple(reasons)


AGAINST = {CriterionRole.INCLUSION: Truth.NOT_MET, CriterionRole.EXCLUSION: Truth.MET}
"""The truth with which a criterion rules a patient out."""


def _named(node: Node) -> str:
    return _named_so(node.bound.criterion.id, node.outcome.truth, node.outcome.reason)


@lru_cache(4096)  # the same of many patients
def _named_so(criterion: str | None, truth: Truth, reason: Reason) -> str:
    return f"{criterion} {truth} ({reason})"


def _awaits_person(node: Node) -> bool:
    """Whether each of its open leaves does: those under nothing but unknowns, which could still change its truth."""
    if node.outcome.truth is not Truth.UNKNOWN:
        return True
    if not node.parts:
        return node.outcome.reason in AWAITS_PERSON
    for part in node.open_parts():  # noqa: SIM110  # asked of every open criterion of every patient
        if not _awaits_person(part):
            return False
    return True
