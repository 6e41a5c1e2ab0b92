"""Trials that a FHIR server holds, changed there by somebody else."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from adapter.cli import main
from adapter.errors import DefinitionError
from adapter.fhir.client import ServerSettings
from adapter.screening.setup import Setup, server_definitions
from adapter.service.state import refresh, refreshed
from mappings.trial.fhir import encode, resources_of
from tests.unit.fhir_client.answers import BASE, capabilities, json, outcome, page
from tests.unit.service.calls import ONE, RECORD, Caller, Json, app_with, resources

SERVER = ServerSettings(url=BASE, wait=0, attempts=1)


class Trials:
    """A server's ResearchStudies and PlanDefinitions."""

    def __init__(self, held: list[Json]) -> None:
        """Hold resources."""
        self.held = held
        self.down = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Search, with plans included, as the adapter asks."""
        if self.down:
            return json(outcome(), 500)
        if request.url.path.endswith("metadata"):
            return json(capabilities(batch=False))
        found = page(*(each for each in self.held if each["resourceType"] in {"ResearchStudy", "PlanDefinition"}))
        for entry in found.get("entry", []):
            if entry["resource"]["resourceType"] == "PlanDefinition":
                entry["search"]["mode"] = "include"
        return httpx.Response(200, content=encode(found))

    def change(self, type_: str, **elements: Any) -> None:  # noqa: ANN401  # JSON
        """Change elements of the resources of a type."""
        self.held = [{**each, **elements} if each["resourceType"] == type_ else each for each in self.held]


@pytest.fixture
def trials(strict: Setup) -> Iterator[Trials]:
    """A server that holds one of the shipped trials, under ids of its own, and a study of somebody else's."""
    definition = next(each for each in strict.definitions if each.id == "nct04785833")
    study, eligibility, treatment, *_ = resources_of(definition, strict.terminology)
    protocol = [{"reference": "PlanDefinition/8001"}, {"reference": "PlanDefinition/8002"}]
    held = [
        {**study, "id": "7001", "protocol": protocol},
        {**eligibility, "id": "8001"},
        {**treatment, "id": "8002"},
        {"resourceType": "ResearchStudy", "id": "other", "status": "active"},
    ]
    server = Trials(held)
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        router.route().mock(side_effect=server.answer)
        yield server


def test_what_was_published_comes_back(trials: Trials, strict: Setup) -> None:
    """Under whatever id the server keeps it; what is not in our form is left to its owners."""
    (found,) = server_definitions(SERVER, strict.terminology)
    assert found == next(each for each in strict.definitions if each.id == "nct04785833")
    trials.down = True


def _with_ecog_at_most(plan: Json, value: int) -> Json:
    """The plan with another bound, as an editor of FHIR resources would change it."""

    def changed(content: Any) -> Any:  # noqa: ANN401  # JSON
        if isinstance(content, list):
            return [changed(each) for each in content]
        if not isinstance(content, dict):
            return content
        if content.get("id") == "I6" or content.get("prefix") == "I6":
            return _replaced(content, value)
        return {name: changed(each) for name, each in content.items()}

    made: Json = changed(plan)
    assert made != plan
    return made


def _replaced(content: Any, value: int) -> Any:  # noqa: ANN401  # JSON
    if isinstance(content, list):
        return [_replaced(each, value) for each in content]
    if not isinstance(content, dict):
        return content
    return {
        name: {**each, "value": value} if name == "valueQuantity" else _replaced(each, value)
        for name, each in content.items()
    }


def results(answer: httpx.Response, criterion: str) -> tuple[str, str]:
    """Result and reason of a criterion in an answer."""
    (guidance,) = resources(answer, "GuidanceResponse")
    for parameter in guidance["contained"][0]["parameter"]:
        parts = {part["name"]: part for part in parameter.get("part", [])}
        if parameter["name"] == "criterion" and parts["id"]["valueString"] == criterion:
            return parts["result"]["valueCode"], parts["reason"]["valueCode"]
    raise AssertionError(criterion)


def test_an_edit_on_the_server_is_evaluated_from_then_on(trials: Trials, strict: Setup) -> None:
    """A running service takes a changed bound, and keeps what it has where the server is gone."""
    app = app_with(strict, trial_server=SERVER)
    service = Caller(app)
    assert results(service.post(ONE, RECORD), "I6") == ("met", "value-satisfies")
    (plan,) = (each for each in trials.held if each["id"] == "8001")
    trials.held[1] = _with_ecog_at_most(plan, 0)
    asyncio.run(refresh(app))
    state = app.state.service
    assert results(service.post(ONE, RECORD), "I6") == ("not-met", "value-fails")
    trials.down = True
    assert refreshed(state) is state


def test_an_expression_that_is_not_understood_asks_a_person(trials: Trials, strict: Setup) -> None:
    """Never skipped: it is a judgement that names what stands there."""
    (plan,) = (each for each in trials.held if each["id"] == "8001")
    actions = list(plan["action"])
    foreign = {"language": "text/fhirpath", "expression": "Patient.active"}
    actions[0] = {
        **{name: each for name, each in actions[0].items() if name != "extension"},
        "condition": [{"kind": "applicability", "expression": foreign}],
    }
    trials.held[1] = {**plan, "action": actions}
    app = app_with(strict, trial_server=SERVER)
    asyncio.run(refresh(app))
    answer = Caller(app).post(ONE, RECORD)
    assert results(answer, "I1") == ("unknown", "needs-judgement")
    assert "Patient.active" in answer.text


def test_a_study_that_cannot_be_read_is_named(trials: Trials, strict: Setup) -> None:
    """With its address, before anybody is screened."""
    trials.change("ResearchStudy", status=None, extension=trials.held[0]["extension"][:3], title=None)
    with pytest.raises(DefinitionError, match=f"{BASE}/ResearchStudy/7001"):
        server_definitions(SERVER, strict.terminology)


def test_the_command_line_takes_trials_of_a_server(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    """`--trials URL` beside the shipped ones."""
    trials.held[0] = {**trials.held[0], "title": "Changed over there"}
    assert main(["trials", "--trials", BASE]) == 0
    printed = capsys.readouterr().out
    assert "Changed over there" in printed
    assert "senl-t7" in printed


def test_two_studies_of_one_name_are_refused(trials: Trials, strict: Setup) -> None:
    """Which of them is meant, nobody can say."""
    trials.held.append({**trials.held[0], "id": "7002"})
    with pytest.raises(DefinitionError, match="two ResearchStudies"):
        server_definitions(replace(SERVER, attempts=2), strict.terminology)
