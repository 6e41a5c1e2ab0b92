"""The same data in the other forms that FHIR has for them, and as records hold them that nobody has tidied up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random

from tests.agreement import disputes
from tests.agreement.disputes import SERVER, Shape
from tests.build import TERMS, concept
from tests.properties.core import Json
from tests.properties.measured import MODIFIED
from tests.properties.times import at_edge, period, when

OFTEN, MODIFIED_OFTEN = 0.2, 0.01
SPECIMENS = ("119297000", "122575003", "258450006", "309051001")
"""SNOMED CT: a blood specimen, a urine specimen, a cerebrospinal fluid sample, a body fluid sample."""

CONDITIONS_OF_SPECIMENS: tuple[Json, ...] = (
    concept(f"{TERMS}/v2-0493", "CLOT"), concept(f"{TERMS}/v2-0493", "COOL"), {"text": "clotted"},
    {"text": "not clotted"}, {"text": "vertauscht"},
)  # fmt: skip
ELSEWHERE = (
    ("http://hl7.org/fhir/sid/icd-10-cm", "C92.00"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "C91.00"),
    ("http://hl7.org/fhir/sid/icd-10", "T86.0"),
    ("http://snomed.info/sct", "49436004"),
    ("http://snomed.info/sct", "86406008"),
)
"""Leukaemias, a graft that failed, atrial fibrillation and HIV: codes that a slip sets beside a diagnosis' own."""


def reshaped(made: list[Json], rng: Random, often: float = OFTEN) -> list[Json]:
    """Some of the resources in another form; with what they then refer to. `often`: of those that have other forms."""
    return [found for each in made for found in _one(each, rng, often)]


def _one(each: Json, rng: Random, often: float) -> list[Json]:
    type_ = each["resourceType"]
    found = [each]
    if type_ in SHAPES and rng.random() < often:
        found = rng.choice(SHAPES[type_])(dict(each), rng)
    if type_ != "Patient" and rng.random() < MODIFIED_OFTEN:
        found = [{**found[0], "modifierExtension": MODIFIED}, *found[1:]]
    return found


def _moved(each: Json, name: str, **to: object) -> list[Json]:
    """An element in the place of another that says the time."""
    kept = {key: said for key, said in each.items() if not key.startswith(name)}
    return [{**kept, **to}]


def _in_period(name: str) -> Shape:
    return lambda each, rng: _moved(each, name, **{f"{name}Period": period(rng)})


def _in_words(name: str) -> Shape:
    return lambda each, rng: _moved(each, name, **{f"{name}String": rng.choice(["last year", "childhood"])})


def _at_age(name: str) -> Shape:
    def shape(each: Json, rng: Random) -> list[Json]:
        unit = rng.choice(["a", "mo"])
        age = {"value": rng.choice([1, 12, 40, 65]), "system": "http://unitsofmeasure.org", "code": unit}
        return _moved(each, name, **{f"{name}Age": age})

    return shape


def _at_instant(each: Json, rng: Random) -> list[Json]:
    return _moved(each, "effective", effectiveInstant=f"{when(rng)[:4]}-02-2{rng.randint(0, 8)}T12:00:00Z")


_RESULT = ("interpretation", "referenceRange", "dataAbsentReason")


def _in_component(each: Json, rng: Random) -> list[Json]:
    """The result as a panel's, beside another one, or beside one of its own that says something else."""
    own = {key: said for key, said in each.items() if key.startswith("value") or key in _RESULT}
    kept = {key: said for key, said in each.items() if key not in own}
    part = {"code": each["code"], **own}
    others: list[Json] = [{"code": {"text": "another"}, "valueString": "x"}, {**part, **_other_value(part, rng)}]
    parts = rng.sample([part, rng.choice(others)], rng.choice([1, 2]))
    whole = each if rng.random() < 0.1 else {**kept, "code": {"text": "panel"}}
    return [{**whole, "component": parts}]


