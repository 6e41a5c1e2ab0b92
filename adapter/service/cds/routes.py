"""The routes of CDS Hooks: what services there are, calls of them, and what became of their cards."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec
from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from adapter.errors import ServerError
from adapter.fhir.audit_event import CardOutcome
from adapter.fhir.elements import Json
from adapter.record.bundle import json_text
from adapter.record.contents import Contents
from adapter.service.access import caller_of, check_subjects
from adapter.service.audit import note_access, note_outcomes
from adapter.service.auth import user_in
from adapter.service.cds.cards import OVERRIDE_REASONS, OVERRIDES, cards, study_of
from adapter.service.cds.request import SERVICES, Call, Service, call_in, discovery
from adapter.service.ehr import check_whole, complete_from_ehr, verdicts_on
from adapter.service.errors import ForbiddenError, MalformedError, NotFoundError, PreconditionError
from adapter.service.http import JSON, Parcel, check_content_type, hold_of, json_response, limits_of, read_body
from adapter.service.openapi import cds_route
from adapter.service.settings import Settings
from adapter.service.site import Site
from adapter.service.state import State, state_of

log = logging.getLogger(__name__)

_SERVICES = {each.id: each for each in SERVICES}


class _Coding(Struct, frozen=True):
    system: str | None = None
    code: str | None = None


class _Override(Struct, frozen=True):
    reason: _Coding | None = None


class _Feedback(Struct, frozen=True, rename="camel"):
    """What is kept of it; a comment may name the patient, and is not read."""

    card: str
    outcome: str
    override_reason: _Override | None = None

    def told(self, studies: Iterable[str]) -> CardOutcome:
        """For the audit: of which study, and a reason that is one of ours."""
        reason = self.override_reason.reason if self.override_reason is not None else None
        ours = reason is not None and reason.system == OVERRIDE_REASONS and reason.code in OVERRIDES
        code = str(reason.code) if ours and reason is not None else "other" if reason is not None else None
        study = study_of(self.card, studies)
        return CardOutcome(card=self.card if study else None, study=study, outcome=self.outcome, reason=code)


class _AllFeedback(Struct, frozen=True):
    feedback: tuple[_Feedback, ...]


_MOST_FEEDBACK = 1000
_OUTCOMES = frozenset({"accepted", "overridden"})
_feedback = msgspec.json.Decoder(_AllFeedback)


def add_cds(app: FastAPI) -> None:
    """Add them."""

    @app.get("/cds-services", **cds_route("Which services there are, and what to send along", "CdsServices"))
    async def services(request: Request) -> Response:
        return json_response(discovery(state_of(request).policies.setup(None).types), JSON)

    @app.post("/cds-services/{service_id}", **cds_route("The trials of a patient, as cards", "CdsCards", "CdsRequest"))
    async def called(request: Request, service_id: str) -> Response:
        return json_response(await _called(request, _service(service_id)), JSON)

    @app.post("/cds-services/{service_id}/feedback", **cds_route("What became of cards", "Nothing", "CdsFeedback"))
    async def feedback(request: Request, service_id: str) -> Response:
        service = _service(service_id)
        body, seconds = await _body(request)
        found = await state_of(request).work.run(hold_of(request).caller, seconds, _feedback_in, body)
        counted = Counter(each.outcome for each in found.feedback)
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))
        studies = [each.id for each in state_of(request).policies.definitions]
        note_outcomes(request, [each.told(studies) for each in found.feedback])
        log.info("feedback on cards of %s: %s", service.id, told or "none")
        return json_response({}, JSON)


def _service(name: str) -> Service:
    if name not in _SERVICES:
        msg = f"no service {name[:64]!r}; /cds-services lists those that there are"
        raise NotFoundError(msg)
    return _SERVICES[name]


async def _body(request: Request) -> tuple[Parcel, float]:
    """The body, and the seconds that are left for the request."""
    until = time.monotonic() + limits_of(request).timeout
    check_content_type(request.headers.get("content-type"))
    return await read_body(request), until - time.monotonic()


async def _called(request: Request, service: Service) -> Json:
    state, hold = state_of(request), hold_of(request)
    until = time.monotonic() + state.settings.limits.timeout
    body, left = await _body(request)
    call = await state.work.run(hold.caller, left, _call_in, body, service)
    studies = [each.id for each in state.policies.definitions]
    note_access(request, "E", [f"Patient/{call.patient}"], studies, user_in(call.user))
    check_subjects(caller_of(request), [f"Patient/{call.patient}"])
    if call.missing:
        call = await _completed(call, state, until - time.monotonic())
        hold.add(sum(len(each.raw) for each in call.sent.resources))
    left, call = until - time.monotonic(), replace(call, authorization=None)
    return {"cards": await state.work.run(hold.caller, left, cards_of, call, state.clock(), _launch(state.settings))}


def _call_in(site: Site, body: Parcel, service: Service) -> Call:
    return call_in(body.plain(site.limits.max_body), service, site.policies.setup(None).types)


async def _completed(call: Call, state: State, seconds: float) -> Call:
    """The call with what did not come along. Raises PreconditionError where it can't be had."""
    if not _may_be_asked(call.server, state.settings):
        missing = ", ".join(sorted(call.missing))
        msg = f"the prefetch lacks {missing}, and fhirServer is none that may be asked; send all of the prefetch"
        raise PreconditionError(msg)
    held_by = call.authorization
    token = held_by.access_token if held_by is not None else None
    types = state.policies.setup(None).types
    try:
        check_whole(held_by.scope if held_by is not None else "")
        fetched = await complete_from_ehr(
            str(call.server), token, call.patient, types, call.absent, call.begun, seconds
        )
    except (ServerError, ForbiddenError) as error:
        missing = ", ".join(sorted(call.missing))
        msg = f"the prefetch lacks {missing}, and fhirServer does not give it: {error}"
        raise PreconditionError(msg) from error
    held = {each.key for each in call.sent.resources}
    more = tuple(each for each in fetched.resources if each.key not in held)
    sent = call.sent
    whole = Contents((*sent.resources, *more), sent.deleted, sent.problems)
    return replace(call, sent=whole, absent=frozenset(), begun={})


def _may_be_asked(server: str | None, settings: Settings) -> bool:
    """Whether it is the patients' own server, or one that the settings name."""
    own = {settings.servers.record.url} if settings.servers is not None else set()
    return server in own | set(settings.cds_servers)


def _launch(settings: Settings) -> str | None:
    """Where an EHR launches our page, if any may."""
    known = settings.public_url and settings.smart_issuers
    return f"{str(settings.public_url).rstrip('/')}/launch" if known else None


def cards_of(site: Site, call: Call, now: datetime, launch: str | None) -> list[Json]:
    """The cards of a call whose data are whole. Raises AdapterError where they can't be read."""
    setup = site.policies.setup(None)
    return cards(verdicts_on(setup, call.sent, call.patient, now), setup.definitions, call.instance, launch)


def _feedback_in(site: Site, body: Parcel) -> _AllFeedback:
    try:
        found = _feedback.decode(json_text(body.plain(site.limits.max_body)))
    except msgspec.DecodeError as error:
        msg = f"the body is no CDS Hooks feedback: {error}"
        raise MalformedError(msg) from error
    if len(found.feedback) > _MOST_FEEDBACK:
        msg = f"feedback on more than {_MOST_FEEDBACK} cards at once; send it in parts"
        raise MalformedError(msg)
    if any(each.outcome not in _OUTCOMES for each in found.feedback):
        msg = "an outcome is accepted or overridden"
        raise MalformedError(msg)
    return found
