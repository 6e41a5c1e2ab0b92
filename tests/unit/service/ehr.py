"""An EHR as a test wants it, and a browser in which it launches the service's page."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import jwt
import respx

from adapter.fhir.client.auth import ClientKey
from adapter.screening.setup import Setup
from adapter.service.smart.protocol import Issuer
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import Json, app_with
from tests.unit.service.patients_server import PatientsServer
from tests.unit.service.tokens import key, key_set

FHIR = "https://ehr.example.org/fhir"
US = "https://adapter.example"


@dataclass
class Ehr:
    """An EHR's login and FHIR server, as a test wants them; `asked`: the forms that its token endpoint got."""

    configuration: Json = field(default_factory=dict)
    token: Json = field(default_factory=dict)
    claims: Json = field(default_factory=dict)
    signed_with: str = "k1"
    status: int = 200
    held: list[Json] = field(
        default_factory=lambda: [
            patient(name=[{"given": ["<b>Ann</b>"], "family": "Doe"}], gender="female"),
            condition("c1", of()),
            ecog("e1", of(), 1),
        ]
    )
    nonce: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Whatever it is asked."""
        path = request.url.path
        if path == "/fhir/.well-known/smart-configuration":
            return httpx.Response(200, json=self._configuration())
        if path == "/token":
            self.asked.append(dict(parse_qsl(request.content.decode())))
            return httpx.Response(self.status, json=self._token())
        if path == "/jwks":
            return httpx.Response(200, json=key_set("k1"))
        if path == "/style.json":
            return httpx.Response(200, json={"color_background": "#edeae3", "color_text": "red; }"})
        self.tokens.append(request.headers["authorization"])
        moved = httpx.Request(request.method, str(request.url).replace("/fhir/", "/r4/"))
        return PatientsServer(self.held).answer(moved)

    def _configuration(self) -> Json:
        return {
            "issuer": FHIR,
            "jwks_uri": "https://ehr.example.org/jwks",
            "authorization_endpoint": "https://ehr.example.org/auth",
            "token_endpoint": "https://ehr.example.org/token",
            "code_challenge_methods_supported": ["S256"],
            **self.configuration,
        }

    def _token(self) -> Json:
        now = int(time.time())
        claims = {"iss": FHIR, "aud": "us", "exp": now + 60, "nonce": self.nonce, **self.claims}
        id_token = jwt.encode(claims, key(self.signed_with), "ES256", {"kid": "k1"})
        said = {"access_token": "of-the-user", "token_type": "Bearer", "expires_in": 300, "patient": "p1"}
        return {name: each for name, each in {**said, "id_token": id_token, **self.token}.items() if each is not None}


class Browser:
    """A browser with its cookies, in front of a service."""

    def __init__(self, http: httpx.AsyncClient, ehr: Ehr) -> None:
        """No cookies yet."""
        self.http = http
        self.ehr = ehr

    async def launch(self, **said: str) -> httpx.Response:
        """Begin; the EHR sees the nonce."""
        answer = await self.http.get("/launch", params={"iss": FHIR, "launch": "xyz", **said})
        self.ehr.nonce = sent_to(answer).get("nonce", "")
        return answer

    async def callback(self, state: str, **said: str) -> httpx.Response:
        """Come back."""
        return await self.http.get("/callback", params={"code": "c", "state": state, **said})

    async def opened(self) -> httpx.Response:
        """The page, by the whole way."""
        answer = await self.callback(sent_to(await self.launch())["state"])
        if answer.status_code != 303:
            return answer
        return await self.http.get(answer.headers["location"])


def sent_to(answer: httpx.Response) -> dict[str, str]:
    """What the login is asked for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers.get("location", "")).query).items()}


def browse(
    setup: Setup,
    steps: Callable[[Browser], Awaitable[Any]],
    ehr: Ehr | None = None,
    client_key: ClientKey | None = None,
    signer: str | None = None,
    **settings: Any,  # noqa: ANN401  # any setting
) -> Any:  # noqa: ANN401  # whatever the steps come to
    """What steps in a browser come to."""
    known = ehr or Ehr()
    issuers = (Issuer(url=FHIR, client_id="us", key=client_key, signer=signer),)
    app = app_with(setup, public_url=US, smart_issuers=issuers, **settings)

    async def run() -> Any:  # noqa: ANN401  # as above
        with respx.mock(assert_all_called=False) as router:
            router.route(host="ehr.example.org").mock(side_effect=known.answer)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=US) as http:
                return await steps(Browser(http, known))

    return asyncio.run(run())
