"""The shipped definitions and their resources, built once."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from adapter.criteria.model import TrialDefinition
from adapter.criteria.terminology import Terminology
from mappings.terminology import load_terminology
from mappings.trial import load_definition, load_definitions
from mappings.trial.fhir import resources_of
from tests.conftest import ROOT

Json = dict[str, Any]


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """The shipped terminology."""
    return load_terminology()


@pytest.fixture(scope="session")
def definitions(terminology: Terminology) -> Mapping[str, TrialDefinition]:
    """The shipped definitions by id, and one with the kinds that none of them uses."""
    sixth = load_definition(ROOT / "tests" / "unit" / "trial" / "sixth.yaml", terminology=terminology)
    return {each.id: each for each in (*load_definitions(terminology=terminology), sixth)}


@pytest.fixture(scope="session")
def built(definitions: Mapping[str, TrialDefinition], terminology: Terminology) -> Mapping[str, list[Json]]:
    """The resources of each definition."""
    return {study: resources_of(definition, terminology) for study, definition in definitions.items()}


@pytest.fixture(scope="session")
def resource(built: Mapping[str, list[Json]]) -> Callable[[str, str], Json]:
    """A resource of a study by its id's end: `eligibility`, `treatment`, `enrollment`, or none for the study itself."""

    def find(study: str, part: str = "") -> Json:
        wanted = f"{study}-{part}" if part else study
        (found,) = [each for each in built[study] if each["id"] == wanted]
        return found

    return find


@pytest.fixture(scope="session")
def action(resource: Callable[[str, str], Json]) -> Callable[[str, str], Json]:
    """An action of a study's eligibility plan, by the criterion's id."""

    def find(study: str, number: str) -> Json:
        def walk(held: list[Json]) -> list[Json]:
            return [each for one in held for each in (one, *walk(one.get("action", [])))]

        (found,) = [each for each in walk(resource(study, "eligibility")["action"]) if each.get("prefix") == number]
        return found

    return find
