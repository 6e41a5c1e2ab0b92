"""person and death -> Patient."""

from adapter.fhir.canonicals import BASE
from adapter.fhir.elements import Json, string
from mappings.patient.converted import PatientPart
from mappings.patient.identity import PatientKey
from mappings.patient.omop.row import OmopRow
from mappings.patient.omop.tables import tables

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
