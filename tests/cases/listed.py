"""Entries of further lists in the cases' shorthand -> FHIR: devices, encounters, relatives, other trials, plans.

`on` is a day, `from`/`to` a period, `status` the resource's own.
"""

from collections.abc import Callable
from typing import Any

from tests.cases.words import SUBJECT, Json, codes, concept, known, period, text

AE_GRADE = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/ae-grade"


def device(said: Json) -> Json:
    """A Device of the patient: `code`."""
    return known(
        {
            "resourceType": "Device",
            "status": said.get("status", "active"),
            "patient": SUBJECT,
            "type": _concept(said, "code"),
        }
    )


def used(said: Json) -> Json:
    """A DeviceUseStatement: `device` by reference, or in words; `recorded`."""
    named = {"reference": said["device"]} if "/" in said["device"] else {"display": said["device"]}
    return known(
        {
            "resourceType": "DeviceUseStatement",
            "status": said.get("status", "active"),
            "subject": SUBJECT,
            "device": named,
            "timingDateTime": text(said.get("on")),
            "timingPeriod": period(said),
            "recordedOn": text(said.get("recorded")),
        }
    )


def encounter(said: Json) -> Json:
    """An Encounter: `class` (a word), `type`, `reason` (a code), `for` (a Condition), `part-of` (by reference)."""
    system, code = codes()["codes"][said.get("class", "inpatient")].split()
    return known(
        {
            "resourceType": "Encounter",
            "status": said.get("status", "finished"),
            "class": {"system": codes()["systems"][system], "code": code},
            "type": [concept(said["type"])] if "type" in said else None,
            "subject": SUBJECT,
            "period": period(said),
            "reasonCode": [concept(said["reason"])] if "reason" in said else None,
            "diagnosis": [{"condition": {"reference": said["for"]}}] if "for" in said else None,
            "partOf": {"reference": said["part-of"]} if "part-of" in said else None,
        }
    )


def relative(said: Json) -> Json:
    """A FamilyMemberHistory: `relation`, `conditions` (codes), `note`, `recorded`."""
    return known(
        {
            "resourceType": "FamilyMemberHistory",
            "status": said.get("status", "completed"),
            "patient": SUBJECT,
            "date": text(said.get("recorded")),
            "relationship": _concept(said, "relation"),
            "condition": [{"code": concept(each)} for each in said.get("conditions", [])],
            "note": [{"text": said["note"]}] if "note" in said else None,
        }
    )


def participant(said: Json) -> Json:
    """A ResearchSubject: `study` by reference, `number` (its registry number)."""
    study = {
        "reference": f"ResearchStudy/{said['study']}" if "study" in said else None,
        "identifier": {"system": "https://clinicaltrials.gov", "value": said["number"]} if "number" in said else None,
    }
    return known(
        {
            "resourceType": "ResearchSubject",
            "status": said.get("status", "on-study"),
            "individual": SUBJECT,
            "study": known(study) or None,
            "period": period(said),
        }
    )


def plan(said: Json) -> Json:
    """A ServiceRequest: `code`, `intent`, `on` (when it is to be done), `authored`, `reason` (a code)."""
    return known(
        {
            "resourceType": "ServiceRequest",
            "status": said.get("status", "active"),
            "intent": said.get("intent", "order"),
            "doNotPerform": said.get("do-not-perform"),
            "subject": SUBJECT,
            "code": _concept(said, "code"),
            "occurrenceDateTime": text(said.get("on")),
            "occurrencePeriod": period(said),
            "authoredOn": text(said.get("authored")),
            "reasonCode": [concept(said["reason"])] if "reason" in said else None,
        }
    )


def adverse_event(said: Json) -> Json:
    """An AdverseEvent: `code`, `severity`, `grade`, `outcome`, `suspect` (a reference), `actuality`."""
    grade = _concept(said, "grade")
    return known(
        {
            "resourceType": "AdverseEvent",
            "actuality": said.get("actuality", "actual"),
            "subject": SUBJECT,
            "event": _concept(said, "code"),
            "date": text(said.get("on")),
            "severity": _concept(said, "severity"),
            "outcome": _concept(said, "outcome"),
            "extension": [{"url": AE_GRADE, "valueCodeableConcept": grade}] if grade is not None else None,
            "suspectEntity": [{"instance": {"reference": said["suspect"]}}] if "suspect" in said else None,
        }
    )


def report(said: Json) -> Json:
    """A DiagnosticReport: `code`, `concludes` (codes), `words` (its conclusion in words)."""
    return known(
        {
            "resourceType": "DiagnosticReport",
            "status": said.get("status", "final"),
            "subject": SUBJECT,
            "code": _concept(said, "code"),
            "effectiveDateTime": text(said.get("on")),
            "conclusion": said.get("words"),
            "conclusionCode": [concept(each) for each in said["concludes"]] if "concludes" in said else None,
        }
    )


def specimen(said: Json) -> Json:
    """A Specimen: `code`, collected `on`."""
    return known(
        {
            "resourceType": "Specimen",
            "status": said.get("status", "available"),
            "subject": SUBJECT,
            "type": _concept(said, "code"),
            "collection": known({"collectedDateTime": text(said.get("on"))}) or None,
        }
    )


def vaccinated(said: Json) -> Json:
    """An Immunization: `code`, `on`."""
    return known(
        {
            "resourceType": "Immunization",
            "status": said.get("status", "completed"),
            "patient": SUBJECT,
            "vaccineCode": _concept(said, "code"),
            "occurrenceDateTime": text(said.get("on")),
        }
    )


def _concept(said: Json, key: str) -> Json | None:
    return concept(said[key]) if key in said else None


LISTED: dict[str, Callable[[dict[str, Any]], Json]] = {
    "device": device,
    "used": used,
    "encounter": encounter,
    "relative": relative,
    "participant": participant,
    "plan": plan,
    "adverse-event": adverse_event,
    "report": report,
    "specimen": specimen,
    "vaccinated": vaccinated,
}
