"""Criteria with their parts, and the decision, as expressions over cells (CONFORMANCE: Reasons; Decision).

A part that is undecided leaves the whole undecided only where it could still change it. Where it could change the
reason alone, the truth stands with a reason of its own, `UNTOLD`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapter.columns.sql.cells import UNDECIDED, UNIT, cell
from adapter.columns.sql.text import literal, rows
from adapter.criteria.join import Join, count_of, join_of
from adapter.criteria.model import Completeness, Criterion, CriterionRole
from adapter.criteria.truth import Conjunction, Disjunction, Formula, KnownDisjunction, Negation, Threshold, Truth
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.columns import TRUTHS
from adapter.evaluator.decision import AGAINST
from adapter.evaluator.reason import AWAITS_PERSON
from adapter.evaluator.verdict import Decision

UNTOLD: Final = UNIT - 1
"""The reason of a cell whose truth is known and whose reason is not."""

CODES: Final = 60
"""Codes of attestations that share a number, a bit each: the columns `t…`."""

_AWAITS = ", ".join(str(cell(reason) % UNIT) for reason in sorted(AWAITS_PERSON))
_UNKNOWN = TRUTHS.index(Truth.UNKNOWN)


class Node(NamedTuple):
    """A criterion as two columns: its cell, and whether it waits for a person alone. `depth`: of what is below it."""

    name: str
    bound: BoundCriterion
    depth: int
    parts: "tuple[Node, ...]"

    @property
    def join(self) -> Join:
        """How it joins its parts."""
        return join_of(self.bound.statement)


class Trees:
    """The nodes of some criteria, numbered in order; `leaves`: the number of each leaf, by its key.

    `reasons`: whether anybody asks for more than truths: for reasons, and what waits for a person.

    `attested`: the codes by which a person may say something of them, in the order of their bits.
    """

    def __init__(self, leaves: Mapping[str, int], *, reasons: bool = True) -> None:
        """Of no criterion yet."""
        self._leaves = leaves
        self._reasons = reasons
        self._nodes: list[Node] = []
        self.attested: list[str] = []

    def add(self, bound: BoundCriterion) -> Node:
        """A criterion's node."""
        parts = tuple(self.add(part) for part in bound.parts)
        depth = 1 + max((part.depth for part in parts), default=-1)
        node = Node(f"n{len(self._nodes)}", bound, depth, parts)
        if bound.attestation is not None and bound.attestation not in self.attested:
            self.attested.append(bound.attestation)
        self._nodes.append(node)
        return node

    def over(self, source: str) -> str:
        """A relation of leaves `l…`, with the columns of all nodes beside them; each depth on top of the one below."""
        for depth in range(1 + max((node.depth for node in self._nodes), default=0)):
            now = [node for node in self._nodes if node.depth == depth]
            for layer in (_ends, self._plain, self._settled, *((_waits,) if self._reasons else ())):
                columns = ", ".join(column for node in now for column in layer(node))
                source = f"SELECT *, {columns} FROM ({source})" if columns else source
        return source

    def _plain(self, node: Node) -> Iterator[str]:
        if not node.parts:
            said = f"l{self._leaves[node.bound.key]}"
        elif self._reasons:
            said = _told(node)
        else:
            low = f"{node.name}a"
            said = f"CASE WHEN {low} <> {node.name}b THEN {UNDECIDED} ELSE {low} * {UNIT} + {UNTOLD} END"
        yield f"{said} AS {_before(node)}"

    def _settled(self, node: Node) -> Iterator[str]:
        """Where a person has said something of it that may settle what is unknown, it is undecided."""
        if node.bound.attestation is not None:
            slot, place = divmod(self.attested.index(node.bound.attestation), CODES)
            plain, said = f"{node.name}p", f"(t{slot} & CAST({1 << place} AS BIGINT)) <> 0"
            # Of most patients nobody has said anything: that is asked first.
            open_ = f"t{slot} <> 0 AND {said} AND {plain} // {UNIT} = {_UNKNOWN}"
            yield f"CASE WHEN {open_} THEN {UNDECIDED} ELSE {plain} END AS {node.name}"


