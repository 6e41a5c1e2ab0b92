"""measurement and observation -> Observation; statements of absence and allergies -> what they are in FHIR."""

import re
from decimal import Decimal

from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from adapter.fhir.canonicals import UCUM
from adapter.fhir.elements import Json, string
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.vocabulary import tables
from mappings.patient.values import ComparedNumber, finding, quantity, read_measured, ucum_of

_TERMS = "http://terminology.hl7.org/CodeSystem"
_CATEGORY = {"measurement": "laboratory", "observation": None}
UNREAD = "unreadable"
_NOT_ONE_NUMBER = re.compile(
    r"[<>≤≥~±]|\d\s*(?:[-–:/]|to)\s*\d"
    r"|\b(?:less|lower|greater|higher|more|under|over|below|above|up to|at least|at most)\b",
    re.IGNORECASE,
)
Made = tuple[str, Json]
"""A resource's type and elements."""


def measurement(row: OmopRow) -> Made | None:
    """A measurement: number, operator and unit; a coded value; the limits of normal."""
    return _observed(row, "measurement")


def observation(row: OmopRow) -> Made | None:
    """An observation. One whose concept is an allergy or a "no known …" is that in FHIR."""
    code = row.code("observation")
    holds_no_value = all(row[name] is None for name in ("value_as_number", "value_as_string", "value_as_concept_id"))
    if code is not None and (holds_no_value or row["value_as_concept_id"] == "0"):
        stated = _stated(code, row)
        if stated is not None:
            return stated
    return _observed(row, "observation")


def _observed(row: OmopRow, table: str) -> Made | None:
    code = row.code(table)
    if code is None:
        row.reject(f"{table}_concept_id", "neither a concept nor a source value says what it is", whole=True)
        return None
    value = _value(row, table)
    elements: Json = {
        "status": "final",
        "code": code,
        "effectiveDateTime": row.when(table),
        **value,
        "referenceRange": _reference_range(row, value.get("valueQuantity")),
    }
    return "Observation", elements


def _value(row: OmopRow, table: str) -> Json:
    """The value of a row. One that can't be read stands in its words, so that an older one doesn't take its place."""
    number = row.number("value_as_number")
    concept = row.code("value_as") if (row["value_as_concept_id"] or "0") != "0" else None
    if number is not None:
        value = _measured(number, row)
        return {**value, "interpretation": [concept]} if concept is not None else value
    if row["value_as_number"] is not None:
        return {"valueString": f"{UNREAD}: {string(row['value_as_number'] or '') or ''}"}
    if concept is not None:
        return {"valueCodeableConcept": concept}
    return _written(row, table)


def _measured(number: Decimal, row: OmopRow) -> Json:
    """A number with the comparator and unit that the source has; in words where they contradict each other."""
    operator = row["operator_concept_id"] or "0"
    comparator = tables().operators.get(operator)
    if comparator is None and operator != "0":
        row.reject("operator_concept_id", "not an operator that is known; the number can't stand without it")
        return {"valueString": f"{UNREAD}: {operator} {number}"}
    terminology, said = row.context.terminology, string(row["value_source_value"] or "")
    written = read_measured(said or "", terminology)
    if said and written is None and _contradicts(said, terminology):
        row.reject("value_source_value", f"not what {number} in value_as_number says; the words stand")
        found = finding(said, terminology)
        return {"valueCodeableConcept": found} if found is not None else {"valueString": f"{UNREAD}: {said}"}
    sign = written[0].comparator if written is not None else None
    if sign is not None and comparator not in {None, "=", sign}:
        row.reject("value_source_value", f"another comparator than {comparator} in operator_concept_id")
        return {"valueString": f"{UNREAD}: {said} or {comparator} {number}"}
    concept = row.context.vocabulary.get(row["unit_concept_id"] or "0")
    ucum = concept.code if concept is not None and concept.system == UCUM else None
    unit = row["unit_source_value"] or (concept.name or concept.code if concept is not None else None)
    if ucum is not None and not _may_be(unit or "", ucum, terminology):
        row.reject("unit_source_value", f"another unit than {ucum} in unit_concept_id; correct one of them")
        return {"valueString": f"{UNREAD}: {number} {unit} or {ucum}"}
    comparator = sign or (comparator if comparator != "=" else None)
    return {"valueQuantity": quantity(ComparedNumber(number, comparator), unit, terminology, ucum=ucum)}


