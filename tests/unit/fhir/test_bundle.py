"""Verdicts as FHIR."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import get_fhir_model_class
from msgspec.structs import replace

from adapter.evaluator import Decision, evaluate_all
from adapter.evaluator.verdict import Told
from adapter.fhir import Failure, Issue, guidance_response, verdict_bundle
from adapter.record import read_record
from adapter.screening.setup import Setup
from demo.cohort import cohort
from tests.unit.fhir.cases import AS_OF, CASES, GOLDEN, stable, verdicts
from tests.unit.screening.records import bundle, ecog, of, patient

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)


def resources(content: Json) -> list[Json]:
    """The resources of a Bundle."""
    return [entry["resource"] for entry in content["entry"]]


def of_type(content: Json, type_: str) -> Json:
    """The first resource of a type."""
    return next(resource for resource in resources(content) if resource["resourceType"] == type_)


def check_models(content: Json) -> None:
    """Every resource of a Bundle, contained ones too, through its model; what is read back is what was sent."""
    sent = msgspec.json.decode(msgspec.json.encode(content))
    get_fhir_model_class("Bundle").model_validate(sent)
    for resource in [
        sent,
        *resources(sent),
        *(inner for each in resources(sent) for inner in each.get("contained", [])),
    ]:
        model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        read = msgspec.json.decode(model.model_dump_json())
        assert keys(read) == keys(resource)


def keys(content: object) -> Iterator[str] | list[Any]:
    """The element names of a resource, as deep as they go; the models write times in their own way."""
    if isinstance(content, dict):
        return [(name, keys(content[name])) for name in sorted(content)]
    return [keys(each) for each in content] if isinstance(content, list) else []


@pytest.mark.parametrize("name", CASES)
def test_golden(strict: Setup, name: str) -> None:
    """What clients get is what was reviewed (`python -m tests.unit.fhir.cases` writes the files anew)."""
    expected = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert stable(strict, CASES[name](strict)) == expected


@pytest.mark.parametrize("name", CASES)
def test_golden_files_are_fhir(strict: Setup, name: str) -> None:
    """Every shape passes through the models of FHIR."""
    check_models(CASES[name](strict))


def test_a_cohorts_verdicts_are_fhir(strict: Setup, problem_list: Setup) -> None:
    """Whatever a cohort's records hold, for every trial and under both policies, the answer is FHIR."""
    for place, (_, _, data) in enumerate(cohort(4, seed=3)):
        setup = problem_list if place % 2 else strict
        record = read_record(data, setup.terminology)
        check_models(verdict_bundle(evaluate_all(setup.bounds, record, AS_OF, setup.policy)))


def test_ids_are_deterministic_and_short(strict: Setup) -> None:
    """The same patient and study always have the same ids, whatever the record says; other ones have others."""
    little = verdict_bundle(verdicts(strict, bundle(patient())))
    more = verdict_bundle(verdicts(strict, bundle(patient(), ecog("e1", of(), 1))))
    other = verdict_bundle(verdicts(strict, bundle(patient("p2"))))
    ids = [resource["id"] for resource in resources(little)]
    assert ids == [resource["id"] for resource in resources(more)]
    assert not set(ids) & {resource["id"] for resource in resources(other)}
    assert len(set(ids)) == len(ids) == 2 * len(strict.definitions)
    assert all(ID.fullmatch(each) for each in ids)


def test_a_research_subject_names_its_guidance(strict: Setup) -> None:
    """Its extension points to the GuidanceResponse beside it, and its status is the decision."""
    answer = CASES["open-questions"](strict)
    subject, guidance = of_type(answer, "ResearchSubject"), of_type(answer, "GuidanceResponse")
    assert subject["extension"][0]["valueReference"]["reference"] == f"GuidanceResponse/{guidance['id']}"
    assert subject["status"] == subject["extension"][1]["valueCode"] == "potential-candidate"
    assert (subject["study"]["reference"], subject["individual"]["reference"]) == (
        "ResearchStudy/nct04785833",
        "Patient/p1",
    )


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        (Decision.POTENTIAL_CANDIDATE, "data-required"),
        (Decision.CANDIDATE, "success"),
        (Decision.INELIGIBLE, "success"),
    ],
)
def test_status(strict: Setup, decision: Decision, status: str) -> None:
    """Data are required of a potential candidate only; what is missing is told in any case."""
    (verdict,) = verdicts(strict, bundle(patient()), "nct04785833")
    guidance = of_type(verdict_bundle([replace(verdict, decision=decision)]), "GuidanceResponse")
    assert guidance["status"] == status
    assert len(guidance["dataRequirement"]) == len(verdict.missing) > 10


