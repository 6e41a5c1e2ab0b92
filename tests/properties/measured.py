"""Observations: values at, below and above the bounds of the trials, in every form a value may have."""

from decimal import Decimal
from random import Random

from tests.properties.core import TERMINOLOGY, Json
from tests.properties.times import timed

SUBJECT = {"reference": "Patient/p1"}
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"

# Analyte -> unit, values on both sides of the bounds that trials and rules set, and an upper limit of normal.
QUANTITIES: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "haemoglobin": ("g/L", ("69.9", "70", "75", "79.9", "80"), None),
    "creatinine": ("umol/L", ("80", "149.9", "150", "150.1", "250", "251"), "100"),
    "bilirubin-total": ("umol/L", ("20", "30", "30.1", "34.2", "35"), "20"),
    "alt": ("U/L", ("40", "41", "100", "120", "121"), "40"),
    "ast": ("U/L", ("40", "41", "100", "120", "121"), "40"),
    "lvef": ("%", ("49.9", "50", "60"), None),
    "lvsf": ("%", ("29.9", "30", "35"), None),
    "spo2": ("%", ("89.9", "90", "90.1"), None),
    "cd7-blasts": ("%", ("0", "10", "19.9", "20", "30", "30.1"), None),
    "cd7-all-cells": ("%", ("10", "90"), None),
    "cd4-blasts": ("%", ("0", "10", "20"), None),
    "cd8-blasts": ("%", ("0", "10", "20"), None),
    "blasts-blood": ("%", ("0", "1", "1.1", "5", "5.1"), None),
    "blasts-marrow": ("%", ("0", "5", "5.1", "80"), None),
    "hbv-dna": ("[IU]/mL", ("0", "1", "499.9", "500"), None),
    "hcv-rna": ("[IU]/mL", ("0", "15"), None),
    "qtc": ("ms", ("400", "500"), None),
}
SCORES = {"ecog": (0, 1, 2, 3), "karnofsky": (50, 60, 80, 90), "lansky": (50, 60, 80, 90), "nyha": (1, 2, 3, 4)}
FINDINGS = (
    "cd7-tissue", "hbsag", "hcv-antibody", "hcv-rna", "hiv-test", "syphilis-reagin", "syphilis-treponemal",
    "pregnancy-test", "pregnancy-status", "breastfeeding-status",
)  # fmt: skip
ANALYTES = (*QUANTITIES, *SCORES, *FINDINGS)
STATUSES = ["final"] * 10 + ["amended", "corrected", "preliminary", "unknown", "entered-in-error"]


def observation(rng: Random) -> Json:
    """An Observation that some criterion reads."""
    analyte = rng.choice(ANALYTES)
    coding = rng.choice(TERMINOLOGY.codes(analyte))
    return {
        "resourceType": "Observation",
        "status": rng.choice(STATUSES),
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "subject": SUBJECT,
        **value(rng, analyte),
        **(timed(rng, "effectiveDateTime") or timed(rng, "issued", often=0.5)),
    }


def value(rng: Random, analyte: str) -> Json:
    """A value of the analyte, with its reference range where it has one."""
    if analyte in SCORES:
        return _score(rng, rng.choice(SCORES[analyte]))
    if analyte in QUANTITIES:
        unit, values, normal = QUANTITIES[analyte]
        found = _quantity(rng, Decimal(rng.choice(values)), unit)
        if normal is not None and rng.random() < 0.8:
            found["referenceRange"] = [{"high": quantity(Decimal(normal), unit)}]
        return found
    return _finding(rng)


def quantity(number: Decimal, unit: str) -> Json:
    """A Quantity with a UCUM unit."""
    return {"value": number, "system": UCUM, "code": unit}


def _quantity(rng: Random, number: Decimal, unit: str) -> Json:
    """Mostly plain; with a comparator, as a range, without its unit, in a strange one, or as text."""
    match rng.choice(["plain"] * 12 + ["comparator", "range", "bare", "strange", "text"]):
        case "comparator":
            return {"valueQuantity": {**quantity(number, unit), "comparator": rng.choice(["<", "<=", ">=", ">"])}}
        case "range":
            return {"valueRange": {"low": quantity(number, unit), "high": quantity(number + 10, unit)}}
        case "bare":
            return {"valueQuantity": {"value": number}}
        case "strange":
            return {"valueQuantity": quantity(number, "{copies}/mL")}
        case "text":
            return {"valueString": str(number)}
        case _:
            return {"valueQuantity": quantity(number, unit)}


def _score(rng: Random, number: int) -> Json:
    """As an integer, a quantity without unit, or text."""
    return rng.choice([{"valueInteger": number}, {"valueQuantity": {"value": number}}, {"valueString": str(number)}])


def _finding(rng: Random) -> Json:
    """As a code, an interpretation, text, a titre, or nothing that compares."""
    code = {"coding": [{"system": SNOMED, "code": rng.choice(["10828004", "260385009", "260385009", "42425007"])}]}
    forms: list[Json] = [
        {"valueCodeableConcept": code},
        {"valueCodeableConcept": code},
        {"valueCodeableConcept": code},
        {"interpretation": [code]},
        {"valueString": rng.choice(["positive", "NEGATIVE ", "weak"])},
        {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": rng.choice([0, 8])}}},
        {"valueBoolean": True},
    ]
    return rng.choice(forms)