def _contradicts(said: str, terminology: Terminology) -> bool:
    """Whether the source's words say that there is no number (SEE COMMENT), or more than one (5-10, less than 7)."""
    if any(map(str.isdigit, said)):
        return _NOT_ONE_NUMBER.search(said) is not None
    return plain(said) not in tables().flags and ucum_of(said, terminology) is None


def _may_be(written: str, ucum: str, terminology: Terminology) -> bool:
    """Whether a unit as written may be the same as a UCUM code; one that nobody knows may."""
    known = {ucum_of(written, terminology, enzyme=enzyme) for enzyme in (False, True)} - {None}
    if known:
        return any(unit == ucum or terminology.unit_factor(unit, ucum) == 1 for unit in known if unit)
    return terminology.unit_factor(written, ucum) in {None, 1}


def _written(row: OmopRow, table: str) -> Json:
    """A value that stands in words only: a number with its comparator, a finding, else the words."""
    text = string(row["value_source_value"] or row["value_as_string"] or "")
    if text is None:
        return {"dataAbsentReason": {"coding": [{"system": f"{_TERMS}/data-absent-reason", "code": "unknown"}]}}
    read = read_measured(text, row.context.terminology) if table == "measurement" else None
    if read is not None:
        reading, unit = read
        return {"valueQuantity": quantity(reading, unit or row["unit_source_value"], row.context.terminology)}
    found = finding(text, row.context.terminology)
    return {"valueCodeableConcept": found} if found is not None else {"valueString": text}


def _reference_range(row: OmopRow, measured: Json | None) -> list[Json] | None:
    if measured is None:
        return None
    unit = {key: text for key, text in measured.items() if key in {"unit", "system", "code"}}
    low, high = row.number("range_low"), row.number("range_high")
    if high is not None and high <= (low or 0):
        if low:
            row.reject("range_high", "not above range_low; correct one of them")
        return None
    made = {name: {"value": limit, **unit} for name, limit in (("low", low), ("high", high)) if limit is not None}
    return [made] if made else None


def _stated(code: Json, row: OmopRow) -> Made | None:
    """An allergy, or "no known" allergies, problems or medications, by the codes of the catalogue."""
    terminology = row.context.terminology
    sets: set[str] = set()
    for coding in code["coding"]:
        sets |= terminology.value_sets_of(coding["system"], coding["code"]) or frozenset()
    catalogue = terminology.catalogue
    substances = catalogue.substances.values()
    allergies = {*catalogue.substances, *(name for substance in substances for name in substance.absent)}
    when = row.when("observation")
    if sets & allergies:
        confirmed = {"coding": [{"system": f"{_TERMS}/allergyintolerance-verification", "code": "confirmed"}]}
        active = {"coding": [{"system": f"{_TERMS}/allergyintolerance-clinical", "code": "active"}]}
        elements = {"clinicalStatus": active, "verificationStatus": confirmed, "code": code, "recordedDate": when}
        return "AllergyIntolerance", elements
    if sets & {name for condition in catalogue.conditions.values() for name in condition.absent}:
        active = {"coding": [{"system": f"{_TERMS}/condition-clinical", "code": "active"}]}
        return "Condition", {"clinicalStatus": active, "code": code, "recordedDate": when}
    if sets & {name for exposure in catalogue.exposures.values() for name in exposure.absent}:
        return "MedicationStatement", {"status": "active", "medicationCodeableConcept": code, "effectiveDateTime": when}
    return None
