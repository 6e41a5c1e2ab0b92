"""The blood series: the same five analytes and the counts beside them over months, as the patient's laboratory reports.

Laboratories differ in codes, units and reference ranges (`demo/tables/laboratories.yaml`).
"""

from typing import Any

from demo.builders import Json, coding, quantity
from demo.chart import Chart
from demo.draws import Spread
from demo.entries.results import result, rounded
from demo.tables import SYSTEMS, table

SCATTER = 0.06
"""How far a value strays from the patient's own level, as a part of it."""

CHILD_CREATININE = 0.6
"""A child's creatinine as a part of an adult's; muscle makes it."""

APPLIES_TO = {"female": "248152002", "male": "248153007"}
"""SNOMED CT's findings; the ranges carry FHIR's administrative gender beside them."""

GENDER = "http://hl7.org/fhir/administrative-gender"


def laboratory(  # one keyword a choice of the story
    chart: Chart,
    *,
    level: str = "normal",
    last: Spread = 5,
    over: Spread = 120,
    every: Spread = 15,
    omit: list[str] | None = None,
    levels: dict[str, Spread] | None = None,
    ranges: str | None = None,
) -> None:
    """Add a series that ends `last` days ago, a sample about `every` so many days, back to `over` days ago.

    `level` names the patient's levels in the table, `levels` overrides some in canonical units. `ranges`: the form of
    the reference ranges (one, both-sexes, ages, text, none) instead of the laboratory's own.
    """
    reported = table("tables/laboratories.yaml")
    style = reported["styles"][chart.laboratory]
    own = {name: chart.draws.number(spread) for name, spread in {**reported["levels"][level], **(levels or {})}.items()}
    if not chart.adult and "creatinine" not in (levels or {}):
        own["creatinine"] *= CHILD_CREATININE
    ago, oldest = chart.days(last), chart.days(over)
    while ago <= oldest:
        for analyte, level_of_patient in own.items():
            if analyte not in (omit or ()):
                value = level_of_patient * chart.draws.number([1 - SCATTER, 1 + SCATTER])
                form = ranges or style["ranges"]
                _sample(chart, analyte, value, ago, style["panel"][analyte], form)
        ago += max(chart.days(every), 1)


def _sample(chart: Chart, analyte: str, value: float, ago: int, how: dict[str, Any], form: str) -> None:
    scaled = rounded(value * how["times"], how.get("decimals", 0))
    unit, text = how.get("unit"), how.get("text")
    limits = [] if form == "none" else reference_ranges(chart, analyte, how, form)
    result(
        chart,
        of=how["code"],
        value=scaled,
        decimals=how.get("decimals", 0),
        unit=unit,
        unit_text=text,
        days_ago=ago,
        limits=limits,
    )


def reference_ranges(chart: Chart, analyte: str, how: dict[str, Any], form: str) -> list[Json]:
    """The reference ranges of an analyte in the laboratory's units, in the form that it writes them."""
    limits = table("tables/laboratories.yaml")["limits"].get(analyte)
    if limits is None:
        return []
    group = chart.sex if chart.adult else "child"
    match form:
        case "text":
            low, high = _scaled(limits[group], how)
            return [{"text": f"{low} to {high} {how.get('text') or how.get('unit')}"}]
        case "both-sexes" if chart.adult:
            return [
                {
                    **_bounds(limits[sex], how),
                    "appliesTo": [{"coding": [coding(SYSTEMS["sct"], code), coding(GENDER, sex)]}],
                }
                for sex, code in APPLIES_TO.items()
            ]
        case "ages":
            child = {"age": {"high": quantity(15, "a")}}
            adult = {"age": {"low": quantity(16, "a")}}
            return [{**_bounds(limits["child"], how), **child}, {**_bounds(limits[chart.sex], how), **adult}]
        case _:
            return [_bounds(limits[group], how)]


def _bounds(limits: list[float], how: dict[str, Any]) -> Json:
    low, high = _scaled(limits, how)
    unit, text = how.get("unit"), how.get("text")
    return {
        **({"low": quantity(low, unit, text)} if low else {}),
        "high": quantity(high, unit, text),
        "type": {"coding": [coding("http://terminology.hl7.org/CodeSystem/referencerange-meaning", "normal")]},
    }


def _scaled(limits: list[float], how: dict[str, Any]) -> tuple[float, float]:
    low, high = (rounded(limit * how["times"], how.get("decimals", 0)) for limit in limits)
    return low, high
