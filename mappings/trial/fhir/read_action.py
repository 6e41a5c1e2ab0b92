"""An action of an eligibility plan -> a criterion.

What is not understood is never skipped: it becomes a judgement whose label says what stands there, so that a person
answers it. Only what is wrong outside of the actions is an error.
"""

from adapter.criteria.definition import CriterionRole, EligibilityCriterion
from adapter.criteria.model import Combinator, Criterion, Leaf
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds.judgement import Judgement, Why
from mappings.trial.fhir.criterion_action import CRITERION_KIND, EXPRESSION_LANGUAGE
from mappings.trial.fhir.datatype import enum_of
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.kinds import CRITERION, read_statement
from mappings.trial.vocabulary import Vocabulary, check_statement

_NAMING = frozenset({EXPRESSION_LANGUAGE, "text/cql-identifier"})
"""Languages in which an expression may do no more than name the criterion."""


def read_eligibility(action: Element, number: int, known: Vocabulary | None, kinds: Kinds) -> EligibilityCriterion:
    """A criterion of the trial.

    `number` counts the plan's actions, and names one that has no id of its own. `known`: what a leaf may name; without
    it, anything. `kinds`: those that are understood.
    An action that doesn't say whether it excludes includes: that is what FHIR's applicability condition means.
    """
    criterion = _criterion(action, known, kinds, f"X{number}")
    role = action.code("code", CRITERION_KIND)
    citations = (each.text("citation") for each in action.each("documentation") if each.text("type") == "citation")
    return EligibilityCriterion(
        role=CriterionRole.INCLUSION if role is None else enum_of(CriterionRole, role, action, "code"),
        criterion=criterion,
        source=next(filter(None, citations), action.path),
    )


def _criterion(action: Element, known: Vocabulary | None, kinds: Kinds, number: str | None = None) -> Criterion:
    label = action.text("title") or ""
    try:
        statement = _statement(action, known, kinds)
    except DefinitionError as error:
        statement = Judgement(why=Why.NEEDS_JUDGEMENT)
        label = f"{label or 'A criterion'} (not understood: {error})"
    return Criterion(statement=statement, id=action.text("prefix") or number, label=label)


def _statement(action: Element, known: Vocabulary | None, kinds: Kinds) -> Leaf | Combinator:
    if action.has("modifierExtension"):
        urls = ", ".join(each.text("url") or "" for each in action.each("modifierExtension"))
        action.refuse(f"the modifier extension {urls} is not known here")
    foreign = [told for each in action.each("condition") if (told := _foreign(each, action.text("prefix")))]
    if foreign:
        action.refuse("; ".join(foreign))
    ours = [each for each in action.each("extension") if each.text("url") == CRITERION]
    if len(ours) != 1:
        action.refuse(f"the extension {CRITERION} must stand once, stands {len(ours)} times")
    statement = read_statement(ours[0], tuple(_criterion(part, known, kinds) for part in action.each("action")), kinds)
    if known is not None and isinstance(statement, Leaf):
        try:
            check_statement(statement, known)
        except ValueError as error:
            ours[0].refuse(str(error))
    return statement


def _foreign(condition: Element, prefix: str | None) -> str | None:
    """What a condition says of its own, beside the criterion's statement; None if it only names the criterion."""
    expression = condition.below("expression")
    if expression is None:
        return "a condition without expression"
    language, said = expression.text("language"), expression.text("expression")
    if condition.text("kind") == "applicability" and language in _NAMING and said == prefix:
        return None
    where = expression.text("reference")
    told = (condition.text("kind"), language, said or expression.text("name"), f"of {where}" if where else None)
    return " ".join(filter(None, told))
