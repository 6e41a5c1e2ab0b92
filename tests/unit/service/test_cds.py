"""CDS Hooks: what an EHR is told of the services, its calls, and the cards that it gets."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from fhir.resources.R4B.auditevent import AuditEvent

from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service.cds.cards import MOST_SUMMARY, OVERRIDE_REASONS, card_id, study_of
from adapter.service.smart.protocol import Issuer
from demo.cohort import cohort
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import Caller, Json, app_with
from tests.unit.service.patients_server import PatientsServer

SERVICE = "/cds-services/trial-eligibility"


def prefetch_of(caller: Caller, resources: list[Json]) -> Json:
    """All that the service asks for, from the resources of a record."""
    templates = caller.get("/cds-services").json()["services"][0]["prefetch"]
    found: Json = {}
    for key, template in templates.items():
        type_ = template.partition("?")[0].partition("/")[0]
        held = [each for each in resources if each["resourceType"] in {type_, "Medication"} or type_ == "Patient"]
        searched = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in held]}
        found[key] = held[0] if key == "patient" else searched
    return found


def call(caller: Caller, prefetch: Json | None, **said: object) -> httpx.Response:
    """A call of patient-view about p1."""
    context = {"userId": "Practitioner/1", "patientId": said.pop("patient", "p1")}
    body = {"hook": "patient-view", "hookInstance": "d1577c69", "context": context, "prefetch": prefetch, **said}
    headers = {"Content-Type": "application/json"}
    return caller.call("POST", SERVICE, content=json.dumps(body).encode(), headers=headers)


def record() -> list[Json]:
    """A patient with acute myeloid leukaemia."""
    return [patient(), condition("c1", of())]


def nulls(content: object) -> Iterator[object]:
    """Members that are null, anywhere."""
    if content is None:
        yield content
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from nulls(each)


def test_the_templates_ask_for_whole_types(service: Caller) -> None:
    """Reads and type searches only, and no code: an entry of no value set may matter."""
    services = service.get("/cds-services").json()["services"]
    assert [each["hook"] for each in services] == ["patient-view", "encounter-start", "order-select"]
    for each in services:
        assert each["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert each["prefetch"]["condition"] == "Condition?patient={{context.patientId}}"
        assert not any("code" in template for template in each["prefetch"].values())


def test_every_patient_of_the_cohort_gets_cards_within_the_specification(problem_list: Setup) -> None:
    """Summaries under 140 characters, no null, suggestions with a way to choose; the same call, the same cards."""
    caller = Caller(app_with(problem_list))
    shown = 0
    for key, _, bundle in cohort(40):
        resources = [each["resource"] for each in json.loads(bundle)["entry"]]
        resources.sort(key=lambda each: each["resourceType"] != "Patient")
        answer = call(caller, prefetch_of(caller, resources), patient=resources[0]["id"])
        assert answer.status_code == 200, key
        assert answer.json() == call(caller, prefetch_of(caller, resources), patient=resources[0]["id"]).json()
        assert not list(nulls(answer.json()))
        for card in answer.json()["cards"]:
            shown += 1
            assert len(card["summary"]) <= MOST_SUMMARY
            assert card["indicator"] == "info"
            assert card["source"]["label"]
            assert ("suggestions" in card) == ("selectionBehavior" in card)
    assert shown > 20


def test_a_card_says_what_is_open(service: Caller) -> None:
    """A patient with the disease may qualify; the detail names what is still open, and why."""
    cards = call(service, prefetch_of(service, record())).json()["cards"]
    card = next(each for each in cards if "NCT04785833" in each["summary"])
    assert card["summary"].startswith("May qualify for NCT04785833")
    assert "- I" in card["detail"]
    assert card["links"][0]["url"] == "https://clinicaltrials.gov/study/NCT04785833"
    made = card["suggestions"][0]["actions"][0]["resource"]
    assert (made["resourceType"], made["status"], made["subject"]) == ("ServiceRequest", "draft", of())


def test_a_card_leads_to_our_page_where_an_ehr_may_launch_it(strict: Setup) -> None:
    """With the study as its context; at the address that others see."""
    issuer = Issuer(url="https://ehr.example.org/fhir", client_id="x")
    caller = Caller(app_with(strict, public_url="https://adapter.example/", smart_issuers=(issuer,)))
    for card in call(caller, prefetch_of(caller, record())).json()["cards"]:
        link = card["links"][0]
        assert (link["type"], link["url"]) == ("smart", "https://adapter.example/launch")
        assert json.loads(link["appContext"]) == {"study": card["source"]["topic"]["code"]}


def test_an_order_that_is_chosen_is_a_call_too(service: Caller) -> None:
    """With its draft orders, which are no record."""
    context: Json = {"userId": "Practitioner/1", "patientId": "p1", "selections": ["MedicationRequest/m1"]}
    context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "MedicationRequest"}}]}
    body = {"hook": "order-select", "hookInstance": "1", "context": context}
    body["prefetch"] = prefetch_of(service, record())
    answer = service.call("POST", "/cds-services/trial-eligibility-order", json=body)
    assert [each["summary"] for each in answer.json()["cards"]] == [
        each["summary"] for each in call(service, prefetch_of(service, record())).json()["cards"]
    ]


def test_a_card_says_to_us_of_which_study_it_was(strict: Setup) -> None:
    """By its uuid, which says nothing to anybody else."""
    studies = [each.id for each in strict.definitions]
    made = {card_id(each, "Patient/p1", "instance"): each for each in studies}
    assert len(made) == len(studies)
    assert {card: study_of(card, studies) for card in made} == made
    for other in ("4e0a3a1e-3283-4575-ab82-028d55fe2719", "no uuid", ""):
        assert study_of(other, studies) is None


def test_texts_of_the_record_are_no_markup(service: Caller) -> None:
    """A diagnosis that is written as Markdown is shown as it was written."""
    held = record()
    held[1]["code"]["text"] = "[click](http://evil.example) <b>now</b>"
    detail = "".join(card["detail"] for card in call(service, prefetch_of(service, held)).json()["cards"])
    assert "[click](" not in detail
    assert "<b>" not in detail


def test_nothing_to_say_is_no_card(service: Caller) -> None:
    """Without the disease of any trial."""
    assert call(service, prefetch_of(service, [patient()])).json() == {"cards": []}


def test_null_is_no_data_and_absent_is_not(service: Caller) -> None:
    """`null` answers a template; a template that is not answered leaves the record incomplete."""
    whole = prefetch_of(service, record())
    assert call(service, {**whole, "procedure": None}).status_code == 200
    refused = call(service, {name: held for name, held in whole.items() if name != "procedure"})
    assert refused.status_code == 412
    assert "lacks Procedure" in refused.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "held",
    [
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
        {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "next", "url": f"{BASE}/2"}]},
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}],
        },
        {"resourceType": "Bundle", "type": "searchset", "total": 2, "entry": [{"resource": ecog("e1", of(), 1)}]},
        condition("c2", of()),
        ecog("e1", of(), 1),
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": condition("c2", of())}]},
    ],
    ids=["failed", "first page", "with an outcome", "cut off", "another type", "one alone", "others found"],
)
def test_a_part_is_not_the_whole(service: Caller, held: Json) -> None:
    """What failed, and the first page of several, are fetched, or the call is refused."""
    assert call(service, {**prefetch_of(service, record()), "observation": held}).status_code == 412


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"hook": "order-sign"}, 400),
        ({"hookInstance": 7}, 400),
        ({"patient": "../Patient/p2"}, 400),
        ({"patient": "p2"}, 422),
        ({"prefetch": [1]}, 400),
        ({"prefetch": {"patient": 7}}, 422),
        ({"fhirAuthorization": {"access_token": "t", "patient": "p2"}}, 400),
        ({"fhirAuthorization": {"access_token": "t", "patient": "Patient/p1"}}, 200),
        ({"fhirAuthorization": {"access_token": "t\r\nHost: evil.example"}}, 400),
        ({"fhirAuthorization": {"access_token": ""}}, 200),
    ],
)
def test_what_is_no_call_is_refused(service: Caller, said: Json, status: int) -> None:
    """Another hook, no id, another patient than the context's, broken prefetch, a token of another patient."""
    sent = {"prefetch": prefetch_of(service, record()), **said}
    assert call(service, sent.pop("prefetch"), **sent).status_code == status


