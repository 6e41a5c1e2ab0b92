"""measurement and observation -> Observation; statements of absence and allergies -> what they are in FHIR."""

from adapter.fhir.elements import Json, string
from adapter.fhir.names import UCUM
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.tables import tables
from mappings.patient.values import Reading, finding, quantity, read_number

_TERMS = "http://terminology.hl7.org/CodeSystem"
_CATEGORY = {"measurement": "laboratory", "observation": None}
UNREAD = "unreadable"
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
        operator = row["operator_concept_id"] or "0"
        comparator = tables().operators.get(operator)
        if comparator is None and operator != "0":
            row.reject("operator_concept_id", "not an operator that is known; the number can't stand without it")
            return {"valueString": f"{UNREAD}: {operator} {number}"}
        reading = Reading(number, comparator if comparator != "=" else None)
        unit = row.reading.vocabulary.get(row["unit_concept_id"] or "0")
        ucum = unit.code if unit is not None and unit.system == UCUM else None
        written = row["unit_source_value"] or (unit.name or unit.code if unit is not None else None)
        value = {"valueQuantity": quantity(reading, written, row.reading.terminology, ucum=ucum)}
        return {**value, "interpretation": [concept]} if concept is not None else value
    if row["value_as_number"] is not None:
        return {"valueString": f"{UNREAD}: {string(row['value_as_number'] or '') or ''}"}
    if concept is not None:
        return {"valueCodeableConcept": concept}
    return _written(row, table)


def _written(row: OmopRow, table: str) -> Json:
    """A value that stands in words only: a number with its comparator, a finding, else the words."""
    text = string(row["value_source_value"] or row["value_as_string"] or "")
    if text is None:
        return {"dataAbsentReason": {"coding": [{"system": f"{_TERMS}/data-absent-reason", "code": "unknown"}]}}
    reading = read_number(text) if table == "measurement" else None
    if reading is not None:
        return {"valueQuantity": quantity(reading, row["unit_source_value"], row.reading.terminology)}
    found = finding(text, row.reading.terminology)
    return {"valueCodeableConcept": found} if found is not None else {"valueString": text}


def _reference_range(row: OmopRow, measured: Json | None) -> list[Json] | None:
    if measured is None:
        return None
    unit = {key: text for key, text in measured.items() if key in {"unit", "system", "code"}}
    limits = ((name, row.number(column)) for name, column in (("low", "range_low"), ("high", "range_high")))
    made = {name: {"value": limit, **unit} for name, limit in limits if limit is not None}
    return [made] if made else None


def _stated(code: Json, row: OmopRow) -> Made | None:
    """An allergy, or "no known" allergies, problems or medications, by the codes of the catalogue."""
    terminology = row.reading.terminology
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
