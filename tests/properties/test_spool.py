"""However a source's units follow each other, and whenever they are written, each patient's Bundle is the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import or_
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir.elements import Json
from adapter.screening.convert import spool
from mappings.patient import PatientKey, PatientPart, encode
from mappings.patient.converted import bundle_of, entry

NAMES = ("A", 'B "é', "C\\|$,", "D")


class Unit(NamedTuple):
    """The patients of a unit, and the first one's resources by id, with what they say."""

    patients: tuple[PatientPart, ...]
    resources: dict[str, int]

    @property
    def entries(self) -> Mapping[str, str]:
        """As a conversion encodes them."""
        return {f"Observation/{name}": encode(entry("Observation", name, each)).decode() for name, each in self.made()}

    def made(self) -> list[tuple[str, Json]]:
        """The resources; an id is one patient's."""
        own = [(f"{self.patients[0].key.id[:9]}-{name}", value) for name, value in self.resources.items()]
        return [(name, {"resourceType": "Observation", "id": name, "valueInteger": value}) for name, value in own]


def parts(name: str) -> st.SearchStrategy[PatientPart]:
    """What may be said of a patient."""
    other = {"identifier": st.just([{"system": "http://other", "value": "1"}])}
    died = st.sampled_from([{}, {"deceasedBoolean": True}, {"deceasedBoolean": False}, {"deceasedDateTime": "2026"}])
    gender = st.sampled_from(["female", "male", None])
    elements = st.builds(or_, st.fixed_dictionaries({}, optional={"gender": gender, **other}), died)
    key = PatientKey("http://hospital.example.org/patients?a", name)
    return st.builds(PatientPart, key=st.just(key), elements=elements, leads=st.booleans())


UNITS = st.builds(
    Unit,
    patients=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).flatmap(
        lambda names: st.tuples(*map(parts, names))
    ),
    resources=st.dictionaries(st.sampled_from("uvw"), st.integers(1, 3)),
)


@given(units=st.lists(UNITS, max_size=12), waiting=st.sampled_from([0, 200, 600, 1 << 20]), at_hand=st.integers(1, 5))
def test_bundles_are_the_same_whenever_they_are_written(units: Sequence[Unit], waiting: int, at_hand: int) -> None:
    """As if all had been held in memory: rows of a patient may stand anywhere, and people turn out to be one."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "_MOST_WAITING", waiting)
        patch.setattr(spool, "_AT_HAND", at_hand)
        bundles = Path(folder, "bundles")
        bundles.mkdir()
        with spool.open_spool(Path(folder), bundles) as opened:
            for unit in units:
                opened.add(unit.patients, unit.entries)
            opened.finish()
        found = {path.stem: path.read_bytes() for path in bundles.iterdir()}
        expected = in_memory(units)
        assert found == {name: encode(each) + b"\n" for name, each in expected.items()}
        types = Counter(each["resource"]["resourceType"] for made in expected.values() for each in made["entry"])
        assert opened.patients == types.pop("Patient", 0)
        assert opened.resources == types


def in_memory(units: Sequence[Unit]) -> dict[str, Json]:
    """The Bundles, gathered in the simplest way."""
    people: dict[str, PatientPart] = {}
    under: dict[str, str] = {}
    for unit in units:
        for part in unit.patients:
            id_ = part.key.id
            people[id_] = said_together(people[id_], part) if id_ in people else part
            under.setdefault(id_, id_)
        one = {under[part.key.id] for part in unit.patients}
        if len(unit.patients) > 1:
            under.update({id_: unit.patients[0].key.id for id_, first in under.items() if first in one})
    found = {}
    for name in dict.fromkeys(under.values()):
        group = sorted((id_ for id_ in people if under[id_] == name), key=lambda id_: id_ != name)
        resources = {id_: each for unit in units if unit.patients[0].key.id in group for id_, each in unit.made()}
        found[name] = bundle_of([people[id_] for id_ in group], resources.values())
    return found


def said_together(earlier: PatientPart, later: PatientPart) -> PatientPart:
    """Of two words the later one; a patient has one death."""
    died = any(name.startswith("deceased") for name in later.elements)
    kept = {name: value for name, value in earlier.elements.items() if not (died and name.startswith("deceased"))}
    made = PatientPart(key=later.key, elements=kept | later.elements, leads=earlier.leads or later.leads)
    return earlier if made == earlier else made