def _other_value(said: Json, rng: Random) -> Json:
    """Another value of the same form, where it is a number or a finding."""
    if "value" in said.get("valueQuantity", {}):
        held = said["valueQuantity"]
        number = Decimal(str(held["value"])) * Decimal(rng.choice(["0.5", "0.99", "1", "1.01", "2"]))
        return {"valueQuantity": {**held, "value": number}}
    if "valueCodeableConcept" in said:
        return {"valueCodeableConcept": concept("http://snomed.info/sct", rng.choice(["10828004", "260385009"]))}
    return {"valueInteger": said["valueInteger"] + 1} if "valueInteger" in said else {}


def _tied(each: Json, rng: Random) -> list[Json]:
    """Beside another result of the same time: to the instant, in another zone's words, or of its day alone."""
    twin: Json = {**each, "id": f"{each['id']}-twin", **_other_value(each, rng)}
    if (at := each.get("effectiveDateTime", "")).endswith("Z"):
        day, clock = at[:10], at[11:-1]
        twin["effectiveDateTime"] = rng.choice([at, f"{day}T{clock}+00:00", day])
    return rng.sample([each, twin], 2)


def _bounded(each: Json, rng: Random) -> list[Json]:
    """A number with a comparator, a range that is open at an end, or limits of which there is only one."""
    held = each.get("valueQuantity")
    if not held or "value" not in held:
        return [each]
    kept = {key: said for key, said in each.items() if key != "valueQuantity"}
    plain = {key: said for key, said in held.items() if key != "comparator"}
    more = {**plain, "value": Decimal(str(plain["value"])) + 1}
    compared = {**plain, "comparator": rng.choice(["<", "<=", ">=", ">"])}
    forms: list[Json] = [
        {"valueQuantity": compared},
        {"valueQuantity": compared, "referenceRange": [{"high": compared}]},
        {"valueQuantity": plain, "referenceRange": [{"low": plain}]},
        {"valueRange": {"low": plain}},
        {"valueRange": {"high": plain}},
        {"valueRange": {"low": plain, "high": more}},
        {"valueRange": {"low": compared, "high": more}},
    ]
    return [{**kept, **rng.choice(forms)}]


def _at_edge(name: str) -> Shape:
    """At the edge of a window, in whatever zone and precision."""
    return lambda each, rng: _moved(each, name, **{f"{name}DateTime": at_edge(rng)})


def _absent(each: Json, rng: Random) -> list[Json]:
    """Said to be absent, at times beside a value."""
    kept = {key: said for key, said in each.items() if not key.startswith("value")} if rng.random() < 0.7 else each
    return [{**kept, "dataAbsentReason": concept(f"{TERMS}/data-absent-reason", rng.choice(["unknown", "error"]))}]


def _flagged(each: Json, rng: Random) -> list[Json]:
    flag = concept(f"{TERMS}/v3-ObservationInterpretation", rng.choice(["H", "HH", "L", "N", "A", "POS", "NEG", "IND"]))
    return [{**each, "interpretation": [flag]}]


def _of_specimen(each: Json, rng: Random) -> list[Json]:
    """Of a specimen on record, with its type and how it was."""
    name = f"{each['id']}-specimen"
    type_ = {"coding": [{"system": "http://snomed.info/sct", "code": rng.choice(SPECIMENS)}]}
    specimen = {
        "resourceType": "Specimen",
        "id": name,
        "status": rng.choice(["available", "available", "unsatisfactory", "unavailable"]),
        "type": rng.choice([type_, {"text": "Serum"}, {"text": "Liquor"}, {"text": "donor blood"}]),
        "subject": {"reference": "Patient/p1", **rng.choice([{}, {}, {}, {"display": "Spender"}])},
        **rng.choice([{}, {}, {"condition": [rng.choice(CONDITIONS_OF_SPECIMENS)]}]),
    }
    return [{**each, "specimen": {"reference": rng.choice(["", SERVER]) + f"Specimen/{name}"}}, specimen]


