"""The StructureDefinitions (FHIR R4) of our extensions on ResearchSubject."""

from adapter.fhir.elements import Json
from adapter.fhir.names import GUIDANCE, PROPOSAL


def structure_definitions() -> tuple[Json, ...]:
    """One StructureDefinition an extension, with its snapshot left to whoever needs one."""
    guidance = _extension(
        GUIDANCE,
        "Guidance",
        "The GuidanceResponse that the status of a ResearchSubject stands on",
        {"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/GuidanceResponse"]},
    )
    proposal = _extension(
        PROPOSAL,
        "Proposal",
        "What the adapter proposes: ineligible, candidate or potential-candidate, whatever status a person has set",
        {"code": "code"},
    )
    return guidance, proposal


def _extension(url: str, name: str, text: str, type_: Json) -> Json:
    return {
        "resourceType": "StructureDefinition",
        "id": url.rpartition("/")[2],
        "url": url,
        "version": "1.0.0",
        "name": name,
        "title": name,
        "status": "active",
        "description": text,
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "ResearchSubject"}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Extension", "path": "Extension", "short": name, "definition": text, "max": "1"},
                {"id": "Extension.extension", "path": "Extension.extension", "max": "0"},
                {"id": "Extension.url", "path": "Extension.url", "fixedUri": url},
                {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [type_]},
            ]
        },
    }
