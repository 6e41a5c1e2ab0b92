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
from adapter.screening.convert.load import Searches, Standing, Transaction, receive, searches, transaction
from adapter.service.audit import note_access
from adapter.service.errors import NotSupportedError, TooSlowError, UnsupportedMediaError, answer_to
from adapter.service.http import HL7V2, NOT_KEPT, Parcel, headers_of, hold_of, read_body
from adapter.service.limits import Hold
from adapter.service.openapi import hl7v2
from adapter.service.site import Site
from adapter.service.state import State, state_of
from mappings.patient import Rejected
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
from mappings.patient.hl7v2.acknowledge import Answer, Fault, Heading, acknowledge, heading_of
from mappings.patient.hl7v2.tables import charset_key, charsets

_READ = frozenset({HL7V2, "application/hl7-v2+er7", "x-application/hl7-v2+er7"})
_MOST_TOLD = 100
"""Values that could not be used which an ACK names one by one."""
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
        sent, hold = Sent(body, _charset(request)), hold_of(request)
        found = await state.work.run(hold.caller, until - time.monotonic(), message_in, sent)
        outcome = found.outcome
        if found.searches is not None:
            received = await _received(client, sent, found.searches, state, hold, until)
            answered = received.answer is Answer.ACCEPT
            faults = (*outcome.faults, *received.faults)
            outcome = replace(outcome, faults=faults, patients=received.patients) if answered else received
            note_access(request, "U", outcome.patients)
        now = state.clock()
        text = acknowledge(found.heading, outcome.answer, outcome.faults, uuid4().hex[:20], now)
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
class Sent:
    """A body that holds a message, and the codec that its Content-Type names."""

    body: Parcel
    charset: str | None

    def message(self, site: Site) -> Message:
        """The message. Raises UnreadableError, and as `Parcel.plain`."""
        return parse(_one(self.body.plain(site.limits.max_body)), self._settings(site).charset)

    def converted(self, message: Message, site: Site) -> Read:
        """The message as FHIR. Raises UnreadableError."""
        settings = self._settings(site)
        check(message, settings)
        sender = "^".join(message.header.text(field) for field in (3, 4))
        terminology = site.policies.setup(None).terminology
        return convert_message(message, f"hl7v2 {sender}", f"MSH-10 {message.control_id}", settings, terminology)

    def _settings(self, site: Site) -> Settings:
        return site.messages if self.charset is None else replace(site.messages, charset=self.charset)


@dataclass(frozen=True, slots=True)
class Found:
    """What is in a body: a message's heading, what to look for on the server, None for one that can't be used.

    `outcome`: what it comes to, if the server has nothing against it.
    """

    heading: Heading
    searches: Searches | None
    outcome: _Outcome


def message_in(site: Site, sent: Sent) -> Found:
    """The message of a body. Raises TooLargeError and MalformedError for a body that can't be had at all."""
    try:
        message = sent.message(site)
    except UnreadableError as error:
        return Found(_legible(sent.body.plain(site.limits.max_body)), None, _rejected(error))
    heading = heading_of(message.header)
    try:
        read = sent.converted(message, site)
    except UnreadableError as error:
        return Found(heading, None, _rejected(error))
    return Found(heading, searches(read.converted), _Outcome(Answer.ACCEPT, _warnings(read.rejected)))


def _warnings(rejected: Sequence[Rejected]) -> list[Fault]:
    """What of a message could not be used: the first of it, and how much more."""
    shown = [Fault(place=each.field, reason=each.reason, code="102", warning=True) for each in rejected[:_MOST_TOLD]]
    if len(rejected) > len(shown):
        more = f"{len(rejected) - len(shown)} more values could not be used"
        shown.append(Fault(place="", reason=more, code="102", warning=True))
    return shown


def transaction_of(site: Site, sent: Sent, standing: Standing) -> Transaction | _Outcome:
    """What to write of a message that could be read; or why it contradicts what stands on the server."""
    try:
        read = sent.converted(sent.message(site), site)
        return transaction(read.converted, standing, site.policies.setup(None).terminology)
    except UnreadableError as error:
        return _rejected(error)


def _rejected(error: UnreadableError) -> _Outcome:
    fault = Fault(place=error.field, reason=error.reason, code=error.code)
    return _Outcome(fault.answer, [fault])


class _ContradictionError(Exception):
    def __init__(self, outcome: _Outcome) -> None:
        super().__init__()
        self.outcome = outcome


async def _received(  # all of a request
    client: FhirClient, sent: Sent, asked: Searches, state: State, hold: Hold, until: float
) -> _Outcome:
    """What becomes of a message that could be read."""
    told: list[Fault] = []

    async def decide(standing: Standing) -> Transaction:
        made = await state.work.run(hold.caller, until - time.monotonic(), transaction_of, sent, standing)
        if isinstance(made, _Outcome):
            raise _ContradictionError(made)
        hold.add(len(made.bundle))
        told[:] = (Fault(place=field, reason=reason, code="102", warning=True) for field, reason in made.told)
        return made

    try:
        async with asyncio.timeout(until - time.monotonic()):
            patients = await receive(client, asked, decide)
            return _Outcome(Answer.ACCEPT, told, patients=patients)
    except _ContradictionError as error:
        return error.outcome
    except TimeoutError:
        return _failed(TooSlowError("the FHIR server did not answer in time"))
    except ServerError as error:
        return _failed(error)


def _one(body: bytes) -> Frame:
    """The one message of a body."""
    found = [frame for frame in frames([body]) if not frame.envelope]
    if len(found) != 1:
        raise UnreadableError(field="MSH", reason=f"{len(found)} messages; send one a request", code="100")
    return found[0]


def _legible(body: bytes) -> Heading:
    """The heading of a message whose character set is wrong, as far as it can be read."""
    try:
        return heading_of(parse(replace(_one(body), charset="latin-1")).header)
    except UnreadableError:
        return Heading()


def _failed(error: AdapterError) -> _Outcome:
    reason = str(error) if isinstance(error, RejectedError) else f"{error}; try again"
    return _Outcome(Answer.ERROR, [Fault(place="", reason=reason, code="207")], error)
