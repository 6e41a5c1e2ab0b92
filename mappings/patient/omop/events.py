"""visit_occurrence, condition_occurrence, drug_exposure, procedure_occurrence -> what they are in FHIR."""

from adapter.fhir.canonicals import conforms_to
from adapter.fhir.elements import Json, string
from mappings.patient.converted import profile_of
from mappings.patient.omop.observations import Made
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.tables import tables

_TERMS = "http://terminology.hl7.org/CodeSystem"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_PROBLEM, _ENCOUNTER = "problem-list-item", "encounter-diagnosis"


def visit(row: OmopRow) -> Made | None:
    """An Encounter; one that hasn't ended is in progress."""
    class_ = tables().visits.get(row["visit_concept_id"] or "")
    start, end = row.when("visit_start"), row.when("visit_end")
    period = {name: at for name, at in (("start", start), ("end", end)) if at}
    coding = {"system": f"{_TERMS}/v3-ActCode", "code": class_} if class_ else None
    return "Encounter", {
        "status": "finished" if end else "in-progress",
        "class": coding or {"system": f"{_TERMS}/v3-NullFlavor", "code": "UNK"},
        "period": period,
    }


def condition(row: OmopRow) -> Made | None:
    """A Condition.

    Its end is an abatement where a problem list says so, or where it isn't just the end of the visit at which it was
    noted: an encounter's diagnosis ends with the encounter, the disease doesn't. An end on the day of the start is none
    anywhere: so ETLs fill in an end that they don't know.
    """
    code = _coded(row, "condition")
    if code is None:
        return None
    category = tables().conditions.get(row["condition_type_concept_id"] or "")
    start, end = row.when("condition_start"), row.when("condition_end")
    said = _status(row)
    same_day = start is not None and end is not None and end[:10] == start[:10]
    ends = (
        category != _ENCOUNTER
        and not same_day
        and (category == _PROBLEM or end is None or end[:10] != (row["visit_end"] or "")[:10])
    )
    abated = end if ends else None
    resolved = abated is not None or said == "resolved"
    verification = said if said in {"provisional", "differential"} else "confirmed"
    elements: Json = {
        "clinicalStatus": _term("condition-clinical", "resolved" if resolved else "active"),
        "verificationStatus": _term("condition-ver-status", verification),
        "category": [_term("condition-category", category)] if category else None,
        "code": code,
        "onsetDateTime": start,
        "abatementDateTime": abated,
    }
    return "Condition", elements


def drug(row: OmopRow) -> Made | None:
    """A drug given, dispensed, ordered or, where the type says nothing else, taken."""
    code = _coded(row, "drug")
    if code is None:
        return None
    type_ = tables().drugs.get(row["drug_type_concept_id"] or "", "MedicationStatement")
    start, end = row.when("drug_exposure_start"), row.when("drug_exposure_end")
    period = {name: at for name, at in (("start", start), ("end", end)) if at}
    elements = {"status": "completed", **_medication(code, row)}
    route = row.reading.vocabulary.get(row["route_concept_id"] or "0")
    words = string(row["route_source_value"] or "")
    dosage: Json = {}
    if route is not None or words:
        coding = {"coding": [route.coding]} if route is not None else {}
        dosage["route"] = {**coding, "text": words or (route.name if route else "")}
    match type_:
        case "MedicationAdministration":
            return type_, {**elements, "effectivePeriod": period, "dosage": _dosage(dosage, row)}
        case "MedicationRequest":
            order = {"intent": "order", "authoredOn": start, "dosageInstruction": [dosage] if dosage else None}
            return type_, {**elements, **order}
        case "MedicationDispense":
            dosages = [dosage] if dosage else None
            return type_, {**elements, "whenHandedOver": start, "dosageInstruction": dosages}
    return type_, {**elements, "effectivePeriod": period, "dosage": [dosage] if dosage else None}


def procedure(row: OmopRow) -> Made | None:
    """A Procedure that was done."""
    code = _coded(row, "procedure")
    if code is None:
        return None
    start, end = row.when("procedure"), row.when("procedure_end")
    when: Json = {"performedDateTime": start}
    if end is not None and end != start:
        when = {"performedPeriod": {name: at for name, at in (("start", start), ("end", end)) if at}}
    return "Procedure", {"status": "completed", "code": code, **when}


def _coded(row: OmopRow, name: str) -> Json | None:
    code = row.code(name)
    if code is None:
        row.reject(f"{name}_concept_id", "neither a concept nor a source value says what it is", whole=True)
    return code


def _status(row: OmopRow) -> str | None:
    """What the condition's status concept says, by its name."""
    known = row.reading.vocabulary.get(row["condition_status_concept_id"] or "0")
    return tables().statuses.get(known.name.casefold()) if known is not None else None


def _medication(code: Json, row: OmopRow) -> Json:
    """The drug's code; with its ingredients and classes, where the source's hierarchy has them, as a Medication."""
    known = row.reading.vocabulary.get(row["drug_concept_id"] or "0")
    if known is None or not known.ingredients:
        return {"medicationCodeableConcept": code}
    ingredients = [
        {"itemCodeableConcept": {"coding": [{"system": system, "code": id_}], "text": name}}
        for system, id_, name in known.ingredients
    ]
    medication = {
        "resourceType": "Medication",
        "id": "medication",
        "meta": conforms_to(profile_of("Medication")),
        "code": code,
        "ingredient": ingredients,
    }
    return {"contained": [medication], "medicationReference": {"reference": "#medication"}}


def _dosage(dosage: Json, row: OmopRow) -> Json | None:
    """An administration's dosage must have a dose: the quantity, or that it is unknown (R4, mad-1)."""
    if not dosage:
        return None
    amount = row.number("quantity")
    unit = string(row["dose_unit_source_value"] or "")
    if amount is None:
        return {**dosage, "dose": {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}}
    return {**dosage, "dose": {"value": amount, **({"unit": unit} if unit else {})}}


def _term(name: str, code: str) -> Json:
    return {"coding": [{"system": f"{_TERMS}/{name}", "code": code}]}
