"""Records of the form that Synthea writes, and an account of them that shares no code with the product.

A record is a transaction Bundle of confirmed, coded, dated entries with one code each, whose references are URNs. What
such a record says is plain: here it is worked out by a few lines over the JSON, and no answer may differ.
"""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, bind, evaluate
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import load_site

AS_OF = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
HALF_YEAR, YEAR, TWO_YEARS = date(2025, 9, 1), date(2025, 3, 1), date(2024, 3, 1)
HEAD = """
id: plain
version: 1.0.0
completeness: full
concepts:
  conditions:
    diabetes: {title: Diabetes, breadth: entity, codes: [snomed: 44054006 (Diabetes)]}
    viral-sinusitis: {title: Viral sinusitis, breadth: entity, codes: [snomed: 444814009 (Viral sinusitis)]}
  exposures:
    lisinopril: {title: Lisinopril, codes: [rxnorm: 314076 (lisinopril 10 MG Oral Tablet)]}
    appendectomy: {title: Appendectomy, breadth: entity, codes: [snomed: 80146002 (Appendectomy)]}
study: {title: Plain, status: recruiting}
criteria:
"""
LEAVES = {
    "adult": "age: {at-least: 18 a, at-most: 65 a}",
    "over 50": "age: {at-least: 50 a}",
    "female": "sex: female",
    "creatinine": "measurement: {analyte: creatinine, at-most: 1.2 mg/dL, window: P12M}",
    "haemoglobin": "measurement: {analyte: haemoglobin, at-least: 120 g/L, window: P6M}",
    "weight": "measurement: {analyte: body-weight, less-than: 80 kg, window: P2Y, selection: highest}",
    "diabetes now": "condition: {concepts: [diabetes]}",
    "sinusitis ever": "condition: {concepts: [viral-sinusitis], occurrence: ever}",
    "sinusitis lately": "condition: {concepts: [viral-sinusitis], occurrence: ever, look-back: P12M}",
    "lisinopril": "exposure: {concepts: [lisinopril], look-back: P6M}",
    "appendectomy": "exposure: {concepts: [appendectomy]}",
    "appendectomy lately": "exposure: {concepts: [appendectomy], look-back: P2Y}",
}
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MEASURED = {"38483-4": ("mg/dL", 0.5, 2.2), "718-7": ("g/dL", 9.0, 17.0), "29463-7": ("kg", 50.0, 110.0)}
DISEASES = ("44054006", "444814009", "444814009", "195662009")
Json = dict[str, Any]


@cache
def trial() -> tuple[BoundDefinition, Terminology]:
    """The leaves as one trial of a site."""
    lines = [
        f"  - {{id: I{place}, kind: inclusion, label: {name}, source: none, {leaf}}}\n"
        for place, (name, leaf) in enumerate(LEAVES.items(), 1)
    ]
    with TemporaryDirectory() as folder:
        (Path(folder) / "trials").mkdir()
        (Path(folder) / "trials" / "plain.yaml").write_text(HEAD + "".join(lines))
        site = load_site(Path(folder))
    (own,) = (each for each in site.definitions if each.id == "plain")
    return bind(own, site.terminology), site.terminology


