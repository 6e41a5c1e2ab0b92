"""Rows -> what they are in FHIR: person and death, visit, condition, drug and procedure; measurement and observation.

Of the last two, statements of absence and allergies become what they are elsewhere.
"""

from functools import partial

from adapter.criteria.written import plain
from adapter.fhir.elements import BASE, Json, conforms_to, id_string, string
from mappings.patient.certainty import as_certain_as
from mappings.patient.converted import PatientKey, PatientPart, profile_of
from mappings.patient.omop.value import VALUE, limits, value_of
from mappings.patient.omop.vocabulary import OmopRow, tables

_TERMS = "http://terminology.hl7.org/CodeSystem"
_CATEGORY = {"measurement": "laboratory", "observation": None}
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
    value = row.said(VALUE, value_of)
    elements: Json = {"status": "final", "code": code, "effectiveDateTime": row.when(table), **value}
    bounds = row.said((*VALUE, "range_low", "range_high"), partial(limits, measured=value.get("valueQuantity")))
    return "Observation", elements | bounds


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


_DAY = len("YYYY-MM-DD")
PERSONS = f"{BASE}/NamingSystem/omop-person"
"""System of OMOP's own person ids."""


def key_of(person: str, source_value: str | None, patients: str | None) -> PatientKey:
    """The identifier that a person is known by: the source's own, where its system is named, else OMOP's."""
    known = id_string(source_value or "")
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


_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_ONGOING = {"MedicationStatement": "active", "MedicationRequest": "active", "MedicationAdministration": "in-progress"}
_UNSURE = frozenset({"provisional", "differential", "unconfirmed"})
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
    code = {**code, "coding": as_certain_as(row["condition_source_value"] or "", code["coding"])}
    category = tables().conditions.get(row["condition_type_concept_id"] or "")
    start, end = row.when("condition_start"), row.when("condition_end")
    said = _status(row)
    past = row.context.terminology.writing.turns(row["condition_source_value"] or "") == "past"
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
    verification = said if said in _UNSURE else "confirmed"
    elements: Json = {
        "clinicalStatus": _term("condition-clinical", "resolved" if resolved else "active"),
        "verificationStatus": _term("condition-ver-status", verification),
        "category": [_term("condition-category", category)] if category else None,
        "code": code,
        "onsetDateTime": None if past else start,
        "abatementDateTime": abated,
        "recordedDate": start if past else None,  # of "Z.n. Myokardinfarkt 2015" the day is not the disease's
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


def device(row: OmopRow) -> Made | None:
    """The use of a device. Without an end nobody says whether it goes on: it is over, and nobody says since when."""
    code = _coded(row, "device")
    if code is None:
        return None
    start, end = row.when("device_exposure_start"), row.when("device_exposure_end")
    period = {name: at for name, at in (("start", start), ("end", end)) if at}
    return "DeviceUseStatement", {
        "contained": [
            {"resourceType": "Device", "id": "device", "meta": conforms_to("converted-device"), "type": code}
        ],
        "status": "active" if row.goes_on("device_exposure_end") else "completed",
        "device": {"reference": "#device"},
        "timingPeriod": period or None,
    }


def _coded(row: OmopRow, name: str) -> Json | None:
    code = row.code(name)
    if code is None:
        row.reject(f"{name}_concept_id", "neither a concept nor a source value says what it is", whole=True)
    return code


def _status(row: OmopRow) -> str | None:
    """What the condition's status concept says, by its name; without one, what the source's word does.

    A status concept that isn't known may say that the diagnosis is only asked for: nobody has confirmed it.
    """
    known = row.context.vocabulary.get(row["condition_status_concept_id"] or "0")
    if known is None:
        return tables().source_statuses.get(plain(row["condition_status_source_value"] or ""))
    said = tables().statuses.get(known.name.casefold())
    if said is None:
        row.reject("condition_status_concept_id", "not a status that is known; the diagnosis is taken as unconfirmed")
        return "unconfirmed"
    return said


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
