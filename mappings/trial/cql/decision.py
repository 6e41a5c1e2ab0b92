"""The decision in CQL (CONFORMANCE: Decision)."""

from collections.abc import Iterator

from adapter.criteria.definition import Completeness, CriterionRole, TrialDefinition
from adapter.criteria.model import Criterion, Leaf, parts_of
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import kind_of
from mappings.trial.cql.expressions import cql
from mappings.trial.cql.names import AGAINST, DECISION, NOW, WAITS
from mappings.trial.cql.statements import named_parts
from mappings.trial.cql.text import definition, name


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


def _waits(label: str, criterion: Criterion, terminology: Terminology) -> str | None:
    """Whether a criterion is open and data could settle it; None where only a person ever can."""
    is_open = f"{name(label)} is null"
    if parts_of(criterion.statement):
        below = [said for each, part in named_parts(label, criterion) if (said := _waits(each, part, terminology))]
        return f"({is_open} and ({' or '.join(below)}))" if below else None
    statement = criterion.statement
    settled_by_data = (
        kind_of(statement).rule(statement, terminology.catalogue).waits if isinstance(statement, Leaf) else True
    )
    if settled_by_data is False:
        return None
    return is_open if settled_by_data is True else f"({is_open} and {cql(settled_by_data)})"
