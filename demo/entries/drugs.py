"""Drugs given, taken, handed out or ordered, and procedures."""

from typing import Any

from demo.builders import Json, concept, reference
from demo.chart import Chart
from demo.draws import Spread
from demo.tables import term


def drug(  # noqa: PLR0913  # one keyword a FHIR element
    chart: Chart,
    *,
    code: str,
    form: str = "administration",
    route: str | None = None,
    days_ago: Spread = 10,
    lasts: Spread | None = None,
    ongoing: bool = False,
    status: str | None = None,
    medication: str = "coded",
    precision: str = "day",
) -> None:
    """Add a drug as an `administration`, `statement`, `request` or `dispense`.

    `lasts` makes the time a period of days, `ongoing` one with no end. `medication`: coded in place, `contained`,
    `referenced`, or by the `ingredient` of a contained Medication.
    """
    ago = chart.days(days_ago)
    elements, medication_elements = _medication(chart, code, medication)
    elements |= {"status": status or _STATUS[form], **medication_elements}
    route_element = {"route": concept(term("routes", route))} if route else {}
    amount = {"doseQuantity": {"value": chart.days([1, 40]), "unit": "mg"}}
    when: Json = {"effectiveDateTime": chart.when(ago, precision)}
    if lasts is not None or ongoing:
        last = {} if lasts is None else {"end": chart.when(max(ago - chart.days(lasts), 0), precision)}
        when = {"effectivePeriod": {"start": chart.when(ago, precision), **last}}
    match form:
        case "administration":
            dose = {"dose": amount["doseQuantity"]}
            elements |= {"subject": chart.subject, **when, "dosage": {**route_element, **dose}}
            chart.add("MedicationAdministration", elements, ago)
        case "statement":
            dosage = [{**route_element, "doseAndRate": [amount]}]
            chart.add("MedicationStatement", elements | {"subject": chart.subject, **when, "dosage": dosage}, ago)
        case "request":
            elements |= {"intent": "order", "subject": chart.subject, "authoredOn": chart.when(ago, precision)}
            elements["dosageInstruction"] = [{**route_element, "doseAndRate": [amount]}]
            chart.add("MedicationRequest", elements, ago)
        case "dispense":
            elements |= {"subject": chart.subject, "whenHandedOver": chart.when(ago, precision)}
            elements["dosageInstruction"] = [{**route_element, "doseAndRate": [amount]}]
            chart.add("MedicationDispense", elements, ago)
        case _:
            msg = f"no form {form!r} of a drug; there are {', '.join(_STATUS)}"
            raise ValueError(msg)


_STATUS = {"administration": "completed", "statement": "active", "request": "active", "dispense": "completed"}


def _medication(chart: Chart, code: str, how: str) -> tuple[Json, Json]:
    """What the resource contains, and its medication[x]."""
    coded: Json = {"code": concept(term("drugs", code))}
    match how:
        case "contained":
            return {"contained": [{"resourceType": "Medication", "id": "med", **coded}]}, _by_reference("#med")
        case "ingredient":
            product: dict[str, Any] = {
                "resourceType": "Medication",
                "id": "med",
                "code": {"text": f"{coded['code']['text']}, ward stock"},
                "ingredient": [{"itemCodeableConcept": coded["code"], "isActive": True}],
            }
            return {"contained": [product]}, _by_reference("#med")
        case "referenced":
            added = chart.add("Medication", coded)
            return {}, _by_reference(f"Medication/{added['id']}")
        case _:
            return {}, {"medicationCodeableConcept": coded["code"]}


def _by_reference(target: str) -> Json:
    return {"medicationReference": reference(target)}


def procedure(
    chart: Chart,
    *,
    code: str,
    days_ago: Spread,
    status: str = "completed",
    lasts: Spread | None = None,
    precision: str = "day",
) -> None:
    """Add a Procedure, on one day or over a period."""
    ago = chart.days(days_ago)
    start = chart.when(ago, precision)
    when: Json = {"performedDateTime": start}
    if lasts is not None:
        when = {"performedPeriod": {"start": start, "end": chart.when(max(ago - chart.days(lasts), 0), precision)}}
    elements = {"status": status, "code": concept(term("procedures", code)), "subject": chart.subject, **when}
    chart.add("Procedure", elements, ago)