def attesting(codes: Sequence[str]) -> Iterator[str]:
    """Of which criteria a person has said something, as bits in the order of their codes."""
    yield rows("attesting", (("place", "INTEGER"), ("code", "VARCHAR")), list(enumerate(codes)))
    bits = ", ".join(
        f"BIT_OR(CAST(1 AS BIGINT) << (c.place % {CODES})) FILTER (WHERE c.place // {CODES} = {n}) AS t{n}"
        for n in range(-(-len(codes) // CODES))
    )
    yield f"""attested AS (
    SELECT a.patient, {bits} FROM attestations a JOIN attesting c ON a.code = c.code GROUP BY a.patient)"""


def _before(node: Node) -> str:
    """The column of a cell before a person's word on it."""
    return node.name if node.bound.attestation is None else f"{node.name}p"


def _ends(node: Node) -> Iterator[str]:
    """The least and the greatest truth that a combinator may come to, whatever the undecided parts are."""
    if not node.parts:
        return
    parts = [part.name for part in node.parts]
    match node.join.truth:
        case Threshold():
            ends = [_by_count([_truth(name, end) for name in parts], count_of(node.bound.statement)) for end in _ENDS]
        case KnownDisjunction():
            undecided = " OR ".join(f"{name} = {UNDECIDED}" for name in parts)
            met, known = (" OR ".join(f"{name} // {UNIT} = {truth}" for name in parts) for truth in (2, 0))
            truth = f"CASE WHEN {met} THEN 2 WHEN {known} THEN 0 ELSE 1 END"
            ends = [f"CASE WHEN {undecided} THEN {end} ELSE {truth} END" for end in _ENDS]
        case formula:
            ends = [_by_step(_reached(formula, parts, step, end) for step in _STEPS) for end in _ENDS]
    yield f"{ends[0]} AS {node.name}a"
    yield f"{ends[1]} AS {node.name}b"


_ENDS: Final = (0, 2)
"""What undecided parts are taken for, for the least and for the greatest truth."""

_STEPS: Final = (2, 1)
"""Met, and not even unknown: the truths that there are to reach."""


def _reaches(name: str, step: int, undecided: int) -> str:
    """Whether the truth of a cell is at least this one."""
    return f"({name} >= {step * UNIT})" if undecided else f"({name} >= {step * UNIT} AND {name} <> {UNDECIDED})"


def _reached(formula: Formula, parts: Sequence[str], step: int, undecided: int) -> str:
    """Whether the truth of a formula is at least this one; what is denied reaches it where the rest doesn't."""
    match formula:
        case int():
            return _reaches(parts[formula], step, undecided)
        case Negation(of):
            return f"NOT {_reached(of, parts, 3 - step, 2 - undecided)}"
        case Conjunction(of) | Disjunction(of):
            joint = " AND " if isinstance(formula, Conjunction) else " OR "
            terms = of or tuple(range(len(parts)))
            return f"({joint.join(_reached(each, parts, step, undecided) for each in terms)})"


def _by_step(reached: Iterable[str]) -> str:
    """The greatest truth of those that are reached; DuckDB's GREATEST and LEAST take twenty times as long."""
    met, unknown = reached
    return f"CASE WHEN {met} THEN 2 WHEN {unknown} THEN 1 ELSE 0 END"


def _truth(name: str, undecided: int) -> str:
    return f"CASE WHEN {name} = {UNDECIDED} THEN {undecided} ELSE {name} // {UNIT} END"


def _by_count(truths: Sequence[str], count: int) -> str:
    met, possible = (
        " + ".join(f"CASE WHEN {each} >= {least} THEN 1 ELSE 0 END" for each in truths) for least in (2, 1)
    )
    return f"CASE WHEN {met} >= {count} THEN 2 WHEN {possible} < {count} THEN 0 ELSE 1 END"


def _told(node: Node) -> str:
    """The cell of a combinator: its truth, and the reason of the part that decides."""
    low, parts = f"{node.name}a", [part.name for part in node.parts]
    if node.join.deciders:
        undecided = " OR ".join(f"{name} = {UNDECIDED}" for name in parts)
        steps = f"WHEN {undecided} THEN {low} * {UNIT} + {UNTOLD}"
        for place, first, whole, _ in node.join.deciders:
            asked: list[str] = [f"{parts[0]} // {UNIT} = {TRUTHS.index(first)}"] if first is not None else []
            asked += [f"{low} = {TRUTHS.index(whole)}"] if whole is not None else []
            steps += f" WHEN {' AND '.join(asked) or 'TRUE'} THEN {low} * {UNIT} + {parts[place]} % {UNIT}"
    else:
        steps = " ".join(
            f"WHEN {name} = {UNDECIDED} THEN {low} * {UNIT} + {UNTOLD} WHEN {name} // {UNIT} = {low} THEN {name}"
            for name in parts
        )
        steps += f" ELSE {UNDECIDED}"
    return f"CASE WHEN {low} <> {node.name}b THEN {UNDECIDED} {steps} END"


def _waits(node: Node) -> Iterator[str]:
    """Whether every leaf that is open below an unknown node waits for a person; null where that isn't known."""
    if not node.parts:
        yield f"CASE WHEN {node.name} <> {UNDECIDED} THEN {node.name} % {UNIT} IN ({_AWAITS}) END AS {node.name}w"
        return
    below = " AND ".join(f"({_has_no_say(node, place)} OR {part.name}w)" for place, part in enumerate(node.parts))
    yield f"CASE WHEN {node.name} <> {UNDECIDED} THEN {below} END AS {node.name}w"


def _has_no_say(node: Node, place: int) -> str:
    """Whether the part in that place is known to change nothing of the unknown node."""
    part = node.parts[place].name
    said = f"{part} <> {UNDECIDED} AND {part} // {UNIT} <> {_UNKNOWN}"
    untaken = node.join.untaken.get(place)
    if untaken is None:
        return said
    condition = node.parts[0].name
    return f"{said} OR {condition} <> {UNDECIDED} AND {condition} // {UNIT} = {TRUTHS.index(untaken)}"


def decision(bound: BoundDefinition, tops: Sequence[tuple[CriterionRole, Node]]) -> str:
    """The decision in words; null where the cells leave it open."""
    against = " OR ".join(
        f"{node.name} <> {UNDECIDED} AND {node.name} // {UNIT} = {TRUTHS.index(AGAINST[role])}" for role, node in tops
    )
    undecided = " OR ".join(f"{node.name} = {UNDECIDED}" for _, node in tops)
    waiting = " OR ".join(f"({node.name} // {UNIT} = {_UNKNOWN} AND NOT {node.name}w)" for _, node in tops)
    full = bound.definition.completeness is Completeness.FULL
    potential = f"WHEN {waiting} THEN '{Decision.POTENTIAL_CANDIDATE}'"
    rest = f"CASE {potential} WHEN NOT ({waiting}) THEN '{Decision.CANDIDATE}' END"
    return f"""CASE WHEN dead OR {against} THEN '{Decision.INELIGIBLE}' WHEN {undecided} THEN NULL
        ELSE {rest if full else literal(Decision.POTENTIAL_CANDIDATE.value)} END"""


@dataclass(frozen=True, slots=True)
class Study:
    """Where a study's answers stand in the query's result.

    `indicated`: 0 no, 1 yes, 2 unclear, 3 undecided. `criteria`: the columns of the cells of its criteria, in order;
    `nodes`: of every criterion with an id, its column.
    """

    bound: BoundDefinition
    indicated: str
    decision: str
    criteria: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]


def study_of(place: int, bound: BoundDefinition, top: Sequence[tuple[CriterionRole, Node]]) -> Study:
    """Where the answers of the study in this place stand; `top`: its criteria."""
    named: list[tuple[str, str]] = []

    def add(node: Node) -> None:
        criterion: Criterion = node.bound.criterion
        if criterion.id:
            named.append((criterion.id, node.name))
        for part in node.parts:
            add(part)

    for _, node in top:
        add(node)
    return Study(bound, f"s{place}_indicated", f"s{place}_decision", tuple(n.name for _, n in top), tuple(named))
