"""Made-up entries of further lists about one criterion: devices, relatives, studies, plans, events, reports, specimens.

Also where somebody lives who is asked for a place.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.kinds.entries.statement import (
    AdverseEvent,
    Device,
    Encounter,
    FamilyHistory,
    Participation,
    Planned,
    Report,
    Specimen,
)
from adapter.kinds.person import Residence
from tests.build import concept
from tests.properties.core import Json
from tests.properties.entries import entry
from tests.properties.patients import UNKNOWN, coded, some
from tests.properties.times import when


class Making(NamedTuple):
    """One criterion, of whose words codes are made. `leaf`: any of the statements about entries."""

    leaf: Any
    terminology: Terminology
    rng: Random

    def code(self, names: Sequence[str]) -> Json:
        """A code of one of the concepts; now and then one that nobody knows."""
        held = [each for name in names for each in self.terminology.codes(name)]
        if not held or self.rng.random() < 0.1:
            return self.rng.choice(UNKNOWN)
        coding = self.rng.choice(held)
        return concept(coding.system, coding.code)

    def entry(self, kind: str, **said: Json | str | list[Json]) -> Json:
        """An entry of a kind, whatever else it says, with most of these elements."""
        return {**entry(self.rng, 0, kind), **some(self.rng, 0.95, **said)}


def _device(of: Making) -> Json:
    if of.rng.random() < 0.5:
        return of.entry("device", type=of.code(of.leaf.concepts))
    return of.entry("used", device={"reference": f"Device/r{of.rng.randint(0, 3)}"})


def _encounter(of: Making) -> Json:
    way = of.code(of.leaf.concepts).get("coding", [{"code": "?"}])[0]
    reason: Json = {"reasonCode": [of.code(of.leaf.reason)]} if of.leaf.reason else {}
    return of.entry("encounter") | {"class": way} | some(of.rng, 0.9, **reason)


def _relative(of: Making) -> Json:
    relation = of.leaf.relative or ("first-degree-relative", "second-degree-relative")
    return of.entry("relative", condition=[{"code": of.code(of.leaf.concepts)}], relationship=of.code(relation))


def _participant(of: Making) -> Json:
    named = {"system": "https://clinicaltrials.gov", "value": of.rng.choice([*of.leaf.studies, "NCT00000001"])}
    return of.entry("participant") | of.rng.choice([{}, {"study": {"identifier": named}}])


def _plan(of: Making) -> Json:
    return of.entry("plan", code=of.code(of.leaf.concepts))


def _event(of: Making) -> Json:
    severity = coded(of.rng, "severity-severe", "severity-not-severe")
    suspect = [{"instance": {"reference": f"{of.rng.choice(_GIVEN)}/r{of.rng.randint(0, 3)}"}}]
    said = {"event": of.code(of.leaf.concepts), "severity": severity}
    return of.entry("adverse-event", **said) | ({"suspectEntity": suspect} if of.leaf.suspect else {})


_GIVEN = ("MedicationAdministration", "MedicationStatement", "Procedure")


def _report(of: Making) -> Json:
    said: Json = {"code": of.code(of.leaf.concepts)} if of.leaf.concepts else {}
    if of.leaf.conclusion:
        said["conclusionCode"] = [of.code(of.leaf.conclusion)]
    return of.entry("report", **said)


def _specimen(of: Making) -> Json:
    made = of.entry("specimen", type=of.code(of.leaf.concepts))
    return made | some(of.rng, 0.8, collection={"collectedDateTime": when(of.rng)})


_MAKERS: Mapping[type[Leaf], Callable[[Making], Json]] = {
    Device: _device,
    Encounter: _encounter,
    FamilyHistory: _relative,
    Participation: _participant,
    Planned: _plan,
    AdverseEvent: _event,
    Report: _report,
    Specimen: _specimen,
}


def entries_about(leaf: Leaf, terminology: Terminology, rng: Random) -> list[Json]:
    """Some entries of the list that a criterion reads; none if it reads no such list."""
    make = _MAKERS.get(type(leaf))
    return [] if make is None else [make(Making(leaf, terminology, rng)) for _ in range(rng.choice([1, 1, 2, 3]))]


def home_about(leaf: Leaf, rng: Random) -> Json:
    """An address in one of the places that a criterion asks for, or nearly; nothing for another criterion."""
    if not isinstance(leaf, Residence):
        return {}
    places = {"country": leaf.country, "state": leaf.state, "district": leaf.district, "city": leaf.city}
    said: Json = {name: rng.choice([*held, *held, "elsewhere"]) for name, held in places.items() if held}
    if leaf.postal_code:
        said["postalCode"] = f"{rng.choice(leaf.postal_code)}{rng.choice(['', '331', ' 0'])}"
    return {"address": [some(rng, 0.9, **said) | rng.choice([{}, {"use": "home"}, {"use": "temp"}])]}
