"""The launch from an EHR: what is asked of its login, what must come back, and the page."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.fhir.client.auth import ClientKey
from adapter.screening.setup import Setup
from adapter.service.smart.page import colours_of
from adapter.service.smart.protocol import Issuer
from adapter.service.smart.routes import Remembered
from tests.unit.screening.records import condition, ecog, of, patient
from tests.unit.service.calls import Json, app_with
from tests.unit.service.patients_server import PatientsServer
from tests.unit.service.tokens import key, key_set

FHIR = "https://ehr.example.org/fhir"
US = "https://adapter.example"
CLIENT_KEY = ClientKey(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", id="ours")


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


def test_the_login_is_asked_for_with_pkce(strict: Setup) -> None:
    """Code flow, the EHR's own launch handle, its server as the audience, and a challenge of S256."""
    answer = browse(strict, lambda browser: browser.launch())
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://ehr.example.org/auth?")
    asked = sent_to(answer)
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{US}/callback"
    assert (asked["aud"], asked["launch"], asked["client_id"]) == (FHIR, "xyz", "us")
    assert asked["scope"] == "launch openid fhirUser patient/*.rs"
    assert asked["code_challenge_method"] == "S256"
    cookie = answer.headers["set-cookie"]
    assert all(each in cookie for each in ("__Host-", "Secure", "HttpOnly", "SameSite=None", "Partitioned"))


def test_without_a_launch_of_the_ehr_the_patient_is_chosen_there(strict: Setup) -> None:
    """Standalone: the scope asks for a patient."""

    async def steps(browser: Browser) -> httpx.Response:
        return await browser.http.get("/launch", params={"iss": FHIR})

    assert sent_to(browse(strict, steps))["scope"].startswith("launch/patient ")


