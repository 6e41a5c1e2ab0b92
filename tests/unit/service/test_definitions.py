"""Reading and searching definitional resources, and what the service says of itself."""

import asyncio
import json
import threading
from collections import Counter
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import jsonschema_rs
import pytest
from fhir.resources.R4B import get_fhir_model_class
from starlette.routing import Route

from adapter.errors import DefinitionError
from adapter.fhir.client import ServerSettings
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service import app
from adapter.service.definitions import READ, SEARCHED, Definitions, Served
from adapter.service.examples import add_examples
from adapter.service.site import Policies
from adapter.service.state import State
from adapter.service.tokens import unnamed
from tests.unit.service.calls import FHIR, ONE, RECORD, Caller, app_with, refusal, resources

Json = dict[str, Any]
NCT = "https://clinicaltrials.gov|NCT04785833"

PAGES = ("/launch", "/callback", "/app", "/app/style.css", "/app/colours.css")


def ids(service: Caller, query: str) -> list[str]:
    """The ids that a search finds."""
    return [resource["id"] for resource in resources(service.get(f"/fhir/{query}"))]


def test_everything_served_is_fhir(service: Caller) -> None:
    """Each resource can be read at its own address, and passes through FHIR's model of its type."""
    definitions = service.app.state.service.definitions.made()
    for type_, held in definitions.items():
        for name in held:
            answer = service.get(f"/fhir/{type_}/{name}")
            assert (answer.json()["resourceType"], answer.json()["id"]) == (type_, name)
            get_fhir_model_class(type_).model_validate(answer.json())
    assert {type_ for type_, held in definitions.items() if held} >= set(READ) - {"Library"}


def test_what_is_not_there(service: Caller) -> None:
    """An id that no resource has is not found."""
    assert refusal(service.get("/fhir/ResearchStudy/nct1"))[:2] == (404, "not-found")


def test_canonicals_lead_to_resources(service: Caller, strict: Setup) -> None:
    """Everything that a verdict names of ours can be read here: plan, study, operation, extensions, value sets."""
    for definition in strict.definitions:
        plan = service.get(f"/fhir/PlanDefinition/{definition.id}-eligibility").json()
        assert plan["url"].endswith(f"/PlanDefinition/{definition.id}-eligibility")
        assert plan["version"] == definition.version
        assert service.get(f"/fhir/ResearchStudy/{definition.id}").status_code == 200
    for value_set in strict.terminology.value_sets:
        assert service.get(f"/fhir/ValueSet/{value_set}").status_code == 200
    for extension in ("guidance", "proposal"):
        assert service.get(f"/fhir/StructureDefinition/{extension}").status_code == 200


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ResearchStudy?_id=nct04785833", ["nct04785833"]),
        ("ResearchStudy?_id=nct04785833,senl-t7,nct1", ["nct04785833", "senl-t7"]),
        ("ResearchStudy?_id=nct04785833&_id=senl-t7", []),
        (f"ResearchStudy?identifier={NCT}", ["nct04785833"]),
        ("ResearchStudy?identifier=NCT04785833", ["nct04785833"]),
        ("ResearchStudy?identifier=https://other.example.org|NCT04785833", []),
        ("ResearchStudy?identifier=|NCT04785833", []),
        ("ResearchStudy?url=http://example.org/fhir-trial-adapter/ResearchStudy/senl-t7", ["senl-t7"]),
        (
            "PlanDefinition?url=http://example.org/fhir-trial-adapter/PlanDefinition/senl-t7-eligibility",
            ["senl-t7-eligibility"],
        ),
        (
            "PlanDefinition?url=http://example.org/fhir-trial-adapter/PlanDefinition/senl-t7-eligibility|1.0.0",
            ["senl-t7-eligibility"],
        ),
        ("PlanDefinition?url=http://example.org/fhir-trial-adapter/PlanDefinition/senl-t7-eligibility|2.0.0", []),
        ("ResearchStudy?status=no-such-status", []),
        ("Library?_id=x", []),
        ("Group?status=active", []),
    ],
)
def test_searches(service: Caller, query: str, found: list[str]) -> None:
    """A search finds what matches all of its parameters."""
    assert ids(service, query) == found


