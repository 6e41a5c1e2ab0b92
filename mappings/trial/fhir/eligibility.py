"""A definition's criteria -> the PlanDefinition of its eligibility, an action a criterion, and back.

What is not understood of an action is never skipped: it becomes a judgement whose label says what stands there, so that
a person answers it. Only what is wrong outside of the actions is an error.
"""

import re
from enum import StrEnum

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.join import join_of
from adapter.criteria.model import (
    Combinator,
    Criterion,
    CriterionRole,
    EligibilityCriterion,
    Leaf,
    TrialDefinition,
    parts_of,
)
from adapter.criteria.study import CLINICAL_TRIALS
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds, kind_of
from adapter.fhir.elements import conforms_to
from adapter.kinds.judgement import Judgement, Why
from mappings.trial.fhir.datatype import enum_of
from mappings.trial.fhir.element import (
    ELIGIBILITY,
    Element,
    Json,
    canonical,
    code_system,
    computer_name,
    element,
    listed,
    narrative,
    part_id,
    present,
    text,
)
from mappings.trial.fhir.kinds import CRITERION, read_statement, write_statement
from mappings.trial.fhir.library import library_canonical
from mappings.trial.fhir.shared import requirements
from mappings.trial.form import Vocabulary, check_statement


def sentence(criterion: Criterion, catalogue: Catalogue) -> str:
    """The criterion's statement in words; parts by their ids, or in words where they have none."""
    statement = criterion.statement
    if isinstance(statement, Leaf):
        return kind_of(statement).words(statement, catalogue).sentence
    return join_of(statement).said(statement, [_name(part, catalogue) for part in parts_of(statement)])


def _name(part: Criterion, catalogue: Catalogue) -> str:
    return part.id or f"({sentence(part, catalogue)})"


CRITERION_KIND = code_system("criterion-kind")
"""The code system of `inclusion` and `exclusion`, the codes of the plan's own actions, and of `index`."""


class ActionKind(StrEnum):
    """What an action of the plan is for; the index tells who is worth screening, it neither includes nor excludes."""

    INCLUSION = "inclusion"
    EXCLUSION = "exclusion"
    INDEX = "index"


EXPRESSION_LANGUAGE = "text/cql"
"""The language of an expression that only names a criterion of ours: by its id. Later guides have `text/cql-identifier`
for that; R4's code system doesn't list it, and engines of R4 take a name in `text/cql` for the library's expression."""

_REGISTRY_NUMBER = re.compile(r"NCT\d{8}")


def eligibility_action(top: EligibilityCriterion, study: str, terminology: Terminology) -> Json:
    """A criterion of the trial: what a part has, and whether it excludes, and where it is published."""
    number = _REGISTRY_NUMBER.search(top.source)
    documentation = present(
        {
            "type": "citation",
            "citation": top.source,
            "url": f"{CLINICAL_TRIALS}/study/{number[0]}" if number else None,
        }
    )
    return _action(
        top.criterion,
        study,
        terminology,
        code=[{"coding": [{"system": CRITERION_KIND, "code": top.role.value}]}],
        documentation=[documentation],
    )


def _action(
    criterion: Criterion, study: str, terminology: Terminology, code: list[Json], documentation: list[Json]
) -> Json:
    parts = parts_of(criterion.statement)
    attestation = f"{study}.{criterion.id}" if criterion.id else None
    return present(
        {
            "id": criterion.id,
            "extension": [write_statement(criterion.statement)],
            "prefix": criterion.id,
            "title": criterion.label,
            "textEquivalent": sentence(criterion, terminology.catalogue),
            "code": code,
            "documentation": documentation,
            "condition": [_condition(criterion.id)] if criterion.id else [],
            "input": requirements(criterion.statement, attestation, terminology),
            "groupingBehavior": "logical-group" if parts else None,
            "selectionBehavior": None
            if isinstance(criterion.statement, Leaf)
            else join_of(criterion.statement).behavior,
            "action": [_action(part, study, terminology, code=[], documentation=[]) for part in parts],
        }
    )


