"""The launch in a real browser: an EHR's page holds ours in a frame, from another site, as EHRs do."""

import base64
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import jwt
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from playwright.sync_api import Page, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from adapter.screening.setup import Setup
from adapter.service.smart.protocol import Issuer
from tests.integration.waiting import wait_until
from tests.needs import not_available
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import app_with
from tests.unit.service.patients_server import PatientsServer

HELD = [
    patient(name=[{"given": ["Ann"], "family": "Doe"}], gender="female"),
    condition("c1", of()),
    ecog("e1", of(), 1),
]


def ehr() -> Starlette:
    """An EHR: a page with the app in a frame, a login that lets everyone in, and a FHIR server."""
    server = PatientsServer(HELD)
    nonces: list[str] = []

    async def chart(request: Request) -> Response:
        app, base = request.query_params["app"], str(request.base_url)
        source = f"{app}/launch?{urlencode({'iss': f'{base}fhir', 'launch': 'xyz'})}"
        return HTMLResponse(f'<!doctype html><html lang="en"><title>EHR</title><iframe title="app" src="{source}">')

    async def configuration(request: Request) -> Response:
        base = str(request.base_url)
        return JSONResponse(
            {
                "authorization_endpoint": f"{base}auth",
                "token_endpoint": f"{base}token",
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def auth(request: Request) -> Response:
        said = request.query_params
        nonces.append(said["nonce"])
        return RedirectResponse(f"{said['redirect_uri']}?{urlencode({'code': 'c', 'state': said['state']})}")

    async def token(_: Request) -> Response:
        return JSONResponse({"access_token": "t", "token_type": "Bearer", "patient": "p1", "need_patient_banner": True})

    async def fhir(request: Request) -> Response:
        moved = httpx.Request(request.method, str(request.url).replace("/fhir/", "/r4/"))
        answer = server.answer(moved)
        return Response(answer.content, answer.status_code, media_type="application/fhir+json")

    return Starlette(
        routes=[
            Route("/", chart),
            Route("/fhir/.well-known/smart-configuration", configuration),
            Route("/auth", auth),
            Route("/token", token, methods=["POST"]),
            Route("/fhir/{rest:path}", fhir),
        ]
    )


@contextmanager
def served(app: object, host: str) -> Iterator[str]:
    """An app at an address of its own."""
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=0, log_level="warning"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a real browser that blocks third parties' cookies, as all do by now, or can be told to."""
    browser = shutil.which("chromium")
    if browser is None:
        not_available("chromium", "Debian's package chromium is a browser to test in")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--test-third-party-cookie-phaseout"]
        )
        yield started.new_page()
        started.close()


def test_the_browser_blocks_cookies_of_third_parties(page: Page) -> None:
    """In a frame of another site a cookie comes back only if it is partitioned, as ours is."""

    async def sets(_: Request) -> Response:
        answer = RedirectResponse("/seen")
        for each in ("plain=1", "parted=1; Partitioned"):
            answer.headers.append("Set-Cookie", f"{each}; Secure; HttpOnly; SameSite=None; Path=/")
        return answer

    async def seen(request: Request) -> Response:
        return HTMLResponse(f"<p>{sorted(request.cookies)}</p>")

    with (
        served(Starlette(routes=[Route("/launch", sets), Route("/seen", seen)]), "localhost") as app,
        served(ehr(), "127.0.0.1") as chart,
    ):
        page.goto(f"{chart}/?{urlencode({'app': app})}")
        assert page.frame_locator("iframe").locator("p").inner_text() == "['parted']"


def test_the_app_opens_in_the_ehrs_frame(strict: Setup, page: Page) -> None:
    """Through login and back, in a frame of another site; without a script, and without a barrier."""
    with served(ehr(), "127.0.0.1") as chart:
        issuer = Issuer(url=f"{chart}/fhir", client_id="us")
        with served(app_with(strict, smart_issuers=(issuer,)), "localhost") as app:
            page.goto(f"{chart}/?{urlencode({'app': app})}")
            frame = page.frame_locator("iframe")
            frame.get_by_role("heading", name="Clinical trials").wait_for()
            assert "Ann Doe" in frame.locator(".banner").inner_text()
            assert frame.get_by_text("May qualify").count() > 0
            address = next(each.url for each in page.frames if "/app?" in each.url)

            page.goto(address.replace("localhost", "127.0.0.1"))  # another site: the cookie doesn't go there
            assert "can't be shown" in page.inner_text("h1")

            page.goto(f"{app}/launch?{urlencode({'iss': f'{chart}/fhir'})}")  # by itself, in a tab
            page.get_by_role("heading", name="Clinical trials").wait_for()
            for address in (page.url, f"{app}/", f"{app}/launch?iss=https://unknown.example"):
                page.goto(address)
                found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
                assert found.violations_count == 0, found.generate_report()


def proxy(to: dict[str, str]) -> Starlette:
    """A reverse proxy that takes the path `/trials` off, and passes on what stands below it."""

    async def passed(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{to['app']}/{request.path_params['rest']}{query}"
        kept = {name: value for name, value in request.headers.items() if name in {"cookie", "accept"}}
        async with httpx.AsyncClient() as client:
            answer = await client.request(request.method, address, headers=kept, content=await request.body())
        dropped = {"content-length", "content-encoding", "transfer-encoding"}
        headers = {name: value for name, value in answer.headers.items() if name not in dropped}
        return Response(answer.content, answer.status_code, headers)

    return Starlette(routes=[Route("/trials/{rest:path}", passed, methods=["GET", "POST"])])


def test_the_app_opens_behind_a_proxy(strict: Setup, page: Page) -> None:
    """Below a path of a proxy's: login, page and style are asked for there, and nowhere else."""
    to: dict[str, str] = {}
    with served(ehr(), "127.0.0.1") as chart, served(proxy(to), "localhost") as before:
        issuer = Issuer(url=f"{chart}/fhir", client_id="us")
        public = f"{before}/trials"
        with served(app_with(strict, smart_issuers=(issuer,), public_url=public), "127.0.0.1") as to["app"]:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{chart}/?{urlencode({'app': public})}")
            frame = page.frame_locator("iframe")
            frame.get_by_role("heading", name="Clinical trials").wait_for()
            assert frame.get_by_text("May qualify").count() > 0
            assert f"{public}/app/style.css" in asked
            assert not [each for each in asked if not each.startswith((f"{chart}/", f"{public}/"))]


class Launcher:
    """SMART's own launcher (smart-on-fhir/smart-launcher-v2, backend/), as far as an EHR launch goes through it.

    Without a session: the launch's settings are in `launch`, what was allowed is in the code, each signed or packed.
    Its id_token has no `kid`, and names …/auth/fhir as its issuer, where the configuration says …/fhir.
    """

    def __init__(self) -> None:
        """With two patients, and a key for id_tokens; `style`: how often its style was asked for."""
        other = [patient("p2", name=[{"given": ["Bea"], "family": "Roe"}], gender="female"), condition("c2", of("p2"))]
        self.server = PatientsServer([*HELD, *other])
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signed_by = "of the launcher's codes and tokens"
        self.style = 0

    def app(self) -> Starlette:
        """Its routes."""
        return Starlette(
            routes=[
                Route("/launcher", self.launcher),
                Route("/smart-style.json", self.styles),
                Route("/keys", self.keys),
                Route("/v/r4/fhir/.well-known/smart-configuration", self.configuration),
                Route("/v/r4/auth/authorize", self.authorize),
                Route("/v/r4/auth/token", self.token, methods=["POST"]),
                Route("/v/r4/fhir/{rest:path}", self.fhir, methods=["GET", "POST"]),
            ]
        )

    async def launcher(self, request: Request) -> Response:
        """The settings as a list, as base64url; launch type 0 is provider-ehr, PKCE 1 is auto."""
        said = request.query_params
        settings = [0, said["patient"], said["provider"], "AUTO", 0, 0, 0, "", "", "", "", "", "", "", 0, 1, ""]
        launch = base64.urlsafe_b64encode(json.dumps(settings).encode()).rstrip(b"=").decode()
        asked = {"iss": f"{request.base_url}v/r4/fhir", "launch": launch}
        return RedirectResponse(f"{said['launch_uri']}?{urlencode(asked)}")

    async def configuration(self, request: Request) -> Response:
        """With all that it says, as far as a client could heed it."""
        base = f"{request.base_url}v/r4"
        return JSONResponse(
            {
                "issuer": f"{base}/fhir",
                "jwks_uri": f"{request.base_url}keys",
                "authorization_endpoint": f"{base}/auth/authorize",
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "token_endpoint": f"{base}/auth/token",
                "code_challenge_methods_supported": ["S256"],
                "response_types_supported": ["code", "token", "id_token", "token id_token", "refresh_token"],
                "capabilities": ["launch-ehr", "client-public", "sso-openid-connect", "context-ehr-patient"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        """A provider and a patient are chosen already: straight back, with a code that holds all."""
        said = dict(request.query_params)
        packed = said["launch"] + "=" * (-len(said["launch"]) % 4)
        settings = json.loads(base64.urlsafe_b64decode(packed))
        assert said["aud"] == f"{request.base_url}v/r4/fhir"
        assert {"launch", "openid", "fhirUser"} <= set(said["scope"].split())
        code = {
            "context": {
                "need_patient_banner": True,
                "smart_style_url": f"{request.base_url}smart-style.json",
                "patient": settings[1],
                "encounter": "e1",
            },
            **{name: said[name] for name in ("client_id", "redirect_uri", "scope", "nonce", "code_challenge")},
            "user": f"Practitioner/{settings[2]}",
            "exp": time.time() + 300,
        }
        query = urlencode({"code": jwt.encode(code, self.signed_by), "state": said["state"]})
        return RedirectResponse(f"{said['redirect_uri']}?{query}")

    async def token(self, request: Request) -> Response:
        """The context beside the tokens."""
        said = dict(parse_qsl((await request.body()).decode()))
        code: dict[str, Any] = jwt.decode(said["code"], self.signed_by, ["HS256"])
        digest = hashlib.sha256(said["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == code["code_challenge"]
        assert said["redirect_uri"] == code["redirect_uri"]
        user = {"profile": code["user"], "fhirUser": code["user"], "sub": hashlib.sha256(b"x").hexdigest()}
        now = int(time.time())
        claims = {**user, "aud": code["client_id"], "iss": f"{request.base_url}v/r4/auth/fhir", "nonce": code["nonce"]}
        return JSONResponse(
            {
                "access_token": jwt.encode({"scope": code["scope"], "exp": now + 3600}, self.signed_by),
                "token_type": "Bearer",
                "expires_in": 3600,
                "scope": code["scope"],
                "id_token": jwt.encode({**claims, "iat": now, "exp": now + 3600}, self.key, "RS256"),
                **code["context"],
            }
        )

    async def keys(self, _: Request) -> Response:
        """The public one, as node-jose writes it."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        known = {name: public[name] for name in ("kty", "n", "e")}
        return JSONResponse({"keys": [{**known, "kid": "launcher", "alg": "RS256", "key_ops": ["verify"]}]})

    async def styles(self, _: Request) -> Response:
        """Colours, and what is none."""
        self.style += 1
        return JSONResponse({"color_background": "#edeae3", "color_modal_backdrop": "", "dim_font_size": "13px"})

    async def fhir(self, request: Request) -> Response:
        """To whoever shows one of its tokens."""
        if request.path_params["rest"] != "metadata":
            jwt.decode(request.headers["authorization"].removeprefix("Bearer "), self.signed_by, ["HS256"])
        moved = httpx.Request(request.method, str(request.url).replace("/v/r4/fhir/", "/r4/"))
        answer = self.server.answer(moved)
        return Response(answer.content, answer.status_code, media_type="application/fhir+json")


@pytest.mark.parametrize(("id_", "name", "other"), [("p1", "Ann Doe", "Bea Roe"), ("p2", "Bea Roe", "Ann Doe")])
def test_smarts_launcher_leads_to_the_patients_page(strict: Setup, page: Page, id_: str, name: str, other: str) -> None:
    """From its launch link to our page: the patient who was chosen there, in the EHR's colours."""
    launcher = Launcher()
    with served(launcher.app(), "127.0.0.1") as ehr_:
        issuer = Issuer(url=f"{ehr_}/v/r4/fhir", client_id="us")
        with served(app_with(strict, smart_issuers=(issuer,)), "localhost") as app:
            page.goto(f"{ehr_}/launcher?{urlencode({'launch_uri': f'{app}/launch', 'patient': id_, 'provider': 'dr'})}")
            page.get_by_role("heading", name="Clinical trials").wait_for()
            assert name in page.locator(".banner").inner_text()
            assert other not in page.content()
            assert page.get_by_text("May qualify").count() > 0
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(237, 234, 227)"
            assert launcher.style == 1
