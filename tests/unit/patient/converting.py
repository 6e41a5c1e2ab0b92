"""What the tests of conversion share."""

from decimal import Decimal

from adapter.fhir.elements import Json
from mappings.patient import Converted, Origin, PatientKey, PatientPart, made

ANNA = PatientKey("http://hospital.example.org/patients", "A|1, née")
ORIGIN = Origin(document="sheet.csv", place="row 2", recorded="2026-03-01T08:00:00Z")


def haemoglobin(value: str = "10.50", *, key: PatientKey = ANNA, code: str = "718-7") -> Json:
    """A result; its digits are the source's."""
    system = "http://loinc.org" if code[0].isdigit() else "http://hospital.example.org/lab"
    elements: Json = {
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": key.reference,
        "effectiveDateTime": "2026-02-20",
        "valueQuantity": {
            "value": Decimal(value),
            "unit": "g/dL",
            "system": "http://unitsofmeasure.org",
            "code": "g/dL",
        },
    }
    return made("Observation", (key.system, key.value, code, "2026-02-20"), elements)


def converted(*resources: Json, key: PatientKey = ANNA, leads: bool = False, place: str = "row 2") -> Converted:
    """One unit of a source."""
    part = PatientPart(key=key, elements={"gender": "female", "birthDate": "1990-05-04"}, leads=leads)
    origin = Origin(document=ORIGIN.document, place=place, recorded=ORIGIN.recorded)
    return Converted(patients=(part,), resources=resources, origin=origin)
