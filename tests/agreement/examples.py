"""Patients of whom evaluator and CQL are known to differ, and others of whom they must not: resources made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.agreement.site import LABORATORY, TERMINOLOGY
from tests.build import ATTESTATION
from tests.properties.core import written

SUBJECT = {"reference": "Patient/p1"}


PATIENT = {"resourceType": "Patient", "id": "p1"}


def bundle(*resources: Any) -> bytes:  # noqa: ANN401  # JSON
    """A Bundle of resources."""
    entries = [{"resource": each} for each in resources]
    return written({"resourceType": "Bundle", "type": "collection", "entry": entries})  # type: ignore[arg-type]  # any JSON


def marrow(value: int, note: str) -> Mapping[str, Any]:
    """A fresh share of blasts in the marrow, with a note."""
    code = {"system": "http://example.org/fhir-trial-adapter/CodeSystem/observation", "code": "blasts-marrow"}
    return {
        **haemoglobin(value),
        "code": {"coding": [code]},
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "%"},
        "note": [{"text": note}],
    }


def haemoglobin(value: int) -> Mapping[str, Any]:
    """A fresh haemoglobin in g/L."""
    return {
        "resourceType": "Observation",
        "id": "hb",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "g/L"},
    }


def consent_at_depth(depth: int) -> Mapping[str, Any]:
    """A research consent whose study is named by a provision so many levels below its own."""
    provision: dict[str, Any] = {
        "type": "permit",
        "data": [{"meaning": "related", "reference": {"reference": "ResearchStudy/nct04785833"}}],
    }
    for _ in range(depth):
        provision = {"provision": [provision]}
    return {
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
        "patient": SUBJECT,
        "dateTime": "2026-02-01",
        "provision": provision,
    }


def creatinine(value: int, code: str = "2160-0") -> Mapping[str, Any]:
    """A fresh creatinine in umol/L, without a reference range."""
    return {
        **haemoglobin(value),
        "id": f"creatinine-{code}",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "umol/L"},
    }


def ejection_fraction(method: str) -> Mapping[str, Any]:
    """A fresh ejection fraction with the method by which it was measured."""
    coding = TERMINOLOGY.codes("lvef")[0]
    return {
        **haemoglobin(60),
        "id": "lvef",
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "method": {"coding": [{"system": "http://snomed.info/sct", "code": method}]},
        "valueQuantity": {"value": 60, "system": "http://unitsofmeasure.org", "code": "%"},
    }


FIBRILLATION = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.91"}]}


SEPSIS = {"coding": [{"system": "http://snomed.info/sct", "code": "91302008"}]}


def fibrillation(status: str, recorded: str) -> Mapping[str, Any]:
    """Atrial fibrillation on the problem list."""
    return {**leukaemia("af", recorded, status), "code": FIBRILLATION}


def not_taken(since: str) -> Mapping[str, Any]:
    """The word that nothing is taken."""
    absent = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
    return {
        "resourceType": "MedicationStatement",
        "id": "none",
        "status": "active",
        "medicationCodeableConcept": {"coding": [{"system": absent, "code": "no-known-medications"}]},
        "subject": SUBJECT,
        "effectivePeriod": {"start": since},
        "dateAsserted": "2026-02-27",
    }


def ordered_for(days: int, on: str) -> Mapping[str, Any]:
    """Prednisolone, ordered for so many days."""
    supply = {"value": days, "system": "http://unitsofmeasure.org", "code": "d"}
    return {
        "resourceType": "MedicationRequest",
        "id": "order",
        "status": "completed",
        "intent": "order",
        "medicationCodeableConcept": PREDNISOLONE["code"],
        "subject": SUBJECT,
        "authoredOn": on,
        "dispenseRequest": {"expectedSupplyDuration": supply},
    }


def leukaemia(name: str, recorded: str, clinical: str) -> Mapping[str, Any]:
    """T-ALL with a clinical status."""
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "id": name,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "277575008"}]},
        "subject": SUBJECT,
        "recordedDate": recorded,
        "clinicalStatus": {"coding": [{"system": system, "code": clinical}]},
    }


REMISSION = {
    **leukaemia("l", "2025-06-01", "remission"),
    "onsetDateTime": "2025-01-01",
    "abatementDateTime": "2025-06-01",
}
PREDNISOLONE = {"code": {"coding": [{"system": "http://www.whocc.no/atc", "code": "H02AB06"}]}}


def ecog(words: str) -> Mapping[str, Any]:
    """A fresh ECOG performance status in words."""
    code = {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]}
    held = {name: each for name, each in haemoglobin(0).items() if name != "valueQuantity"}
    return {**held, "id": "ecog", "code": code, "valueString": words}


def attested(code: str) -> Mapping[str, Any]:
    """A person's word that a criterion does not hold."""
    held = {name: each for name, each in haemoglobin(0).items() if name != "valueQuantity"}
    own = {"id": code, "code": {"coding": [{"system": ATTESTATION, "code": code}]}, "valueBoolean": False}
    return {**held, **own, "performer": [{"reference": "Practitioner/d"}]}


