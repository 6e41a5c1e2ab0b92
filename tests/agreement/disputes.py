"""Shapes in which something on record disputes or spoils something else: notes, names, reports, words beside a code."""

from collections.abc import Callable
from random import Random

from tests.build import TERMS, concept
from tests.properties.core import Json
from tests.properties.measured import SAID, SUBJECT
from tests.properties.patients import coded
from tests.properties.times import period, when

SERVER = "https://fhir.example.org/r4/"
Shape = Callable[[Json, Random], list[Json]]

NOTES = (
    "clotted", "No clots.", "No platelet clumps. Haemolysed.", "Probe vertauscht?", "Samples swapped with bed 3",
    "keine Gerinnsel, Probe verwechselt", "Kein Hinweis auf Verwechslung", "Regenerating marrow. No relapse.",
    "no evidence of relapse", "haematogones 4 %", "Not clotted; not swapped.",
    "Spenderblut", "taken in the morning. Fasting.",
)  # fmt: skip
"""What stands beside a result, in one sentence or several: specimens that can't be used, and denials of it."""


def noted(each: Json, rng: Random) -> list[Json]:
    """With notes on the specimen, or on what else the patient has."""
    return [{**each, "note": [{"text": words} for words in rng.sample([*NOTES, *SAID], rng.choice([1, 1, 2]))]}]


NAMES = (
    "HBsAg (donor)", "Donor haemoglobin", "Spender: HIV", "donor chimerism", "maternal antibody", "the patient's own",
    "Kreatinin. Spender", "donor lymphocytes",
)  # fmt: skip
"""What a result is called: of somebody else, or of what somebody else gave."""


def called(each: Json, rng: Random) -> list[Json]:
    """By a name that says whose it is."""
    return [{**each, "code": {**each["code"], "text": rng.choice(NAMES)}}]


WHOLES = (
    "Blood count", "Donor infectious disease panel", "Spenderserologie", "Pre-transplant evaluation, unrelated donor",
    "Donor lymphocyte infusion", "Panel",
)  # fmt: skip
"""What a report or a panel is called: its results are a donor's, may be, or are not."""


def named_by(each: Json, rng: Random) -> list[Json]:
    """With a report or a panel that names it, at times one that was entered in error."""
    type_, element = rng.choice([("DiagnosticReport", "result"), ("Observation", "hasMember")])
    whole: Json = {
        "resourceType": type_,
        "id": f"{each['id']}-whole",
        "status": rng.choice(["final", "final", "entered-in-error", "preliminary"]),
        "code": {"text": rng.choice(WHOLES)},
        "subject": {"reference": "Patient/p1"},
        element: [{"reference": rng.choice(["", SERVER]) + f"Observation/{each['id']}"}],
    }
    if type_ == "DiagnosticReport" or rng.random() < 0.7:
        return rng.sample([each, whole], 2)
    report = {**whole, "resourceType": "DiagnosticReport", "code": {"text": rng.choice(WHOLES)}}
    del report[element]
    return [each, {**report, "result": [{"reference": f"Observation/{whole['id']}"}]}, whole]


def derived(each: Json, rng: Random) -> list[Json]:
    """From another result, at times one that was entered in error."""
    source = {
        "resourceType": "Observation",
        "id": f"{each['id']}-source",
        "status": rng.choice(["final", "entered-in-error", "entered-in-error"]),
        "code": {"text": "what it was reckoned from"},
        "subject": {"reference": "Patient/p1"},
        "valueString": "x",
    }
    return [{**each, "derivedFrom": [{"reference": rng.choice(["", SERVER]) + f"Observation/{source['id']}"}]}, source]


def relapsed(each: Json, rng: Random) -> list[Json]:
    """A relapse beside a remission: of the same disease in one entry, or in two."""
    status = {name: concept(f"{TERMS}/condition-clinical", name) for name in ("relapse", "remission", "resolved")}
    held = {key: said for key, said in each.items() if not key.startswith("abatement")}
    told = held.get("code", {})
    told = {**told, "coding": [*told.get("coding", ()), *coded(rng, "course-relapse").get("coding", ())]}
    over = {**held, "clinicalStatus": rng.choice([status["remission"], status["resolved"]])}
    again = rng.choice([{**held, "clinicalStatus": status["relapse"]}, {**held, "code": told}])
    if rng.random() < 0.3:
        return [{**over, "code": told}]
    dated = {name: when(rng) for name in ("recordedDate", "abatementDateTime", "onsetDateTime") if rng.random() < 0.5}
    return rng.sample([again, {**over, "id": f"{each['id']}-over", **dated}], 2)


