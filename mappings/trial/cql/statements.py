"""A criterion -> the CQL expression of its truth: its parts by their names, Kleene's logic as CQL has it."""

from collections.abc import Iterator

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import AllOf, AnyKnown, AnyOf, AtLeast, Criterion, IfThen, Not, parts_of
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import kind_of
from mappings.trial.cql.expressions import cql
from mappings.trial.cql.text import call, items, name


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
        case AllOf():
            return " and ".join(parts)
        case AnyOf():
            return " or ".join(parts)
        case AnyKnown():
            return call('Measurements."AnyKnown"', items(parts))
        case AtLeast():
            return call('Measurements."AtLeast"', str(criterion.statement.count), items(parts))
        case Not():
            return f"not {parts[0]}"
        case IfThen():
            return f"{parts[0]} implies {parts[1]}"
        case leaf:
            return cql(kind_of(leaf).rule(leaf, terminology.catalogue).truth)
