"""FHIR resources as short as a test wants them: the one place where their shapes are written.

They are of the patient `Patient/p1` unless told otherwise; any element may be given, and replaces what stands here.
Other modules of tests have shorter words for what they need often, and make them of these.
"""

import json
from typing import Any

Json = dict[str, Any]

P1: Json = {"resourceType": "Patient", "id": "p1"}
SUBJECT: Json = {"reference": "Patient/p1"}
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
TERMS = "http://terminology.hl7.org/CodeSystem"
ATTESTATION = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"

HAEMOGLOBIN = "718-7"
ECOG = "89247-1"
CREATININE = "2160-0"
REAGIN = "31147-2"
PREGNANCY_STATUS = "82810-3"
ATRIAL_FIBRILLATION = "49436004"
T_ALL = "277575008"
DEXAMETHASONE = "H02AB02"


def of(name: str) -> Json:
    """A reference to a patient by id."""
    return {"reference": f"Patient/{name}"}


def patient(name: str = "p1", /, **elements: object) -> Json:
    """A woman born in 1990."""
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1990-05-02"} | elements


def concept(system: str | None, code: str | None, **more: str) -> Json:
    """A CodeableConcept with one coding."""
    return {"coding": [{name: text for name, text in {"system": system, "code": code, **more}.items() if text}]}


def quantity(value: object, code: str | None = None, /, **more: object) -> Json:
    """A Quantity with a UCUM unit."""
    return {"value": value, **({"system": UCUM, "code": code} if code else {}), **more}


def observation(code: str = HAEMOGLOBIN, /, **elements: object) -> Json:
    """A final Observation; its value is what the test gives."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": concept(LOINC, code),
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-20",
    } | elements


def creatinine(value: float, /, **elements: object) -> Json:
    """A creatinine in umol/L with its upper limit of normal, 100."""
    limits = [{"high": quantity(100, "umol/L")}]
    return observation(CREATININE, valueQuantity=quantity(value, "umol/L"), referenceRange=limits) | elements


def ecog(score: int, /, **elements: object) -> Json:
    """An ECOG performance status."""
    return observation(ECOG, valueInteger=score) | elements


def condition(code: Json | None = None, /, **elements: object) -> Json:
    """A Condition, atrial fibrillation unless said otherwise."""
    coded = code or concept(SNOMED, ATRIAL_FIBRILLATION)
    return {"resourceType": "Condition", "id": "c1", "code": coded, "subject": SUBJECT} | elements


def drug(kind: str = "MedicationAdministration", /, **elements: object) -> Json:
    """A systemic glucocorticoid, completed."""
    return {
        "resourceType": kind,
        "id": "m1",
        "status": "completed",
        "medicationCodeableConcept": concept(ATC, DEXAMETHASONE),
        "subject": SUBJECT,
    } | elements


def procedure(**elements: object) -> Json:
    """A stem cell transplant, completed."""
    coded = concept(SNOMED, "234336002")
    return {
        "resourceType": "Procedure",
        "id": "pr1",
        "status": "completed",
        "code": coded,
        "subject": SUBJECT,
    } | elements


def allergy(**elements: object) -> Json:
    """An allergy to an antibiotic."""
    coded = concept(SNOMED, "255631004")
    return {"resourceType": "AllergyIntolerance", "id": "a1", "code": coded, "patient": SUBJECT} | elements


def consent(**elements: object) -> Json:
    """An active research consent."""
    return {
        "resourceType": "Consent",
        "id": "k1",
        "status": "active",
        "scope": concept(f"{TERMS}/consentscope", "research"),
        "category": [],
        "patient": SUBJECT,
    } | elements


def attestation(**elements: object) -> Json:
    """A practitioner's word on a criterion."""
    return observation("", **({"performer": [{"reference": "Practitioner/d"}], "valueBoolean": True} | elements)) | {
        "code": concept(ATTESTATION, "nct04785833.I3")
    }


def bundle(kind: str, *entries: Json) -> Json:
    """A Bundle of a type with these entries."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(resource: Json, **elements: object) -> Json:
    """A Bundle entry with a fullUrl on some server."""
    url = f"http://hospital.example/fhir/{resource['resourceType']}/{resource.get('id', '?')}"
    return {"fullUrl": url, "resource": resource} | elements


def collection(*resources: Json, urls: tuple[str, ...] = ()) -> bytes:
    """A collection of the resources as JSON; `urls` are fullUrls of the first ones."""
    entries: list[Json] = [{"resource": resource} for resource in resources]
    for each, url in zip(entries, urls, strict=False):
        each["fullUrl"] = url
    return json.dumps(bundle("collection", *entries)).encode()


def lines(*resources: Json) -> bytes:
    """NDJSON: a resource a line."""
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)
