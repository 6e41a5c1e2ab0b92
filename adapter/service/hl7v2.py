"""`POST /hl7v2`: one HL7 v2 message from an interface engine, answered by an ACK.

AA means that the FHIR server has all of it. Anything else is an AE or AR with the reason, and also an HTTP status that
is no success, for engines that look no further (as HAPI's HL7 over HTTP: AR 400, AE 500; 503 and 504 where trying again
may help). What callers may not do at all (no token, another media type, too large) is answered as on every route.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from pathlib import Path
from uuid import uuid4

from anyio import to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.criteria.policy import Policy
from adapter.errors import ConflictError, OverloadedError, ServerError, UnreachableError
from adapter.fhir.client import FhirClient
from adapter.screening.convert.receive import receive
from adapter.service.errors import NotSupportedError, UnsupportedMediaError
from adapter.service.http import HL7V2, RETRY_AFTER, read_body
from adapter.service.openapi import hl7v2
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
from mappings.patient.hl7v2.tables import charset_key, charsets

_READ = frozenset({HL7V2, "application/hl7-v2+er7", "x-application/hl7-v2+er7"})
_STATUS = {Answer.ACCEPT: 200, Answer.REJECT: 400, Answer.ERROR: 500}
_BUSY, _SLOW = 503, 504

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    answer: Answer
    faults: Sequence[Fault] = ()
    status: int | None = None


def message_settings(mapping: Path | None, policy: Policy) -> Settings:
    """How messages are read: by the mapping file, and times in the policy's zone if it names one."""
    return load_settings(mapping, None if policy.time_zone.key == str(UTC) else policy.time_zone)


def add_hl7v2(app: FastAPI) -> None:
    """Add the route."""

    @app.post("/hl7v2", **hl7v2())
    async def message(request: Request) -> Response:
        state = state_of(request)
        client = _server(request, state)
        body = await read_body(request, state.settings.max_body, state.settings.timeout)
        header, outcome = await _taken(body, _charset(request), client, state)
        now = state.clock()
        text = acknowledge(header.header if header else None, outcome.answer, outcome.faults, uuid4().hex[:20], now)
        log.info("hl7v2 %s %s", outcome.answer, ",".join(sorted({fault.code for fault in outcome.faults})) or "-")
        status = outcome.status or _STATUS[outcome.answer]
        headers = {"Cache-Control": "no-store", **({"Retry-After": RETRY_AFTER} if status == _BUSY else {})}
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


async def _taken(body: bytes, charset: str | None, client: FhirClient, state: State) -> tuple[Message | None, _Outcome]:
    """What becomes of a body: the message, if it could be read, and the answer."""
    message: Message | None = None
    try:
        settings = state.messages if charset is None else replace(state.messages, charset=charset)
        message = parse(_one(body), settings.charset)
        convert = partial(_converted, message, settings, state)
        read = await to_thread.run_sync(convert)
        async with asyncio.timeout(state.settings.timeout):
            await receive(client, read.converted, state.policies.setup(None).terminology)
    except UnreadableError as error:
        fault = Fault(place=error.field, reason=error.reason, code=error.code)
        return message or _legible(body), _Outcome(fault.answer, [fault])
    except TimeoutError:
        return message, _failed("the FHIR server did not answer in time; try again", _SLOW)
    except (UnreachableError, OverloadedError, ConflictError) as error:
        return message, _failed(f"{error}; try again", _BUSY)
    except ServerError as error:
        return message, _failed(str(error), None)
    warnings = [Fault(place=each.field, reason=each.reason, code="102", warning=True) for each in read.rejected]
    return message, _Outcome(Answer.ACCEPT, warnings)


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


def _converted(message: Message, settings: Settings, state: State) -> Read:
    check(message, settings)
    sender = "^".join(message.header.text(field) for field in (3, 4))
    terminology = state.policies.setup(None).terminology
    return convert_message(message, f"hl7v2 {sender}", f"MSH-10 {message.control_id}", settings, terminology)


def _failed(reason: str, status: int | None) -> _Outcome:
    return _Outcome(Answer.ERROR, [Fault(place="", reason=reason, code="207")], status)
