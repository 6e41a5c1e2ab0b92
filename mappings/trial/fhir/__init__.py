"""Trial definitions as FHIR R4 resources, and back: `parse(resources_of(definition, terminology)) == definition`.

Resources are plain JSON objects whose decimals are Decimal; `encode` and `decode` keep them so.
"""

from collections.abc import Iterable

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir.element import Json, checked, decode, encode
from mappings.trial.fhir.eligibility import build_eligibility
from mappings.trial.fhir.group import build_group
from mappings.trial.fhir.library import build_library, shared_libraries
from mappings.trial.fhir.parse import parse
from mappings.trial.fhir.shared import build_code_systems, packaged_code_systems, used_value_sets
from mappings.trial.fhir.study import build_study
from mappings.trial.fhir.treatment import build_treatment

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
