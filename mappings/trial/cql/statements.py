"""A criterion -> the CQL expression of its truth, and the decision over all of them: Kleene's logic as CQL has it."""

from collections.abc import Iterator

from adapter.criteria.definition import Completeness, CriterionRole, TrialDefinition
from adapter.criteria.model import AllOf, AnyKnown, AnyOf, As, AtLeast, Criterion, IfThen, Leaf, Not, parts_of
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import kind_of
from mappings.trial.cql.expressions import cql
from mappings.trial.cql.text import AGAINST, DECISION, NOW, WAITS, call, definition, items, name


def named_criteria(held: TrialDefinition) -> Iterator[tuple[str, Criterion]]:
    """Every criterion and part with the name of its expression, parts before what they are parts of."""
    for top in held.criteria:
        yield from _below(top.id, top.criterion)


def _below(label: str, criterion: Criterion) -> Iterator[tuple[str, Criterion]]:
    for each, part in named_parts(label, criterion):
        yield from _below(each, part)
    yield label, criterion


def named_parts(label: str, criterion: Criterion) -> list[tuple[str, Criterion]]:
    """A criterion's parts with their names; one without an id is named by its place."""
    parts = enumerate(parts_of(criterion.statement), start=1)
    return [(part.id or f"{label} part {number}", part) for number, part in parts]


def statement_of(label: str, criterion: Criterion, terminology: Terminology) -> str:  # noqa: PLR0911  # one line a kind
    """The expression of a criterion without its attestation; `label` is the name of its own."""
    parts = [name(each) for each, _ in named_parts(label, criterion)]
    match criterion.statement:
        case AllOf() | As():
            return " and ".join(parts)
        case AnyOf():
            return " or ".join(parts)
        case AnyKnown():
            return call('Measurements."AnyKnown"', items(parts))
        case AtLeast():
            return call('Measurements."AtLeast"', str(criterion.statement.count), items(parts))
        case Not():
            return f"not {parts[0]}"
        case IfThen(alternative=None):
            return f"{parts[0]} implies {parts[1]}"
        case IfThen():
            return call('Measurements."Choice"', *parts)
        case leaf:
            return cql(kind_of(leaf).rule(leaf, terminology.catalogue).truth)


def decision(held: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    """The definitions of what speaks against, what waits for data, and the decision."""
    against = [
        f"{name(top.id)} is {'false' if top.role is CriterionRole.INCLUSION else 'true'}" for top in held.criteria
    ]
    yield definition(AGAINST, _any(against), "A criterion speaks against the patient.")
    waits = [said for top in held.criteria if (said := _waits(top.id, top.criterion, terminology))]
    yield definition(WAITS, _any(waits), "A criterion is open, and not only a person can settle it.")
    settled = f"{WAITS} is false" if held.completeness is Completeness.FULL else "false"
    yield definition(
        name(DECISION),
        f"if Persons.\"IsDead\"(Patient, {NOW}) or {AGAINST} then 'ineligible'\n"
        f"else if {settled} then 'candidate'\n"
        "else 'potential-candidate'",
    )


def _any(said: list[str]) -> str:
    return "\n  or ".join(said) if said else "false"


def _unless_passed_over(label: str, criterion: Criterion, place: int, waits: str) -> str:
    """What a part waits for matters only where the condition doesn't say that the part doesn't."""
    statement = criterion.statement
    if place == 0 or not isinstance(statement, IfThen) or statement.alternative is None:
        return waits
    condition = name(named_parts(label, criterion)[0][0])
    return f"({condition} is not {'false' if place == 1 else 'true'} and {waits})"


def _waits(label: str, criterion: Criterion, terminology: Terminology) -> str | None:
    """Whether a criterion is open and data could settle it; None where only a person ever can."""
    is_open = f"{name(label)} is null"
    if parts_of(criterion.statement):
        parts = enumerate(named_parts(label, criterion))
        told = ((place, _waits(each, part, terminology)) for place, (each, part) in parts)
        below = [_unless_passed_over(label, criterion, place, said) for place, said in told if said]
        return f"({is_open} and ({' or '.join(below)}))" if below else None
    statement = criterion.statement
    settled_by_data = (
        kind_of(statement).rule(statement, terminology.catalogue).waits if isinstance(statement, Leaf) else True
    )
    if settled_by_data is False:
        return None
    return is_open if settled_by_data is True else f"({is_open} and {cql(settled_by_data)})"
