"""Evaluated criteria -> results with sentences, evidence and data needs, as a reader wants them."""

from collections.abc import Sequence
from enum import Enum, auto

from msgspec import UNSET

from adapter.criteria.definition import CriterionRole
from adapter.criteria.truth import Truth
from adapter.evaluator.bound import BoundDefinition
from adapter.evaluator.chart import Chart
from adapter.evaluator.decision import AGAINST
from adapter.evaluator.moment import Moment
from adapter.evaluator.needs import by_effort, needs, settled_by_person
from adapter.evaluator.outlook import future
from adapter.evaluator.reason import Reason
from adapter.evaluator.tree import Node
from adapter.evaluator.verdict import CriterionResult, DataNeed, Evidence, Told, each_once
from adapter.evaluator.wording import explanation


def results(
    criteria: Sequence[tuple[CriterionRole, Node]], bound: BoundDefinition, chart: Chart, moment: Moment
) -> Told:
    """One result a criterion. A part without an id lends its parts, evidence and needs to the one above it."""
    teller = _Teller(bound, chart, moment)
    found = tuple([teller.result(role, node, _bearing(role, node)) for role, node in criteria])
    return Told(found, by_effort(each_once(teller.missed), bound.terminology.catalogue))


class Bearing(Enum):
    """What a criterion, or a part with the criteria above it, does to the patient's case."""

    OPEN = auto()
    AGAINST = auto()
    NONE = auto()


def _bearing(role: CriterionRole, node: Node) -> Bearing:
    if node.outcome.truth is Truth.UNKNOWN:
        return Bearing.OPEN
    return Bearing.AGAINST if node.outcome.truth is AGAINST[role] else Bearing.NONE


def _of_part(above: Bearing, whole: Node, place: int) -> Bearing:
    """A part bears on the case only where the criterion above it does, and stands on it."""
    if above is Bearing.OPEN:
        is_open = whole.parts[place].outcome.truth is Truth.UNKNOWN and not whole.passes_over(place)
        return Bearing.OPEN if is_open else Bearing.NONE
    return Bearing.AGAINST if above is Bearing.AGAINST and whole.stands_on(place) else Bearing.NONE


class _Teller:
    """Tells results; holds what is the same for all of a verdict's criteria."""

    def __init__(self, bound: BoundDefinition, chart: Chart, moment: Moment) -> None:
        self.bound = bound
        self.chart = chart
        self.moment = moment
        self.policy = chart.policy
        self.sentences: dict[int, str] = {}
        self.missed: list[DataNeed] = []
        """What is missing of the results that were told, in their order."""

    def result(self, role: CriterionRole, node: Node, bearing: Bearing) -> CriterionResult:
        """The result of a criterion; of one without any data, told once."""
        if not node.blank or bearing is Bearing.AGAINST:
            return self.tell(role, node, bearing)
        key = (self.chart.situation, bearing is Bearing.OPEN)
        known = node.bound.told.get(key)
        if known is None or known[0].role is not role:
            before = len(self.missed)
            found = self.tell(role, node, bearing)
            node.bound.told[key] = found, tuple(self.missed[before:])
            return found
        self.missed += known[1]
        return known[0]

    def tell(self, role: CriterionRole, node: Node, bearing: Bearing) -> CriterionResult:
        criterion, found = node.bound.criterion, node.outcome
        missing: tuple[DataNeed, ...] = ()
        ahead = None
        if bearing is Bearing.OPEN:
            missing = self.missing(node, criterion.id or "")
            self.missed += missing
        elif bearing is Bearing.AGAINST:
            ahead = future(node, self.chart, self.moment, self.bound.terminology)
        parts: list[CriterionResult] = []
        shown = found.evidence
        if node.parts:
            lent = [*shown]
            self.lend(role, node, bearing, parts, lent)
            shown = tuple(lent)
        return CriterionResult(
            criterion.id or "",
            role,
            criterion.label,
            found.truth,
            found.reason,
            found.assumed,
            self.explanation(node),
            tuple(dict.fromkeys(shown)) if len(shown) > 1 else shown,
            missing,
            tuple(parts),
            UNSET if ahead is None else ahead.lasting,
            None if ahead is None else ahead.until,
        )

    def lend(
        self, role: CriterionRole, node: Node, bearing: Bearing, told: list[CriterionResult], shown: list[Evidence]
    ) -> None:
        """The results of the parts; one without an id lends its own, and what it stands on."""
        for place, part in enumerate(node.parts):
            below = _of_part(bearing, node, place)
            if part.bound.criterion.id:
                told.append(self.result(role, part, below))
            else:
                shown += part.outcome.evidence
                if part.parts:
                    self.lend(role, part, below, told, shown)

    def explanation(self, node: Node) -> str:
        """The sentence of a node; said once, though every criterion that it decides repeats it."""
        found = self.sentences.get(id(node))  # the verdict's criteria keep it, so its id stays its own
        if found is None:
            told = (
                explanation(node.bound.words, node.outcome)
                if node.decider is None
                else self.of_parts(node, node.decider)
            )
            found = self.sentences[id(node)] = told
        return found

    def of_parts(self, node: Node, decider: Node) -> str:
        """What its parts say, of which one decides."""
        if node.outcome.truth is Truth.UNKNOWN and node.outcome.reason is not Reason.ATTESTED:
            names = [part.bound.criterion.id for part in node.open_parts()]
            if len(names) > 1 and all(names):
                return f"open: {', '.join(name or '' for name in names)}"
        name, told = decider.bound.criterion.id, self.explanation(decider)
        return f"{name}: {told}" if name else told

    def missing(self, node: Node, name: str) -> tuple[DataNeed, ...]:
        if not node.parts:
            return self.needs(node, name)
        found: dict[tuple[str, str, str | None, tuple[str, ...]], DataNeed] = {}
        for part in node.open_parts():
            if not part.bound.criterion.id:
                for need in self.missing(part, name):
                    found.setdefault((need.type, need.concept, need.within, need.criteria), need)
        return tuple(found.values())

    def needs(self, leaf: Node, name: str) -> tuple[DataNeed, ...]:
        by_person = settled_by_person(leaf)
        lacks = leaf.outcome.lacks
        key = (self.policy.hash, leaf.bound.key, name, by_person, lacks)
        found = self.bound.needs.get(key)
        if found is None:
            attestation = f"{self.bound.definition.id}.{name}" if by_person else None
            found = needs(leaf.bound.statement, name, attestation, self.bound.terminology, self.policy, lacks)
            self.bound.needs[key] = found
        return found