def coded(system: str, code: str) -> Json:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def made_up(random: Random) -> list[Json]:  # noqa: C901  # one block a resource type
    """The resources of one made-up patient, the Patient first."""

    def name() -> str:
        return str(UUID(int=random.getrandbits(128)))

    def ago(days: int) -> datetime:
        return AS_OF - timedelta(days=random.randrange(1, days), seconds=random.randrange(86400))

    patient = name()
    born = date(1930, 1, 1) + timedelta(days=random.randrange(35000))
    found: list[Json] = [
        {"resourceType": "Patient", "id": patient, "gender": random.choice(["male", "female"]), "birthDate": str(born)}
    ]

    def add(type_: str, **elements: object) -> None:
        reference = {"reference": f"urn:uuid:{patient}"}
        found.append({"resourceType": type_, "id": name(), "subject": reference, **elements})

    for code, (unit, low, high) in MEASURED.items():
        for _ in range(random.randrange(5)):
            value = {"value": round(random.uniform(low, high), 2), "unit": unit, "code": unit}
            quantity = {**value, "system": "http://unitsofmeasure.org"}
            about = {"status": "final", "code": coded(LOINC, code), "effectiveDateTime": ago(900).isoformat()}
            add("Observation", **about, valueQuantity=quantity)
    for code in DISEASES:
        if random.random() < 0.5:
            onset, closed = ago(3000), random.random() < 0.5
            status = coded(
                "http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved" if closed else "active"
            )
            end = {"abatementDateTime": min(onset + timedelta(days=10), AS_OF).isoformat()} if closed else {}
            about = {"code": coded(SNOMED, code), "clinicalStatus": status, "recordedDate": onset.isoformat()}
            add("Condition", **about, onsetDateTime=onset.isoformat(), **end)
    drug = {"medicationCodeableConcept": coded(RXNORM, "314076")}
    if random.random() < 0.6:
        stands = random.choice(["active", "stopped", "completed"])
        add("MedicationRequest", status=stands, intent="order", authoredOn=ago(800).isoformat(), **drug)
    if random.random() < 0.4:
        add("MedicationAdministration", status="completed", effectiveDateTime=ago(500).isoformat(), **drug)
    if random.random() < 0.4:
        start = ago(1500)
        during = {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat()}
        add("Procedure", status="completed", code=coded(SNOMED, "80146002"), performedPeriod=during)
    return found


def said(resources: list[Json]) -> dict[str, bool | None]:
    """What the record says of each leaf; None where it says nothing. No code of the product's."""
    patient, today = resources[0], AS_OF.date()
    born = date.fromisoformat(patient["birthDate"])
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def of(type_: str, code: str) -> list[Json]:
        held = [each for each in resources if each["resourceType"] == type_]
        return [each for each in held if f'"{code}"' in json.dumps(each)]

    def day(when: str) -> date:
        return datetime.fromisoformat(when).date()

    def values(code: str, since: date) -> list[tuple[datetime, float]]:
        held = [(each["effectiveDateTime"], each["valueQuantity"]["value"]) for each in of("Observation", code)]
        return sorted((datetime.fromisoformat(when), value) for when, value in held if day(when) >= since)

    creatinine, haemoglobin = values("38483-4", YEAR), values("718-7", HALF_YEAR)
    weights = [value for _, value in values("29463-7", TWO_YEARS)]
    diabetes, sinusitis = of("Condition", "44054006"), of("Condition", "444814009")
    given_, operated = of("MedicationAdministration", "314076"), of("Procedure", "80146002")
    is_active = any("abatementDateTime" not in each for each in diabetes)
    return {
        "adult": 18 <= age <= 65,
        "over 50": age >= 50,
        "female": patient["gender"] == "female",
        "creatinine": creatinine[-1][1] <= 1.2 if creatinine else None,
        "haemoglobin": haemoglobin[-1][1] >= 12 if haemoglobin else None,
        "weight": max(weights) < 80 if weights else None,
        "diabetes now": is_active if diabetes else None,
        "sinusitis ever": bool(sinusitis) or None,
        "sinusitis lately": any(day(each["onsetDateTime"]) >= YEAR for each in sinusitis) or None,
        "lisinopril": any(day(each["effectiveDateTime"]) >= HALF_YEAR for each in given_) or None,
        "appendectomy": bool(operated) or None,
        "appendectomy lately": any(day(each["performedPeriod"]["end"]) >= TWO_YEARS for each in operated) or None,
    }


@given(st.integers(min_value=0, max_value=2**32))
def test_what_is_plain_is_said(seed: int) -> None:
    """Every leaf comes out as the plain account has it, and nothing beyond it."""
    random = Random(seed)  # noqa: S311  # no secret
    resources = made_up(random)
    expected = said(resources)
    random.shuffle(resources)
    entries = [
        {
            "fullUrl": f"urn:uuid:{each['id']}",
            "resource": each,
            "request": {"method": "POST", "url": each["resourceType"]},
        }
        for each in resources
    ]
    data = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    bound, terminology = trial()
    verdict = evaluate(bound, read_record(data, terminology), AS_OF, load_policy("strict"))
    truths = {"met": True, "not-met": False, "unknown": None}
    assert {name: truths[each.result] for name, each in zip(LEAVES, verdict.criteria, strict=True)} == expected
