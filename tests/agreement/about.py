"""Made-up patients about one criterion: what it reads, with values near its bounds, dosages, links and genomic results.

They are made from the criterion itself, so that any trial's may be asked: of any site, with its terminology.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from adapter.criteria.catalogue import Analyte, Scale
from adapter.criteria.model import Leaf, TrialDefinition
from adapter.criteria.quantity import LimitThreshold, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ALLERGY, CONDITION, ENCOUNTER, EXPOSURE, OBSERVATION, VACCINE, Data, Read
from adapter.kinds.change import Change
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.events.sequence import Order
from adapter.kinds.exposure.dose import unit_of_dose
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement
from adapter.kinds.variant.statement import Variant
from adapter.record.links import DUE_TO
from tests.agreement.entries import entries_about
from tests.agreement.genomic import genomic, implication
from tests.build import TERMS, concept
from tests.properties.core import Json
from tests.properties.measured import STATUSES, SUBJECT, UCUM
from tests.properties.patients import UNKNOWN, allergy, attestation, condition, consent, exposure, some
from tests.properties.times import BASE, when

INPUTS: Mapping[str, tuple[str, ...]] = {
    "creatinine": ("80 umol/L", "88.4 umol/L", "100 umol/L", "130 umol/L", "1.2 mg/dL"),
    "body-weight": ("40 kg", "60 kg", "74 kg", "73.9 kg", "120 kg", "120.1 kg"),
    "body-height": ("100 cm", "170 cm", "200 cm", "2 m"),
    "oxygen-arterial": ("62.9 mm[Hg]", "63 mm[Hg]", "63.1 mm[Hg]", "90 mm[Hg]"),
    "inspired-oxygen": ("21 %", "0.21 1", "30 %", "50 %"),
    "neutrophils-percent": ("40 %", "50 %", "60 %"),
    "leukocytes": ("2.9 10*9/L", "3 10*9/L", "3.1 10*9/L"),
    "lymphocytes": ("1 10*9/L", "1.5 10*9/L"),
    "neutrophils": ("1.4 10*9/L", "1.5 10*9/L", "4.5 10*9/L"),
    "calcium": ("2.4 mmol/L", "2.6 mmol/L", "5.2 meq/L", "10.4 mg/dL"),
    "albumin": ("40 g/L", "35 g/L", "4 g/dL"),
    "qt-interval": ("400 ms", "449 ms", "450 ms", "451 ms"),
    "heart-rate": ("60 /min", "75 /min", "100 /min"),
    "sodium": ("140 mmol/L", "140 meq/L"),
    "chloride": ("100 mmol/L", "104 mmol/L"),
    "bicarbonate": ("24 mmol/L", "20 mmol/L"),
    "platelets": ("100 10*9/L", "150 10*9/L", "200 10*9/L"),
    "ast": ("30 U/L", "80 U/L"),
    "alt": ("25 U/L", "100 U/L"),
    "fsh": ("39.9 [IU]/L", "40 [IU]/L", "40.1 [IU]/L", "<50 [IU]/L"),
    "hba1c": ("6.5 %", "6.4 %", "48 mmol/mol", "53 mmol/mol", "7 %"),
    "bilirubin-total": ("1.9 mg/dL", "2 mg/dL", "3.1 mg/dL", "20 umol/L"),
    "inr": ("1.1 1", "1.7 1", "2.4 1"),
    "body-temperature": ("38 Cel", "37.9 Cel", "100.4 [degF]", "311.15 K"),
}
"""What formulas reckon with, as values that bring results near the bounds of the cases; and other units."""

FACTORS = ("0.5", "0.9", "0.99", "1", "1", "1", "1.01", "1.1", "2")
_COUNTED = {"count", "sequence", "linked", "lines-of-therapy"}


class Matter(NamedTuple):
    """A criterion, and the terminology that says what its words mean. `study` and `id`: by which people attest it."""

    leaf: Leaf
    terminology: Terminology
    study: str = ""
    id: str | None = None


def matters(definitions: Sequence[TrialDefinition], terminology: Terminology) -> list[Matter]:
    """The criteria of some trials, each for itself."""
    return [
        Matter(each.statement, terminology, definition.id, each.id)
        for definition in definitions
        for each in definition.walk()
        if isinstance(each.statement, Leaf)
    ]


def about(matter: Matter, rng: Random) -> list[Json]:
    """A patient's resources, without the Patient, each with an id of its own."""
    reads = [read for read in reads_of(matter.leaf, matter.terminology.catalogue) if read.data in MAKERS]
    if isinstance(matter.leaf, Variant):
        made = [genomic(matter.leaf, rng) for _ in range(rng.choice([1, 1, 2, 3]))]
        made += [implication(len(made), rng) for _ in range(rng.choice([0, 0, 1, 2]))]
    else:
        times, listed = [when(rng), when(rng)], entries_about(matter.leaf, matter.terminology, rng)
        number = rng.choice([0, 1, 2] if listed else [1, 2, 3, 4, 6]) if reads else 0
        made = [*listed, *(_one(rng.choice(reads), matter, times, rng) for _ in range(number)), *_words(matter, rng)]
    if isinstance(matter.leaf, Order):
        made = [_earlier(each, rng) for each in made]
    return _linked([{**each, "id": f"r{place}"} for place, each in enumerate(made)], matter, rng)


