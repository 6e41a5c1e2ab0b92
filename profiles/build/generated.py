"""The part of the package that the adapter writes itself: what it serves, and examples of what it answers."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from adapter.evaluator import Verdict, evaluate
from adapter.fhir import Failure, Issue, operation_outcome, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.service.definitions import capabilities, packaged_value_sets
from adapter.service.operation_definitions import feasibility_definition, operation_definition
from demo.cohort import cohort
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from mappings.trial.fhir import resources_of
from mappings.trial.fhir.shared import build_code_systems


def generated() -> list[Json]:
    """The codes of the shipped trials and terminology, the value sets, the operations, and the capabilities."""
    terminology = load_terminology()
    codes = build_code_systems(load_definitions(terminology=terminology), terminology)
    return [*codes, *packaged_value_sets(), operation_definition(), feasibility_definition(), capabilities()]


STUDY = "cd7-cart01"
PATIENTS = {"potential-candidate": "t-all-relapse-child", "ineligible": "t-all-first-remission"}
"""For each example the story that it is the first patient of."""

AS_OF = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


def examples() -> list[Json]:
    """A trial's resources, answers of `$evaluate`, a refusal, and an attestation."""
    setup = load_setup(SiteConfig(), [STUDY])
    study = resources_of(setup.definitions[0], setup.terminology)
    return [*study, *_answers(setup), *_failures(setup), _attestation()]


def _answers(setup: Setup) -> Iterator[Json]:
    for name, story in PATIENTS.items():
        bundle = verdict_bundle([_verdict(setup, story)])
        yield {**bundle, "id": name}
        yield from (entry["resource"] for entry in bundle["entry"])


def _verdict(setup: Setup, story: str) -> Verdict:
    data = next(data for _, told, data in cohort() if told.name == story)
    return evaluate(setup.bounds[0], read_record(data, setup.terminology), AS_OF, setup.policy)


def _attestation() -> Json:
    """The cohort's first attestation of a criterion of the study: what a site writes, and the adapter reads."""
    records = (msgspec.json.decode(data) for _, _, data in cohort())
    resources = (entry["resource"] for record in records for entry in record["entry"])
    return next(each for each in resources if _code(each).startswith(f"{STUDY}."))


def _code(resource: Json) -> str:
    return resource["code"].get("text", "") if resource["resourceType"] == "Observation" else ""


def _failures(setup: Setup) -> Iterator[Json]:
    issue = Issue(code="invalid", text="Patient/p0 can't be read: Patient.birthDate: expected `str`, got `int`")
    studies = tuple((each.id, each.version) for each in setup.definitions)
    yield {**verdict_bundle([], [Failure(subject="Patient/p0", studies=studies, issue=issue)]), "id": "failed"}
    refusal = Issue(code="not-found", text=f"no study 'nct1'; known are {STUDY}")
    yield {**operation_outcome([refusal]), "id": "refused"}
