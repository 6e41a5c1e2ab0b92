"""A real HAPI FHIR runs the published CQL: `$apply` shows what is met, `$evaluate` of the Library has each answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapter.evaluator import Verdict, evaluate
from adapter.record import read_record
from adapter.screening.setup import Setup
from mappings.trial.cql.text import DECISION
from mappings.trial.fhir import encode, resources_of, shared_resources
from tests.integration.hapi.client import Hapi

Json = dict[str, Any]
STUDY = "nct04785833"
PATIENT = "cql-apply"
SUBJECT = {"reference": f"Patient/{PATIENT}"}
TRUTHS = {"met": True, "not-met": False}


def record() -> list[Json]:
    """A woman of 30 years with HIV, a good performance status, and a low Karnofsky score."""
    today = datetime.now(UTC).date()
    score = {"status": "final", "subject": SUBJECT, "effectiveDateTime": (today - timedelta(days=3)).isoformat()}
    return [
        {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": f"{today.year - 30}-01-01"},
        {
            "resourceType": "Observation", "id": f"{PATIENT}-ecog", **score, "valueInteger": 1,
            "code": {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]},
        },
        {
            "resourceType": "Observation", "id": f"{PATIENT}-karnofsky", **score, "valueInteger": 50,
            "code": {"coding": [{"system": "http://loinc.org", "code": "89243-0"}]},
        },
        {
            "resourceType": "Condition", "id": f"{PATIENT}-hiv", "subject": SUBJECT,
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "86406008"}]},
        },
    ]  # fmt: skip


@pytest.fixture(scope="module")
def server(empty_hapi: Hapi, strict: Setup) -> Hapi:
    """A server that holds the study with its libraries, and the patient."""
    definition = next(each for each in strict.definitions if each.id == STUDY)
    trial = [*resources_of(definition, strict.terminology), *shared_resources([definition], strict.terminology)]
    empty_hapi.transact(each for each in trial if each["resourceType"] in {"PlanDefinition", "Library"})
    empty_hapi.transact(record())
    return empty_hapi


@pytest.fixture(scope="module")
def verdict(strict: Setup) -> Verdict:
    """What our evaluator says of the patient."""
    bound = next(each for each in strict.bounds if each.definition.id == STUDY)
    data = encode({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in record()]})
    return evaluate(bound, read_record(data, strict.terminology), datetime.now(UTC), strict.policy)


def test_apply_shows_what_is_met(server: Hapi, verdict: Verdict) -> None:
    """Each criterion that is met is an action of the answer, and no other is."""
    answer = server.http.get(f"PlanDefinition/{STUDY}-eligibility/$apply", params={"subject": f"Patient/{PATIENT}"})
    found = answer.json()
    held = found.get("contained", []) + [entry["resource"] for entry in found.get("entry", [])]
    (group,) = [each for each in held if each["resourceType"] == "RequestGroup"]
    assert [each for each in held if each["resourceType"] == "OperationOutcome"] == []
    wanted = [each.id for each in verdict.criteria if each.result.value == "met"]
    assert wanted == ["I1", "I6", "E3"]
    assert [action["id"] for action in group["action"]] == wanted


def test_the_library_answers_every_criterion(server: Hapi, verdict: Verdict) -> None:
    """Each expression has the truth that our evaluator finds, and the decision is the same."""
    asked = {"subject": f"Patient/{PATIENT}", "expression": [*(each.id for each in verdict.criteria), DECISION]}
    answer = server.http.get("Library/Nct04785833Logic/$evaluate", params=asked)
    values = {each["name"]: each.get("valueBoolean", each.get("valueString")) for each in answer.json()["parameter"]}
    assert {each.id: values.get(each.id) for each in verdict.criteria} == {
        each.id: TRUTHS.get(each.result.value) for each in verdict.criteria
    }
    assert values[DECISION] == verdict.decision.value == "ineligible"
