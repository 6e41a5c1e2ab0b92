"""The routes of the launch: `/launch` and `/callback` log the user in at the EHR, `/app` shows the patient's trials.

What is read, is read with the user's own token: nobody sees through us what the EHR would not show. A page that can't
be shown says why to a person, and names no patient.

What is remembered between the steps of a launch, and while the page is open: in memory, for a while, so many.

Each belongs to one browser, by the secret in its cookie; an address alone opens nothing. Each has one patient: a second
launch is a second session, so that a page never turns into another patient's.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from secrets import compare_digest, token_urlsafe
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from adapter.errors import AdapterError
from adapter.record.contents import Contents
from adapter.record.references import ID
from adapter.service.audit import note_access
from adapter.service.auth import user_in
from adapter.service.ehr import check_whole, fetch_from_ehr, verdicts_on
from adapter.service.errors import ForbiddenError, answer_to
from adapter.service.http import headers_of, hold_of
from adapter.service.openapi import page_route
from adapter.service.settings import Settings
from adapter.service.site import Site
from adapter.service.smart.page import Shown, colour_sheet, colours_of, page, refusal_page, stylesheet
from adapter.service.smart.protocol import (
    Attempt,
    Issuer,
    Token,
    authorization_address,
    check_id_token,
    discover,
    exchanged,
    style_of,
)
from adapter.service.state import own_address, state_of
from adapter.service.tokens import Keys

ATTEMPT_SECONDS = 600.0
"""How long somebody may take to log in."""

_MOST = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A page that is open. `patient`: an id on the issuer's server; `style`: colours by name; `user`: who logged in."""

    issuer: Issuer
    browser: str
    patient: str
    token: str = field(repr=False)
    user: str = field(default="", repr=False)
    banner: bool = True
    style: Mapping[str, str] = field(default_factory=dict)


