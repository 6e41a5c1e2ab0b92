"""person and death -> Patient."""

from adapter.fhir.elements import Json, string
from adapter.fhir.names import BASE
from mappings.patient.converted import PatientPart
from mappings.patient.identity import PatientKey
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.tables import tables

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
    """As precise as it is known: the day of birth_datetime, else year, month and day as far as they are there."""
    if row["birth_datetime"] is not None:
        found = row.when("birth")
        if found is not None:
            return found[:10]
    text = ""
    for column, form in (("year_of_birth", "{:04}"), ("month_of_birth", "-{:02}"), ("day_of_birth", "-{:02}")):
        number = row.number(column)
        if number is None or number != int(number):
            break
        text += form.format(int(number))
    found = row.date(text) if text else None
    if text and found is None:
        row.reject("year_of_birth", "no date of birth with its month and day; correct them")
    return found
