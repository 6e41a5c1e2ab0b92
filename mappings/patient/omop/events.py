"""person and death, visit, condition, drug and procedure rows -> what they are in FHIR."""

from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json, string
from mappings.patient.converted import PatientKey, PatientPart, profile_of
from mappings.patient.omop.observations import Made
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.vocabulary import tables

_DAY = len("YYYY-MM-DD")
PERSONS = f"{BASE}/NamingSystem/omop-person"
"""System of OMOP's own person ids."""


def key_of(person: str, source_value: str | None, patients: str | None) -> PatientKey:
    """The identifier that a person is known by: the source's own, where its system is named, else OMOP's."""
    known = string(source_value or "")
    return PatientKey(patients, known) if patients and known else PatientKey(PERSONS, person)


def patient(row: OmopRow) -> PatientPart:
    """The Patient of a person row, with what the death table says."""
    elements: Json = {
        "identifier": [{"system": PERSONS, "value": row.id}],
        "gender": tables().genders.get(row["gender_concept_id"] or ""),
        "birthDate": _birth_date(row),
    }
    died = row.when("death")
    if died is not None:
        elements["deceasedDateTime"] = died
    elif row["dead"] is not None:
        elements["deceasedBoolean"] = True
    return PatientPart(key=row.key, elements={name: value for name, value in elements.items() if value})


def _birth_date(row: OmopRow) -> str | None:
    """As precise as it is known: year, month and day as far as they are there, else the day of birth_datetime.

    birth_datetime has a month and a day even where nobody knows them (OMOP CDM 5.4, person): a usual one that its own
    column does not confirm is filled in.
    """
    text = ""
    for column, form in (("year_of_birth", "{:04}"), ("month_of_birth", "-{:02}"), ("day_of_birth", "-{:02}")):
        number = row.number(column)
        if number is None or number != int(number):
            break
        text += form.format(int(number))
    stated = row.date(text) if text else None
    if text and stated is None:
        row.reject("year_of_birth", "no date of birth with its month and day; correct them")
    full = row.when("birth") if row["birth_datetime"] is not None else None
    if full is None or len(stated or "") == _DAY:
        return full[:10] if full is not None and stated is None else stated
    if not full.startswith(stated or ""):
        row.reject("birth_datetime", f"another date of birth than {stated} in its columns; correct one of them")
        return stated
    return _known_part(full[:10], stated or "")


def _known_part(full: str, stated: str) -> str:
    """The full date without what was filled in, but at least what is stated."""
    if len(stated) < len("YYYY-MM") and full[5:] in tables().imputed_days:
        return stated or full[:4]
    return full[:7] if full[8:] in tables().imputed_day_of_month else full


_TERMS = "http://terminology.hl7.org/CodeSystem"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ONGOING = {"MedicationStatement": "active", "MedicationRequest": "active", "MedicationAdministration": "in-progress"}
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
    noted: an encounter's diagnosis ends with the encounter, the disease doesn't. An end on the day of the start, or
    before it, is none anywhere: so ETLs fill in an end that they don't know.
    """
    code = _coded(row, "condition")
    if code is None:
        return None
    category = tables().conditions.get(row["condition_type_concept_id"] or "")
    start, end = row.when("condition_start"), row.when("condition_end")
    said = _status(row)
    filled_in = start is not None and end is not None and end[:10] <= start[:10]
    if filled_in and start and end and start[:10] != end[:10]:
        row.reject("condition_end_date", "before the start; correct one of them")
    ends = (
        category != _ENCOUNTER
        and not filled_in
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
    ongoing = _ONGOING.get(type_, "completed") if row.goes_on("drug_exposure_end") else "completed"
    elements = {"status": ongoing, **_medication(code, row)}
    route = row.context.vocabulary.get(row["route_concept_id"] or "0")
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
    known = row.context.vocabulary.get(row["condition_status_concept_id"] or "0")
    return tables().statuses.get(known.name.casefold()) if known is not None else None


def _medication(code: Json, row: OmopRow) -> Json:
    """The drug's code; with its ingredients and classes, where the source's hierarchy has them, as a Medication."""
    known = row.context.vocabulary.get(row["drug_concept_id"] or "0")
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
