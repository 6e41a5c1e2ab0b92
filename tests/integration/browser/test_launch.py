"""The launch in a real browser: an EHR's page holds ours in a frame, from another site, as EHRs do."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
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
from tests.unit.service.test_server_data import PatientsServer

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
    """A page of a real browser."""
    browser = shutil.which("chromium")
    if browser is None:
        not_available("chromium", "Debian's package chromium is a browser to test in")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        yield started.new_page()
        started.close()


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