def test_an_unknown_service_is_not_found(service: Caller) -> None:
    """As the specification says."""
    assert service.call("POST", "/cds-services/other", json={}).status_code == 404


def fetched(
    strict: Setup,
    url: str,
    scope: str = "user/*.rs",
    **settings: Any,  # noqa: ANN401  # any setting
) -> tuple[httpx.Response, list[httpx.Request]]:
    """A call whose prefetch lacks the Conditions, of an EHR with a FHIR server at the address; what that was asked."""
    caller = Caller(app_with(strict, **settings))
    whole = prefetch_of(caller, record())
    sent = {name: held for name, held in whole.items() if name != "condition"}
    authorization = {"access_token": "of-the-user", "token_type": "Bearer", "expires_in": 300, "scope": scope}
    with respx.mock(assert_all_called=False) as router:
        router.route(host=httpx.URL(url).host).mock(side_effect=PatientsServer(record()).answer)
        answer = call(caller, sent, fhirServer=url, fhirAuthorization=authorization)
        return answer, [each.request for each in router.calls]


def test_what_did_not_come_along_is_fetched_with_the_users_token(strict: Setup) -> None:
    """From a server that is allow-listed, and only what is missing."""
    answer, requests = fetched(strict, BASE, cds_servers=(BASE,))
    assert answer.status_code == 200
    assert any("NCT04785833" in card["summary"] for card in answer.json()["cards"])
    assert {each.headers["authorization"] for each in requests} == {"Bearer of-the-user"}
    assert not any("Observation" in str(each.url) for each in requests)


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("patient/*.rs", 200),
        ("patient/Patient.read patient/Condition.read", 200),
        ("patient/Condition.rs?category=problem-list-item patient/*.read", 200),
        ("patient/*.rs?_lastUpdated=ge2026", 412),
        ("patient/Condition.rs?category=problem-list-item patient/Condition.s", 412),
        ("patient/Observation.rs?category=laboratory patient/Condition.rs", 412),
    ],
)
def test_a_token_that_shows_a_part(strict: Setup, scope: str, status: int) -> None:
    """What a scope filters out is left out without a word; nobody is asked with it."""
    answer, requests = fetched(strict, BASE, scope, cds_servers=(BASE,))
    assert (answer.status_code, bool(requests)) == (status, status == 200)


