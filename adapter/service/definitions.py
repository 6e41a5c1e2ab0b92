"""The definitional resources that can be read and searched, made once when the service starts."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import msgspec

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json
from adapter.fhir.package import conformance
from adapter.service.operation import operation_definition
from mappings.trial.fhir import resources_of, shared_resources

SEARCHED = ("ResearchStudy", "PlanDefinition", "Group", "Library")
"""The types that can be searched."""

READ = (*SEARCHED, "OperationDefinition", "StructureDefinition", "CodeSystem", "ValueSet")
"""The types that can be read."""

Definitions = Mapping[str, Mapping[str, Json]]
"""Resource type -> id -> resource, in a fixed order."""


def definitional(trials: Iterable[TrialDefinition], terminology: Terminology) -> Definitions:
    """Every resource that the service serves: the trials', the packaged value sets, the operation, our profiles.

    What several of them bring (a value set that two trials use) is there once.
    """
    found: dict[str, dict[str, Json]] = {type_: {} for type_ in READ}
    held = tuple(trials)
    packaged = (*packaged_value_sets(), operation_definition(), *_of_package())
    of_trials = (resource for trial in held for resource in resources_of(trial, terminology))
    for resource in (*packaged, *of_trials, *shared_resources(held, terminology)):
        of_type = found.get(resource["resourceType"])
        if of_type is not None:
            of_type.setdefault(resource["id"], resource)
    return found


def _of_package() -> tuple[Json, ...]:
    """Our profiles and extensions, and the value sets of our codes."""
    held = conformance()
    return (*held["StructureDefinition"].values(), *held["ValueSet"].values())


@cache
def packaged_value_sets() -> tuple[Json, ...]:
    """The value sets of the terminology, in the order of their ids."""
    folder = files("mappings.terminology") / "value-sets"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return tuple(msgspec.json.decode(file.read_bytes()) for file in found)
