"""What a criterion says, as one sentence made from the algebra."""

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.model import AllOf, AnyKnown, AnyOf, AtLeast, Criterion, IfThen, Not
from adapter.evaluator.kind import kind_of


def sentence(criterion: Criterion, catalogue: Catalogue) -> str:  # noqa: PLR0911  # one line a kind
    """The criterion's statement in words; parts by their ids, or in words where they have none."""
    statement = criterion.statement

    def named(parts: tuple[Criterion, ...], joint: str) -> str:
        return joint.join(_name(part, catalogue) for part in parts)

    match statement:
        case AllOf():
            return f"all of: {named(statement.parts, ', ')}"
        case AnyOf():
            return f"any of: {named(statement.parts, ', ')}"
        case AnyKnown():
            return f"any of those that are known: {named(statement.parts, ', ')}"
        case AtLeast():
            return f"at least {statement.count} of: {named(statement.parts, ', ')}"
        case Not():
            return f"not: {_name(statement.part, catalogue)}"
        case IfThen():
            return f"if {_name(statement.condition, catalogue)}, then {_name(statement.consequence, catalogue)}"
        case _:
            return kind_of(statement).words(statement, catalogue).sentence


def _name(part: Criterion, catalogue: Catalogue) -> str:
    return part.id or f"({sentence(part, catalogue)})"
