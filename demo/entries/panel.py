"""One Observation with several values as its components, as monitors and some laboratories send them."""

from demo.builders import Json, concept, hl7_concept, quantity
from demo.chart import Chart
from demo.draws import Spread
from demo.entries.laboratory import reference_ranges
from demo.tables import term


def panel(
    chart: Chart,
    *,
    of: str,
    components: dict[str, Spread],
    unit: str,
    days_ago: Spread = 5,
    category: str = "laboratory",
) -> None:
    """Add an Observation `of` a panel of the code table with a component for each of its terms, all in one unit."""
    ago = chart.days(days_ago)
    elements: Json = {
        "status": "final",
        "category": [hl7_concept("observation-category", category)],
        "code": concept(term("observations", of)),
        "subject": chart.subject,
        "effectiveDateTime": chart.when(ago, "time"),
        "component": [
            {
                "code": concept(term("observations", name)),
                "valueQuantity": quantity(chart.draws.whole(spread), unit),
                "referenceRange": reference_ranges(chart, name, {"times": 1, "unit": unit}, "one"),
            }
            for name, spread in components.items()
        ],
    }
    for component in elements["component"]:
        if not component["referenceRange"]:
            del component["referenceRange"]
    chart.add("Observation", elements, ago)
