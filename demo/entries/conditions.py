"""Diagnoses, and the encounters at which they were made."""

from demo.builders import Json, coding, concept, hl7_concept
from demo.chart import Chart
from demo.draws import Spread
from demo.tables import term

CLOSED = {"inactive", "remission", "resolved"}


def condition(  # noqa: PLR0913  # one keyword a FHIR element
    chart: Chart,
    *,
    code: str,
    status: str | None = "active",
    verification: str | None = "confirmed",
    days_ago: Spread = 100,
    dated: str = "onset",
    precision: str = "day",
    category: str = "problem-list-item",
    severity: str | None = None,
    stage: str | None = None,
    ended: Spread | None = None,
) -> None:
    """Add a Condition that began so many `days-ago`.

    `dated`: what says so (onset, onset-age, period, recorded, none). `ended`: its abatement, in days before now.
    """
    began = chart.days(days_ago)
    elements: Json = {
        "clinicalStatus": hl7_concept("condition-clinical", status) if status else None,
        "verificationStatus": hl7_concept("condition-ver-status", verification) if verification else None,
        "category": [hl7_concept("condition-category", category)],
        "severity": concept(term("grades", severity)) if severity else None,
        "code": concept(term("conditions", code)),
        "subject": chart.subject,
        "recordedDate": None if dated == "none" else chart.when(began, precision),
        "stage": [{"summary": concept(term("grades", stage))}] if stage else None,
    }
    match dated:
        case "onset":
            elements["onsetDateTime"] = chart.when(began, precision)
        case "onset-age":
            years = {"unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}
            elements["onsetAge"] = {"value": chart.age_at(began), **years}
        case "period":
            elements["onsetPeriod"] = {"start": chart.when(began, precision)}
    if ended is not None:
        elements["abatementDateTime"] = chart.when(chart.days(ended), "day")
    chart.add("Condition", elements, began)


def encounter(chart: Chart, *, days_ago: Spread, kind: str = "AMB") -> None:
    """Add a finished Encounter (AMB ambulatory, IMP inpatient)."""
    ago = chart.days(days_ago)
    left = max(ago - (5 if kind == "IMP" else 0), 0)
    elements: Json = {
        "status": "finished",
        "class": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", kind),
        "subject": chart.subject,
        "period": {"start": chart.when(ago, "day"), "end": chart.when(left, "day")},
    }
    chart.add("Encounter", elements, ago)
