"""The evaluation of a criterion with its parts (CONFORMANCE: Reasons; Judgement and attestation)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.join import truth_of
from adapter.criteria.terminology import kept
from adapter.criteria.truth import UNKNOWN, Truth, negation
from adapter.evaluator.attestation import attested, raised_since
from adapter.evaluator.bound import BoundCriterion
from adapter.evaluator.chart import MOST_SITUATIONS, Chart
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason


class Node(Struct, frozen=True, gc=False):
    """A criterion with what it came to, and its parts with theirs.

    `decider`: the part whose reason it took. `blank`: the record holds nothing that it reads. `open`: of an unknown
    one, the unknown parts that could still change it: each stands on an open leaf.
    """

    bound: BoundCriterion
    outcome: Outcome
    parts: "tuple[Node, ...]"
    decider: "Node | None" = None
    blank: bool = False
    open: "Sequence[Node]" = ()

    def leaves(self) -> "Iterator[Node]":
        """Yield the node itself if it has no parts, else those of its parts, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def walk(self) -> "Iterator[Node]":
        """Yield the node and all below, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def stands_on(self, place: int) -> bool:
        """Whether its definite truth stands on the part in that place: it says the same; the reverse, if denied."""
        part, whole, join = self.parts[place].outcome.truth, self.outcome.truth, self.bound.join
        if join is not None and join.denies(place):
            return part is not UNKNOWN if join.asserts(place) else part is negation(whole)
        return part is whole and not passes_over(self.bound, self.parts, place)


def passes_over(bound: BoundCriterion, parts: Sequence[Node], place: int) -> bool:
    """Whether the part in that place has no say: what follows from a condition that is known to be otherwise."""
    return parts[0].outcome.truth is bound.untaken.get(place)


def _open(bound: BoundCriterion, parts: Sequence[Node]) -> list[Node]:
    if not bound.untaken:
        return [part for part in parts if part.outcome.truth is UNKNOWN]
    return [
        part
        for place, part in enumerate(parts)
        if part.outcome.truth is UNKNOWN and not passes_over(bound, parts, place)
    ]


Known = dict[str, Outcome]
"""What leaves have come to at one moment, by their key: statements that several criteria share are evaluated once."""


def evaluate_criterion(bound: BoundCriterion, chart: Chart, moment: Moment, known: Known) -> Node:
    """Evaluate the parts, then the criterion; an attestation settles what is otherwise unknown.

    Where the record holds nothing that it reads, the answer is the same for every patient and is found once.
    """
    reads, evaluation = bound.reads, bound.evaluation
    if reads is not None and chart.present.isdisjoint(reads):
        return bound.blanks.get(chart.situation) or _without_data(bound, chart, moment)
    if evaluation is None or chart.record.attestations:
        return _evaluated(bound, chart, moment, known)
    found = known.get(bound.key)  # most are leaves of whom nobody has said anything
    if found is None:
        found = known[bound.key] = evaluation(chart, moment)
    return Node(bound, found, ())


def _evaluated(bound: BoundCriterion, chart: Chart, moment: Moment, known: Known) -> Node:
    evaluation = bound.evaluation
    if evaluation is not None:
        found = known.get(bound.key)
        if found is None:
            found = known[bound.key] = evaluation(chart, moment)
        parts, decider = _NO_PARTS
    else:
        parts = tuple([evaluate_criterion(part, chart, moment, known) for part in bound.parts])
        found, decider = _combined(bound, parts)
    if found.truth is not UNKNOWN:
        return Node(bound, found, parts, decider)
    if bound.attestation is not None and chart.record.attestations:
        settled = _settled(found, parts, bound.attestation, chart, moment)
        if settled is not found:
            found, decider = settled, (decider if settled.truth is UNKNOWN else None)
    return Node(bound, found, parts, decider, open=_open(bound, parts))


_NO_PARTS: tuple[tuple[Node, ...], Node | None] = (), None


def _without_data(bound: BoundCriterion, chart: Chart, moment: Moment) -> Node:
    found = replace(_evaluated(bound, chart.without_data(), moment, {}), blank=True)
    kept(bound.blanks, chart.situation, found, most=MOST_SITUATIONS)
    return found


def _settled(found: Outcome, parts: tuple[Node, ...], code: str, chart: Chart, moment: Moment) -> Outcome:
    said = attested(code, chart, moment)
    if said is None:
        return found
    if said.truth is None or raised_since(said, _unknown(found, parts), chart):
        return found.also(said.changes, said.evidence)
    return Outcome(said.truth, Reason.ATTESTED, said.evidence, found.changes + said.changes)


def _unknown(found: Outcome, parts: tuple[Node, ...]) -> Iterator[Outcome]:
    """Yield what is unknown, and what of its parts is."""
    yield found
    for part in parts:
        for node in part.walk():
            if node.outcome.truth is UNKNOWN:
                yield node.outcome


def _combined(bound: BoundCriterion, parts: tuple[Node, ...]) -> tuple[Outcome, Node]:
    if bound.ends is not None:
        return _all_or_any(parts, *bound.ends)
    truth = truth_of(bound.statement, [part.outcome.truth for part in parts])
    deciders = () if bound.join is None else bound.join.deciders
    first = parts[0].outcome.truth
    for place, known, whole, beside in deciders:
        if (known is None or known is first) and (whole is None or whole is truth):
            return _taken(truth, parts[place], assumed=any(parts[each].outcome.assumed for each in (place, *beside)))
    decider = next(part for part in parts if part.outcome.truth is truth)
    return _taken(truth, decider, assumed=decider.outcome.assumed)


def _all_or_any(parts: tuple[Node, ...], alone: Truth, whole: Truth) -> tuple[Outcome, Node]:
    """The first part of the truth that comes out gives the reason."""
    first_open = None
    assumed = False
    for part in parts:
        outcome = part.outcome
        if outcome.truth is alone:
            return _taken(alone, part, assumed=outcome.assumed)
        if first_open is None and outcome.truth is UNKNOWN:
            first_open = part
        assumed = assumed or outcome.assumed
    if first_open is not None:
        return _taken(UNKNOWN, first_open, assumed=first_open.outcome.assumed)
    return _taken(whole, parts[0], assumed=assumed)


def _taken(truth: Truth, decider: Node, *, assumed: bool) -> tuple[Outcome, Node]:
    return Outcome(truth, decider.outcome.reason, (), (), assumed), decider
