"""From the shorthand of the cases to plain FHIR R4 JSON: a Bundle of type collection with one Patient.

An entry of `record` has one key, its kind: `observation`, `condition`, `given` (MedicationAdministration), `taken`
(MedicationStatement), `ordered` (MedicationRequest), `dispensed` (MedicationDispense), `procedure`, `allergy`,
`consent`, `attestation`, one of the entries of further lists (`listed.py`), or `fhir` (a resource as it is). Codes are
the words of `codes.yaml`; quantities are written `70 g/L`, `<0.5 mg/dL`; ranges `10..40 U/L`, `..40 U/L`. Without an
`id` an entry's is its kind and place.
"""

from collections.abc import Callable

import msgspec

from tests.cases.listed import LISTED
from tests.cases.observed import attestation, observation
from tests.cases.recorded import allergy, condition, consent, dispensed, given, ordered, procedure, taken
from tests.cases.words import Json, text

KINDS: dict[str, Callable[[Json], Json]] = {
    "observation": observation,
    "condition": condition,
    "given": given,
    "taken": taken,
    "ordered": ordered,
    "dispensed": dispensed,
    "procedure": procedure,
    "allergy": allergy,
    "consent": consent,
    "attestation": attestation,
    **LISTED,
}
BASE = "http://hospital.example/fhir"
_ENCODER = msgspec.json.Encoder(decimal_format="number")  # a decimal keeps its digits


def bundle(patient: Json, record: list[Json], references: str | None = None) -> bytes:
    """The FHIR JSON of a patient and the record's entries; `references: urn` names them by urn:uuid only."""
    resources = [patient_resource(patient), *(resource(entry, at) for at, entry in enumerate(record))]
    entries = [{"fullUrl": f"{BASE}/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    data = _ENCODER.encode({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return by_urn(data, resources) if references == "urn" else data


def patient_resource(patient: Json) -> Json:
    """The Patient, with the case's own elements."""
    return {"resourceType": "Patient", "id": "p1", **{key: text(value) for key, value in patient.items()}}


def resource(entry: Json, at: int) -> Json:
    """One entry of the record as a FHIR resource."""
    [(kind, said)] = entry.items()
    if kind == "fhir":
        return {"id": f"{kind}-{at}", **said}
    said = dict(said)
    name = said.pop("id", f"{kind}-{at}")
    return {"resourceType": None, "id": name, **KINDS[kind](said)}


def by_urn(data: bytes, resources: list[Json]) -> bytes:
    """The same bundle as a sender without a server writes it: fullUrl urn:uuid, and references to those."""
    for at, made in enumerate(resources):
        named = f"{made['resourceType']}/{made['id']}"
        urn = f'"urn:uuid:00000000-0000-4000-8000-{at:012d}"'.encode()
        data = data.replace(f'"{BASE}/{named}"'.encode(), urn).replace(f'"{named}"'.encode(), urn)
    return data
