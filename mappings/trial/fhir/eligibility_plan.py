"""A definition's criteria -> the PlanDefinition of its eligibility, and back."""

from adapter.criteria.definition import CriterionRole, EligibilityCriterion, TrialDefinition
from adapter.criteria.model import Criterion, parts_of
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import Kinds
from adapter.fhir.canonicals import conforms_to
from mappings.trial.fhir.criterion_action import eligibility_action
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.library import library_canonical
from mappings.trial.fhir.names import ELIGIBILITY, canonical, code_system, computer_name, part_id
from mappings.trial.fhir.narrative import element, listed, narrative, text
from mappings.trial.fhir.read_action import read_eligibility
from mappings.trial.fhir.wording import sentence
from mappings.trial.vocabulary import Vocabulary

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
    found = tuple(
        read_eligibility(action, number, known, kinds) for number, action in enumerate(plan.each("action"), start=1)
    )
    if not found:
        plan.refuse("a trial needs a criterion; add one", "action")
    seen: set[str] = set()
    for top in found:
        for name in _ids(top.criterion):
            if name in seen:
                plan.refuse(f"the criterion {name} stands twice; give each its own prefix", "action")
            seen.add(name)
    return found


def _ids(criterion: Criterion) -> list[str]:
    own = [criterion.id] if criterion.id else []
    return own + [name for part in parts_of(criterion.statement) for name in _ids(part)]
