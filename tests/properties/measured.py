"""Observations: values at, below and above the bounds of the trials, in every form a value may have."""

from collections.abc import Sequence
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
    "qtc": ("ms", ("400", "500", "501"), None),
    "hiv-rna": ("{copies}/mL", ("0", "19", "5000"), None),
    "pregnancy-test": ("[IU]/L", ("1", "5", "4000"), "5"),
    "oxygen-flow": ("L/min", ("0", "2"), None),
    "blasts-csf": ("%", ("0", "3"), None),
}
# Beyond what a patient can have, and of an antigen what may be a fraction.
IMPLAUSIBLE = {
    "haemoglobin": "9.2",
    "creatinine": "0.9",
    "lvef": "0.6",
    "spo2": "0.97",
    "cd7-blasts": "0.3",
    "qtc": "9",
}
# The same unit as people write it beside a code or without one, and another one.
WRITTEN = {"g/L": ("g / l", "g/dL"), "umol/L": ("µmol/l", "mg/dl"), "U/L": ("IU/L", "u/l"), "%": ("percent", "%")}
SCORES = {
    "ecog": (0, 1, 2, 3),
    "karnofsky": (50, 60, 80, 90),
    "lansky": (50, 60, 80, 90),
    "nyha": (1, 2, 3, 4),
    "her2-ihc": (1, 2, 3),
}
FINDINGS = (
    "cd7-tissue", "hbsag", "hcv-antibody", "hcv-rna", "hiv-test", "syphilis-reagin", "syphilis-treponemal",
    "pregnancy-test", "pregnancy-status", "breastfeeding-status", "blood-culture", "hiv-confirmation", "hiv-type-test",
    "hbsag-neutralisation", "hbc-antibody", "hbc-igm",
)  # fmt: skip
ANSWERS = {
    "smoking-status": (
        ("never-smoker", "ever-smoker", "former-smoker", "current-smoker", "negative"),
        ("never smoked", "Raucher", "ex-smoker", "sometimes"),
    )
}
"""Analyte -> the value sets of its answers, and what people write."""
ANALYTES = (*QUANTITIES, *SCORES, *ANSWERS, *FINDINGS)
SAID = (
    "no GVHD", "Akute GVHD Grad II", "known atrial fibrillation", "keine Infektion", "V.a. Pneumonie", "HIV negative",
    "mother had breast cancer", "Z.n. CAR-T-Therapie", "on prednisone 20 mg", "pacemaker in situ", "not pregnant",
    "schwanger", "penicillin allergy", "malignant melanoma, excised", "GVHD prophylaxis", "risk of stroke",
)  # fmt: skip
"""What stands in notes and in results in words: what they name, deny, or say of somebody else."""
MODIFIED: list[Json] = [{"url": "http://example.org/fhir/StructureDefinition/unheard-of", "valueBoolean": True}]
"""An extension that changes what the rest says, nobody knows how."""
SPECIMENS = ("venous blood", "Urin", "urine", "CSF", "bone marrow", "something")
STATUSES = ["final"] * 10 + ["amended", "corrected", "preliminary", "unknown", "entered-in-error"]


def observation(rng: Random, analytes: Sequence[str] = ANALYTES) -> Json:
    """An Observation that some criterion reads."""
    analyte = rng.choice(analytes)
    coding = rng.choice(TERMINOLOGY.codes(analyte))
    return {
        "resourceType": "Observation",
        "status": rng.choice(STATUSES),
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "subject": SUBJECT,
        **_about(rng),
        **value(rng, analyte),
        **(timed(rng, "effectiveDateTime") or timed(rng, "issued", often=0.5)),
    }


def in_words(rng: Random) -> Json:
    """A result under a local name, a local question with an answer in words, a note, or a report's conclusion."""
    said = rng.choice(SAID)
    asked: Json = {"code": {"text": "Akute GVHD"}, "valueString": rng.choice(["nein", "Grad II", "Grad 0", "GVHD?"])}
    forms: list[Json] = [
        {"resourceType": "Observation", "code": {"text": "Assessment"}, "valueString": said},
        {"resourceType": "Observation", **asked},
        {"resourceType": "Observation", "code": {"text": "pulse"}, "note": [{"text": said}]},
        {"resourceType": "DiagnosticReport", "code": {"text": "Befund"}, "conclusion": said},
    ]
    return {**rng.choice(forms), "status": "final", "subject": SUBJECT, **timed(rng, "effectiveDateTime")}


def _about(rng: Random) -> Json:
    """At times somebody else's, or of a specimen or a run that can't be relied on."""
    spoilt: Json = {"condition": [{"coding": [{"code": rng.choice(["HEM", "COOL"])}]}]}
    forms: list[Json] = [
        {"focus": [{"reference": "Patient/donor"}]},
        {"focus": [SUBJECT]},
        {"note": [{"text": rng.choice(["Specimen haemolysed.", "by telephone"])}]},
        *(
            {"contained": [{"resourceType": "Specimen", "id": "s", **each}], "specimen": {"reference": "#s"}}
            for each in (spoilt, {"type": {"text": rng.choice(SPECIMENS)}})
        ),
    ]
    return rng.choice(forms) if rng.random() < 0.2 else {}


