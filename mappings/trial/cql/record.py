"""What a study's library reads of the patient's record, each kind of data once."""

from collections.abc import Iterator

from adapter.criteria.definition import TrialDefinition
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import EXPOSURE, OBSERVATION, Role
from adapter.kinds.condition.statement import PREGNANCY
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

_GIVEN = tuple(place.type for place in EXPOSURE.places)
TYPES = ("Observation", "Condition", *_GIVEN, "Medication", "AllergyIntolerance", "Consent")
"""The resource types that are retrieved, beside Patient."""
_DECIDING = frozenset({Role.ASKED, Role.TEST, Role.BESIDE})


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
    """The analytes that decide one of the definition's criteria, alternatives too."""
    read = (read for leaf in (*held.leaves(), PREGNANCY) for read in reads_of(leaf, terminology.catalogue))
    return sorted({each.name for each in read if each.data is OBSERVATION and each.role in _DECIDING})


def _readings(analyte: str, terminology: Terminology) -> str:
    """The readings of an analyte; those of its alternative as well while the patient is young enough."""
    held = terminology.catalogue.analytes[analyte]
    own = call('Observations."Of"', MEASURED, code_set(analyte))
    if held.alternative is None or held.alternative_below is None:
        return definition(readings(analyte), own)
    young = call('Time."SurelyYounger"', 'Time."Birth"(Patient)', NOW, duration(held.alternative_below))
    other = readings(held.alternative)
    return definition(readings(analyte), f"flatten {{ {own}, if {young} then {other} else null }}")
