"""A site's own codes stand for what its ConceptMap says, and for nothing it only resembles."""

import json

import pytest

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.errors import DefinitionError
from mappings.terminology.value_set import read_concept_map

SITE = "http://hospital.example/codes"
LOINC = "http://loinc.org"


def _map(*targets: tuple[str | None, str], system: str = LOINC) -> bytes:
    element = {"code": "HB", "target": [{"code": code, "equivalence": how} for code, how in targets]}
    group = {"source": SITE, "target": system, "element": [element]}
    return json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]}).encode()


@pytest.mark.parametrize("how", ["equal", "equivalent", "wider", "subsumes"])
def test_taken(how: str) -> None:
    """The site's code is at least a kind of what it is mapped to."""
    assert read_concept_map("m.json", _map(("718-7", how)), ()) == {(SITE, "HB"): (Coding(LOINC, "718-7"),)}


@pytest.mark.parametrize("how", ["narrower", "specializes", "inexact", "relatedto", "unmatched", "disjoint"])
def test_ignored(how: str) -> None:
    """A target that says more than the code, or something else, would be a guess."""
    assert read_concept_map("m.json", _map(("718-7", how)), ()) == {}


def test_a_target_without_a_code() -> None:
    """`unmatched` elements have none."""
    assert read_concept_map("m.json", _map((None, "equal")), ()) == {}


def test_several_targets_add_up(terminology: Terminology) -> None:
    """A code may be of several concepts."""
    maps = read_concept_map("m.json", _map(("718-7", "equal"), ("2160-0", "wider")), ())
    bound = terminology.with_local_maps(maps)
    assert bound.value_sets_of(SITE, "HB") == frozenset({"haemoglobin", "creatinine"})
    assert bound.value_sets_of(SITE, "OTHER") is None
    assert bound.hash != terminology.hash


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "m.json:1: resourceType: "),
        (b'{"resourceType":"ConceptMap",\n"group":[', "m.json:2: Invalid JSON: "),
        (_map(("718-7", "equivelant")).replace(b'"target":', b'\n"target":'), "m.json:3: HB: no equivalence"),
        (b"not json", "local codes are an R4 ConceptMap in JSON"),
        (b'{"resourceType":"ConceptMap","group":[{"target":"x"}]}', "m.json:1: group.0.source: "),
        (b'{"resourceType":"ValueSet"}', "m.json:1: resourceType: "),
        (_map(("gvdh", "equivalent"), system=CONCEPTS), "m.json:1: HB: no concept 'gvdh'; the nearest is 'gvhd'"),
        (_map(("718-7", "equivelant")), "m.json:1: HB: no equivalence 'equivelant'; the nearest is 'equivalent'"),
    ],
)
def test_refused(data: bytes, message: str) -> None:
    """What is no ConceptMap is named."""
    with pytest.raises(DefinitionError) as raised:
        read_concept_map("m.json", data, ("gvhd", "aml"))
    assert message in str(raised.value)
