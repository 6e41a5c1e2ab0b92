"""What the adapter writes names a profile of the package, and uses only extensions that the package defines."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pytest

from adapter.fhir import Issue, operation_outcome
from adapter.fhir.publishing import conformance
from adapter.screening.setup import Setup
from adapter.service.match import in_parameters
from mappings.patient.local_codes import Tally, concept_map
from mappings.trial.fhir import shared_resources
from tests.conformance.hapi_validate import emitted as emitted_
from tests.unit.fhir.cases import CASES
from tests.unit.profiles.written_back import written_back

Json = dict[str, Any]
BASE = "http://example.org/fhir-trial-adapter/StructureDefinition/"
OF_HL7 = {
    f"http://hl7.org/fhir/StructureDefinition/shareable{each.lower()}": each for each in ("CodeSystem", "ValueSet")
}
DEEPER = {"PlanDefinition.action": re.compile(r"(PlanDefinition\.action)(\.action)+")}
"""Elements that stand in themselves: what may stand at one depth may stand at every depth."""


@pytest.fixture(scope="module")
def emitted(strict: Setup) -> list[Json]:
    """Resources of every kind that the adapter writes."""
    shared = shared_resources(strict.definitions, strict.terminology)
    answers = [case(strict) for case in CASES.values()]
    codes = concept_map({("urn:x", "urn:y", "1"): Tally(count=2, samples=("a", "b"))})
    served = [*emitted_.service(), in_parameters(emitted_.matches(strict)), *emitted_.subscriptions()]
    packaged = [resource for kind in conformance().values() for resource in kind.values()]
    return [
        *emitted_.trials(),
        *shared,
        *answers,
        *written_back(strict),
        codes,
        *served,
        *emitted_.converted(),
        *packaged,
    ]


def inner(resource: Json) -> Iterator[Json]:
    """The resource, what it contains, and what stands in its entries."""
    yield resource
    entries = [entry.get("resource") or entry["response"]["outcome"] for entry in resource.get("entry", ())]
    given = [each["resource"] for each in resource.get("parameter", ()) if "resource" in each]
    for each in (*resource.get("contained", ()), *entries, *given):
        yield from inner(each)


def test_each_resource_names_its_profile(emitted: list[Json]) -> None:
    """Whatever the adapter writes, and what stands in it, names a profile of its own type, ours or HL7's."""
    ours = conformance()["StructureDefinition"].values()
    types = OF_HL7 | {each["url"]: each["type"] for each in ours if each["type"] != "Extension"}
    named: set[str] = set()
    for resource in (each for top in emitted for each in inner(top)):
        profiles = resource.get("meta", {}).get("profile", [])
        assert {types.get(url) for url in profiles} == {resource["resourceType"]}, resource
        named.update(profiles)
    assert named == set(types)


def extensions(value: object, path: str) -> Iterator[tuple[str, str]]:
    """The URL of each extension of ours, and the path of the element that it stands on."""
    if isinstance(value, list):
        for each in value:
            yield from extensions(each, path)
    if not isinstance(value, dict):
        return
    path = value.get("resourceType", path)
    for name, below in value.items():
        if name == "extension":
            yield from ((each["url"], path) for each in below if each["url"].startswith(BASE))
        else:
            yield from extensions(below, f"{path}.{name}")


def contexts(definition: Json) -> set[str]:
    """The elements that an extension may stand on."""
    return {each["expression"] for each in definition["context"]}


def test_each_extension_stands_where_it_may(emitted: list[Json], strict: Setup) -> None:
    """Every extension of ours is defined, for the element that it stands on; and each that is defined is written."""
    assert strict.definitions
    defined = by_url(each for each in conformance()["StructureDefinition"].values() if each["type"] == "Extension")
    seen = {(url, _at_any_depth(path)) for resource in emitted for url, path in extensions(resource, "")}
    assert [(url, path) for url, path in seen if path not in contexts(defined[url])] == []
    assert {url for url, _ in seen} == set(defined)


def _at_any_depth(path: str) -> str:
    for element, deeper in DEEPER.items():
        path = deeper.sub(element, path)
    return path


def by_url(resources: Iterable[Json]) -> Mapping[str, Json]:
    """Conformance resources by their canonical URL."""
    return {each["url"]: each for each in resources}


def test_a_problem_has_words_even_without_any() -> None:
    """An issue whose text is nothing but control characters still has diagnostics, as its profile asks."""
    (issue,) = operation_outcome([Issue(code="invalid", text="\x00")])["issue"]
    assert issue["diagnostics"]
    assert msgspec.json.encode(issue)
