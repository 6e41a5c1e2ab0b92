"""Transaction Bundles (FHIR R4) of one patient's resources, which may be loaded any number of times.

The Patient is created where no Patient has its identifier, or updated by that identifier where the source leads. All
other resources are put under their own ids: the same content changes nothing, a corrected one replaces the earlier.
"""

from collections.abc import Iterable, Sequence

from msgspec import Raw

from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json
from mappings.patient.converted import PatientPart, profile_of


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