def at_grade_zero(each: Json, rng: Random) -> list[Json]:
    """Grade 0 in its name, its severity or a stage, at times beside another one."""
    zero = {"text": rng.choice(["grade 0", "Grad 0", "CTCAE grade 0", "GRADE 0."])}
    stages = [{"summary": zero}, *([{"summary": {"text": "grade 2"}}] if rng.random() < 0.2 else ())]
    named = {
        "code": {**each.get("code", {}), "text": rng.choice(["acute GVHD, grade 0", "Mukositis Grad 0", "it, grade 0"])}
    }
    return [{**each, **rng.choice([named, {"severity": zero}, {"stage": stages}])}]


AHEAD = (
    "awaiting transplant", "pre-transplant evaluation", "Vorbereitung auf allogene SZT", "scheduled for surgery",
    "transplant evaluation", "candidate for CAR-T", "planned", "transplantation, pending", "waiting list. Seen today.",
)  # fmt: skip
CONTRADICTING = (
    "no GVHD", "GVHD: none", "HIV negative", "ruled out", "Pneumonia. No fever.", "No infection. Seen by Dr X.",
    "breast cancer ER negative", "acute GVHD, no response to steroids", "sepsis, on ward 3",
    "in remission. Relapse 2024?", "father: leukaemia", "atrial fibrillation: nein", "gram-negative sepsis",
    "Penicillin. Rash as a child.",
    "no known allergies. Latex?", "chronic kidney disease. Not on dialysis.", "T-ALL", "T-Lymphom",
)  # fmt: skip
"""What stands beside a code and contradicts it, or says more in a further sentence."""


def said(*words: str) -> Shape:
    """With one of such words beside its code."""
    return lambda each, rng: [{**each, "code": {**(each.get("code") or {}), "text": rng.choice(words)}}]


def with_note(*words: str) -> Shape:
    """With one of such notes."""
    return lambda each, rng: [{**each, "note": [{"text": rng.choice(words)}]}]


def as_product(each: Json, rng: Random) -> list[Json]:
    """What was given, as the product of a vaccination or of a device besides or instead."""
    code = each.get("medicationCodeableConcept") or each.get("code") or {"text": "CAR-T cells"}
    named = {"id": f"{each['id']}-product", "status": rng.choice(["completed", "completed", "not-done"])}
    shot: Json = {
        "resourceType": "Immunization",
        **named,
        "vaccineCode": code,
        "patient": SUBJECT,
        "occurrenceDateTime": when(rng),
    }
    device: Json = {**named, "resourceType": "Device", "status": rng.choice(["active", "inactive"]), "type": code}
    used: Json = {
        "resourceType": "DeviceUseStatement",
        "id": f"{each['id']}-use",
        "status": rng.choice(["active", "completed", "entered-in-error"]),
        "subject": SUBJECT,
        "device": {"reference": f"Device/{device['id']}"},
        **rng.choice([{}, {"timingDateTime": when(rng)}]),
    }
    made: list[list[Json]] = [[shot], [{**device, "patient": SUBJECT}], [device, used]]
    return [*([each] if rng.random() < 0.5 else []), *rng.choice(made)]


def stopped(each: Json, rng: Random) -> list[Json]:
    """A supply that was stopped, with or without how long it would last."""
    kept = each if rng.random() < 0.5 else {key: said for key, said in each.items() if key != "daysSupply"}
    return [{**kept, "status": rng.choice(["stopped", "on-hold", "completed"])}]


def disputed(each: Json, rng: Random) -> list[Json]:
    """What was handed over beside the word that it, or nothing, is taken; at times that word is a supply itself."""
    absent = {"medicationCodeableConcept": coded(rng, "no-known-medications"), "status": "active"}
    same = {"medicationCodeableConcept": each.get("medicationCodeableConcept", {}), "status": "not-taken"}
    word: Json = {"id": f"{each['id']}-word", "subject": SUBJECT, **rng.choice([absent, same])}
    if rng.random() < 0.15:
        word |= {"resourceType": "MedicationDispense", "status": "completed", "whenHandedOver": when(rng)}
    else:
        times: Json = rng.choice([{"effectivePeriod": period(rng)}, {"effectiveDateTime": when(rng)}, {}])
        word |= {"resourceType": "MedicationStatement", **times, **rng.choice([{}, {"dateAsserted": when(rng)}])}
    return rng.sample([each, word], 2)
