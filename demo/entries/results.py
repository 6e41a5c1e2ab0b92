"""One Observation, with every form of value, date and status that the record may hold."""

from typing import Any

from demo.builders import TERMINOLOGY, Json, coding, concept, hl7_concept, quantity
from demo.chart import Chart
from demo.draws import Spread
from demo.tables import term

INTERPRETATIONS = f"{TERMINOLOGY}/v3-ObservationInterpretation"


def result(  # noqa: PLR0913  # one keyword a FHIR element
    chart: Chart,
    *,
    of: str,
    value: Spread | None = None,
    days_ago: Spread = (1, 20),  # type: ignore[assignment]  # a tuple, so that no default is shared and changed
    dated: str = "time",
    status: str = "final",
    decimals: int = 0,
    unit: str | None = None,
    unit_text: str | None = None,
    comparator: str | None = None,
    limits: list[Json] | None = None,
    absent: str | None = None,
    interpretation: str | None = None,
    category: str = "laboratory",
    **other_value: Any,  # noqa: ANN401  # finding, string, to, titre, boolean, whole, answer: see _other_value
) -> None:
    """Add an Observation `of` a term of the code table.

    `dated`: time, hour, day, month, year, period, instant, issued (no effective time) or none.
    `limits`: reference ranges as FHIR has them. `absent`: a dataAbsentReason. `interpretation`: POS, NEG, …
    """
    ago = chart.days(list(days_ago) if isinstance(days_ago, tuple) else days_ago)
    elements: Json = {
        "status": status,
        "category": [hl7_concept("observation-category", category)],
        "code": concept(term("observations", of)),
        "subject": chart.subject,
        **_effective(chart, ago, dated),
        "interpretation": [{"coding": [coding(INTERPRETATIONS, interpretation)]}] if interpretation else None,
        "dataAbsentReason": hl7_concept("data-absent-reason", absent) if absent else None,
        "referenceRange": limits,
    }
    if other_value:
        elements |= _other_value(chart, value, unit, decimals, **other_value)
    elif value is not None:
        number = rounded(chart.draws.number(value), decimals)
        elements["valueQuantity"] = quantity(number, unit, unit_text, comparator)
    chart.add("Observation", elements, ago)


def rounded(number: float, decimals: int) -> float:
    """The number as a laboratory writes it: 132, not 132.0."""
    return round(number, decimals) if decimals else round(number)


def _effective(chart: Chart, ago: int, dated: str) -> Json:
    match dated:
        case "none":
            return {}
        case "issued":
            return {"issued": chart.moment(ago)}
        case "instant":
            return {"effectiveInstant": chart.moment(ago)}
        case "period":
            return {"effectivePeriod": {"start": chart.when(ago + 1, "day"), "end": chart.when(ago, "day")}}
        case _:
            return {"effectiveDateTime": chart.when(ago, dated)}


def _other_value(  # noqa: PLR0913  # one keyword a form of value
    chart: Chart,
    value: Spread | None,
    unit: str | None,
    decimals: int,
    *,
    finding: str | None = None,
    string: str | None = None,
    to: float | None = None,
    titre: Spread | None = None,
    boolean: bool | None = None,
    whole: Spread | None = None,
    answer: str | None = None,
) -> Json:
    """value[x] other than a Quantity; `to` makes a Range of `value` and it, `titre` 8 the Ratio 1:8."""
    if to is not None and value is not None:
        low = rounded(chart.draws.number(value), decimals)
        return {"valueRange": {"low": quantity(low, unit), "high": quantity(to, unit)}}
    if titre is not None:
        return {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": chart.draws.whole(titre)}}}
    if boolean is not None:
        return {"valueBoolean": boolean}
    if whole is not None:
        return {"valueInteger": chart.draws.whole(whole)}
    if string is not None:
        return {"valueString": string}
    return {"valueCodeableConcept": concept(term("answers", str(answer or finding)))}