class Remembered(Generic[T]):
    """Values under names that nobody can guess, each for its time. The oldest goes where there are too many."""

    def __init__(self, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing yet."""
        self._most = most
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def add(self, value: T, seconds: float, name: str | None = None) -> str:
        """Remember a value; its name."""
        for old in [each for each, (ends, _) in self._held.items() if ends < self._clock()]:
            del self._held[old]
        while len(self._held) >= self._most:
            self._held.popitem(last=False)
        made = name or token_urlsafe(32)
        self._held[made] = (self._clock() + seconds, value)
        return made

    def get(self, name: str) -> T | None:
        """The value of that name, if its time is not over."""
        ends, value = self._held.get(name, (0.0, None))
        return value if ends >= self._clock() else None

    def take(self, name: str) -> T | None:
        """The same, once."""
        found = self.get(name)
        self._held.pop(name, None)
        return found

    def __iter__(self) -> Iterator[T]:
        """Whatever is remembered, the oldest first."""
        return iter([value for ends, value in self._held.values() if ends >= self._clock()])


def same_browser(held: str, cookie: str | None) -> bool:
    """Whether a cookie is that of the browser."""
    return cookie is not None and compare_digest(held.encode(), cookie.encode())


_COOKIE = "__Host-trial-adapter"
_CSS = "text/css; charset=utf-8"


Handler = Callable[[Request], Awaitable[Response]]


def add_smart(app: FastAPI, settings: Settings) -> None:
    """Add them."""
    launcher = Launcher(settings)
    for path, handler, says in (
        ("/launch", launcher.launch, "An EHR opens the app here (SMART App Launch)"),
        ("/callback", launcher.callback, "Where the EHR's login comes back to"),
        ("/app", launcher.show, "The patient's trials, as a page"),
        ("/app/style.css", launcher.style, "Its style"),
        ("/app/colours.css", launcher.colours, "The EHR's colours"),
    ):
        app.add_api_route(path, _shown(handler, _headers(settings)), methods=["GET"], **page_route(says))


def _shown(handler: Handler, headers: dict[str, str]) -> Handler:
    """The handler, whose errors are pages too."""

    async def answered(request: Request) -> Response:
        try:
            answer = await handler(request)
        except AdapterError as error:
            answer = HTMLResponse(refusal_page(str(error)), answer_to(error)[0], headers_of(error))
        answer.headers.update(headers)
        return answer

    return answered


class Launcher:
    """The steps of launches, and what they remember of each other."""

    def __init__(self, settings: Settings) -> None:
        """Nothing has been launched yet."""
        self._settings = settings
        self._issuers = {each.url: each for each in settings.smart_issuers}
        self._attempts: Remembered[Attempt] = Remembered()
        self._sessions: Remembered[Session] = Remembered()

    async def launch(self, request: Request) -> Response:
        """Send the browser to the EHR's login."""
        named = request.query_params.get("iss", "")
        issuer = self._issuers.get(named.rstrip("/"))
        if issuer is None:
            msg = "this EHR is not one that is known here; whoever runs the service can name it"
            if not named:
                msg = "the address names no EHR; launch from the EHR, or write /launch?iss= and its FHIR base"
            raise ForbiddenError(msg)
        browser = request.cookies.get(_COOKIE) or token_urlsafe(32)
        attempt = Attempt(issuer=issuer, endpoints=await discover(issuer), browser=browser)
        self._attempts.add(attempt, ATTEMPT_SECONDS, attempt.state)
        address = authorization_address(attempt, self._redirect(request), request.query_params.get("launch"))
        answer = RedirectResponse(address, 302)
        answer.headers["Set-Cookie"] = f"{_COOKIE}={browser}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
        return answer

    async def callback(self, request: Request) -> Response:
        """Take what the EHR sends back, once, and open the page."""
        attempt = self._attempts.take(request.query_params.get("state", ""))
        if attempt is None or not same_browser(attempt.browser, request.cookies.get(_COOKIE)):
            msg = "this login was not begun here, is too old, or has been used already; launch again from the EHR"
            raise ForbiddenError(msg)
        session, token = await _session(request, attempt, self._redirect(request))
        name = self._sessions.add(session, token.expires_in)
        study = token.study(each.id for each in state_of(request).policies.definitions)
        place = f"#{study}" if study else ""
        return RedirectResponse(f"{own_address(request)}/app?session={name}{place}", 303)

    async def show(self, request: Request) -> Response:
        """Read the record anew, and show what it comes to."""
        name, session = self._known(request)
        state = state_of(request)
        types = state.policies.setup(None).types
        studies = [each.id for each in state.policies.definitions]
        note_access(request, "E", [f"Patient/{session.patient}"], studies, session.user)
        until = time.monotonic() + state.settings.limits.timeout
        contents = await fetch_from_ehr(
            session.issuer.url, session.token, session.patient, types, until - time.monotonic()
        )
        hold = hold_of(request)
        hold.add(sum(len(each.raw) for each in contents.resources))
        since = dropwhile(lambda each: each is not session, self._sessions)
        others = any(each.browser == session.browser and each.patient != session.patient for each in since)
        shown = Shown(
            patient=session.patient,
            banner=session.banner,
            session=name,
            colours=bool(session.style),
            others=others,
            now=state.clock(),
        )
        return HTMLResponse(await state.work.run(hold.caller, until - time.monotonic(), page_of, contents, shown))

    async def style(self, _: Request) -> Response:
        """The page's own style."""
        return Response(stylesheet(), media_type=_CSS)

    async def colours(self, request: Request) -> Response:
        """The colours of the session's EHR."""
        return Response(colour_sheet(self._known(request)[1].style), media_type=_CSS)

    def _redirect(self, request: Request) -> str:
        return f"{own_address(request)}/callback"

    def _known(self, request: Request) -> tuple[str, Session]:
        name = request.query_params.get("session", "")
        session = self._sessions.get(name)
        if session is None or not same_browser(session.browser, request.cookies.get(_COOKIE)):
            msg = "this page is not open any more; launch it again from the EHR"
            raise ForbiddenError(msg)
        return name, session


def _headers(settings: Settings) -> dict[str, str]:
    """No script at all; in frames of the EHRs only; nothing is kept, and no address is told to anybody."""
    origins = {f"{parts.scheme}://{parts.netloc}" for each in settings.smart_issuers if (parts := urlsplit(each.url))}
    frames = " ".join(["'self'", *sorted(origins | set(settings.cors))])
    policy = f"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


async def _session(request: Request, attempt: Attempt, redirect: str) -> tuple[Session, Token]:
    """The session that a login opens, and what it came of. Raises ForbiddenError and BadAnswerError."""
    said = request.query_params
    if said.get("iss") not in {None, attempt.endpoints.issuer, attempt.issuer.url}:
        msg = "the login came back from another server than it was sent to; launch again from the EHR"
        raise ForbiddenError(msg)
    if "code" not in said:
        msg = "the EHR did not let the app in; launch again, and allow it to read the record"
        raise ForbiddenError(msg)
    token = await exchanged(attempt, said["code"], redirect)
    user = await check_id_token(token, attempt, Keys)
    check_whole(token.scope)
    if token.patient is None or not ID.fullmatch(token.patient):
        msg = "the EHR named no patient; open a patient, and launch from there"
        raise ForbiddenError(msg)
    session = Session(
        issuer=attempt.issuer,
        browser=attempt.browser,
        patient=token.patient,
        token=token.access_token,
        user=user_in(user),
        banner=token.need_patient_banner,
        style=colours_of(await style_of(token, attempt.issuer)),
    )
    return session, token


def page_of(site: Site, contents: Contents, shown: Shown) -> str:
    """The page on a record. Raises AdapterError where it can't be read."""
    setup = site.policies.setup(None)
    return page(verdicts_on(setup, contents, shown.patient, shown.now), setup, contents, shown)
