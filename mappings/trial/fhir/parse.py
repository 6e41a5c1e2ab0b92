"""A study's resources -> its definition: the inverse of `resources_of`.

Nothing is read from the Group, narratives and value sets; they say the same once more.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapter.criteria.definition import TrialDefinition
from adapter.errors import DefinitionError
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.eligibility_plan import PLAN_TYPE, read_criteria
from mappings.trial.fhir.names import ELIGIBILITY, TREATMENT
from mappings.trial.fhir.read_study import read_head, read_metadata
from mappings.trial.fhir.treatment_plan import read_interventions, read_steps


def parse(resources: Iterable[Mapping[str, Any]]) -> TrialDefinition:
    """The definition that one study's resources hold, in any order, other resources among them.

    What is not understood of a criterion becomes a judgement (`mappings.trial.fhir.read_action`). Raises
    DefinitionError with the path of anything else that is missing or wrong.
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
    return TrialDefinition(
        **head,
        criteria=read_criteria(eligibility),
        study=read_metadata(found, read_interventions(treatment), read_steps(treatment)),
    )


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
            raise found[0].error("it changes what the resource means, and is not known here; take it out", name)
    return found[0]