UCUM = "http://unitsofmeasure.org"
UMOL = {"system": UCUM, "code": "umol/L"}


def bilirubin(name: str, value: float, limits: Mapping[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """A total bilirubin in umol/L, with its limits and without a date."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14631-6"}]},
        "subject": SUBJECT,
        "valueQuantity": {**UMOL, "value": value, **more},
        "referenceRange": [limits],
    }


EXAMPLES = {
    "merged-patients": bundle(
        {
            "resourceType": "Patient",
            "id": "p1",
            "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}],
        },
        {"resourceType": "Patient", "id": "p2"},
        haemoglobin(60),
    ),
    "nested-consent": bundle(PATIENT, consent_at_depth(3)),
    "normal-limits": bundle(PATIENT, creatinine(90)),
    "limits-that-dispute": bundle(
        PATIENT,
        {**creatinine(90), "id": "old", "referenceRange": [{"high": UMOL | {"value": 100}}]},
        {name: said for name, said in creatinine(250).items() if name != "effectiveDateTime"},
    ),
    "pregnancy-ruled-out": bundle({**PATIENT, "gender": "female", "birthDate": "1960-01-01"}),
    "attested-instead": bundle(
        PATIENT, ecog("ECOG 1"), *(attested(code) for code in ("nct04785833.I6", "nct07008872.I5", "readings.I7"))
    ),
    "raised-since": bundle(
        PATIENT, attested("nct04785833.E1"), {**leukaemia("sepsis", "2026-02-26", "active"), "code": SEPSIS}
    ),
    "results-inside": bundle(
        PATIENT,
        {
            "resourceType": "DiagnosticReport",
            "id": "r",
            "status": "final",
            "subject": SUBJECT,
            "code": {"text": "Blood count"},
            "contained": [{key: value for key, value in haemoglobin(60).items() if key != "subject"}],
        },
    ),
    "words": bundle(PATIENT, ecog("ECOG 1")),
    "words-that-dispute": bundle(
        PATIENT,
        bilirubin("old", 34.2, {"high": UMOL | {"value": 20}}, comparator=">") | {"issued": "2026-02-09"},
        bilirubin("undated", 30, {"text": "< 20 umol/L"}),
    ),
    "not-written": bundle(PATIENT, ejection_fraction("40701008")),
    "named-elsewhere": bundle(
        PATIENT,
        fibrillation("resolved", "2026-02-01"),
        {
            "resourceType": "Encounter",
            "id": "e",
            "status": "finished",
            "subject": SUBJECT,
            "reasonCode": [FIBRILLATION],
            "period": {"start": "2025-01-01", "end": "2025-01-02"},
        },
    ),
    "named-in-words": bundle(
        PATIENT,
        fibrillation("resolved", "2026-02-01"),
        {**haemoglobin(90), "note": [{"text": "Seen with atrial fibrillation."}]},
    ),
    "order-bounded": bundle(PATIENT, not_taken("2026-01-15"), ordered_for(7, "2025-12-01")),
    "several-versions": bundle(
        PATIENT,
        {**haemoglobin(60), "meta": {"versionId": "1"}},
        {**haemoglobin(90), "meta": {"versionId": "2"}},
    ),
}
"""For each kind that a patient shows, one who does."""


def by_ingredient(*contained: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    """A drug that is given, whose code says nothing, and whose ingredient is named by reference."""
    drug = {"resourceType": "Medication", "id": "drug", "ingredient": [{"itemReference": {"reference": reference}}]}
    return {
        "resourceType": "MedicationAdministration",
        "id": "given",
        "status": "completed",
        "contained": [drug, *contained],
        "medicationReference": {"reference": "#drug"},
        "subject": SUBJECT,
        "effectiveDateTime": "2026-02-27",
        "dosage": {"route": {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}},
    }


SATURATION = {
    **haemoglobin(95),
    "code": {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]},
    "valueQuantity": {"value": 95, "system": UCUM, "code": "%"},
}
SAME: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "a saturation that was measured by oximetry": [{**SATURATION, "method": {"text": "Pulsoxymetrie, Raumluft"}}],
    "a note that denies what would spoil the result": [
        {**haemoglobin(90), "note": [{"text": "No clots, keine Hämolyse. Kein Anhalt für Rezidiv."}]}
    ],
    "a note that denies it behind its word": [
        {**haemoglobin(90), "note": [{"text": "Hämolyse: negativ\nLipämie: negativ; clots: none seen"}]}
    ],
    "a note with a dash as all that is said": [{**haemoglobin(90), "note": [{"text": "Hämolyse: -; Lipämie: -"}]}],
    "a saturation after an order of oxygen that was over": [
        SATURATION,
        {
            "resourceType": "MedicationRequest",
            "id": "oxygen",
            "status": "completed",
            "intent": "order",
            "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "V03AN01"}]},
            "subject": SUBJECT,
            "authoredOn": "2025-10-01",
        },
    ],
    "a note that agrees with a small share": [REMISSION, marrow(2, "no evidence of relapse")],
    "a note that says no haematogones": [REMISSION, marrow(40, "no haematogones")],
    "a dose in grams": [
        {
            "resourceType": "MedicationStatement",
            "id": "taken",
            "status": "active",
            "medicationCodeableConcept": PREDNISOLONE["code"],
            "subject": SUBJECT,
            "effectivePeriod": {"start": "2026-02-25"},
            "dosage": [
                {
                    "doseAndRate": [{"doseQuantity": {"value": 0.01, "system": UCUM, "code": "g"}}],
                    "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
                }
            ],
        }
    ],
    "an ingredient that is contained": [
        by_ingredient({"resourceType": "Medication", "id": "i", **PREDNISOLONE}, reference="#i")
    ],
    "a substance that is contained": [
        by_ingredient({"resourceType": "Substance", "id": "i", **PREDNISOLONE}, reference="#i")
    ],
    "an ingredient of the record": [
        by_ingredient(reference="Medication/i"),
        {"resourceType": "Medication", "id": "i", **PREDNISOLONE},
    ],
    "a code of the site's own": [
        {**haemoglobin(90), "code": {"coding": [{"system": LABORATORY, "code": "HB"}]}},
    ],
    "a known code that means something else here": [
        {
            **creatinine(300, code="20509-6"),
            "referenceRange": [{"high": {"value": 100, "system": "http://unitsofmeasure.org", "code": "umol/L"}}],
        }
    ],
    "a device that is in use since today": [
        {
            "resourceType": "Device",
            "id": "d",
            "status": "active",
            "patient": SUBJECT,
            "type": {"coding": [{"system": "http://snomed.info/sct", "code": "14106009"}]},
        },
        {
            "resourceType": "DeviceUseStatement",
            "id": "u",
            "status": "active",
            "subject": SUBJECT,
            "device": {"reference": "Device/d"},
            "timingPeriod": {"start": "2026-03-01"},
        },
    ],
    "a known diagnosis that means another one here": [
        {
            "resourceType": "Condition",
            "id": "c",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.0"}]},
            "subject": SUBJECT,
            "recordedDate": "2026-01-01",
        }
    ],
}


def said_of(words: str, verification: str) -> Mapping[str, Any]:
    """Atrial fibrillation by its code, and words beside it."""
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {
        **fibrillation("active", "2026-02-01"),
        "code": {**FIBRILLATION, "text": words},
        "verificationStatus": {"coding": [{"system": system, "code": verification}]},
    }
