"""Which caller is let through at which route, cell by cell (access.yaml beside this file)."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jwt
import msgspec
import pytest
import yaml
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapter.fhir.client import ServerSettings, open_client
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service import Settings
from adapter.service.access import ADMIN, Caller, Grant, check_reads, check_subjects, grants_of, table
from adapter.service.auth import Authenticator, caller_from
from adapter.service.dispatch import Dispatch
from adapter.service.errors import ForbiddenError
from adapter.service.limits import Limits
from adapter.service.middleware import RequestMiddleware
from adapter.service.settings import HookSettings
from adapter.service.tokens import ApiToken, Keys, digest_of, unnamed
from tests.conftest import ROOT
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.records import bundle, ecog, of, patient
from tests.unit.service import calls
from tests.unit.service.calls import FHIR, app_with, refusal
from tests.unit.service.patients_server import PatientsServer, resources_of
from tests.unit.service.tokens import URL, Provider, token

Json = dict[str, Any]
MATRIX: Json = yaml.safe_load((Path(__file__).parent / "access.yaml").read_text(encoding="utf-8"))
RECORD = bundle(patient("a"), ecog("e1", of("a"), 1))
NAMES = {"{id}": "x", "{study_id}": "senl-t7", "{type}": "Condition", "{service_id}": "trial-eligibility"}
WEBHOOK, UNNAMED = "the-secret-of-the-webhook", "a-token-without-a-name"
KEYS = Keys(URL, Provider())


def allowed_at(at: str) -> set[str]:
    """The callers whom the matrix names at a route."""
    return {name for each in MATRIX["routes"][at] for name in MATRIX["groups"].get(each, [each])}


@cache
def sent(name: str) -> str:
    """What a caller sends as Authorization."""
    said = MATRIX["callers"][name]
    if "claims" in said:
        return f"Bearer {token(client_id='app', **said['claims'])}"
    return f"Bearer {_plain(name)}"


def _plain(name: str) -> str:
    said = MATRIX["callers"][name]
    return WEBHOOK if "webhook" in said else UNNAMED if "unnamed" in said else f"ta_the-token-called-{name}"


@pytest.fixture(scope="module")
def guarded(strict: Setup) -> calls.Caller:
    """A service with tokens, an identity provider, and a webhook (which isn't started)."""
    named = [
        ApiToken(name, frozenset(said["roles"]), digest_of(_plain(name)))
        for name, said in MATRIX["callers"].items()
        if "roles" in said
    ]
    server = ServerSettings(url=BASE)
    settings: Json = {
        "tokens": (*named, *unnamed([UNNAMED], "")),
        "jwks_url": URL,
        "servers": Servers(record=server, research=server),
        "hook": HookSettings(secrets=(WEBHOOK,)),
    }
    return calls.Caller(
        app_with(strict, authenticator=Authenticator(Settings(**settings), KEYS), max_failures=10_000, **settings)
    )


def answers_at(service: calls.Caller, method: str, route: str, shown: Sequence[str | None]) -> list[httpx.Response]:
    """To a request that would be answered, were the caller let through; a FHIR server holds Patient/a."""
    url = route
    for place, name in NAMES.items():
        url = url.replace(place, name)
    said: Json = {}
    if "$evaluate" in route:
        said = {"params": {"subject": "Patient/a"}} if method == "GET" else {"content": RECORD}
    if "$match" in route:
        data = {"name": "trialMatchClinicalData", "resource": msgspec.json.decode(RECORD)}
        said = {"json": {"resourceType": "Parameters", "parameter": [data]}}

    async def answers() -> list[httpx.Response]:
        transport = httpx.MockTransport(PatientsServer(resources_of(RECORD)).answer)
        state = service.app.state
        async with open_client(ServerSettings(url=BASE), transport) as client:
            state.service = replace(state.service, record=client if "$evaluate" in route else None)
            return [
                await service.answer(
                    method, url, headers={**FHIR, **({"Authorization": each} if each is not None else {})}, **said
                )
                for each in shown
            ]

    return asyncio.run(answers())


def answer_at(service: calls.Caller, method: str, route: str, shown: str | None) -> httpx.Response:
    """The answer to one caller."""
    return answers_at(service, method, route, [shown])[0]


@pytest.mark.parametrize("at", MATRIX["routes"])
def test_the_cells_of_a_route(guarded: calls.Caller, at: str) -> None:
    """Each caller is let through where the matrix says so, and nowhere else; the others learn that they may not."""
    method, _, route = at.partition(" ")
    callers = list(MATRIX["callers"])
    answers = dict(zip(callers, answers_at(guarded, method, route, list(map(sent, callers))), strict=True))
    assert {name for name, answer in answers.items() if answer.status_code not in {401, 403}} == allowed_at(at)
    for name in answers.keys() - allowed_at(at):
        assert refusal(answers[name])[:2] == (403, "forbidden"), name


UNKNOWN = {
    "nothing": None,
    "empty": "",
    "no token": "Bearer ",
    "basic": "Basic dG9rZW4tYWRtaW46",
    "wrong token": "Bearer ta_the-token-called-nobody",
    "cut token": f"Bearer {_plain('token-admin')[:-1]}",
    "hash of a token": f"Bearer {digest_of(_plain('token-admin')).hex()}",
    "two tokens": f"Bearer {_plain('token-admin')} {_plain('token-admin')}",
    "unsigned": "Bearer "
    + jwt.encode({"exp": time.time() + 60, "scope": "system/*.cruds"}, None, "none", {"kid": "k1"}),  # type: ignore[arg-type]
    "another key's": f"Bearer {token('k2', header={'kid': 'k1'})}",
}


@pytest.mark.parametrize("at", MATRIX["routes"])
def test_who_is_not_known(guarded: calls.Caller, at: str) -> None:
    """Gets a challenge, at every route."""
    method, _, route = at.partition(" ")
    for answer in answers_at(guarded, method, route, list(UNKNOWN.values())):
        assert refusal(answer)[:2] == (401, "login")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("at", MATRIX["launched"])
def test_a_token_opens_no_page(guarded: calls.Caller, at: str) -> None:
    """Of an EHR that was launched: the style is everybody's, the rest is refused, whatever is sent as a token."""
    method, _, route = at.partition(" ")
    for shown in (None, sent("token-admin"), sent("system-all")):
        assert answer_at(guarded, method, route, shown).status_code == (200 if route == "/app/style.css" else 403)


@pytest.mark.parametrize("at", MATRIX["public"])
def test_open_to_all(guarded: calls.Caller, at: str) -> None:
    """What needs no token is answered without one, and whatever is sent as one."""
    method, _, route = at.partition(" ")
    for shown in (*UNKNOWN.values(), sent("no-scope"), sent("patient-list")):
        assert answer_at(guarded, method, route, shown).status_code in {200, 404}


def test_every_route_is_in_both_tables(guarded: calls.Caller) -> None:
    """The product's table lists each route that there is, and no other; so does the matrix of these tests."""
    routes = [route for route in guarded.app.routes if isinstance(route, Route)]
    assert len(routes) == len(guarded.app.routes)
    there = {(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert table().rules.keys() == there
    assert {tuple(each.split(" ")) for each in (*MATRIX["routes"], *MATRIX["public"], *MATRIX["launched"])} == there


def test_a_route_that_is_not_listed_does_not_start() -> None:
    """Nobody can forget to say who may call it."""
    app = FastAPI()
    with pytest.raises(KeyError):
        Dispatch(app)  # FastAPI's own pages


@pytest.mark.parametrize(("key", "rule"), list(table().rules.items()), ids=str)
def test_roles_of_the_data(key: tuple[str, str], rule: Any) -> None:  # noqa: ANN401
    """By role alone: exactly those of the row, and admin; of scopes that are given in full, those of its levels."""
    for role in table().roles:
        may = _may(rule, Caller(name="x", roles=frozenset({role})))
        assert may == (rule.public or role in rule.roles or role == ADMIN), (key, role)
    for level in ("patient", "user", "system"):
        everything = grants_of([f"{level}/*.cruds"])
        may = _may(rule, Caller(name="x", grants=everything))
        assert may == (rule.public or (rule.scope is not None and level in rule.scope.levels)), (key, level)
    for letter in rule.scope.access if rule.scope else "":
        less = frozenset({Grant("system", "*", frozenset("cruds") - {letter})})
        assert not _may(rule, Caller(name="x", grants=less)), (key, letter)


def _may(rule: Any, caller: Caller) -> bool:  # noqa: ANN401  # a Rule
    try:
        rule.check(caller)
    except ForbiddenError:
        return False
    return True


def test_roles_are_those_of_the_table() -> None:
    """No row, and no caller without a name, has a role that nobody could give."""
    known = table().roles.keys()
    assert {role for rule in table().rules.values() for role in rule.roles} <= known
    assert all(roles <= known for roles in table().callers.values())
    assert ADMIN in known
    assert not any(ADMIN in roles for roles in table().callers.values())


def test_the_guide_has_every_role_and_public_address() -> None:
    """docs/access.md explains what a site gives to whom."""
    guide = (ROOT / "docs/access.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| .+ \|$", guide, re.MULTILINE) == list(table().roles)
    assert all(f"`{path}`" in guide for path in table().public)
    assert f"{len(MATRIX['callers'])} kinds of caller" in guide


def test_on_loopback_everyone_is_let_through(strict: Setup) -> None:
    """But by the webhook, and with a patient's answer for whoever asks."""
    service = calls.Caller(app_with(strict))
    for at in MATRIX["routes"]:
        method, _, route = at.partition(" ")
        answer = answer_at(service, method, route, None)
        assert answer.status_code == 401 if "/hook" in route else answer.status_code not in {401, 403}, at


def test_wrong_methods_and_addresses(guarded: calls.Caller) -> None:
    """Who is known learns what there is; HEAD is a GET."""
    assert answer_at(guarded, "DELETE", "/hl7v2", sent("token-metrics")).status_code == 405
    assert answer_at(guarded, "GET", "/nothing", sent("token-metrics")).status_code == 404
    assert answer_at(guarded, "GET", "/fhir/Patient/a", sent("patient-b")).status_code == 404
    assert answer_at(guarded, "HEAD", "/openapi.json", sent("no-scope")).status_code == 403
    assert answer_at(guarded, "HEAD", "/openapi.json", sent("token-metrics")).status_code == 200


def test_two_tokens_are_none(guarded: calls.Caller) -> None:
    """A proxy before us may have looked at the other one."""
    tokens = [("Authorization", sent(name)) for name in ("token-admin", "token-metrics")]
    assert guarded.call("GET", "/metrics", headers=tokens).status_code == 401
    assert guarded.call("GET", "/metrics", headers=tokens[::-1]).status_code == 401


@pytest.mark.parametrize(
    "path", ["//health/live", "/health/live/", "/fhir/metadata/", "/health/../metrics", "/HEALTH/LIVE"]
)
def test_addresses_that_look_open(guarded: calls.Caller, path: str) -> None:
    """Only the very addresses are open to all."""
    assert answer_at(guarded, "GET", path, None).status_code == 401


def test_types_that_are_missing_are_named(guarded: calls.Caller) -> None:
    """An evaluation of a part of the record isn't made; the answer says which types the token lacks."""
    answer = answer_at(guarded, "POST", "/fhir/ResearchStudy/{study_id}/$evaluate", sent("patient-a-one-type"))
    told = refusal(answer)[2]
    assert all(f"{each}, " in told for each in ("Condition", "Patient", "Medication"))
    assert "Observation" not in told


def test_medications_belong_to_drugs() -> None:
    """Whoever may not read Medications would see drugs without a code."""
    caller = Caller(name="x", grants=grants_of(["user/Patient.rs", "user/MedicationRequest.rs"]))
    with pytest.raises(ForbiddenError, match="Medication"):
        check_reads(caller, {"MedicationRequest"})


def test_a_group_is_read() -> None:
    """Its members are in it."""
    scopes = ["user/Patient.rs", "user/Observation.rs"]
    check_subjects(Caller(name="x", grants=grants_of(scopes)), ["Patient/1"])
    with pytest.raises(ForbiddenError, match="Group"):
        check_subjects(Caller(name="x", grants=grants_of(scopes)), ["Group/1"])
    check_subjects(Caller(name="x", grants=grants_of([*scopes, "user/Group.rs"])), ["Group/1"])


scopes = st.one_of(
    st.text(max_size=30),
    st.builds(
        "{}/{}.{}".format,
        st.sampled_from(["patient", "user", "system", "launch", ""]),
        st.sampled_from(["*", "Patient", "Observation", "**", "patient", ""]),
        st.text(alphabet="cruds*?=readwit", max_size=7),
    ),
)


@given(st.lists(scopes, max_size=6), st.sampled_from(["a", "b"]))
def test_a_patients_token_reads_nobody_else(said: list[str], other: str) -> None:
    """Whatever its scopes are."""
    caller = caller_from({"scope": " ".join(said), "patient": "me", "client_id": "app"}, None)
    assert caller.patient == "me"
    assert not caller.roles
    assert {each.level for each in caller.grants} <= {"patient"}
    for subjects in ([f"Patient/{other}"], ["Patient/me", f"Patient/{other}"], ["Group/me"], ["urn:uuid:me"], ["me"]):
        with pytest.raises(ForbiddenError) as caught:
            check_subjects(caller, subjects)
        assert other not in str(caught.value).replace("about", "").split()


def test_the_caller_is_on_the_requests_state(strict: Setup) -> None:
    """For limits and the log."""
    app = app_with(strict, tokens=(ApiToken("engine", frozenset({"evaluate"}), digest_of(UNNAMED)),))
    scope: Json = {}

    async def look(inner: Scope, _: Receive, __: Send) -> None:
        scope.update(inner)

    settings = app.state.service.settings
    layer = RequestMiddleware(look, Authenticator(settings), Limits())
    request = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"authorization", f"Bearer {UNNAMED}".encode())],
    }
    asyncio.run(layer(request, None, None))  # type: ignore[arg-type]
    assert scope["state"]["caller"] == Caller(name="engine", roles=frozenset({"evaluate"}))


def test_where_smart_apps_get_tokens(strict: Setup) -> None:
    """Said where the site has said it, with what SMART App Launch wants of it; without a token."""
    said: Json = {"jwks_url": URL, "smart_token_url": "https://id.example/token", "jwt_issuer": "https://id.example"}
    service = calls.Caller(app_with(strict, **said))
    found = service.get("/fhir/.well-known/smart-configuration")
    assert found.headers["content-type"] == "application/json"
    assert (found.json()["token_endpoint"], found.json()["issuer"]) == (
        "https://id.example/token",
        "https://id.example",
    )
    assert {"grant_types_supported", "code_challenge_methods_supported", "capabilities"} <= found.json().keys()
    assert "authorization_endpoint" not in found.json()
    without = calls.Caller(app_with(strict, jwks_url=URL))
    assert refusal(without.get("/fhir/.well-known/smart-configuration"))[:2] == (404, "not-found")
