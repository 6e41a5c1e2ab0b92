"""The Patient resource: made-up names, a birth date of the story's age, and a sex."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from demo.builders import Json, coding
from demo.chart import Chart
from demo.tables import table

SEX_FOR_CLINICAL_USE = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"
SEX_FOR_CLINICAL_USE_CODES = "http://terminology.hl7.org/CodeSystem/sex-parameter-for-clinical-use"
BIRTH_PRECISIONS = {"day": 10, "month": 7, "year": 4}


def open_record(chart: Chart, described: Mapping[str, Any]) -> None:
    """Add the Patient that the story describes, and set the chart's age and sex.

    `age` in years or `age-months`; `sex`; `gender` where it is recorded otherwise; `sex-for-clinical-use`;
    `birth-date` says how precisely it is known (day, month, year, none); `since-birthday`: days since the last one.
    """
    draws = chart.draws
    chart.sex = described.get("sex") or draws.one_of(("female", "male"))
    chart.birth = _birth(chart, described)
    chart.laboratory = described.get("laboratory") or draws.one_of(tuple(table("tables/laboratories.yaml")["styles"]))
    names = table("tables/names.yaml")
    precision = described.get("birth-date", "day")
    patient: Json = {
        "resourceType": "Patient",
        "id": chart.patient_id,
        "meta": {"versionId": "1", "lastUpdated": chart.moment(0, hour=6)},
        "extension": _sex_for_clinical_use(described.get("sex-for-clinical-use")),
        "identifier": [{"system": "http://hospital.example.org/patients", "value": chart.patient_id.upper()}],
        "name": [{"family": draws.one_of(names["family"]), "given": [draws.one_of(names[chart.sex])]}],
        "gender": described.get("gender", chart.sex),
        "birthDate": chart.birth.isoformat()[: BIRTH_PRECISIONS.get(precision, 0)],
    }
    chart.resources.append({key: value for key, value in patient.items() if value})


def _birth(chart: Chart, described: Mapping[str, Any]) -> date:
    if "age-months" in described:
        return chart.as_of - timedelta(days=round(chart.draws.whole(described["age-months"]) * 30.44) + 8)
    age = chart.draws.whole(described.get("age", [18, 80]))
    month, day = chart.as_of.month, min(chart.as_of.day, 28)
    return date(chart.as_of.year - age, month, day) - timedelta(
        days=chart.draws.whole(described.get("since-birthday", [5, 355]))
    )


def _sex_for_clinical_use(code: str | None) -> list[Json]:
    if code is None:
        return []
    value = {"coding": [coding(SEX_FOR_CLINICAL_USE_CODES, code)]}
    return [{"url": SEX_FOR_CLINICAL_USE, "extension": [{"url": "value", "valueCodeableConcept": value}]}]