def test_a_search_for_everything(service: Caller, strict: Setup) -> None:
    """Without parameters every resource of the type is found, counted, and named by its address here."""
    answer = service.get("/fhir/ResearchStudy").json()
    assert answer["type"] == "searchset"
    assert answer["total"] == len(answer["entry"]) == len(strict.definitions)
    assert answer["link"] == [{"relation": "self", "url": "http://adapter.example/fhir/ResearchStudy"}]
    for entry in answer["entry"]:
        assert entry["fullUrl"] == f"http://adapter.example/fhir/ResearchStudy/{entry['resource']['id']}"


def test_by_status(service: Caller) -> None:
    """Every study is found by its own status, and by no other."""
    studies = {each["id"]: each["status"] for each in resources(service.get("/fhir/ResearchStudy"))}
    for status in set(studies.values()):
        assert ids(service, f"ResearchStudy?status={status}") == [name for name in studies if studies[name] == status]


@pytest.mark.parametrize(
    "query", ["ResearchStudy?title=x", "ResearchStudy?_count=1", "ResearchStudy?_id=", "Group?_id:not=x"]
)
def test_other_parameters_are_refused(service: Caller, query: str) -> None:
    """A parameter that isn't searched by is named: ignoring it would answer another question."""
    assert refusal(service.get(f"/fhir/{query}"))[0] == 400


def test_the_capability_statement_is_true(service: Caller) -> None:
    """It names exactly the types, interactions and operations that there are routes for."""
    statement = service.get("/fhir/metadata").json()
    get_fhir_model_class("CapabilityStatement").model_validate(statement)
    (rest,) = statement["rest"]
    said = {(each["type"], i["code"]) for each in rest["resource"] for i in each["interaction"]}
    said |= {(each["type"], f"${o['name']}") for each in rest["resource"] for o in each.get("operation", ())}
    paths = {route.path for route in service.app.routes if isinstance(route, Route) and route.path.startswith("/fhir/")}
    assert {claim(path) for path in paths - {"/fhir/metadata", "/fhir/.well-known/smart-configuration"}} == said
    assert {each["type"] for each in rest["resource"] if "searchParam" in each} == set(SEARCHED)


def claim(path: str) -> tuple[str, str]:
    """What a route does, as a CapabilityStatement calls it."""
    _, _, type_, *rest = path.split("/")
    if "$" in path:
        return type_, path.rpartition("/")[2]
    return type_, "read" if rest == ["{id}"] else "search-type"


def test_the_search_parameters_it_names_are_taken(service: Caller) -> None:
    """Each search parameter of the CapabilityStatement can be searched by."""
    for resource in service.get("/fhir/metadata").json()["rest"][0]["resource"]:
        for parameter in resource.get("searchParam", ()):
            assert service.get(f"/fhir/{resource['type']}?{parameter['name']}=x").status_code == 200


def test_security_is_named(strict: Setup, service: Caller) -> None:
    """Where callers need a token, the statement says so."""
    assert "security" not in service.get("/fhir/metadata").json()["rest"][0]
    guarded = Caller(app_with(strict, tokens=unnamed(("t" * 16,), "test")))
    assert "security" in guarded.get("/fhir/metadata", Authorization="Bearer " + "t" * 16).json()["rest"][0]


def test_the_operation_is_defined(service: Caller) -> None:
    """The definition that the CapabilityStatement points to can be read, and is FHIR."""
    (study,) = [each for each in service.get("/fhir/metadata").json()["rest"][0]["resource"] if "operation" in each]
    definition = service.get("/fhir/OperationDefinition/ResearchStudy-evaluate").json()
    assert {"name": "evaluate", "definition": definition["url"]} in study["operation"]
    get_fhir_model_class("OperationDefinition").model_validate(definition)
    assert definition["affectsState"] is False
    assert [each["name"] for each in definition["parameter"]] == [
        "subject",
        "study",
        "data",
        "useServerData",
        "asOf",
        "policy",
        "detail",
        "recruiting",
        "return",
    ]


def test_the_landing_page(service: Caller, strict: Setup) -> None:
    """A person who opens the address finds every trial, how to ask, and nothing that is loaded from elsewhere."""
    answer = service.get("/", Accept="text/html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<code>{each.id}</code>" in answer.text for each in strict.definitions)
    assert "curl " in answer.text
    assert "http://adapter.example/fhir/ResearchStudy/" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "Bearer" not in answer.text
    assert "?subject=" not in answer.text


