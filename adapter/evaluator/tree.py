"""The evaluation of a criterion with its parts (CONFORMANCE: Reasons; Judgement and attestation)."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.join import Join, truth_of
from adapter.criteria.model import Combinator
from adapter.criteria.truth import Conjunction, Disjunction, Truth, negation
from adapter.evaluator.attestation import attested, raised_since
from adapter.evaluator.bound import BoundCriterion
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason


class Node(Struct, frozen=True, gc=False):
    """A criterion with what it came to, and its parts with theirs.

    `decider`: the part whose reason it took. `blank`: the record holds nothing that it reads.
    """

    bound: BoundCriterion
    outcome: Outcome
    parts: "tuple[Node, ...]"
    decider: "Node | None" = None
    blank: bool = False

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

    def open_parts(self) -> "list[Node]":
        """The unknown parts of an unknown node that could still change it: each stands on an open leaf."""
        unknown = [(place, part) for place, part in enumerate(self.parts) if part.outcome.truth is Truth.UNKNOWN]
        if self.parts and self.join.untaken:
            unknown = [(place, part) for place, part in unknown if not self.passes_over(place)]
        return [part for _, part in unknown]

    @property
    def join(self) -> Join:
        """How it joins its parts."""
        join: Join = self.bound.criterion.statement.join  # type: ignore[union-attr]  # what has parts joins them
        return join

    def passes_over(self, place: int) -> bool:
        """Whether the part in that place has no say: what follows from a condition that is known to be otherwise."""
        return self.parts[0].outcome.truth is self.join.untaken.get(place)

    def stands_on(self, place: int) -> bool:
        """Whether its definite truth stands on the part in that place: it says the same; the reverse, if denied."""
        part, whole = self.parts[place].outcome.truth, self.outcome.truth
        if self.join.denies(place):
            return part is not Truth.UNKNOWN if self.join.asserts(place) else part is negation(whole)
        return part is whole and not self.passes_over(place)


Known = dict[str, Outcome]
"""What leaves have come to at one moment, by their key: statements that several criteria share are evaluated once."""


def evaluate_criterion(bound: BoundCriterion, chart: Chart, moment: Moment, known: Known) -> Node:
    """Evaluate the parts, then the criterion; an attestation settles what is otherwise unknown.

    Where the record holds nothing that it reads, the answer is the same for every patient and is found once.
    """
    if bound.reads is not None and not chart.record.attestations and chart.present.isdisjoint(bound.reads):
        return _without_data(bound, chart, moment)
    return _evaluated(bound, chart, moment, known)


def _evaluated(bound: BoundCriterion, chart: Chart, moment: Moment, known: Known) -> Node:
    parts: tuple[Node, ...] = ()
    decider = None
    evaluation = bound.evaluation
    if evaluation is None:
        parts = tuple([evaluate_criterion(part, chart, moment, known) for part in bound.parts])
        found, decider = _combined(bound.criterion.statement, parts)  # type: ignore[arg-type]  # no leaf
    else:
        earlier = known.get(bound.key)
        found = known[bound.key] = evaluation(chart, moment) if earlier is None else earlier
    if found.truth is Truth.UNKNOWN and bound.attestation is not None and chart.record.attestations:
        settled = _settled(found, parts, bound.attestation, chart, moment)
        if settled is not found:
            found, decider = settled, (decider if settled.truth is Truth.UNKNOWN else None)
    return Node(bound, found, parts, decider)


def _without_data(bound: BoundCriterion, chart: Chart, moment: Moment) -> Node:
    node: Node | None = bound.blanks.get(chart.situation)
    if node is None:
        found = _evaluated(bound, chart.without_data(), moment, {})
        node = bound.blanks[chart.situation] = replace(found, blank=True)
    return node


def _settled(found: Outcome, parts: tuple[Node, ...], code: str, chart: Chart, moment: Moment) -> Outcome:
    said = attested(code, chart, moment)
    if said is None:
        return found
    if said.truth is None or raised_since(said, _open(found, parts), chart):
        return found.also(said.changes, said.evidence)
    return Outcome(said.truth, Reason.ATTESTED, said.evidence, found.changes + said.changes)


def _open(found: Outcome, parts: tuple[Node, ...]) -> Iterator[Outcome]:
    """Yield what is unknown, and what of its parts is."""
    yield found
    for part in parts:
        for node in part.walk():
            if node.outcome.truth is Truth.UNKNOWN:
                yield node.outcome


def _combined(statement: Combinator, parts: tuple[Node, ...]) -> tuple[Outcome, Node]:
    join: Join = statement.join
    if not join.deciders:
        ends = _ENDS.get(type(join.truth))
        return _all_or_any(parts, *ends) if ends else _first_alike(statement, parts)
    truth = truth_of(statement, [part.outcome.truth for part in parts])
    first = parts[0].outcome.truth
    for place, known, whole, beside in join.deciders:
        if (known is None or known is first) and (whole is None or whole is truth):
            return _taken(truth, parts[place], assumed=any(parts[each].outcome.assumed for each in (place, *beside)))
    msg = f"{join.name} has no decider"
    raise AssertionError(msg)


_ENDS: dict[type[object], tuple[Truth, Truth]] = {
    Conjunction: (Truth.NOT_MET, Truth.MET),
    Disjunction: (Truth.MET, Truth.NOT_MET),
}
"""Over all parts: the truth that one part decides alone, and the one that needs all of the parts."""


def _first_alike(statement: Combinator, parts: tuple[Node, ...]) -> tuple[Outcome, Node]:
    truth = truth_of(statement, [part.outcome.truth for part in parts])
    decider = next(part for part in parts if part.outcome.truth is truth)
    return _taken(truth, decider, assumed=decider.outcome.assumed)


def _all_or_any(parts: tuple[Node, ...], alone: Truth, whole: Truth) -> tuple[Outcome, Node]:
    """The first part of the truth that comes out gives the reason."""
    first_open = None
    for part in parts:
        truth = part.outcome.truth
        if truth is alone:
            return _taken(alone, part, assumed=part.outcome.assumed)
        if first_open is None and truth is Truth.UNKNOWN:
            first_open = part
    if first_open is not None:
        return _taken(Truth.UNKNOWN, first_open, assumed=first_open.outcome.assumed)
    return _taken(whole, parts[0], assumed=any(part.outcome.assumed for part in parts))


def _taken(truth: Truth, decider: Node, *, assumed: bool) -> tuple[Outcome, Node]:
    return Outcome(truth, decider.outcome.reason, (), (), assumed), decider
