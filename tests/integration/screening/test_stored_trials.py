"""Trials that somebody edited on a real HAPI FHIR are evaluated as they stand there."""

from collections.abc import Callable

import pytest

from adapter import cli
from tests.integration.hapi.client import Hapi
from tests.integration.screening.hospital import Json, evaluate

STUDY, PLAN, ECOG = "nct04785833", "PlanDefinition/nct04785833-eligibility", "I6"
T_ALL = {"system": "http://snomed.info/sct", "code": "277575008"}
SCORE = {"system": "http://loinc.org", "code": "89247-1"}


@pytest.fixture(scope="module")
def server(empty_hapi: Hapi) -> Hapi:
    """A server with a patient of ECOG 1."""
    about = {"subject": {"reference": "Patient/p"}}
    result = {"status": "final", "effectiveDateTime": "2026-02-20", "valueInteger": 1}
    empty_hapi.put(
        {"resourceType": "Patient", "id": "p", "birthDate": "1990-05-05"},
        {"resourceType": "Condition", "id": "c", "code": {"coding": [T_ALL]}, **about},
        {"resourceType": "Observation", "id": "o", "code": {"coding": [SCORE]}, **result, **about},
    )
    return empty_hapi


def ecog_criterion(server: Hapi, capsys: pytest.CaptureFixture[str], *more: str) -> Json:
    """What comes of the patient's performance status."""
    (verdict,) = evaluate(capsys, "p", "--server", server.url, "--study", STUDY, *more)
    return next(each for each in verdict["criteria"] if each["id"] == ECOG)


def edit(server: Hapi, change: Callable[[Json], None]) -> None:
    """Publish the trials as they ship, and change one criterion on the server, as a person there would."""
    assert cli.main(["publish", STUDY, "--server", server.url]) == 0
    plan = server.read(PLAN)
    change(next(each for each in plan["action"] if each["prefix"] == ECOG))
    server.put(plan)


def stricter(action: Json) -> None:
    """ECOG 0 only."""
    fields = action["extension"][0]["extension"]
    next(each for each in fields if each["url"] == "test")["valueQuantity"]["value"] = 0


def in_another_language(action: Json) -> None:
    """A condition of which we know nothing."""
    expression = {"language": "text/fhirpath", "expression": "Patient.isFrail()"}
    action["condition"] = [{"kind": "applicability", "expression": expression}]


def test_an_edited_threshold_counts(server: Hapi, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the trials of the server are asked for; the shipped ones stay what they are."""
    edit(server, stricter)
    assert ecog_criterion(server, capsys)["result"] == "met"
    assert ecog_criterion(server, capsys, "--trials", server.url)["result"] == "not-met"


def test_what_is_not_understood_is_asked_of_a_person(server: Hapi, capsys: pytest.CaptureFixture[str]) -> None:
    """The criterion is open, and names the expression."""
    edit(server, in_another_language)
    found = ecog_criterion(server, capsys, "--trials", server.url)
    assert (found["result"], found["reason"]) == ("unknown", "needs-judgement")
    assert "Patient.isFrail()" in found["label"]


def test_publishing_again_takes_the_edit_back(server: Hapi, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what it changed."""
    edit(server, stricter)
    capsys.readouterr()
    assert cli.main(["publish", STUDY, "--server", server.url]) == 0
    said = capsys.readouterr().out
    assert f"updated  {PLAN}" in said
    assert "0 created, 1 updated" in said
    assert ecog_criterion(server, capsys, "--trials", server.url)["result"] == "met"