def test_the_page_shows_the_patients_trials(strict: Setup) -> None:
    """Read with the user's token; the verifier is the one whose digest was sent; what the record says is text."""
    ehr = Ehr()
    challenges: list[str] = []

    async def steps(browser: Browser) -> httpx.Response:
        asked = sent_to(await browser.launch())
        challenges.append(asked["code_challenge"])
        return await browser.http.get((await browser.callback(asked["state"])).headers["location"])

    answer = browse(strict, steps, ehr)
    assert answer.status_code == 200
    assert "May qualify" in answer.text
    assert "&lt;b&gt;Ann&lt;/b&gt; Doe" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://ehr.example.org" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert set(ehr.tokens) == {"Bearer of-the-user"}
    digest = hashlib.sha256(ehr.asked[0]["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenges[0]
    assert ehr.asked[0]["client_id"] == "us"


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ('{"study": "nct04785833"}', "#nct04785833"),
        ({"study": "nct04785833"}, "#nct04785833"),
        ('{"study": "other"}', ""),
        ('{"study": ["nct04785833"]}', ""),
        ("<script>", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_a_cards_link_opens_its_study(strict: Setup, context: object, place: str) -> None:
    """The EHR hands on with the token what our card has said; what isn't ours is left alone."""

    async def steps(browser: Browser) -> tuple[str, str]:
        answer = await browser.callback(sent_to(await browser.launch())["state"])
        address = answer.headers["location"]
        return address, (await browser.http.get(address)).text

    address, text = browse(strict, steps, Ehr(token={"appContext": context}))
    assert address.partition("#")[1:] == (place[:1], place[1:])
    assert '<section id="nct04785833"' in text


_DEEP = b'"appContext": %s%s,' % (b"[" * 100_000, b"]" * 100_000)


@pytest.mark.parametrize("place", ["/token", "/fhir/.well-known/smart-configuration"])
@pytest.mark.parametrize("more", [_DEEP, b'"patient": "p2", "patient": "p1",'], ids=["too deep", "a key twice"])
def test_an_ehr_whose_answer_says_nothing(strict: Setup, place: str, more: bytes) -> None:
    """What can't be read, or says two things, is the EHR's fault, not ours."""

    class Unreadable(Ehr):
        def answer(self, request: httpx.Request) -> httpx.Response:
            found = super().answer(request)
            if request.url.path == place:
                return httpx.Response(200, content=b"{%s%s" % (more, found.content[1:]))
            return found

    async def steps(browser: Browser) -> httpx.Response:
        answer = await browser.launch()
        return answer if answer.status_code != 302 else await browser.callback(sent_to(answer)["state"])

    answer = browse(strict, steps, Unreadable())
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_a_confidential_client_signs(strict: Setup) -> None:
    """private_key_jwt: for the token endpoint, with our key."""
    ehr = Ehr()
    assert browse(strict, lambda browser: browser.opened(), ehr, CLIENT_KEY).status_code == 200
    claims = jwt.decode(
        ehr.asked[0]["client_assertion"],
        CLIENT_KEY.key.public_key(),
        algorithms=["ES384"],
        audience="https://ehr.example.org/token",
    )
    assert claims["iss"] == claims["sub"] == "us"


async def _other_state(browser: Browser) -> httpx.Response:
    await browser.launch()
    return await browser.callback("made-up")


async def _twice(browser: Browser) -> httpx.Response:
    state = sent_to(await browser.launch())["state"]
    await browser.callback(state)
    return await browser.callback(state)


async def _other_browser(browser: Browser) -> httpx.Response:
    state = sent_to(await browser.launch())["state"]
    browser.http.cookies.clear()
    return await browser.callback(state)


async def _other_issuer(browser: Browser) -> httpx.Response:
    return await browser.callback(sent_to(await browser.launch())["state"], iss="https://evil.example")


async def _denied(browser: Browser) -> httpx.Response:
    state = sent_to(await browser.launch())["state"]
    return await browser.http.get("/callback", params={"error": "access_denied", "state": state})


async def _unknown_ehr(browser: Browser) -> httpx.Response:
    return await browser.launch(iss="https://evil.example/fhir")


async def _stolen_address(browser: Browser) -> httpx.Response:
    answer = await browser.callback(sent_to(await browser.launch())["state"])
    browser.http.cookies.clear()
    return await browser.http.get(answer.headers["location"])


REFUSED: dict[str, tuple[Callable[[Browser], Awaitable[httpx.Response]], Ehr]] = {
    "a state that nobody sent": (_other_state, Ehr()),
    "the same code again": (_twice, Ehr()),
    "another browser": (_other_browser, Ehr()),
    "another issuer": (_other_issuer, Ehr()),
    "the user said no": (_denied, Ehr()),
    "an EHR that is not known": (_unknown_ehr, Ehr()),
    "the page's address in another browser": (_stolen_address, Ehr()),
    "another nonce": (Browser.opened, Ehr(claims={"nonce": "other"})),
    "an id_token for another client": (Browser.opened, Ehr(claims={"aud": "other"})),
    "an id_token of another issuer": (Browser.opened, Ehr(claims={"iss": "https://evil.example"})),
    "an id_token of another one there": (Browser.opened, Ehr(claims={"iss": "https://ehr.example.org/other/fhir"})),
    "an id_token with another key": (Browser.opened, Ehr(signed_with="k2")),
    "an id_token that has expired": (Browser.opened, Ehr(claims={"exp": int(time.time()) - 90})),
    "a part of a type": (Browser.opened, Ehr(token={"scope": "patient/Observation.rs?category=laboratory"})),
    "no patient": (Browser.opened, Ehr(token={"patient": None})),
    "a patient that is no id": (Browser.opened, Ehr(token={"patient": "../x"})),
    "the code was refused": (Browser.opened, Ehr(status=400)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_way_is_refused(strict: Setup, name: str) -> None:
    """With a page that says what to do, and names nobody."""
    steps, ehr = REFUSED[name]
    answer = browse(strict, steps, ehr)
    assert answer.status_code == 403
    assert "This page can&#39;t be shown" in answer.text or "can't be shown" in answer.text
    assert "Doe" not in answer.text


@pytest.mark.parametrize(
    ("signer", "iss", "status"),
    [
        (None, FHIR, 200),
        (None, "https://ehr.example.org/fhir", 200),
        (None, "https://login.example.org", 403),
        ("https://login.example.org", "https://login.example.org", 200),
        ("https://login.example.org", FHIR, 403),
    ],
)
def test_who_signs_is_configured(strict: Setup, signer: str | None, iss: str, status: int) -> None:
    """Where an EHR's id_tokens name another issuer than it says, the site names that one, and no other counts."""
    answer = browse(strict, lambda browser: browser.opened(), Ehr(claims={"iss": iss}), signer=signer)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "said",
    [
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint": "http://ehr.example.org/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 7},
    ],
)
def test_an_ehr_that_cannot_log_in_safely(strict: Setup, said: Json) -> None:
    """No PKCE, or endpoints in the clear: nobody is sent there."""
    assert browse(strict, lambda browser: browser.launch(), Ehr(configuration=said)).status_code == 503


def test_the_banner_is_the_ehrs_where_it_shows_one(strict: Setup) -> None:
    """need_patient_banner is false."""
    answer = browse(strict, lambda browser: browser.opened(), Ehr(token={"need_patient_banner": False}))
    assert answer.status_code == 200
    assert "Doe" not in answer.text


def test_another_patient_in_the_same_browser_is_said(strict: Setup) -> None:
    """The first page stays the first patient's, and says that another one was opened."""
    ehr = Ehr()

    async def steps(browser: Browser) -> list[str]:
        first = (await browser.callback(sent_to(await browser.launch())["state"])).headers["location"]
        before = (await browser.http.get(first)).text
        ehr.token["patient"] = "p2"
        ehr.held.append(patient("p2"))
        second = (await browser.callback(sent_to(await browser.launch())["state"])).headers["location"]
        return [before, *[(await browser.http.get(each)).text for each in (first, second)]]

    before, after, newest = browse(strict, steps, ehr)
    assert "Another patient" not in before + newest
    assert "Another patient" in after
    assert "Ann" in after


def test_the_ehrs_colours(strict: Setup) -> None:
    """Those that are colours, from where the EHR itself stands; nothing else of a style gets into the page."""

    async def steps(browser: Browser) -> tuple[str, str]:
        answer = await browser.callback(sent_to(await browser.launch())["state"])
        html = (await browser.http.get(answer.headers["location"])).text
        query = urlsplit(answer.headers["location"]).query
        return html, (await browser.http.get(f"/app/colours.css?{query}")).text

    html, css = browse(strict, steps, Ehr(token={"smart_style_url": "https://ehr.example.org/style.json"}))
    assert "colours.css" in html
    assert css == ":root { --background: #edeae3 }\n"
    other, _ = browse(strict, steps, Ehr(token={"smart_style_url": "https://evil.example/style.json"}))
    assert "colours.css" not in other
    assert colours_of({"color_text": "#12345", "color_background": 7}) == {}


def test_what_is_remembered_ends() -> None:
    """After its time, once where it counts once, and the oldest first where there are too many."""
    now = [0.0]
    held: Remembered[str] = Remembered(most=2, clock=lambda: now[0])
    first, second = held.add("1", 10), held.add("2", 20)
    assert held.take(first) == "1"
    assert held.take(first) is None
    now[0] = 15
    assert held.get(second) == "2"
    held.add("3", 10)
    held.add("4", 10)
    assert held.get(second) is None
    assert sorted(held) == ["3", "4"]
    now[0] = 30
    assert list(held) == []
