"""`POST /hl7v2`: one HL7 v2 message from an interface engine, answered by an ACK.

AA means that the FHIR server has all of it. Anything else is an AE or AR with the reason, and also an HTTP status that
is no success, for engines that look no further: AR 400; AE 422 where it is the message's own fault (HL7 over HTTP as
HAPI has it says 500, which reads as a failure of ours), 503 with Retry-After where the FHIR server fails, or is slow:
an engine keeps what is answered so, and sends it again. What callers may not do at all (no token, another media type,
too large) is answered as on every route.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.criteria.policy import Policy
from adapter.errors import AdapterError, RejectedError, ServerError
from adapter.fhir.client import FhirClient
from adapter.screening.convert.receive import receive
from adapter.service.audit import note_access
from adapter.service.errors import NotSupportedError, TooSlowError, UnsupportedMediaError, answer_to
from adapter.service.http import HL7V2, NOT_KEPT, Parcel, headers_of, hold_of, read_body
from adapter.service.openapi import hl7v2
from adapter.service.site import Site
from adapter.service.state import State, state_of
from mappings.patient.hl7v2 import (
    Frame,
    Message,
    Read,
    Settings,
    UnreadableError,
    check,
    convert_message,
    frames,
    load_settings,
    parse,
)
from mappings.patient.hl7v2.acknowledge import Answer, Fault, acknowledge
from mappings.patient.hl7v2.message import Segment
from mappings.patient.hl7v2.tables import charset_key, charsets

_READ = frozenset({HL7V2, "application/hl7-v2+er7", "x-application/hl7-v2+er7"})
_STATUS = {Answer.ACCEPT: 200, Answer.REJECT: 400, Answer.ERROR: 422}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """`failure`: why the FHIR server does not have it, where it is no fault of the message."""

    answer: Answer
    faults: Sequence[Fault] = ()
    failure: AdapterError | None = None
    patients: tuple[str, ...] = ()


def message_settings(mapping: Path | None, policy: Policy) -> Settings:
    """How messages are read: by the mapping file, and times in the policy's zone if it names one."""
    return load_settings(mapping, None if policy.time_zone.key == str(UTC) else policy.time_zone)


def add_hl7v2(app: FastAPI) -> None:
    """Add the route."""

    @app.post("/hl7v2", **hl7v2())
    async def message(request: Request) -> Response:
        state = state_of(request)
        client = _server(request, state)
        until = time.monotonic() + state.settings.limits.timeout
        body = await read_body(request)
        note_access(request, "U", ())  # nobody in particular, until it is known who
        who, left = hold_of(request).caller, until - time.monotonic()
        found = await state.work.run(who, left, message_in, body, _charset(request))
        outcome = found.outcome
        if found.read is not None:
            outcome = await _received(client, found.read, state, until)
            note_access(request, "U", outcome.patients)
        now = state.clock()
        text = acknowledge(found.header, outcome.answer, outcome.faults, uuid4().hex[:20], now)
        log.info("hl7v2 %s %s", outcome.answer, ",".join(sorted({fault.code for fault in outcome.faults})) or "-")
        status, headers = _STATUS[outcome.answer], NOT_KEPT
        if outcome.failure is not None:
            status, headers = answer_to(outcome.failure)[0], {**NOT_KEPT, **headers_of(outcome.failure)}
        return Response(text, status, headers, f"{HL7V2}; charset=utf-8")


def _server(request: Request, state: State) -> FhirClient:
    """The server that messages go to, once the request is one of a message."""
    named = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if named not in _READ:
        msg = f"the body must be one HL7 v2 message; send Content-Type: {HL7V2}"
        raise UnsupportedMediaError(msg)
    if state.record is None:
        msg = "there is no FHIR server to put messages on; set TRIAL_ADAPTER_FHIR_URL"
        raise NotSupportedError(msg)
    return state.record


def _charset(request: Request) -> str | None:
    """The codec that Content-Type names, for messages whose MSH-18 names none."""
    for parameter in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return charsets().get(charset_key(value.strip().strip('"')))
    return None


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a body: a message's header, and what was read of it, or why it could not be."""

    header: Segment | None
    read: Read | None = None
    outcome: _Outcome = _Outcome(Answer.ACCEPT)


def message_in(site: Site, body: Parcel, charset: str | None) -> Found:
    """The message of a body, as FHIR. Raises TooLargeError and MalformedError for a body that can't be had at all."""
    plain = body.plain(site.limits.max_body)
    settings = site.messages if charset is None else replace(site.messages, charset=charset)
    message: Message | None = None
    try:
        message = parse(_one(plain), settings.charset)
        return Found(message.header, _converted(message, settings, site))
    except UnreadableError as error:
        header = message or _legible(plain)
        return Found(header.header if header else None, outcome=_rejected(error))


def _rejected(error: UnreadableError) -> _Outcome:
    fault = Fault(place=error.field, reason=error.reason, code=error.code)
    return _Outcome(fault.answer, [fault])


async def _received(client: FhirClient, read: Read, state: State, until: float) -> _Outcome:
    """What becomes of a message that could be read."""
    try:
        async with asyncio.timeout(until - time.monotonic()):
            received = await receive(client, read.converted, state.policies.setup(None).terminology)
    except UnreadableError as error:
        return _rejected(error)
    except TimeoutError:
        return _failed(TooSlowError("the FHIR server did not answer in time"))
    except ServerError as error:
        return _failed(error)
    warnings = [Fault(place=each.field, reason=each.reason, code="102", warning=True) for each in read.rejected]
    return _Outcome(Answer.ACCEPT, warnings, patients=received.patients)


def _one(body: bytes) -> Frame:
    """The one message of a body."""
    found = [frame for frame in frames([body]) if not frame.envelope]
    if len(found) != 1:
        raise UnreadableError(field="MSH", reason=f"{len(found)} messages; send one a request", code="100")
    return found[0]


def _legible(body: bytes) -> Message | None:
    """A message whose character set is wrong, as far as its MSH goes."""
    try:
        return parse(replace(_one(body), charset="latin-1"))
    except UnreadableError:
        return None


def _converted(message: Message, settings: Settings, site: Site) -> Read:
    check(message, settings)
    sender = "^".join(message.header.text(field) for field in (3, 4))
    terminology = site.policies.setup(None).terminology
    return convert_message(message, f"hl7v2 {sender}", f"MSH-10 {message.control_id}", settings, terminology)


def _failed(error: AdapterError) -> _Outcome:
    reason = str(error) if isinstance(error, RejectedError) else f"{error}; try again"
    return _Outcome(Answer.ERROR, [Fault(place="", reason=reason, code="207")], error)
