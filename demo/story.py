"""Stories: what befell a group of patients, read from YAML, and how a cohort of a given size is made up of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from demo.builders import Json
from demo.chart import Chart
from demo.draws import Draws
from demo.entries import write
from demo.patient import open_record
from demo.tables import table

FILES = ("relapse", "leukaemia", "lymphoma", "comorbidity", "treatment", "unrelated", "record-quality", "record-dates")


@dataclass(frozen=True, slots=True)
class Story:
    """A group of patients who share a course.

    `says`: the course in a sentence. `weight`: how common it is beside the others.
    `patient`: the Patient's description. `entries`: (name, parameters), in the order in which they are written.
    """

    name: str
    says: str
    weight: int
    patient: Mapping[str, Any]
    entries: tuple[tuple[str, Mapping[str, Any]], ...]


def stories() -> tuple[Story, ...]:
    """Every story, in the order of the files."""
    return tuple(_story(name, told) for file in FILES for name, told in table(f"stories/{file}.yaml").items())


def _story(name: str, told: Mapping[str, Any]) -> Story:
    unknown = told.keys() - {"says", "weight", "patient", "record"}
    if unknown:
        msg = f"story {name!r} has unknown keys: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    entries = tuple(_entries(told["record"]))
    return Story(name, told["says"], told["weight"], told.get("patient") or {}, entries)


def _entries(record: list[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of a record: a name alone is a shared part of stories/parts.yaml."""
    for item in record:
        if isinstance(item, str):
            yield from _entries(table("stories/parts.yaml")[item])
        else:
            yield from ((name, parameters or {}) for name, parameters in item.items())


def deal(told: tuple[Story, ...], patients: int, seed: int) -> list[tuple[Story, int]]:
    """Who is in a cohort of so many: (story, number within it), shuffled.

    Each story once before any twice, the rest in proportion to their weights.
    """
    total = sum(story.weight for story in told)
    # the k-th patient of a story is wanted at this part of the cohort; the first of each story first of all
    wanted = [
        ((number / story.weight if number else -1.0), place, number)
        for place, story in enumerate(told)
        for number in range(max(1, -(-story.weight * patients // total) + 1))
    ]
    chosen = [(told[place], number) for _, place, number in sorted(wanted)[:patients]]
    return Draws(f"{seed}/order").shuffled(chosen)


def bundle(story: Story, patient_id: str, seed: str, as_of: date) -> Json:
    """The patient's whole record as a FHIR R4 Bundle of type collection."""
    chart = Chart(patient_id, Draws(seed), as_of)
    try:
        open_record(chart, story.patient)
        for name, parameters in story.entries:
            write(chart, name, parameters)
    except ValueError as error:
        msg = f"story {story.name!r}: {error}"
        raise ValueError(msg) from error
    base = "http://hospital.example.org/fhir"
    entries = [{"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in chart.resources]
    return {"resourceType": "Bundle", "id": f"{patient_id}-record", "type": "collection", "entry": entries}
