"""DG1 -> Condition, AL1 -> AllergyIntolerance (the guide's segment maps DG1[Condition] and AL1)."""

from collections.abc import Iterator

from adapter.fhir.elements import Json, string
from mappings.patient.converted import PatientKey, made
from mappings.patient.hl7v2.datatypes import Clock, concept, entity, read_time, system_of, without_nothing
from mappings.patient.hl7v2.message import Segment
from mappings.patient.hl7v2.observation import Problem
from mappings.patient.hl7v2.settings import Settings
from mappings.patient.hl7v2.tables import table

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


def condition(dg1: Segment, patient: PatientKey, settings: Settings, clock: Clock) -> Iterator[Json | Problem]:
    """The Condition of a DG1, as a diagnosis of the encounter.

    DG1-5 says when it was made, not when the disease began: it is the recordedDate (the guide takes onsetDateTime, and
    marks it as open). DG1-6 A and W (admitting, working) are suspicions; DG1-21 D deletes.
    """
    code = concept(dg1.value(3), settings)
    if "coding" in code and not dg1.text(3, 3) and dg1.text(2):  # before v2.4 DG1-2 names the coding system
        code["coding"][0]["system"] = system_of(dg1.text(2), "", settings)
    text = string(dg1.text(4))
    if text and "text" not in code:
        code["text"] = text
    if not code:
        yield Problem(dg1.place(3), dg1.raw(3), "no code or name of the diagnosis")
        return
    recorded = read_time(dg1.text(5), clock)
    if recorded is None and dg1.text(5):
        yield Problem(dg1.place(5), dg1.raw(5), "not a time (YYYYMMDDHHMMSS); undated")
    deleted = dg1.text(21).upper() == "D"
    said = "entered-in-error" if deleted else table("diagnosis-type").get(dg1.text(6).upper())
    if said is None and dg1.text(6):
        yield Problem(dg1.place(6), dg1.raw(6), "not a type of table 0052; the diagnosis is taken as unconfirmed")
        said = "unconfirmed"
    elements = {
        "identifier": [number] if (number := entity(dg1.value(20), "diagnosis")) else [],
        "verificationStatus": _code("condition-ver-status", said) if said else None,
        "category": [_code("condition-category", "encounter-diagnosis")],
        "code": code,
        "subject": patient.reference,
        "recordedDate": recorded.text if recorded else None,
    }
    own = tuple(dg1.text(20, n) for n in (1, 2, 3))
    named = own if own[0] else (dg1.text(3) or text or dg1.text(3, 2), dg1.text(3, 3) or dg1.text(2), dg1.text(5)[:8])
    yield made("Condition", (patient.system, patient.value, *named), elements)


def allergy(al1: Segment, patient: PatientKey, settings: Settings, clock: Clock) -> Iterator[Json | Problem]:
    """The AllergyIntolerance of an AL1; who is listed there has the allergy now."""
    code = concept(al1.value(3), settings)
    if not code:
        yield Problem(al1.place(3), al1.raw(3), "no code or name of what the allergy is to")
        return
    onset = read_time(al1.text(6), clock)
    if onset is None and al1.text(6):
        yield Problem(al1.place(6), al1.raw(6), "not a date (YYYYMMDD); left out")
    severity = table("allergy-severity").get(al1.text(4).upper())
    if severity is None and al1.text(4).upper() not in {"", "U"}:
        yield Problem(al1.place(4), al1.raw(4), "not a severity of table 0128; left out")
    category = table("allergy-category").get(al1.text(2).upper())
    manifestations = [{"text": text} for value in al1.repetitions(5) if (text := string(value(2) or value(1)))]
    reaction = without_nothing({"manifestation": manifestations, "severity": severity})
    if severity and not manifestations:
        reaction["manifestation"] = [{"text": "not stated"}]
    elements = {
        "clinicalStatus": _code("allergyintolerance-clinical", "active"),
        "category": [category] if category else [],
        "code": code,
        "patient": patient.reference,
        "recordedDate": onset.text if onset else None,
        "reaction": [reaction] if reaction else [],
    }
    named = (al1.text(3) or al1.text(3, 2), al1.text(3, 3))
    yield made("AllergyIntolerance", (patient.system, patient.value, *named), elements)


def _code(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}