def _without_status(each: Json, rng: Random) -> list[Json]:
    del rng
    return [{key: said for key, said in each.items() if key != "status"}]


def _verified_in_words(each: Json, rng: Random) -> list[Json]:
    return [{**each, "verificationStatus": {"text": rng.choice(["confirmed", "Refuted", "Verdacht"])}}]


def _status_said_twice(each: Json, rng: Random) -> list[Json]:
    """A status by two codes, or by a code and words, that may contradict each other."""
    kind = "condition" if each["resourceType"] == "Condition" else "allergyintolerance"
    name, system, codes, words = rng.choice(
        [
            ("clinicalStatus", "clinical", ("active", "recurrence", "inactive", "resolved"), ("active", "Ausgeheilt")),
            (
                "verificationStatus",
                "ver-status" if kind == "condition" else "verification",
                ("confirmed", "unconfirmed", "refuted", "entered-in-error"),
                ("confirmed", "Verdachtsdiagnose"),
            ),
        ]
    )
    said = [{"system": f"{TERMS}/{kind}-{system}", "code": code} for code in rng.sample(codes, rng.choice([1, 2]))]
    return [{**each, name: {"coding": said, **rng.choice([{}, {"text": rng.choice(words)}])}}]


def _also_coded(each: Json, rng: Random) -> list[Json]:
    """With a code of the house before or behind its own."""
    return _beside(each, "http://hospital.example.org/list", "X1", rng)


def _coded_twice(each: Json, rng: Random) -> list[Json]:
    """With the code of another disease before or behind its own."""
    return _beside(each, *rng.choice(ELSEWHERE), rng)


def _beside(each: Json, system: str, code: str, rng: Random) -> list[Json]:
    said, more = each.get("code") or {}, {"system": system, "code": code}
    codings = [more, *said.get("coding", ())] if rng.random() < 0.5 else [*said.get("coding", ()), more]
    return [{**each, "code": {**said, "coding": codings}}]


def _by_address(each: Json, rng: Random) -> list[Json]:
    """Whose it is by an address of the server, at times of a version."""
    name = "patient" if "patient" in each else "subject"
    called = rng.choice([{}, {}, {"display": "Max Mustermann"}, {"display": "Geschwisterspender"}])
    return [{**each, name: {"reference": f"{SERVER}Patient/p1{rng.choice(['', '/_history/2'])}", **called}}]


def _by_medication(each: Json, rng: Random) -> list[Json]:
    """The drug as a Medication, on record or contained; by its own code or by an ingredient."""
    code = each.get("medicationCodeableConcept")
    if code is None:
        return [each]
    kept = {key: said for key, said in each.items() if key != "medicationCodeableConcept"}
    inside = rng.random() < 0.5
    name = "drug" if inside else f"{each['id']}-drug"
    by = rng.choice([{"code": code}, {"ingredient": [{"itemCodeableConcept": code}]}, {"code": {"text": "see label"}}])
    drug = {"resourceType": "Medication", "id": name, **by}
    if inside:
        return [{**kept, "contained": [drug], "medicationReference": {"reference": "#drug"}}]
    address = rng.choice(["", SERVER]) + f"Medication/{name}"
    return [{**kept, "medicationReference": {"reference": address}}, drug]


def _not_to_be_done(each: Json, rng: Random) -> list[Json]:
    return [{**each, "doNotPerform": rng.choice([True, False])}]


def _ordered_as(each: Json, rng: Random) -> list[Json]:
    return [{**each, "intent": rng.choice(["order", "plan", "proposal", "original-order"])}]


def _agreed_inside(each: Json, rng: Random) -> list[Json]:
    """A consent whose provision stands inside another, and perhaps wasn't verified."""
    inner = {"type": rng.choice(["permit", "deny"]), **rng.choice([{}, {"period": period(rng)}])}
    provision = {**each.get("provision", {}), "provision": [inner]}
    more = rng.choice([{}, {"verification": [{"verified": rng.choice([True, False])}]}])
    return [{**each, "provision": provision, **more}]