def _condition(criterion_id: str) -> Json:
    """The criterion's expression in the plan's library: an engine shows the action where its statement is met."""
    return {"kind": "applicability", "expression": {"language": EXPRESSION_LANGUAGE, "expression": criterion_id}}


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


PLAN_TYPE = code_system("plan-type")


def plan_head(definition: TrialDefinition, kind: str, title: str) -> Json:
    """What both plans of a study begin with; `kind` is the plan's type, and the end of its id."""
    name = part_id(definition.id, kind)
    return {
        "resourceType": "PlanDefinition",
        "id": name,
        "meta": conforms_to(f"{kind}-plan"),
        "url": canonical("PlanDefinition", name),
        "version": definition.version,
        "name": computer_name(name),
        "title": f"{title}: {definition.study.title}",
        "type": {"coding": [{"system": PLAN_TYPE, "code": kind}]},
        "status": "active",
        "experimental": False,
    }


def build_eligibility(definition: TrialDefinition, terminology: Terminology) -> Json:
    """The plan: one action for each criterion, in the definition's order."""
    head = plan_head(definition, ELIGIBILITY, "Eligibility")
    actions = [eligibility_action(top, definition.id, terminology) for top in definition.criteria]
    if isinstance(definition.index, Criterion):
        code = [{"coding": [{"system": CRITERION_KIND, "code": ActionKind.INDEX.value}]}]
        actions.insert(0, _action(definition.index, definition.id, terminology, code=code, documentation=[]))
    return present(
        {
            **head,
            "text": _narrative(head["title"], definition, terminology),
            "library": [library_canonical(definition)],
            "action": actions,
        }
    )


def _narrative(title: str, definition: TrialDefinition, terminology: Terminology) -> Json:
    def item(criterion: Criterion) -> str:
        number = element("b", text(criterion.id)) + " " if criterion.id else ""
        told = element("i", text(sentence(criterion, terminology.catalogue)))
        label = f"{text(criterion.label)}: " if criterion.label else ""
        return number + label + told + listed(item(part) for part in parts_of(criterion.statement))

    sections = []
    for role, heading in ((CriterionRole.INCLUSION, "Inclusion"), (CriterionRole.EXCLUSION, "Exclusion")):
        held = [item(top.criterion) for top in definition.criteria if top.role is role]
        sections += [element("h3", heading), listed(held)] if held else []
    return narrative(element("h2", text(title)), *sections)


def read_criteria(plan: Element, known: Vocabulary | None, kinds: Kinds) -> tuple[EligibilityCriterion, ...]:
    """The plan's criteria. Raises DefinitionError if an id stands twice, or nothing is asked at all."""
    actions = [each for each in plan.each("action") if each.code("code", CRITERION_KIND) != ActionKind.INDEX]
    found = tuple(read_eligibility(action, number, known, kinds) for number, action in enumerate(actions, start=1))
    if not found:
        plan.refuse("a trial needs a criterion; add one", "action")
    seen: set[str] = set()
    for top in found:
        for name in _ids(top.criterion):
            if name in seen:
                plan.refuse(f"the criterion {name} stands twice; give each its own prefix", "action")
            seen.add(name)
    return found


def read_index(plan: Element, known: Vocabulary | None, kinds: Kinds) -> Criterion | None:
    """The criterion that tells who is worth screening, where the plan has one.

    Raises DefinitionError where it is not understood: no person can answer it for everybody.
    """
    for action in plan.each("action"):
        if action.code("code", CRITERION_KIND) == ActionKind.INDEX:
            return Criterion(statement=_statement(action, known, kinds), label=action.text("title") or "")
    return None


def _ids(criterion: Criterion) -> list[str]:
    own = [criterion.id] if criterion.id else []
    return own + [name for part in parts_of(criterion.statement) for name in _ids(part)]
