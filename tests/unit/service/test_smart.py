"""The launch from an EHR: what is asked of its login, what must come back, and the page."""

import base64
import hashlib
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.fhir.client.auth import ClientKey
from adapter.screening.setup import Setup
from adapter.service.smart.page import colours_of
from adapter.service.smart.routes import Remembered
from tests.unit.screening.records import patient
from tests.unit.service.ehr import FHIR, US, Browser, Ehr, browse, sent_to

CLIENT_KEY = ClientKey(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", id="ours")


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