def test_nothing_missing_is_success(strict: Setup) -> None:
    """A potential candidate whom no data would settle is no request for data."""
    (verdict,) = verdicts(strict, bundle(patient()), "nct04785833")
    guidance = of_type(verdict_bundle([replace(verdict, tell=lambda: Told((), ()))]), "GuidanceResponse")
    assert guidance["status"] == "success"
    assert "dataRequirement" not in guidance


def test_the_module_is_the_plan_with_its_version(strict: Setup) -> None:
    """The guidance says which criteria, in which version, it was made with, and when."""
    guidance = of_type(CASES["ineligible"](strict), "GuidanceResponse")
    plan = "http://example.org/fhir-trial-adapter/PlanDefinition/nct07008872-eligibility|1.0.0"
    assert guidance["moduleCanonical"] == plan
    assert guidance["occurrenceDateTime"] == "2026-03-01T00:00:00Z"


def test_partial_dates_are_kept(strict: Setup) -> None:
    """A year of birth stays a year."""
    guidance = of_type(CASES["ineligible"](strict), "GuidanceResponse")
    criteria = [each["part"] for each in guidance["contained"][0]["parameter"] if each["name"] == "criterion"]
    evidence = next(part["part"] for parts in criteria for part in parts if part["name"] == "evidence")
    assert {"name": "time", "valueDateTime": "1920"} in evidence


def test_failures_stand_beside_verdicts(strict: Setup) -> None:
    """A patient who failed among others is an OperationOutcome, and a guidance of status failure for each study."""
    issue = Issue(code="invalid", text="Patient/p2 can't be read")
    failure = Failure(subject="Patient/p2", studies=(("4scar7u", "1.0.0"),), issue=issue)
    answer = verdict_bundle(verdicts(strict, bundle(patient()), "4scar7u"), [failure])
    assert [resource["resourceType"] for resource in resources(answer)] == [
        "ResearchSubject",
        "GuidanceResponse",
        "OperationOutcome",
        "GuidanceResponse",
    ]
    last = resources(answer)[-1]
    assert last["status"] == "failure"
    assert last["evaluationMessage"] == [{"reference": f"#{last['contained'][0]['id']}"}]


def test_no_verdicts_are_an_empty_bundle() -> None:
    """FHIR knows no empty list: without verdicts there is no entry at all."""
    assert "entry" not in verdict_bundle([])


def test_hostile_text_stays_fhir(strict: Setup) -> None:
    """Control characters and blanks in a record don't make an answer that is no FHIR."""
    hostile = {"coding": [{"system": "urn:x", "code": "\x00", "display": "\x07 "}], "text": "\x1b[31m"}
    observed = {**ecog("e1", of(), 1), "valueCodeableConcept": hostile}
    del observed["valueInteger"]
    nameless = {key: value for key, value in patient().items() if key != "id"}
    answer = verdict_bundle(verdicts(strict, bundle(nameless, {**observed, "subject": {}, "id": " bad id "})))
    check_models(answer)
    assert all(character.isprintable() for character in msgspec.json.encode(answer).decode())


def test_nothing_of_a_patient_is_kept(strict: Setup) -> None:
    """What is made once for many patients has no evidence, not even in a part: that is one patient's, and may go."""
    (verdict,) = verdicts(strict, bundle(patient(), ecog("e1", of(), 1)), "nct04785833")
    (score, *_) = (each for each in verdict.criteria if each.evidence)
    (open_, *_) = (each for each in verdict.criteria if not each.evidence)
    joined = msgspec.structs.replace(open_, parts=(score,))
    content = verdict_bundle([replace(verdict, tell=lambda: Told((joined,), ()))])
    assert b'"evidence"' in msgspec.json.encode(content)
    kept = msgspec.json.encode([made for _, made in guidance_response._told.values()])  # noqa: SLF001
    assert b'"evidence"' not in kept