def _words(matter: Matter, rng: Random) -> list[Json]:
    """What a person says of the criterion, or of the study, if it asks one; at times of another one too."""
    if isinstance(matter.leaf, ResearchConsent):
        return [consent(rng, matter.study) for _ in range(rng.choice([1, 1, 2]))]
    asks = isinstance(matter.leaf, Judgement) or rng.random() < 0.1
    return [attestation(rng, f"{matter.study}.{matter.id}")] if asks and matter.study and matter.id else []


def _one(read: Read, matter: Matter, times: Sequence[str], rng: Random) -> Json:
    made: Json = MAKERS[read.data](read, matter, times, rng)
    return made


def _coded(read: Read, matter: Matter, rng: Random) -> Json:
    """A code of what is read; now and then one that nobody knows."""
    held = matter.terminology.codes(read.value_set or read.name)
    if not held or rng.random() < 0.05:
        return rng.choice(UNKNOWN)
    coding = rng.choice(held)
    return concept(coding.system, coding.code)


def _condition(read: Read, matter: Matter, _: Sequence[str], rng: Random) -> Json:
    return condition(rng, ("gvhd",)) | {"code": _coded(read, matter, rng)}


def _encounter(read: Read, matter: Matter, _: Sequence[str], rng: Random) -> Json:
    begun, over = sorted([when(rng), when(rng)])
    way = _coded(read, matter, rng)
    return {
        "resourceType": "Encounter",
        "status": rng.choice(["finished"] * 5 + ["in-progress", "planned", "cancelled", "unknown"]),
        "class": way["coding"][0] if way.get("coding") else {"code": "?"},
        "subject": SUBJECT,
        **some(rng, 0.95, period=some(rng, 0.95, start=begun) | some(rng, 0.9, end=over)),
    }


def _allergy(read: Read, matter: Matter, _: Sequence[str], rng: Random) -> Json:
    return allergy(rng, ("antibiotic",)) | {"code": _coded(read, matter, rng)}


def _exposure(read: Read, matter: Matter, _: Sequence[str], rng: Random) -> Json:
    made = exposure(rng, ("hsct",))
    code = "code" if made["resourceType"] == "Procedure" else "medicationCodeableConcept"
    made[code] = _coded(read, matter, rng)
    return _dosed(made, matter.leaf, rng)


def _vaccine(read: Read, matter: Matter, times: Sequence[str], rng: Random) -> Json:
    if rng.random() < 0.5:  # as often as not
        return _exposure(read, matter, times, rng)
    return {
        "resourceType": "Immunization",
        "status": rng.choice(["completed", "completed", "not-done"]),
        "vaccineCode": _coded(read, matter, rng),
        "patient": SUBJECT,
        **some(rng, 0.9, occurrenceDateTime=when(rng)),
    }


_DOSAGES = {
    "MedicationStatement": "dosage",
    "MedicationRequest": "dosageInstruction",
    "MedicationDispense": "dosageInstruction",
}


def _dosed(made: Json, leaf: Leaf, rng: Random) -> Json:
    """With what is said of how much and how often, if that may matter."""
    if not isinstance(leaf, Exposure) or not leaf.asks_more or rng.random() < 0.1:
        return made
    kind = made["resourceType"]
    if kind == "MedicationAdministration":
        made["dosage"] = made.get("dosage", {}) | rng.choice(
            [{"dose": _amount(leaf, rng)}, {"rateRatio": {"numerator": _amount(leaf, rng), "denominator": _hours(rng)}}]
        )
    elif kind in _DOSAGES:
        held = made.get(_DOSAGES[kind], [{}])
        made[_DOSAGES[kind]] = [*({**held[0], **_dosage(leaf, rng, n)} for n in range(rng.choice([1, 1, 1, 2])))]
    return made


