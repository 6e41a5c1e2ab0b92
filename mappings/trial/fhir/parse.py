"""A study's resources -> its definition: the inverse of `resources_of`.

Nothing is read from the Group, narratives and value sets; they say the same once more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.trial.fhir.element import ELIGIBILITY, TREATMENT, Element
from mappings.trial.fhir.eligibility import PLAN_TYPE, read_criteria, read_index
from mappings.trial.fhir.study import read_head, read_metadata
from mappings.trial.fhir.treatment import read_interventions, read_steps
from mappings.trial.form import Vocabulary


def parse(
    resources: Iterable[Mapping[str, Any]], terminology: Terminology | None = None, kinds: Kinds = KINDS
) -> TrialDefinition:
    """The definition that one study's resources hold, in any order, other resources among them.

    What is not understood of a criterion becomes a judgement (`mappings.trial.fhir.eligibility`). With a terminology,
    that holds for concepts and units that it doesn't know, too; without one, binding the definition may raise KeyError.
    Raises DefinitionError with the path of anything else that is missing or wrong.
    """
    held = [_element(resource) for resource in resources]
    found = _only(held, "ResearchStudy")
    eligibility = _only(held, "PlanDefinition", ELIGIBILITY)
    treatment = _only(held, "PlanDefinition", TREATMENT)
    head = read_head(found)
    for plan in (eligibility, treatment):
        if plan.text("version") != head["version"]:
            said = f"the plan has version {plan.text('version')}, the study {head['version']}; take those that fit"
            plan.refuse(said, "version")
    vocabulary = Vocabulary.of(terminology) if terminology else None
    interventions = read_interventions(treatment)
    index = head["index"] or read_index(eligibility, vocabulary, kinds)
    definition = TrialDefinition(
        **{**head, "index": index},
        criteria=read_criteria(eligibility, vocabulary, kinds),
        study=read_metadata(found, interventions, read_steps(treatment)),
    )
    _check_names(definition, found, terminology)
    return definition


def _check_names(definition: TrialDefinition, found: Element, terminology: Terminology | None) -> None:
    """Refuse names outside of the criteria that stand for nothing."""
    held = definition.study
    given = {each.id for each in held.interventions}
    named = [name for arm in held.arms for name in arm.interventions]
    named += [name for step in held.treatment for name in step.interventions]
    for name in named:
        if name not in given:
            found.refuse(f"no activity of the treatment plan has the id {name}; add it, or take its name out")
    if terminology is not None:
        concepts = {each.concept for each in held.interventions if each.concept}
        index = definition.index if isinstance(definition.index, tuple) else ()
        unknown = {each for each in index if each not in terminology.catalogue.conditions}
        unknown |= concepts - set(terminology.catalogue.exposures)
        if unknown:
            found.refuse(f"the catalogue doesn't hold {', '.join(sorted(unknown))}; write concepts that it holds")


def _element(resource: Mapping[str, Any]) -> Element:
    return Element(resource, f"{resource.get('resourceType')}/{resource.get('id')}")


def _only(held: list[Element], resource_type: str, plan: str | None = None) -> Element:
    """The one resource of a type (and, of plans, a plan type)."""
    found = [each for each in held if each.text("resourceType") == resource_type]
    if plan is not None:
        found = [each for each in found if each.code("type", PLAN_TYPE) == plan]
    if len(found) != 1:
        what = f"{resource_type} of the type {plan}" if plan else resource_type
        msg = f"one {what} is wanted, {len(found)} are there; pass the resources of one study"
        raise DefinitionError(msg)
    for name in ("modifierExtension", "implicitRules"):
        if found[0].has(name):
            found[0].refuse("it changes what the resource means, and is not known here; take it out", name)
    return found[0]
