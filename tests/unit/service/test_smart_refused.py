"""Launches from an EHR that end with a page that says why: nobody else's browser, login, token or patient gets in."""

import time
from collections.abc import Awaitable, Callable

import httpx
import pytest

from adapter.screening.setup import Setup
from tests.unit.service.calls import Json
from tests.unit.service.ehr import FHIR, Browser, Ehr, browse, sent_to


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


async def _no_ehr(browser: Browser) -> httpx.Response:
    answer = await browser.launch(iss="")
    assert "the address names no EHR" in answer.text
    return answer


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
    "no EHR": (_no_ehr, Ehr()),
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
