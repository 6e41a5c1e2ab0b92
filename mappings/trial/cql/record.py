"""What a study's library reads of the patient's record, each kind of data once."""

from collections.abc import Iterator

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import PREGNANCY, Condition, DiseaseCourse, Leaf, Measurement
from adapter.criteria.terminology import Terminology
from mappings.trial.cql.codes import code_set
from mappings.trial.cql.names import (
    ALLERGIES,
    AS_OF,
    ATTESTATIONS,
    CONSENTED,
    CONSENTS,
    CONSENTS_DIFFER,
    DIAGNOSES,
    EXPOSURES,
    MEASURED,
    NOW,
    readings,
)
from mappings.trial.cql.text import call, definition, duration, items, string

TYPES = (
    "Observation",
    "Condition",
    "MedicationAdministration",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationRequest",
    "Procedure",
    "Medication",
    "AllergyIntolerance",
    "Consent",
)
"""The resource types that are retrieved, beside Patient."""
_GIVEN = ("MedicationAdministration", "MedicationStatement", "MedicationDispense", "MedicationRequest", "Procedure")


def record(held: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    """The definitions. Retrieves are by type alone: what an entry's codes belong to is asked in the library."""
    yield definition(NOW, call('Time."Local"', f"Coalesce({AS_OF}, Now())"))
    yield definition(MEASURED, call('Observations."Read"', "[Observation]"))
    yield definition(DIAGNOSES, call('Conditions."Read"', "[Condition]", "Patient"))
    yield definition(EXPOSURES, call('Exposures."Read"', *(f"[{each}]" for each in _GIVEN), "[Medication]"))
    yield definition(ALLERGIES, call('Allergies."Read"', "[AllergyIntolerance]"))
    yield definition(ATTESTATIONS, call('Persons."Attestations"', MEASURED))
    yield definition(CONSENTS, call('Persons."Consents"', "[Consent]"))
    names = items(string(each) for each in (held.id, *(identifier.value for identifier in held.identifiers)))
    yield definition(CONSENTED, call('Persons."Consented"', CONSENTS, names, NOW))
    yield definition(CONSENTS_DIFFER, call('Persons."Differ"', CONSENTS, names, NOW))
    for analyte in analytes_of(held, terminology):
        yield _readings(analyte, terminology)


def analytes_of(held: TrialDefinition, terminology: Terminology) -> list[str]:
    """The analytes that the definition's criteria read, alternatives too."""
    analytes = terminology.catalogue.analytes
    found = {each for leaf in (*held.leaves(), PREGNANCY) for each in _read(leaf)}
    return sorted(found | {other for each in found for other in (analytes[each].alternative,) if other})


def _read(leaf: Leaf) -> Iterator[str]:
    match leaf:
        case Measurement():
            yield leaf.analyte
        case Condition():
            yield from (test.analyte for test in leaf.tests)
        case DiseaseCourse():
            yield from leaf.blasts


def _readings(analyte: str, terminology: Terminology) -> str:
    """The readings of an analyte; those of its alternative as well while the patient is young enough."""
    held = terminology.catalogue.analytes[analyte]
    own = call('Observations."Of"', MEASURED, code_set(analyte))
    if held.alternative is None or held.alternative_below is None:
        return definition(readings(analyte), own)
    young = call('Time."SurelyYounger"', 'Time."Birth"(Patient)', NOW, duration(held.alternative_below))
    other = readings(held.alternative)
    return definition(readings(analyte), f"flatten {{ {own}, if {young} then {other} else null }}")