def test_the_landing_page_says_how_to_ask_for_a_patient_of_the_server(strict: Setup) -> None:
    """By reference, where a server is set."""
    server = ServerSettings(url="https://fhir.example.org")
    caller = Caller(app_with(strict, servers=Servers(record=server, research=server)))
    assert "$evaluate?subject=Patient/ID" in caller.get("/", Accept="text/html").text


def test_the_landing_page_is_escaped(service: Caller) -> None:
    """What a caller sends stays text."""
    answer = service.get("/", Accept="text/html", Host='x"><script>alert(1)</script>')
    assert "<script" not in answer.text


def test_health(service: Caller, strict: Setup) -> None:
    """Liveness says nothing else; readiness says what is loaded."""
    assert service.get("/health/live").json() == {"status": "ok"}
    ready = service.get("/health/ready").json()
    assert ready["trials"] == len(strict.definitions)
    assert ready["policy"] == {"id": "strict", "hash": strict.policy.hash}


def test_the_openapi_document_names_every_route(service: Caller) -> None:
    """Each route and method is in the document with its answers; nothing else is."""
    document = service.get("/openapi.json").json()
    said = {(path, method.upper()) for path, held in document["paths"].items() for method in held}
    routes = [route for route in service.app.routes if isinstance(route, Route) and route.path != "/openapi.json"]
    assert said == {(route.path, method) for route in routes for method in route.methods or ()}
    evaluate = document["paths"]["/fhir/ResearchStudy/$evaluate"]
    assert {"200", "400", "404", "408", "413", "415", "422", "503"} <= set(evaluate["post"]["responses"])
    assert "security" not in document


