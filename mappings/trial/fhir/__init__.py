"""Trial definitions as FHIR R4 resources, and back: `parse(resources_of(definition, terminology)) == definition`.

Resources are plain JSON objects whose decimals are Decimal; `encode` and `decode` keep them so.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.evaluator.kind import Kinds
from adapter.kinds import KINDS
from mappings.trial.fhir.element import ELIGIBILITY, TREATMENT, Element, Json, checked, decode, encode
from mappings.trial.fhir.eligibility import PLAN_TYPE, build_eligibility, read_criteria, read_index
from mappings.trial.fhir.group import build_group
from mappings.trial.fhir.library import build_library, shared_libraries
from mappings.trial.fhir.shared import build_code_systems, packaged_code_systems, used_value_sets
from mappings.trial.fhir.study import build_study, read_head, read_metadata
from mappings.trial.fhir.treatment import build_treatment, read_interventions, read_steps
from mappings.trial.form import Vocabulary

__all__ = ["decode", "encode", "parse", "resources_of", "shared_resources"]


def resources_of(definition: TrialDefinition, terminology: Terminology) -> list[Json]:
    """A study's own resources: ResearchStudy, the plans of its eligibility and its treatment, its Group and Library.

    Raises DefinitionError if a resource is no R4, KeyError for a concept that the catalogue doesn't hold.
    """
    return [
        checked(build_study(definition)),
        checked(build_eligibility(definition, terminology)),
        checked(build_treatment(definition, terminology)),
        checked(build_group(definition, terminology)),
        checked(build_library(definition, terminology)),
    ]


def shared_resources(
    definitions: Iterable[TrialDefinition], terminology: Terminology, known: Iterable[TrialDefinition] | None = None
) -> list[Json]:
    """What the resources of several studies name together: CodeSystems, value sets, the shared CQL Libraries.

    `known`: all studies whose criteria have a code for attestations; None: these. The system of those codes is one for
    all studies, so that with fewer it would take the others' codes from a server.
    """
    held = tuple(definitions)
    systems = build_code_systems(held if known is None else known, terminology)
    resources = [*systems, *packaged_code_systems(), *used_value_sets(held, terminology)]
    resources += shared_libraries(terminology)
    return [checked(resource) for resource in resources]


def parse(
    resources: Iterable[Mapping[str, Any]], terminology: Terminology | None = None, kinds: Kinds = KINDS
) -> TrialDefinition:
    """The definition that one study's resources hold, in any order, other resources among them.

    Nothing is read from the Group, narratives and value sets: they say the same once more.
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
