"""The value of a measurement or observation, and its limits of normal; in words where the columns contradict."""

import re
from decimal import Decimal

from adapter.criteria.catalogue import KINDS_OF_UNITS
from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from adapter.fhir.elements import UCUM, Json, string
from mappings.patient.omop.vocabulary import OmopRow, tables
from mappings.patient.values import FINDINGS, UNREAD, ComparedNumber, finding, quantity, read_measured, ucum_of

_TERMS = "http://terminology.hl7.org/CodeSystem"
_NOT_ONE_NUMBER = re.compile(
    r"[<>≤≥~±]|\d\s*(?:[-–:/]|to)\s*\d"
    r"|\b(?:less|lower|greater|higher|more|under|over|below|above|up to|at least|at most)\b",
    re.IGNORECASE,
)

VALUE = (
    "value_as_number",
    "value_as_concept_id",
    "value_as_string",
    "value_source_value",
    "operator_concept_id",
    "unit_concept_id",
    "unit_source_value",
)
"""The columns that say a value: a laboratory says few things over and over."""


def value_of(row: OmopRow) -> Json:
    """The value of a row. One that can't be read stands in its words, so that an older one doesn't take its place."""
    number = row.number("value_as_number")
    concept = row.code("value_as") if (row["value_as_concept_id"] or "0") != "0" else None
    if number is not None:
        value = _measured(number, row)
        return {**value, "interpretation": [concept]} if concept is not None else value
    if row["value_as_number"] is not None:
        return {"valueString": f"{UNREAD}: {string(row['value_as_number'] or '') or ''}"}
    if concept is None:
        return _written(row)
    said = string(row["value_source_value"] or "")
    if said and _is_opposite(said, concept, row.context.terminology):
        row.reject("value_source_value", "not what the concept in value_as_concept_id says; correct one of them")
        return {"valueString": f"{UNREAD}: {said} or {concept.get('text') or concept['coding'][0]['code']}"}
    return {"valueCodeableConcept": concept}


def _is_opposite(said: str, concept: Json, terminology: Terminology) -> bool:
    """Whether the source's word is a finding, and its concept is the other one."""
    meant = terminology.writing.finding(said)
    if meant is None:
        return False
    coded = (terminology.value_sets_of(each["system"], each["code"]) or () for each in concept["coding"])
    return any(f"result-{other}" in sets for sets in coded for other in FINDINGS if other != meant)


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
    known = {ucum_of(written, terminology, kind) for kind in (None, *KINDS_OF_UNITS)} - {None}
    if known:
        return any(unit == ucum or terminology.unit_factor(unit, ucum) == 1 for unit in known if unit)
    return terminology.unit_factor(written, ucum) in {None, 1}


def _written(row: OmopRow) -> Json:
    """A value that stands in words only: a number with its comparator, a finding, else the words."""
    text = string(row["value_source_value"] or row["value_as_string"] or "")
    if text is None:
        return {"dataAbsentReason": {"coding": [{"system": f"{_TERMS}/data-absent-reason", "code": "unknown"}]}}
    read = read_measured(text, row.context.terminology) if row.table == "measurement" else None
    if read is not None:
        reading, unit = read
        return {"valueQuantity": quantity(reading, unit or row["unit_source_value"], row.context.terminology)}
    found = finding(text, row.context.terminology)
    return {"valueCodeableConcept": found} if found is not None else {"valueString": text}


def limits(row: OmopRow, measured: Json | None) -> Json:
    """The limits of normal of a number, in its unit."""
    if measured is None:
        return {}
    unit = {key: text for key, text in measured.items() if key in {"unit", "system", "code"}}
    low, high = row.number("range_low"), row.number("range_high")
    if high is not None and high <= (low or 0):
        if low:
            row.reject("range_high", "not above range_low; correct one of them")
        return {}
    made = {name: {"value": limit, **unit} for name, limit in (("low", low), ("high", high)) if limit is not None}
    return {"referenceRange": [made]} if made else {}