def test_the_openapi_document_is_made_once(strict: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the event loop, however many ask for it, until there are other trials."""
    made: list[int] = []

    def counted(document: Json, state: State) -> None:
        made.append(threading.get_ident())
        add_examples(document, state)

    monkeypatch.setattr(app, "add_examples", counted)
    caller = Caller(app_with(strict))

    async def asked() -> list[Json]:
        found = await asyncio.gather(*(caller.answer(each, "/openapi.json") for each in ("GET", "HEAD", "GET")))
        return [each.json() for each in found if each.content]

    document = asyncio.run(asked())[0]
    assert all(each == document for each in asyncio.run(asked()))
    assert len(made) == 1
    assert made[0] != threading.get_ident()
    none = Policies(default="strict", setups={"strict": replace(strict, definitions=(), bounds=())})
    state = caller.app.state.service
    caller.app.state.service = replace(state, site=replace(state.site, policies=none))
    again = asyncio.run(asked())[0]
    assert len(made) == 2
    one = again["paths"]["/fhir/ResearchStudy/{study_id}/$evaluate"]["post"]["responses"]["200"]["content"]
    assert not any("example" in each for each in one.values())  # none is left of the trials that were there


def test_a_trial_that_cant_be_told_as_fhir_stops_no_evaluation(strict: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """What is read is made beside the start: that it can't be is logged at once, and said to whoever asks for it."""

    def refused() -> Definitions:
        msg = "ResearchStudy/a.title: no string"
        raise DefinitionError(msg)

    caller = Caller(app_with(strict))
    caller.app.state.service = replace(caller.app.state.service, definitions=Served(refused))
    answer = asyncio.run(caller.running("POST", ONE, content=RECORD, headers=FHIR))
    assert answer.status_code == 200
    assert "the trials can't be told as FHIR: ResearchStudy/a.title" in caplog.text
    assert caller.get("/fhir/ResearchStudy/nct04785833").status_code == 500


def test_the_openapi_document_has_both_answers_of_feasibility(service: Caller) -> None:
    """Parameters, and the bare integer to a structured query, which is JSON of no FHIR."""
    said = service.get("/openapi.json").json()["paths"]["/fhir/ResearchStudy/$feasibility"]["post"]["responses"]["200"]
    answer = {"$ref": "#/components/schemas/FeasibilityAnswer"}
    assert said["content"]["application/fhir+json"]["schema"] == answer
    either = said["content"]["application/json"]["schema"]["oneOf"]
    assert [each.get("type", each) for each in either] == [answer, "integer"]


def test_the_openapi_document_names_the_token(strict: Setup) -> None:
    """Where callers need a token the document says so, of every route but those that are open to all."""
    guarded = Caller(app_with(strict, tokens=unnamed(("t" * 16,), "test")))
    document = guarded.get("/openapi.json", Authorization="Bearer " + "t" * 16).json()
    assert document["security"] == [{"bearer": []}]
    open_ = [path for path, held in document["paths"].items() if held.get("get", {}).get("security") == []]
    assert set(open_) == {
        "/health/live",
        "/fhir/metadata",
        "/cds-services",
        *PAGES,
        "/fhir/.well-known/smart-configuration",
    }


PROSE = ("text/", "application/sq+json")
"""Media types of pages, and of a schema that others keep."""


def test_everything_has_an_example_of_its_shape(service: Caller) -> None:
    """All that is sent, answered or refused, but the pages for people."""
    document = service.get("/openapi.json").json()
    checked = Counter[str]()
    for route, methods in document["paths"].items():
        for method, said in methods.items():
            held = {"sent": said.get("requestBody", {}), **said["responses"]}
            for what, content in ((what, content) for what, each in held.items() for content in _contents(each)):
                assert "example" in content, (route, method, what)
                if content["schema"]:
                    jsonschema_rs.validate(_whole(content["schema"], document), content["example"])
                checked["sent" if what == "sent" else "answered" if what == "200" else "refused"] += 1
    assert min(checked["sent"], checked["answered"], checked["refused"]) > 12


def _contents(said: Json) -> list[Json]:
    return [content for media_type, content in said.get("content", {}).items() if not media_type.startswith(PROSE)]


def _whole(schema: Json, document: Json) -> Json:
    return {**schema, "components": document["components"]}


def test_what_an_example_sends_is_answered_in_the_promised_shape(strict: Setup) -> None:
    """Really sent; and so are the reads and searches, of everything that there is."""
    service = Caller(app_with(strict, matching=(ip_network("127.0.0.0/8"),)))
    document = service.get("/openapi.json").json()
    answered = 0
    for route, methods in document["paths"].items():
        for method, said in methods.items():
            body = next((each["example"] for each in _contents(said.get("requestBody", {}))), None)
            elsewhere = route.startswith(("/hook", "/hl7v2", "/fhir/.well-known")) or "$feasibility" in route
            if elsewhere or (method == "get" and "$evaluate" in route) or not _contents(said["responses"]["200"]):
                continue  # of a server, a secret or facts
            known = _contents(said["responses"]["200"])[0]["example"] if "{id}" in route else {}
            url = route.replace("{service_id}", "trial-eligibility").replace("{study_id}", "senl-t7")
            url = url.replace("{id}", known.get("id", ""))
            answer = service.call(method.upper(), url, **({} if body is None else {"json": body}))
            assert answer.status_code == 200, (route, answer.text)
            schema = said["responses"]["200"]["content"][answer.headers["content-type"]]["schema"]
            jsonschema_rs.validate(_whole(schema, document), answer.json())
            answered += 1
    assert answered > 20


def test_the_examples_say_something(service: Caller) -> None:
    """A decision without criteria and with them, trials with scores, and cards."""
    paths = service.get("/openapi.json").json()["paths"]

    def answer(route: str) -> Any:  # noqa: ANN401  # JSON
        return paths[route]["post"]["responses"]["200"]["content"]["application/json"]["example"]

    short, whole = (answer(f"/fhir/ResearchStudy/{each}$evaluate") for each in ("", "{study_id}/"))
    assert {entry["resource"]["resourceType"] for entry in short["entry"]} == {"ResearchSubject", "GuidanceResponse"}
    assert "criterion" in json.dumps(whole)
    assert answer("/getClinicalTrial")["total"] == 5
    assert answer("/cds-services/{service_id}")["cards"]


def test_links_are_those_of_the_public_address(strict: Setup) -> None:
    """Whatever name and path a proxy calls us by: searches, the page, and where programs read what there is."""
    caller = Caller(app_with(strict, public_url="https://hospital.example/trials/"))
    (link,) = [each for each in caller.get("/fhir/ResearchStudy").json()["link"] if each["relation"] == "self"]
    assert link["url"].startswith("https://hospital.example/trials/fhir/ResearchStudy")
    page = caller.call("GET", "/", headers={"Accept": "text/html"}).text
    assert "https://hospital.example/trials/fhir" in page
    assert "adapter.example" not in page
    assert caller.get("/openapi.json").json()["servers"] == [{"url": "https://hospital.example/trials"}]