def _dead(each: Json, rng: Random) -> list[Json]:
    return _moved(each, "deceased", deceasedBoolean=rng.choice([True, False, False]))


def _of_nothing(each: Json, rng: Random) -> list[Json]:
    """A drug that its own words deny, or whose dosage is of nothing, or only looks like it."""
    if rng.random() < 0.4 and "medicationCodeableConcept" in each:
        text = rng.choice(["kein Prednisolon", "no prednisolone", "Prednisolon"])
        return [{**each, "medicationCodeableConcept": {**each["medicationCodeableConcept"], "text": text}}]
    worded: list[Json] = [{"text": text} for text in ("0-0-0", "0 - 0 - 0 - 0", "1-0-0-0", "0-0-0-1", "0-0-0,5")]
    zero = {"value": rng.choice([0, Decimal("0.0"), 5]), "unit": "mg"}
    match each["resourceType"]:
        case "MedicationAdministration":
            return [{**each, "dosage": rng.choice([*worded, {"dose": zero}])}]
        case "MedicationStatement":
            name = "dosage"
        case _:
            name = "dosageInstruction"
    return [{**each, name: rng.sample([*worded, {"doseAndRate": [{"doseQuantity": zero}]}], rng.choice([1, 1, 2]))}]


_DRUG = [_of_nothing, _by_medication, _by_medication, _without_status, _by_address, disputes.as_product]
_EFFECTIVE = _at_edge("effective")
SHAPES: Mapping[str, Sequence[Shape]] = {
    "Patient": [_dead],
    "Observation": [
        _in_period("effective"),
        _at_instant,
        _EFFECTIVE,
        _tied,
        _in_component,
        _bounded,
        disputes.noted,
        disputes.called,
        disputes.named_by,
        disputes.derived,
        _absent,
        _flagged,
        _of_specimen,
        _without_status,
        _also_coded,
        _by_address,
    ],
    "Condition": [
        _in_period("onset"),
        _at_age("onset"),
        _in_words("onset"),
        _in_period("abatement"),
        _at_age("abatement"),
        _verified_in_words,
        _status_said_twice,
        _also_coded,
        _coded_twice,
        _by_address,
        _at_edge("onset"),
        _at_edge("abatement"),
        disputes.relapsed,
        disputes.relapsed,
        disputes.at_grade_zero,
        disputes.with_note("Diagnose revidiert", "ruled out later", "keine Fehldiagnose", "gesichert"),
        disputes.said(*disputes.AHEAD),
        disputes.said(*disputes.CONTRADICTING),
    ],
    "AllergyIntolerance": [
        _in_period("onset"),
        _at_age("onset"),
        _in_words("onset"),
        _also_coded,
        _by_address,
        disputes.said(*disputes.CONTRADICTING),
    ],
    "Procedure": [
        _in_words("performed"),
        _at_age("performed"),
        _without_status,
        _also_coded,
        _by_address,
        _at_edge("performed"),
        disputes.said(*disputes.AHEAD),
        disputes.said(*disputes.CONTRADICTING),
        disputes.as_product,
    ],
    "MedicationStatement": [*_DRUG, _EFFECTIVE],
    "MedicationAdministration": [*_DRUG, _EFFECTIVE],
    "MedicationDispense": [*_DRUG, disputes.stopped, disputes.disputed, disputes.disputed],
    "MedicationRequest": [*_DRUG, _not_to_be_done, _ordered_as],
    "Immunization": [_in_words("occurrence"), _without_status, _by_address],
    "Encounter": [_by_address, _without_status],
    "Consent": [_agreed_inside, _by_address],
}
"""By resource type; what isn't here has the forms in which it is made."""
