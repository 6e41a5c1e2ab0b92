"""A definition is the same after it was FHIR."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from adapter.criteria.model import TrialDefinition
from mappings.terminology import load_terminology
from mappings.trial.fhir import decode, encode, parse, resources_of
from tests.unit.trial_fhir.stored import stored
from tests.unit.trial_fhir.strategies import definitions as any_definition

Built = Mapping[str, list[dict[str, Any]]]


def test_shipped(definitions: Mapping[str, TrialDefinition], built: Built) -> None:
    """Each shipped definition comes back as it was."""
    assert {study: parse(resources) for study, resources in built.items()} == definitions


def test_as_text(definitions: Mapping[str, TrialDefinition], built: Built) -> None:
    """It comes back from the JSON text with every digit of its numbers, whatever the order of the resources."""
    for study, resources in built.items():
        read = [decode(encode(resource)) for resource in reversed(resources)]
        assert repr(parse(read)) == repr(definitions[study])


@pytest.mark.parametrize("floats", [False, True])
def test_from_a_server(definitions: Mapping[str, TrialDefinition], built: Built, *, floats: bool) -> None:
    """It comes back from a server that adds `meta`, drops narratives and zeros, and orders keys as it likes."""
    for study, resources in built.items():
        assert parse([stored(resource, floats=floats) for resource in resources]) == definitions[study]


def test_every_name_is_known(definitions: Mapping[str, TrialDefinition], built: Built) -> None:
    """Read with the terminology, nothing in a shipped definition is taken for something unknown."""
    for study, resources in built.items():
        assert parse(resources, load_terminology()) == definitions[study]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definition=any_definition())
def test_any(definition: TrialDefinition) -> None:
    """Any definition that the algebra allows comes back as it was: every kind, every field, nameless parts too."""
    resources = resources_of(definition, load_terminology())
    read = [decode(encode(resource)) for resource in resources]
    assert repr(parse(read)) == repr(definition)
    assert parse([stored(resource) for resource in resources]) == definition


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definition=any_definition())
def test_same_bytes(definition: TrialDefinition) -> None:
    """The same definition gives the same bytes, and ids that FHIR allows."""
    first, second = (resources_of(definition, load_terminology()) for _ in range(2))
    assert [encode(each) for each in first] == [encode(each) for each in second]
    assert all(len(each["id"]) <= 64 for each in first)
    assert len({each["id"] for each in first}) == len(first)
