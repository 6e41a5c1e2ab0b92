"""FHIR datatypes as plain JSON. Displays are left to the texts: a wrong display is worse than none."""

from typing import Any

from demo.tables import Term

Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


def coding(system: str, code: str) -> Json:
    """A Coding."""
    return {"system": system, "code": code}


def concept(term: Term) -> Json:
    """A CodeableConcept with the term's codes, if any, and its text."""
    codes = [coding(system, code) for system, code in term.codes]
    return {**({"coding": codes} if codes else {}), "text": term.text}


def hl7_concept(name: str, code: str) -> Json:
    """A CodeableConcept with one code of HL7's own code systems."""
    return {"coding": [coding(f"{TERMINOLOGY}/{name}", code)]}


def quantity(value: float, unit: str | None, text: str | None = None, comparator: str | None = None) -> Json:
    """A Quantity: `unit` is its UCUM code, `text` the unit as written; with `text` alone it has no code."""
    built: Json = {"value": value}
    if comparator:
        built["comparator"] = comparator
    if text or unit:
        built["unit"] = text or unit
    if unit:
        built |= {"system": UCUM, "code": unit}
    return built


def reference(target: str) -> Json:
    """A Reference, as Patient/p0001."""
    return {"reference": target}


def without_nothing(resource: Json) -> Json:
    """The resource without the elements that have no value."""
    return {key: value for key, value in resource.items() if value not in (None, [], {})}
