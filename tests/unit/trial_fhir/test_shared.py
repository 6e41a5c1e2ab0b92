"""What the resources of all studies name together is there: code systems and value sets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from mappings.trial.fhir import shared_resources

Json = dict[str, Any]
OURS = "http://example.org/fhir-trial-adapter"


@pytest.fixture(scope="module")
def shared(definitions: Mapping[str, TrialDefinition], terminology: Terminology) -> list[Json]:
    """The shared resources of all definitions."""
    return shared_resources(definitions.values(), terminology)


def objects(value: Any) -> Iterator[Json]:  # noqa: ANN401  # JSON
    """Every JSON object in a value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def test_codes(built: Mapping[str, list[Json]], shared: list[Json]) -> None:
    """Each code of ours that a resource uses is in the CodeSystem that it names."""
    systems = {each["url"]: {code["code"] for code in each["concept"]} for each in shared if "concept" in each}
    used = {
        (each["system"], each["code"]) for each in objects(list(built.values())) if "system" in each and "code" in each
    }
    ours = {(system, code) for system, code in used if system.startswith(OURS)}
    assert len(ours) > 20
    assert {(system, code) for system, code in ours if code not in systems.get(system, ())} == set()


def test_value_sets(built: Mapping[str, list[Json]], shared: list[Json]) -> None:
    """Each value set that a resource names is there, once."""
    held = [each["url"] for each in shared if each["resourceType"] == "ValueSet"]
    texts = {text for each in objects(list(built.values())) for text in each.values() if isinstance(text, str)}
    assert {text for text in texts if text.startswith(f"{OURS}/ValueSet/")} == set(held)
    assert len(held) == len(set(held))


def test_attestations(definitions: Mapping[str, TrialDefinition], shared: list[Json]) -> None:
    """Each criterion and part with an id has its attestation code."""
    (system,) = [each for each in shared if each["id"] == "attestation"]
    wanted = [f"{study}.{each.id}" for study, held in definitions.items() for each in held.walk() if each.id]
    assert [each["code"] for each in system["concept"]] == wanted


def test_observations(shared: list[Json]) -> None:
    """The local observation codes are those that the value sets use."""
    (system,) = [each for each in shared if each["id"] == "observation"]
    assert {"cd7-blasts", "cd7-tissue", "cd4-blasts", "cd8-blasts", "lvsf"} <= {
        each["code"] for each in system["concept"]
    }
