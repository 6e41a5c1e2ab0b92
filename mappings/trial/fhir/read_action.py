"""An action of an eligibility plan -> a criterion.

What is not understood is never skipped: it becomes a judgement whose label says what stands there, so that a person
answers it. Only what is wrong outside of the actions is an error.
"""

from adapter.criteria.definition import CriterionKind, EligibilityCriterion
from adapter.criteria.model import Combinator, Criterion, Judgement, Leaf, Why
from adapter.errors import DefinitionError
from mappings.trial.fhir.criterion_action import CRITERION_KIND
from mappings.trial.fhir.datatype import enum_of
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.kinds import CRITERION, read_statement

EXPRESSION_LANGUAGE = "text/cql-identifier"
"""The language of an expression that only names a criterion of ours: by its id."""


def read_eligibility(action: Element, number: int) -> EligibilityCriterion:
    """A criterion of the trial; `number` counts the plan's actions, and names one that has no id of its own.

    An action that doesn't say whether it excludes includes: that is what FHIR's applicability condition means.
    """
    criterion = _criterion(action, f"X{number}")
    kind = action.code("code", CRITERION_KIND)
    citations = (each.text("citation") for each in action.each("documentation") if each.text("type") == "citation")
    return EligibilityCriterion(
        kind=CriterionKind.INCLUSION if kind is None else enum_of(CriterionKind, kind, action, "code"),
        criterion=criterion,
        source=next(filter(None, citations), action.path),
    )


def _criterion(action: Element, number: str | None = None) -> Criterion:
    label = action.text("title") or ""
    try:
        statement = _statement(action)
    except DefinitionError as error:
        statement = Judgement(why=Why.NEEDS_JUDGEMENT)
        label = f"{label or 'A criterion'} (not understood: {error})"
    return Criterion(statement=statement, id=action.text("prefix") or number, label=label)


def _statement(action: Element) -> Leaf | Combinator:
    if action.has("modifierExtension"):
        urls = ", ".join(each.text("url") or "" for each in action.each("modifierExtension"))
        action.refuse(f"the modifier extension {urls} is not known here")
    for condition in action.each("condition"):
        _refuse_foreign(condition, action.text("prefix"))
    ours = [each for each in action.each("extension") if each.text("url") == CRITERION]
    if len(ours) != 1:
        action.refuse(f"the extension {CRITERION} must stand once, stands {len(ours)} times")
    return read_statement(ours[0], tuple(_criterion(part) for part in action.each("action")))


def _refuse_foreign(condition: Element, prefix: str | None) -> None:
    """Raise DefinitionError for a condition that says something of its own, beside the criterion's statement."""
    expression = condition.below("expression")
    if expression is None:
        condition.refuse("a condition without expression")
    language = expression.text("language")
    said = expression.text("expression") or expression.text("reference") or expression.text("name")
    if language != EXPRESSION_LANGUAGE or said is None or said != prefix:
        expression.refuse(f"{language} {said}")