def test_the_patients_own_server_needs_no_list(strict: Setup) -> None:
    """It is configured already."""
    settings = ServerSettings(url=BASE, wait=0, attempts=1)
    answer, _ = fetched(strict, BASE, servers=Servers(record=settings, research=settings))
    assert answer.status_code == 200


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://fhir.example.org.evil.example/r4"])
def test_no_other_server_is_asked(strict: Setup, url: str) -> None:
    """Whoever calls must not make us call anybody."""
    answer, requests = fetched(strict, url, cds_servers=(BASE,))
    assert answer.status_code == 412
    assert requests == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"feedback": [{"card": "1c9f", "outcome": "accepted", "outcomeTimestamp": "2026-03-01T12:00:00Z"}]}, 200),
        ({"feedback": [{"card": "1c9f", "outcome": "overridden", "overrideReason": {"userComment": "no"}}]}, 200),
        ({"feedback": [{"card": "1c9f", "outcome": "overridden", "overrideReason": None}]}, 200),
        ({"feedback": []}, 200),
        ({"feedback": [{"card": "1c9f", "outcome": "liked"}]}, 400),
        ({"feedback": [{"card": "1c9f", "outcome": "accepted"}] * 1001}, 400),
        ({"feedback": None}, 400),
        ({"feedback": [None]}, 400),
        ({"feedback": [{"outcome": "accepted"}]}, 400),
        ({}, 400),
    ],
)
def test_feedback(service: Caller, body: Json, status: int) -> None:
    """Taken as the specification has it."""
    assert service.call("POST", f"{SERVICE}/feedback", json=body).status_code == status


def test_feedback_is_kept(strict: Setup, tmp_path: Path) -> None:
    """An event for each card: which study, what became of it and why, and nothing that somebody wrote."""
    path = tmp_path / "audit.ndjson"
    caller = Caller(app_with(strict, audit=path))
    ours = card_id("senl-t7", "Patient/p1", "1")
    coded = {"reason": {"system": OVERRIDE_REASONS, "code": "later"}, "userComment": "Canary"}
    other = {"reason": {"system": "urn:x", "code": "Canary"}}
    said = [
        {"card": ours, "outcome": "overridden", "overrideReason": coded},
        {"card": "Canary", "outcome": "overridden", "overrideReason": other},
        {"card": ours, "outcome": "accepted", "acceptedSuggestions": [{"id": "Canary"}]},
    ]
    assert caller.call("POST", f"{SERVICE}/feedback", json={"feedback": said}).status_code == 200
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    for each in kept:
        AuditEvent.model_validate(each)
    details = [[detail["valueString"] for detail in each["entity"][0]["detail"]] for each in kept]
    assert details == [["overridden", "later"], ["overridden", "other"], ["accepted"]]
    studies = [[held["what"].get("reference") for held in each["entity"][1:-1]] for each in kept]
    assert studies == [["ResearchStudy/senl-t7"], [], ["ResearchStudy/senl-t7"]]
    assert "Canary" not in path.read_text()


def test_web_pages_of_named_origins_may_call(strict: Setup) -> None:
    """A browser asks first, without a token; others are told nothing."""
    caller = Caller(app_with(strict, cors=("https://ehr.example.org",)))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = caller.call("OPTIONS", SERVICE, headers={"Origin": "https://ehr.example.org", **asked})
    assert allowed.headers["access-control-allow-origin"] == "https://ehr.example.org"
    refused = caller.call("OPTIONS", SERVICE, headers={"Origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in refused.headers
