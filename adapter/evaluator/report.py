"""Evaluated criteria -> results with sentences, evidence and data needs, as a reader wants them."""

from collections.abc import Sequence

from adapter.criteria.definition import CriterionRole
from adapter.criteria.policy import Policy
from adapter.criteria.truth import Truth
from adapter.evaluator.bound import BoundDefinition
from adapter.evaluator.chart import Situation
from adapter.evaluator.needs import needs, settled_by_person
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node, open_leaves
from adapter.evaluator.verdict import CriterionResult, DataNeed, Evidence
from adapter.evaluator.wording import explanation


def results(
    criteria: Sequence[tuple[CriterionRole, Node]], bound: BoundDefinition, situation: Situation, policy: Policy
) -> tuple[CriterionResult, ...]:
    """One result a criterion. A part without an id lends its parts, evidence and needs to the one above it."""
    teller = _Teller(bound, situation, policy)
    return tuple([teller.result(role, node, is_open=True) for role, node in criteria])


class _Teller:
    """Tells results; holds what is the same for all of a verdict's criteria."""

    def __init__(self, bound: BoundDefinition, situation: Situation, policy: Policy) -> None:
        self.bound = bound
        self.situation = situation
        self.policy = policy

    def result(self, role: CriterionRole, node: Node, *, is_open: bool) -> CriterionResult:
        """The result of a criterion; of one without any data, told once."""
        if not node.blank:
            return self.tell(role, node, is_open=is_open)
        key = (self.situation, role, is_open)
        found = node.bound.told.get(key)
        if found is None:
            found = node.bound.told[key] = self.tell(role, node, is_open=is_open)
        return found

    def tell(self, role: CriterionRole, node: Node, *, is_open: bool) -> CriterionResult:
        is_open = is_open and node.outcome.truth is Truth.UNKNOWN
        name = node.bound.criterion.id or ""
        return CriterionResult(
            id=name,
            role=role,
            label=node.bound.criterion.label,
            result=node.outcome.truth,
            reason=node.outcome.reason,
            assumed=node.outcome.assumed,
            explanation=self.explanation(node),
            evidence=_lent_evidence(node),
            missing=self.missing(node, name) if is_open else (),
            parts=tuple([self.result(role, part, is_open=is_open) for part in _lent_parts(node)]),
        )

    def explanation(self, node: Node) -> str:
        if node.decider is None:
            return explanation(node.bound.words, node.outcome)
        if node.outcome.truth is Truth.UNKNOWN and node.outcome.reason is not Reason.ATTESTED:
            names = [part.bound.criterion.id for part in _open_parts(node)]
            if len(names) > 1 and all(names):
                return f"open: {', '.join(name or '' for name in names)}"
        name = node.decider.bound.criterion.id
        told = self.explanation(node.decider)
        return f"{name}: {told}" if name else told

    def missing(self, node: Node, name: str) -> tuple[DataNeed, ...]:
        if not node.parts:
            return self.needs(node, name)
        found: dict[tuple[str, str, str | None, tuple[str, ...]], DataNeed] = {}
        for part in node.parts:
            if part.outcome.truth is Truth.UNKNOWN and not part.bound.criterion.id:
                for need in self.missing(part, name):
                    found.setdefault((need.type, need.concept, need.within, need.criteria), need)
        return tuple(found.values())

    def needs(self, leaf: Node, name: str) -> tuple[DataNeed, ...]:
        by_person = settled_by_person(leaf)
        key = (self.policy.hash, leaf.bound.key, name, by_person)
        found = self.bound.needs.get(key)
        if found is None:
            attestation = f"{self.bound.definition.id}.{name}" if by_person else None
            found = needs(leaf.bound.statement, name, attestation, self.bound.terminology, self.policy)
            self.bound.needs[key] = found
        return found


def _open_parts(node: Node) -> list[Node]:
    return [part for part in node.parts if next(open_leaves(part), None) is not None]


def _lent_parts(node: Node) -> list[Node]:
    lent: list[Node] = []
    for part in node.parts:
        lent.extend([part] if part.bound.criterion.id else _lent_parts(part))
    return lent


def _lent_evidence(node: Node) -> tuple[Evidence, ...]:
    own = node.outcome.evidence
    lent = (_lent_evidence(part) for part in node.parts if not part.bound.criterion.id)
    return tuple(dict.fromkeys([*own, *(item for items in lent for item in items)]))