def _hours(rng: Random) -> Json:
    return {"value": rng.choice([1, 2, 24]), "system": UCUM, "code": "h"}


def _dosage(leaf: Exposure, rng: Random, place: int) -> Json:
    amount = _amount(leaf, rng)
    given = rng.choice([{"doseQuantity": amount}] * 5 + [{"doseRange": {"low": amount, "high": amount}}])
    timing: Json = rng.choice([{"repeat": _repeat(rng)}] * 3 + [{"code": _often(rng)}])
    said = some(rng, 0.9, doseAndRate=[given], timing=timing)
    needed = rng.choice([{}] * 6 + [{"asNeededBoolean": True}, {"asNeededBoolean": False}])
    return said | needed | ({"sequence": place + 1} if place and rng.random() < 0.5 else {})


def _often(rng: Random) -> Json:
    return concept(f"{TERMS}/v3-GTSAbbreviation", rng.choice(["QD", "BID", "QOD", "WK", "Q6H", "X"]))


def _repeat(rng: Random) -> Json:
    bounds: list[Json] = [
        {"frequency": 1, "period": 1, "periodUnit": "d"},
        {"frequency": 2, "period": 1, "periodUnit": "d"},
        {"frequency": 1, "period": 8, "periodUnit": "h"},
        {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"},
        {"frequency": 1, "period": 1, "periodUnit": "wk"},
        {"period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "thu"]},
        {"when": ["MORN", "NIGHT"]},
        {"frequency": 1, "period": 2, "periodMax": 3, "periodUnit": "d"},
    ]
    return rng.choice(bounds)


def _amount(leaf: Exposure, rng: Random) -> Json:
    """Near the bound of the dose: of a day, a giving, or a kilogram."""
    asked = leaf.dose.value if leaf.dose is not None else Decimal(10)
    unit = unit_of_dose(leaf.dose.unit) if leaf.dose is not None else None
    name = unit.amount if unit is not None else "mg"
    number = asked * Decimal(rng.choice(["0.5", "0.99", "1", "1", "1.01", "2", "60", "75"]))
    forms: list[Json] = [
        {"value": number, "system": UCUM, "code": name},
        {"value": number, "system": UCUM, "code": name},
        {"value": number, "unit": name},
        {"value": number / 1000, "system": UCUM, "code": "g"},
        {"value": number, "system": UCUM, "code": f"{name}/kg"},
        {"value": number, "system": UCUM, "code": f"{name}/d"},
        {"value": number, "unit": "tablet"},
        {"value": number, "system": UCUM, "code": name, "comparator": rng.choice(["<", ">="])},
    ]
    return rng.choice(forms[: rng.choice([3, 3, 8])])


def _observation(read: Read, matter: Matter, times: Sequence[str], rng: Random) -> Json:
    analyte = matter.terminology.catalogue.analytes[read.name]
    held = matter.terminology.codes(read.value_set or read.name)
    coding = rng.choice(held)
    at = rng.choice([*times, *times, when(rng)])
    return {
        "resourceType": "Observation",
        "status": rng.choice(STATUSES),
        "code": {"coding": [{"system": coding.system, "code": coding.code}]},
        "subject": SUBJECT,
        **_value(analyte, matter, rng),
        **some(rng, 0.95, effectiveDateTime=at),
    }


def _value(analyte: Analyte, matter: Matter, rng: Random) -> Json:
    if analyte.scale is Scale.FINDING:
        return rng.choice([_yes_or_no(rng), _yes_or_no(rng), {"valueBoolean": rng.choice([True, False])}])
    if analyte.scale is Scale.ANSWER:
        answers = [each for name in analyte.answers for each in matter.terminology.codes(name)]
        coding = rng.choice(answers)
        return {"valueCodeableConcept": concept(coding.system, coding.code)}
    texts = [*INPUTS.get(analyte.id, ()), *_near(analyte, matter.leaf, rng)] or _plausible(analyte)
    number, _, unit = rng.choice(texts).partition(" ")
    if analyte.scale is Scale.SCORE:
        return rng.choice([{"valueInteger": int(Decimal(number))}, {"valueString": str(int(Decimal(number)))}])
    comparator = {"comparator": number[0]} if number[0] in "<>" else {}
    said = {"value": Decimal(number.lstrip("<>")), "system": UCUM, "code": unit, **comparator}
    compared = {**said, "comparator": rng.choice(["<", "<=", ">=", ">"])}
    found: Json = {"valueQuantity": said if rng.random() < 0.85 else compared}
    limits = [each for each in _thresholds(matter.leaf) if isinstance(each, LimitThreshold)]
    if limits:
        range_ = {"value": 40, "system": UCUM, "code": analyte.unit}
        found["referenceRange"] = [{"low": range_ | {"value": 10}, "high": range_}]
    return found


def _yes_or_no(rng: Random) -> Json:
    return {"valueCodeableConcept": concept("http://snomed.info/sct", rng.choice(["10828004", "260385009"]))}


def _near(analyte: Analyte, leaf: Leaf, rng: Random) -> Iterator[str]:
    """Values on both sides of the bounds that the criterion sets for the analyte, as `70 g/L`."""
    if isinstance(leaf, Change):
        base = _plausible(analyte)[0].partition(" ")
        by = leaf.by.value if leaf.by.unit != "%" else Decimal(base[0]) * leaf.by.value / 100
        for share in ("-1", "0", "1", "0.99", "1.01"):
            yield f"{Decimal(base[0]) + by * Decimal(share):f} {base[2]}"
        return
    for each in _thresholds(leaf):
        factor = Decimal(rng.choice(FACTORS))
        if isinstance(each, LimitThreshold):
            yield f"{40 * each.factor * factor:f} {analyte.unit}"
        else:
            yield f"{each.value * factor:f} {each.unit}"


def _plausible(analyte: Analyte) -> list[str]:
    held = analyte.plausible
    middle = 1 if held is None else int((held.low + held.high) / 4) or 1
    return [f"{middle} {analyte.unit or '1'}"]


def _thresholds(said: Any) -> Iterator[QuantityThreshold | LimitThreshold]:  # noqa: ANN401  # any part of a statement
    """The bounds in a statement."""
    if isinstance(said, QuantityThreshold | LimitThreshold):
        yield said
    elif is_dataclass(said):
        for field in fields(said):
            yield from _thresholds(getattr(said, field.name))


def _linked(made: list[Json], matter: Matter, rng: Random) -> list[Json]:
    """With reasons and causes, where events are asked about."""
    if matter.leaf.kind.name not in _COUNTED:
        return made
    diagnoses = [each for each in made if each["resourceType"] == "Condition"]
    names = [f"{each['resourceType']}/{each['id']}" for each in made]
    for each in made:
        if rng.random() < 0.5:  # as often as not
            continue
        if each["resourceType"] == "Condition":
            cause = {"reference": rng.choice(names)}
            coded = rng.choice([_name_of(other) for other in made])
            each.update(
                rng.choice(
                    [
                        {"extension": [{"url": DUE_TO, "valueReference": cause}]},
                        {"extension": [{"url": DUE_TO, "valueCodeableConcept": coded}]},
                        {"evidence": [{"detail": [cause]}]},
                    ]
                )
            )
        elif each["resourceType"] == "Encounter":
            whole = rng.choice([*(name for name in names if name.startswith("Encounter/")), "Encounter/elsewhere"])
            each["partOf"] = {"reference": whole}
        elif each["resourceType"] != "MedicationDispense" and diagnoses:
            why = rng.choice(diagnoses)
            each.update(
                rng.choice(
                    [{"reasonReference": [{"reference": f"Condition/{why['id']}"}]}, {"reasonCode": [why["code"]]}]
                )
            )
    return made


def _name_of(each: Json) -> Json:
    found: Json = each.get("code") or each.get("medicationCodeableConcept") or each.get("vaccineCode") or {"text": "?"}
    return found


def _earlier(made: Json, rng: Random) -> Json:
    """At times some years before; no 29 February, which those years may not have."""
    text, years = json.dumps(made), rng.choice([0, 0, 1, 2])
    if "-02-29" in text:
        return made
    for year in range(BASE.year - 3, BASE.year + 1):
        text = text.replace(f'"{year}-', f'"{year - years}-')
    found: Json = json.loads(text)
    return found


MAKERS: Mapping[Data, Any] = {
    CONDITION: _condition,
    EXPOSURE: _exposure,
    VACCINE: _vaccine,
    ALLERGY: _allergy,
    OBSERVATION: _observation,
    ENCOUNTER: _encounter,
}
"""How each sort of data is made."""
