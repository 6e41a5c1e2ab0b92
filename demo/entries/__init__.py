"""What a story may put into a record: one function an entry, by the name that stories use."""

from collections.abc import Callable, Mapping
from typing import Any

from demo.chart import Chart
from demo.entries.conditions import condition, encounter
from demo.entries.drugs import drug, procedure
from demo.entries.laboratory import laboratory
from demo.entries.panel import panel
from demo.entries.persons import allergy, attest, consent, died
from demo.entries.results import result
from demo.entries.workup import antigens, heart, performance, reproduction, virology

Entry = Callable[..., None]

ENTRIES: Mapping[str, Entry] = {
    "condition": condition,
    "encounter": encounter,
    "result": result,
    "laboratory": laboratory,
    "panel": panel,
    "performance": performance,
    "heart": heart,
    "antigens": antigens,
    "virology": virology,
    "reproduction": reproduction,
    "drug": drug,
    "procedure": procedure,
    "allergy": allergy,
    "consent": consent,
    "attest": attest,
    "died": died,
}


def write(chart: Chart, name: str, parameters: Mapping[str, Any]) -> None:
    """Write one entry of a story; raises ValueError where the story asks for what there is not."""
    if name not in ENTRIES:
        msg = f"no entry is called {name!r}; there are {', '.join(ENTRIES)}"
        raise ValueError(msg)
    arguments = {key.replace("-", "_"): value for key, value in parameters.items()}
    try:
        ENTRIES[name](chart, **arguments)
    except TypeError as error:
        msg = f"entry {name!r} can't be written from {dict(parameters)}: {error}"
        raise ValueError(msg) from error
