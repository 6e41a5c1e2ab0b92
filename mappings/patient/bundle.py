"""Transaction Bundles (FHIR R4) of one patient's resources, which may be loaded any number of times, as JSON.

The Patient is created where no Patient has its identifier, or updated by that identifier where the source leads. All
other resources are put under their own ids: the same content changes nothing, a corrected one replaces the earlier.
Provenance says which row or message of which source they were made from.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json, resource_id, string
from mappings.patient.converted import Converted, PatientPart, profile_of

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(content: Any) -> bytes:  # noqa: ANN401  # JSON
    """The content as JSON; a Decimal is a number with its digits."""
    return _encoder.encode(content)


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


def bundle_of(patients: Sequence[PatientPart], resources: Iterable[Json]) -> Json:
    """One transaction Bundle with the patients and the resources."""
    entries = (entry(each["resourceType"], each["id"], each) for each in resources)
    return transaction([*(patient_entry(part) for part in patients), *entries])


def transaction(entries: list[Json]) -> Json:
    """The Bundle of entries that `entry` and `patient_entry` made."""
    return {"resourceType": "Bundle", "meta": conforms_to("converted-record"), "type": "transaction", "entry": entries}


def entry(type_: str, id_: str, resource: Json | Raw) -> Json:
    """The entry of a resource that is put under its own id; the resource may be encoded already."""
    url = f"{type_}/{id_}"
    return {"fullUrl": f"{BASE}/{url}", "resource": resource, "request": {"method": "PUT", "url": url}}


def patient_entry(part: PatientPart) -> Json:
    """The entry of a Patient: a conditional create, or a conditional update where the source leads."""
    request: Json = {"method": "POST", "url": "Patient", "ifNoneExist": part.key.query}
    if part.leads:
        request = {"method": "PUT", "url": f"Patient?{part.key.query}"}
    return {"fullUrl": part.key.full_url, "resource": patient_resource(part), "request": request}


def patient_resource(part: PatientPart) -> Json:
    """The Patient resource of a part."""
    elements = part.elements
    others = [each for each in elements.get("identifier", ()) if not _same(each, part.key.identifier)]
    own = next(
        (each for each in elements.get("identifier", ()) if _same(each, part.key.identifier)), part.key.identifier
    )
    rest = {name: value for name, value in elements.items() if name != "identifier" and value not in (None, [], {})}
    meta = conforms_to(profile_of("Patient"))
    return {"resourceType": "Patient", "id": part.key.id, "meta": meta, "identifier": [own, *others], **rest}


def _same(one: Json, other: Json) -> bool:
    return (one.get("system"), one.get("value")) == (other["system"], other["value"])
