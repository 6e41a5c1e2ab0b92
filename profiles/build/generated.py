"""The part of the package that the adapter writes itself: what it serves, and examples of what it answers."""

from adapter.fhir.elements import Json
from adapter.service.definitions import capabilities, packaged_value_sets
from adapter.service.operation import operation_definition
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from mappings.trial.fhir.shared import build_code_systems


def generated() -> list[Json]:
    """The codes of the shipped trials and terminology, the value sets, the operation, and the capabilities."""
    terminology = load_terminology()
    codes = build_code_systems(load_definitions(terminology=terminology), terminology)
    return [*codes, *packaged_value_sets(), operation_definition(), capabilities()]
