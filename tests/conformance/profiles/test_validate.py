"""A real HAPI takes the committed package, accepts its examples by it, and refuses what is broken.

That it accepts everything else that the adapter writes is tested in tests/conformance/hapi_validate.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from adapter.evaluator import evaluate_all
from adapter.fhir import verdict_bundle
from adapter.fhir.publishing import conformance
from adapter.record import read_record
from adapter.screening.setup import Setup, choose
from demo.cohort import cohort
from mappings.trial import load_definition
from mappings.trial.fhir import encode, resources_of
from profiles.build import AS_OF, examples
from tests.conformance.hapi_validate import emitted
from tests.conformance.profiles.fault import Fault
from tests.conftest import ROOT
from tests.integration.hapi.client import Hapi
from tests.unit.profiles.written_back import written_back

Json = dict[str, Any]
PACKAGE = ROOT / "profiles" / "package"
FAULTS = [Fault(**row) for row in yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text(encoding="utf-8"))]
STORIES = ("consent-refused", "pregnant", "healthy", "t-all-relapse-everything-asked")

NOT_OURS = ("Unable to resolve package id hl7.fhir.r4.core", "not 'Local eCMS identifier'")
"""HAPI's validator says the first of every extension's definition, of HL7's own too: it looks for a package cache.

The second is R4's own example of Consent.identifier, which every profile of Consent inherits, and which isn't valid R4.
"""


@pytest.fixture(scope="module")
def outputs(strict: Setup) -> Mapping[str, Json]:
    """Real outputs by the names that `broken.yaml` calls them."""
    made = examples()
    example = {f"{each['resourceType']}/{each['id']}": each for each in made}
    guidance = {each["contained"][0]["parameter"][0]["valueCode"]: each for each in _of("GuidanceResponse", made)}
    (subject, *_), (attestation,) = _of("ResearchSubject", made), _of("Observation", made)
    (failed,) = [e["resource"] for e in example["Bundle/failed"]["entry"] if e["resource"].get("status") == "failure"]
    sponsored, measured = choose(strict.definitions, ["nct07008872", "senl-t7"])
    trials = emitted.trials()
    capabilities, operation, _, taken, found = emitted.service()
    return {
        "study": example["ResearchStudy/cd7-cart01"],
        "sponsored-study": resources_of(sponsored, strict.terminology)[0],
        "measured-study": resources_of(measured, strict.terminology)[0],
        "eligibility": example["PlanDefinition/cd7-cart01-eligibility"],
        "treatment": example["PlanDefinition/cd7-cart01-treatment"],
        "group": example["Group/cd7-cart01-enrollment"],
        "library": example["Library/Cd7Cart01Logic"],
        "value-set": _of("ValueSet", trials)[0],
        "code-system": _of("CodeSystem", trials)[0],
        "subject": subject,
        "written": written_back(strict)[0],
        "guidance": guidance["potential-candidate"],
        "kept-out": guidance["ineligible"],
        "failure": failed,
        "answer": example["Bundle/potential-candidate"],
        "refusal": example["OperationOutcome/refused"],
        "attestation": attestation,
        "capabilities": capabilities,
        "operation": operation,
        "found": found,
        "taken": taken,
        "subscription": emitted.subscriptions()[0],
        "definition": conformance()["StructureDefinition"]["study"],
        "naming-system": conformance()["NamingSystem"]["study"],
        **_converted(),
    }


def _converted() -> Mapping[str, Json]:
    """The first converted record, the list of codes, and the first converted resource of each type."""
    held = list(emitted.converted())
    types: dict[str, Json] = {"record": _of("Bundle", held)[0], "local-codes": _of("ConceptMap", held)[0]}
    for entry in (entry for bundle in _of("Bundle", held) for entry in bundle["entry"]):
        types.setdefault(entry["resource"]["resourceType"], entry["resource"])
    return types


def _of(type_: str, made: list[Json]) -> list[Json]:
    return [each for each in made if each["resourceType"] == type_]


def errors(server: Hapi, resource: Json) -> list[str]:
    """What makes a resource invalid, in the validator's words."""
    return server.errors(msgspec.json.decode(encode(resource)))  # decimals as JSON numbers


def test_the_package_is_valid(hapi_with_package: Hapi) -> None:
    """Every conformance resource of the package is on the server, and is valid itself."""
    said = {}
    hapi_with_package.put(*(msgspec.json.decode(path.read_bytes()) for path in PACKAGE.glob("*-*.json")))
    for path in sorted(PACKAGE.glob("*-*.json")):
        resource = msgspec.json.decode(path.read_bytes())
        assert hapi_with_package.count(f"{resource['resourceType']}?_id={resource['id']}") == 1
        said[path.name] = [
            text for text in errors(hapi_with_package, resource) if not any(each in text for each in NOT_OURS)
        ]
    assert {name: texts for name, texts in said.items() if texts} == {}
    assert len(said) > 150


def test_examples_are_valid(hapi_with_package: Hapi) -> None:
    """Each example is valid by the profile that it names."""
    said = {each["id"]: errors(hapi_with_package, each) for each in examples()}
    assert {name: texts for name, texts in said.items() if texts} == {}


def test_every_kind_of_statement_is_valid(hapi_with_package: Hapi, strict: Setup) -> None:
    """A trial with the kinds that no shipped one uses, with its own attestations, is valid."""
    sixth = load_definition(ROOT / "tests" / "unit" / "trial" / "sixth.yaml", terminology=strict.terminology)
    built = resources_of(sixth, strict.terminology)
    said = {each["id"]: errors(hapi_with_package, each) for each in built}
    assert {name: texts for name, texts in said.items() if texts} == {}


def test_assumptions_are_valid(hapi_with_package: Hapi, problem_list: Setup) -> None:
    """Answers that stand on a policy's assumptions, or on people's words, are valid like others."""
    records = {story.name: data for _, story, data in cohort() if story.name in STORIES}
    assert set(records) == set(STORIES)
    for name, data in records.items():
        record = read_record(data, problem_list.terminology)
        verdicts = evaluate_all(problem_list.bounds, record, AS_OF, problem_list.policy)
        assert errors(hapi_with_package, verdict_bundle(verdicts)) == [], name


def test_what_is_written_back_is_valid(hapi_with_package: Hapi, strict: Setup) -> None:
    """ResearchSubjects that the adapter made, or brought up to date beside a person's status, and their guidance."""
    for resource in written_back(strict):
        assert errors(hapi_with_package, resource) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.it)
def test_a_fault_is_named(hapi_with_package: Hapi, outputs: Mapping[str, Json], fault: Fault) -> None:
    """What is broken is invalid, and the validator says what is wrong."""
    said = errors(hapi_with_package, fault.put_into(outputs[fault.of]))
    assert any(fault.says in text for text in said), said
