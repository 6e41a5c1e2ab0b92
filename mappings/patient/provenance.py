"""Provenance (FHIR R4): which row or message of which source resources were made from."""

from collections.abc import Iterable

from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json, resource_id, string
from mappings.patient.converted import Converted

_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ACTIVITY = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
SOURCE_PLACES = f"{BASE}/NamingSystem/source-place"
"""System of identifiers `document#place`."""


def provenance(unit: Converted, targets: Iterable[Json]) -> Json:
    """The Provenance of the targets (References), which a unit of the source gave of its first patient."""
    origin, patient = unit.origin, unit.patients[0].key
    place = string(f"{origin.document}#{origin.place}") or "source"
    return {
        "resourceType": "Provenance",
        "id": resource_id("Provenance", origin.document, origin.place, origin.recorded, patient.system, patient.value),
        "meta": conforms_to("conversion"),
        "target": list(targets),
        "recorded": origin.recorded,
        "activity": {"coding": [{"system": _ACTIVITY, "code": "CREATE"}]},
        "agent": [
            {
                "type": {"coding": [{"system": _PARTICIPANT, "code": "assembler"}]},
                "who": {"display": "fhir-trial-adapter"},
            }
        ],
        "entity": [{"role": "source", "what": {"identifier": {"system": SOURCE_PLACES, "value": place}}}],
    }
