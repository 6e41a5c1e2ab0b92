"""Small records for the tests of screening: one patient with a disease, one criterion's worth of data."""

import json
from typing import Any

Json = dict[str, Any]

T_ALL = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C91.00"}
ACUTE_MYELOID = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C92.00"}
ECOG = {"system": "http://loinc.org", "code": "89247-1"}


def patient(name: str = "p1", **elements: object) -> Json:
    """A Patient born in 1990."""
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1990-05-02", **elements}


def condition(name: str, subject: Json, coding: Json = ACUTE_MYELOID) -> Json:
    """A confirmed Condition."""
    return {"resourceType": "Condition", "id": name, "subject": subject, "code": {"coding": [coding]}}


def ecog(name: str, subject: Json, score: int, on: str = "2026-02-20") -> Json:
    """An ECOG score."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "subject": subject,
        "code": {"coding": [ECOG]},
        "effectiveDateTime": on,
        "valueInteger": score,
    }


def of(name: str = "p1") -> Json:
    """A reference to a patient by id."""
    return {"reference": f"Patient/{name}"}


def bundle(*resources: Json, urls: tuple[str, ...] = ()) -> bytes:
    """A collection of the resources; `urls` are fullUrls of the first ones."""
    entries: list[Json] = [{"resource": resource} for resource in resources]
    for entry, url in zip(entries, urls, strict=False):
        entry["fullUrl"] = url
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def lines(*resources: Json) -> bytes:
    """NDJSON: a resource a line."""
    return b"".join(json.dumps(resource).encode() + b"\n" for resource in resources)
