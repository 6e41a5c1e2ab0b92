"""HAPI's `$validate` finds no error in what the adapter writes, and no warning but those that are explained."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.fhir.elements import BASE
from adapter.screening.setup import Setup
from tests.conformance.hapi_validate import balp, emitted
from tests.conftest import ROOT
from tests.integration.hapi.client import Hapi, Issue, Json

WARNINGS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "expected_warnings.yaml").read_text(encoding="utf-8")
)
INNERMOST = re.compile(r"/\*(\w+)/[^*]*\*/")
"""In an expression, HAPI names the resource that stands in an entry: Bundle.entry[0].resource/*ResearchSubject/a1*/."""


def explained(type_: str, issue: Issue) -> str | None:
    """The expected warning that an issue is, if it is one. `type_`: of the validated resource."""
    inside = INNERMOST.findall(issue.expression)
    of = {type_} if type_ != "Bundle" else set(inside)
    for each in WARNINGS:
        if issue.severity == "warning" and re.search(each["says"], issue.text) and of & set(each["of"]):
            return str(each["warning"])
    return None


def check(hapi: Hapi, resources: Iterable[Json]) -> set[str]:
    """Validate each resource; the expected warnings that came."""
    seen: set[str] = set()
    unexplained: list[tuple[str, Issue]] = []
    for resource in resources:
        for issue in hapi.validate(resource):
            name = explained(resource["resourceType"], issue)
            if name is None:
                unexplained.append((f"{resource['resourceType']}/{resource.get('id')}", issue))
            else:
                seen.add(name)
    assert unexplained == []
    return seen


def test_trials_are_valid(hapi_with_package: Hapi) -> None:
    """Studies, plans, Groups, code systems and value sets of all trials; each explained warning still comes."""
    resources = emitted.trials()
    assert len({resource["resourceType"] for resource in resources}) == 6
    assert check(hapi_with_package, resources) == {each["warning"] for each in WARNINGS}


def test_what_the_service_says_of_itself_is_valid(hapi_with_package: Hapi, strict: Setup) -> None:
    """CapabilityStatement, OperationDefinition, OperationOutcome, what a search or a match finds; Subscriptions."""
    check(hapi_with_package, [*emitted.service(), emitted.matches(strict), *emitted.subscriptions()])


def test_converted_data_are_valid(hapi_with_package: Hapi) -> None:
    """Sheets, OMOP and HL7 v2 in FHIR; a source's own codes and units may be warned of."""
    held = list(emitted.converted())
    said = [(each.get("id"), issue) for each in held for issue in hapi_with_package.validate(each)]
    assert [(name, issue) for name, issue in said if issue.severity != "warning"] == []
    assert {each["resourceType"] for each in held} == {"Bundle", "ConceptMap"}


def test_answers_are_valid(hapi_with_package: Hapi, strict: Setup) -> None:
    """Bundles with ResearchSubjects, GuidanceResponses and OperationOutcomes, for all trials, failures among them."""
    held = dict(emitted.answers(strict))
    inside = [entry["resource"] for bundle in held.values() for entry in bundle["entry"]]
    assert {resource["resourceType"] for resource in inside} == {
        "ResearchSubject",
        "GuidanceResponse",
        "OperationOutcome",
    }
    assert {resource["status"] for resource in inside if resource["resourceType"] == "GuidanceResponse"} == {
        "success",
        "data-required",
        "failure",
    }
    check(hapi_with_package, held.values())


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"status": None}, "ResearchSubject"),
        ({"identifier": None}, "ResearchSubject"),
        ({"meta": {"profile": [f"{BASE}/StructureDefinition/nothing"]}}, "ResearchSubject.meta.profile[0]"),
    ],
    ids=["no-status", "no-identifier", "unknown-profile"],
)
def test_a_broken_answer_is_found(
    hapi_with_package: Hapi, strict: Setup, change: dict[str, object], where: str
) -> None:
    """The validator does look: what R4 or our profile demands is missed where it is missing."""
    subject = next(emitted.answers(strict))[1]["entry"][0]["resource"]
    broken = {name: value for name, value in {**subject, **change}.items() if value}
    assert where in {issue.expression for issue in hapi_with_package.validate(broken) if issue.severity == "error"}


def errors(hapi: Hapi, event: Json) -> list[str]:
    """What the validator has against an AuditEvent."""
    return [f"{each.expression}: {each.text}" for each in hapi.validate(event) if each.severity == "error"]


def test_audit_events_are_valid(hapi: Hapi) -> None:
    """Against R4, and those of what succeeded against BALP's patterns; each of which the validator does look at."""
    hapi.put(*balp.profiles())
    events = list(emitted.audit())
    assert len(events) > 12
    assert [(each["action"], found) for each in events if (found := errors(hapi, each))] == []
    patterns = {profile for each in events for profile in each.get("meta", {}).get("profile", ())}
    assert patterns == {f"{balp.CANONICAL}{name}" for name in balp.RULES["patterns"]} - {
        f"{balp.CANONICAL}PatientCreate"
    }
    for event in (each for each in events if each["outcome"] == "0"):
        agents, entities = event["agent"], event["entity"]
        for broken in (
            {"agent": agents[:1]},
            {"agent": [{**agents[0], "network": None}, agents[1]]},
            {"entity": [each for each in entities if each["type"]["code"] != "2"]},
            {"entity": [*entities, next(each for each in entities if each["type"]["code"] == "2")]},
            {"outcome": "8"},
        ):
            assert errors(hapi, {**event, **broken}), (event["meta"], broken.keys())


def test_the_document_explains_each_warning() -> None:
    """CONFORMANCE.md has the same warnings, for the same types, with the same reasons."""
    text = (ROOT / "CONFORMANCE.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$", text.partition("## 20. Validation")[2].partition("\n## ")[0], re.MULTILINE
    )[1:]
    assert rows == [(each["warning"], ", ".join(each["of"]), each["reason"]) for each in WARNINGS]