def value(rng: Random, analyte: str) -> Json:
    """A value of the analyte, with its reference range where it has one."""
    if analyte in SCORES:
        return _score(rng, rng.choice(SCORES[analyte]))
    if analyte in ANSWERS:
        return _answer(rng, *ANSWERS[analyte])
    if analyte in QUANTITIES:
        unit, values, normal = QUANTITIES[analyte]
        number = IMPLAUSIBLE[analyte] if analyte in IMPLAUSIBLE and rng.random() < 0.05 else rng.choice(values)
        found = _quantity(rng, Decimal(number), unit)
        if normal is not None and rng.random() < 0.8:
            found["referenceRange"] = _ranges(rng, Decimal(normal), unit)
        return found
    return _finding(rng)


def _ranges(rng: Random, normal: Decimal, unit: str) -> list[Json]:
    """The limit alone; at times one for each sex, one that encloses nothing, one that is impossible, or words."""
    plain: Json = {"high": quantity(normal, unit)}
    forms: list[list[Json]] = [
        [
            {"high": quantity(normal, unit), "appliesTo": [{"text": "female"}]},
            {"high": quantity(normal + 20, unit), "appliesTo": [{"coding": [{"system": SNOMED, "code": "248153007"}]}]},
        ],
        [plain, {"high": quantity(normal * 2, unit), "type": {"text": "Normal range"}}],
        [plain, {"high": quantity(normal * 2, unit), "type": {"text": "treatment"}}],
        [{"low": quantity(normal, unit), "high": quantity(normal, unit)}],
        [{"high": quantity(normal / 100, unit)}],
        [{"text": f"< {normal} {unit}"}],
    ]
    return [plain] if rng.random() < 0.7 else rng.choice(forms)


def quantity(number: Decimal, unit: str) -> Json:
    """A Quantity with a UCUM unit."""
    return {"value": number, "system": UCUM, "code": unit}


def _quantity(rng: Random, number: Decimal, unit: str) -> Json:
    """Mostly plain; with a comparator, as a range, without its unit, in a strange or a written one, or as text."""
    written = rng.choice(WRITTEN.get(unit, (unit,)))
    plain: Json = {"valueQuantity": quantity(number, unit)}
    forms: list[Json] = [
        {"valueQuantity": {**quantity(number, unit), "comparator": rng.choice(["<", "<=", ">=", ">"])}},
        {"valueRange": {"low": quantity(number, unit), "high": quantity(number + 10, unit)}},
        {"valueQuantity": {"value": number}},
        {"valueQuantity": quantity(number, "{copies}/mL")},
        {"valueQuantity": {"value": number, "unit": written}},
        {"valueQuantity": {**quantity(number, unit), "unit": written}},
        {"valueString": rng.choice([f"{number}", f"{number} {unit}", f"< {number} {unit}", "negative"])},
    ]
    return plain if rng.random() < 0.7 else rng.choice(forms)


def _score(rng: Random, number: int) -> Json:
    """As an integer, a quantity without unit or with one that may say so, or text."""
    forms: list[Json] = [
        {"valueInteger": number},
        {"valueQuantity": {"value": number}},
        {"valueQuantity": quantity(Decimal(number), rng.choice(["%", "1", "{score}"]))},
        {"valueString": rng.choice([str(number), str(number), f"ECOG {number}", f"{number}-{number + 1}"])},
    ]
    return rng.choice(forms)


def _answer(rng: Random, answers: Sequence[str], words: Sequence[str]) -> Json:
    """By a code, by two, in words, or in both."""
    held = [name for name in answers if TERMINOLOGY.codes(name)]
    codings = [TERMINOLOGY.codes(rng.choice(held))[0] for _ in range(rng.choice([1, 1, 1, 2]))]
    coded: Json = {"coding": [{"system": each.system, "code": each.code} for each in codings]}
    forms: list[Json] = [
        {"valueCodeableConcept": coded},
        {"valueCodeableConcept": coded | {"text": rng.choice(words)}},
        {"valueCodeableConcept": {"text": rng.choice(words)}},
        {"valueString": rng.choice(words)},
    ]
    return rng.choice(forms)


def _finding(rng: Random) -> Json:
    """As a code, an interpretation, text, a titre, or nothing that compares."""
    code = {"coding": [{"system": SNOMED, "code": rng.choice(["10828004", "260385009", "260385009", "42425007"])}]}
    forms: list[Json] = [
        {"valueCodeableConcept": code},
        {"valueCodeableConcept": code},
        {"valueCodeableConcept": code},
        {"interpretation": [code]},
        {"valueString": rng.choice(["positive", "NEGATIVE ", "weak", "negative (n)"])},
        {"valueCodeableConcept": code | {"text": rng.choice(["Negative", "Positive", "see report"])}},
        {"valueCodeableConcept": code, "interpretation": [{"coding": [{"code": "QCF"}]}]},
        {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": rng.choice([0, 8])}}},
        {"valueBoolean": True},
    ]
    return rng.choice(forms)
