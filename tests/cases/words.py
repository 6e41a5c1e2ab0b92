"""The words of the cases' shorthand: codes, quantities, ranges, dates -> FHIR data types."""

import re
from decimal import Decimal
from functools import cache
from typing import Any

from tests.cases.case import HERE, read_yaml

Json = dict[str, Any]

SUBJECT = {"reference": "Patient/p1"}
TERMS = "http://terminology.hl7.org/CodeSystem"
UCUM = "http://unitsofmeasure.org"
_QUANTITY = re.compile(r"(<=|>=|<|>)?(-?[0-9]+(?:\.[0-9]+)?)(?: (\S+))?")


@cache
def codes() -> Json:
    """The content of `codes.yaml`."""
    content: Json = read_yaml(HERE / "codes.yaml")
    return content


def concept(said: str | list[str] | Json) -> Json:
    """A CodeableConcept from a word, a list of words, or FHIR as it is.

    A word of `codes.yaml`, or a code and what it says: `cm C61 (prostate cancer)`.
    """
    if isinstance(said, dict):
        return said
    words = [said] if isinstance(said, str) else said
    pairs = [(word if " " in word else codes()["codes"][word]).split()[:2] for word in words]
    return {"coding": [{"system": codes()["systems"][system], "code": code} for system, code in pairs]}


def status(system: str, code: str | None) -> Json | None:
    """A CodeableConcept of one of HL7's status code systems; `none` is left out."""
    return None if code in {None, "none"} else {"coding": [{"system": f"{TERMS}/{system}", "code": code}]}


def value(said: Any, unit_text: str | None) -> Json:  # noqa: ANN401  # any YAML scalar
    """A value by its form: true, a whole number, a quantity, else a code of `codes.yaml`."""
    if isinstance(said, bool):
        return {"valueBoolean": said}
    if isinstance(said, int) and unit_text is None:
        return {"valueInteger": said}
    if _QUANTITY.fullmatch(str(said)):
        return {"valueQuantity": quantity(said) | ({} if unit_text is None else {"unit": unit_text})}
    return {"valueCodeableConcept": concept(said)}


def quantity(said: object) -> Json:
    """`70 g/L` with its UCUM code, `<0.5 mg/dL` with its comparator; `70` alone has no unit."""
    found = _QUANTITY.fullmatch(str(said))
    if found is None:
        msg = f"no quantity: {said}"
        raise ValueError(msg)
    comparator, number, unit = found.groups()
    coded = {"unit": unit, "system": UCUM, "code": unit} if unit else {}
    return known({"value": Decimal(number), "comparator": comparator, **coded})


def reference_range(said: str | Json) -> Json:
    """`10..40 U/L`, `..40 U/L`, `..40` (no unit), or a mapping with `range` and FHIR's other elements."""
    if isinstance(said, dict):
        others = {key: item for key, item in said.items() if key != "range"}
        return others if "range" not in said else reference_range(said["range"]) | others
    numbers, _, unit = said.partition(" ")
    ends = zip(("low", "high"), numbers.split(".."), strict=True)
    return {end: quantity(f"{number} {unit}".strip()) for end, number in ends if number}


def period(said: Json | None) -> Json | None:
    """A Period from `from` and `to`; none without either."""
    return known({"start": text((said or {}).get("from")), "end": text((said or {}).get("to"))}) or None


def text(said: Any) -> Any:  # noqa: ANN401  # any YAML value
    """The value, a whole number as text: a year alone is one in YAML."""
    return str(said) if isinstance(said, int) and not isinstance(said, bool) else said


def known(made: Json) -> Json:
    """The elements that have a value."""
    return {key: item for key, item in made.items() if item is not None}
