"""With which token the patients' server is asked for a person: their own, passed through or exchanged, or ours."""

import asyncio
from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.fhir.client import ServerSettings
from adapter.fhir.client.auth import BackendServices, ClientKey
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service import Settings
from adapter.service.access import UserTokens
from adapter.service.auth import Authenticator
from adapter.service.tokens import Keys
from tests.unit.fhir_client.answers import BASE, json, outcome
from tests.unit.service.calls import ONE, Caller, Json, app_with, refusal
from tests.unit.service.patients_server import GROUP, P1, P2, PatientsServer, ecog_of
from tests.unit.service.tokens import URL, Provider, token


class Guarding(PatientsServer):
    """A server that shows each token's holder their own patients, and refuses whom it doesn't know."""

    SHOWS: ClassVar[dict[str, set[str]]] = {"of-the-site": {"p1", "p2"}, "exchanged": {"p1"}}

    def __init__(self, held: Iterable[Json], **shows: set[str]) -> None:
        """With what further tokens show."""
        super().__init__(held)
        self.shows = {**self.SHOWS, **shows}
        self.asked: list[str] = []
        self.exchanged: list[dict[str, str]] = []
        self.refuses: httpx.Response | None = None
        self.takes = 0.0

    async def late(self, request: httpx.Request) -> httpx.Response:
        """The answer, for a token after so many seconds."""
        await asyncio.sleep(self.takes * request.url.path.endswith("/token"))
        return self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As one without, for what the token shows."""
        if request.url.path.endswith("/token"):
            form = dict(parse_qsl(request.content.decode()))
            self.exchanged.append(form)
            own = form["grant_type"] == "client_credentials"
            if not own and self.refuses is not None:
                return self.refuses
            given = {"access_token": "of-the-site" if own else "exchanged", "expires_in": 300}
            return httpx.Response(200, json=given)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked.append(token)
        if request.url.path.endswith("/metadata"):
            return super().answer(request)
        if token not in self.shows:
            return json(outcome(), 403)
        seen = self.shows[token]
        all_, self.held = (
            self.held,
            [each for each in self.held if self._name(each) in {*seen, ""}],
        )  # a Group is nobody's
        try:
            return super().answer(request)
        finally:
            self.held = all_


PRACTITIONER = {"scope": "user/*.rs", "fhirUser": "Practitioner/x"}


def asked_as(
    strict: Setup,
    server: Guarding,
    how: UserTokens | None,
    query: str,
    claims: Json = PRACTITIONER,
    **settings: Any,  # noqa: ANN401  # any setting
) -> tuple[httpx.Response, str]:
    """A JWT's question to a service that asks the server in one of the ways; the answer, and the JWT."""
    site = ClientKey(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", id=None)
    auth = BackendServices(client_id="us", key=site, token_url=f"{BASE}/token", scope="system/*.rs")
    at = ServerSettings(url=BASE, wait=0, attempts=1, auth=auth)
    said: Json = {"jwks_url": URL, "servers": Servers(record=at, research=at), "user_tokens": how}
    app = app_with(strict, authenticator=Authenticator(Settings(**said), Keys(URL, Provider())), **said, **settings)
    shown = token(**claims)
    if server.shows.get("of-the-person"):
        server.shows[shown] = server.shows["of-the-person"]

    async def called() -> httpx.Response:
        with respx.mock(base_url=BASE, assert_all_called=False) as router:
            router.route().mock(side_effect=server.late)
            async with app.router.lifespan_context(app):
                headers = {"Authorization": f"Bearer {shown}"}
                return await Caller(app).answer("GET", f"{ONE}?{query}", headers=headers)

    return asyncio.run(called()), shown


@pytest.mark.parametrize(
    ("how", "query", "status", "seen"),
    [
        (None, "subject=Patient/p2", 200, ["Patient/p2"]),
        (UserTokens.PASS_THROUGH, "subject=Patient/p1", 200, ["Patient/p1"]),
        (UserTokens.PASS_THROUGH, "subject=Patient/p2", 404, []),
        (UserTokens.PASS_THROUGH, "subject=Group/g1", 200, ["Patient/p1"]),
        (UserTokens.EXCHANGE, "subject=Patient/p1", 200, ["Patient/p1"]),
        (UserTokens.EXCHANGE, "subject=Patient/p2", 404, []),
    ],
)
def test_a_person_sees_what_the_server_shows_them(
    strict: Setup, how: UserTokens | None, query: str, status: int, seen: list[str]
) -> None:
    """With their own token, or one that it was exchanged for; our own credentials ask for nobody who has a token."""
    server = Guarding([*P1, *P2, GROUP], **{"of-the-person": {"p1"}})
    answer, shown = asked_as(strict, server, how, query)
    assert answer.status_code == status, answer.text
    found = {subject for subject, _ in ecog_of(answer)} if status == 200 else set()
    assert sorted(found) == seen
    asked_by = {None: "of-the-site", UserTokens.PASS_THROUGH: shown, UserTokens.EXCHANGE: "exchanged"}[how]
    assert set(server.asked) == {asked_by}
    if how is UserTokens.EXCHANGE:
        (form,) = server.exchanged
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
        assert (form["subject_token"], "client_assertion" in form) == (shown, True)


@pytest.mark.parametrize("query", ["subject=Patient/p1", "subject=Group/g1"])
def test_whom_the_server_refuses_is_refused(strict: Setup, query: str) -> None:
    """As 403, and not as a server that fails."""
    answer, _ = asked_as(strict, Guarding([*P1, GROUP]), UserTokens.PASS_THROUGH, query)
    assert refusal(answer)[:2] == (403, "forbidden")


def refusing(status: int, code: str | None = None, **headers: str) -> httpx.Response:
    """What a token endpoint says where it gives no token."""
    said = None if code is None else {"error": code, "error_description": "Dr. Canary may not"}
    return httpx.Response(status, headers=headers, json=said)


@pytest.mark.parametrize(
    ("refusal_", "status", "code", "after"),
    [
        (refusing(400, "invalid_grant"), 403, "forbidden", None),
        (refusing(400, "invalid_request"), 403, "forbidden", None),
        (refusing(400, "invalid_target"), 403, "forbidden", None),
        (refusing(403, "access_denied"), 403, "forbidden", None),
        (refusing(429, "slow_down", **{"Retry-After": "17"}), 503, "throttled", "17"),
        (refusing(503, **{"Retry-After": "18"}), 503, "throttled", "18"),
        (refusing(401, "invalid_client"), 503, "exception", "5"),
        (refusing(400, "invalid_client"), 503, "exception", "5"),
        (refusing(400, "unauthorized_client"), 503, "exception", "5"),
        (refusing(400, "unsupported_grant_type"), 503, "exception", "5"),
        (refusing(400, "invalid_scope"), 503, "exception", "5"),
        (refusing(400, "Dr. Canary"), 503, "exception", "5"),
        (refusing(400), 503, "exception", "5"),
        (refusing(404), 503, "exception", "5"),
        (refusing(500), 503, "exception", "5"),
        (httpx.Response(200, text="a page"), 503, "exception", "5"),
    ],
)
def test_whose_fault_it_is_that_no_token_is_exchanged(
    strict: Setup,
    caplog: pytest.LogCaptureFixture,
    refusal_: httpx.Response,
    status: int,
    code: str,
    after: str | None,
) -> None:
    """Only what the endpoint says of the person is final for them; the operator finds the code of it, and no more."""
    server = Guarding([*P1])
    server.refuses = refusal_
    answer, shown = asked_as(strict, server, UserTokens.EXCHANGE, "subject=Patient/p1")
    assert refusal(answer)[:2] == (status, code)
    assert (answer.headers.get("retry-after"), server.asked) == (after, [])
    told = [each.getMessage() for each in caplog.records if each.name == "adapter.fhir.client.auth"]
    assert len(told) == (refusal_.status_code not in {429, 500, 503})
    if told and b"_" in refusal_.content.partition(b",")[0]:
        assert refusal_.json()["error"] in told[0]
    assert not [each for each in (*told, answer.text) if "Canary" in each or shown in each]


def test_an_exchange_takes_of_the_requests_time(strict: Setup) -> None:
    """Where nothing is left of it, the patients' server isn't asked any more."""
    server = Guarding([*P1])
    server.takes = 0.3
    answer, _ = asked_as(strict, server, UserTokens.EXCHANGE, "subject=Patient/p1", timeout=0.2)
    assert refusal(answer)[:2] == (503, "timeout")
    assert server.asked == []


def test_a_system_is_no_person(strict: Setup) -> None:
    """Its JWT is for us; the server is asked as for everybody else."""
    server = Guarding([*P1, *P2])
    answer, _ = asked_as(strict, server, UserTokens.PASS_THROUGH, "subject=Patient/p2", {"scope": "system/*.rs"})
    assert (answer.status_code, set(server.asked)) == (200, {"of-the-site"})


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "user/*.rs system/*.rs"},
        {"scope": "user/*.rs system/*.rs", "fhirUser": "Practitioner/x"},
        {"scope": "user/*.rs system/*.rs", "fhirUser": "RelatedPerson/x"},
        {"scope": "patient/*.rs system/*.rs"},
        {"scope": "launch patient/*.rs system/*.rs", "fhirUser": "Practitioner/x"},
        {"scope": "system/*.rs", "fhirUser": "Practitioner/x"},
        {"scope": "system/*.rs", "patient": "p2"},
        {"scope": "launch system/*.rs"},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", list(UserTokens))
def test_a_person_is_no_system(strict: Setup, how: UserTokens, claims: dict[str, str]) -> None:
    """Whatever scopes stand beside: the server is never asked for a person with our own credentials."""
    server = Guarding([*P1, *P2], **{"of-the-person": {"p1"}})
    answer, shown = asked_as(strict, server, how, "subject=Patient/p2", claims)
    assert answer.status_code in {403, 404}, answer.text
    assert set(server.asked) <= {shown if how is UserTokens.PASS_THROUGH else "exchanged"}
