"""What a criterion says, as one sentence made from the algebra."""

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.model import (
    Age,
    Allergy,
    AllOf,
    AnyKnown,
    AnyOf,
    AtLeast,
    Condition,
    Criterion,
    DiseaseCourse,
    Exposure,
    IfThen,
    Judgement,
    Leaf,
    Measurement,
    Not,
    ResearchConsent,
    Sex,
    Why,
)
from adapter.evaluator.wording import asked, subject

_WHY = {
    Why.NEEDS_JUDGEMENT: "a person judges it",
    Why.NOT_QUANTIFIED: "the source gives no threshold, a person judges it",
    Why.NOT_PUBLISHED: "the source does not publish it, a person judges it",
}


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
            return _leaf(statement, catalogue)


def _name(part: Criterion, catalogue: Catalogue) -> str:
    return part.id or f"({sentence(part, catalogue)})"


def _leaf(statement: Leaf, catalogue: Catalogue) -> str:  # noqa: PLR0911  # one line a kind
    what = asked(statement, catalogue)
    match statement:
        case Age():
            return f"age {what}"
        case Sex():
            return f"sex {what}"
        case Condition():
            tests = ", ".join(catalogue.analytes[test.analyte].title for test in statement.tests)
            return f"{what} (settled by {tests})" if tests else what
        case DiseaseCourse():
            return f"{subject(statement, catalogue)}: {what}"
        case Measurement():
            return f"{subject(statement, catalogue)} {what}"
        case Exposure() | Allergy():
            return f"{'allergy to ' if isinstance(statement, Allergy) else ''}{subject(statement, catalogue)}, {what}"
        case ResearchConsent():
            return what
        case Judgement():
            gate = " or ".join(catalogue.conditions[concept].title for concept in statement.gate)
            return _WHY[statement.why] + (f"; to look at when on record: {gate}" if gate else "")
        case _:
            msg = f"{type(statement).__name__} has no words"
            raise TypeError(msg)
