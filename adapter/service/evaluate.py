"""`$evaluate`, on all studies or on one: a request -> a Bundle of verdicts."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.errors import AdapterError, place_of
from adapter.evaluator import BoundDefinition, Verdict, evaluate_all
from adapter.evaluator.bound import types_read
from adapter.fhir import Failure, Issue, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.record.bundle import json_text
from adapter.screening.setup import Setup, read_as_of
from adapter.service.access import Caller, caller_of, check_reads, check_subjects
from adapter.service.errors import ParameterError, TooSlowError, UnknownPatientError, answer_to
from adapter.service.http import check_content_type, json_response, media_type_of, read_body
from adapter.service.openapi import evaluate_by_get, evaluate_by_post
from adapter.service.operation import EvaluateRequest, request_in_body, request_in_query
from adapter.service.state import Policies, State, state_of
from adapter.service.subjects import Records, asked_subjects, chosen, holds_patient, sent_records, server_records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluateContext:
    """What is asked of each patient: some studies, under a policy, at an instant."""

    setup: Setup
    bounds: tuple[BoundDefinition, ...]
    as_of: datetime

    @property
    def types(self) -> frozenset[str]:
        """The resource types that the studies read beside the Patient."""
        return types_read(self.bounds)


def evaluate_context(
    asked: EvaluateRequest, instance: str | None, policies: Policies, now: datetime
) -> EvaluateContext:
    """The question of a request; `instance`: the study that the URL names.

    Raises ParameterError and UnknownStudyError.
    """
    setup = policies.setup(asked.policy)
    definitions = chosen(setup.definitions, asked.studies, instance)
    bound = {each.definition.id: each for each in setup.bounds}
    as_of = now if asked.as_of is None else _instant(asked.as_of, setup)
    return EvaluateContext(setup, tuple(bound[each.id] for each in definitions), as_of)


def evaluated(context: EvaluateContext, records: Records, expired: Callable[[], bool]) -> Json:
    """The verdicts on each patient for each study.

    A patient who can't be evaluated among others is an OperationOutcome of the answer; the only one is an error.
    Raises AdapterError of the kinds in `adapter.service.errors`; TooSlowError once `expired` says so.
    """
    if records.alone:
        return verdict_bundle(_verdicts(records, records.subjects[0], context))
    verdicts: list[Verdict] = []
    failures: list[Failure] = []
    for subject in records.subjects:
        if expired():
            msg = f"{len(records.subjects)} patients take longer than one request may; ask in parts"
            raise TooSlowError(msg)
        try:
            verdicts += _verdicts(records, subject, context)
        except Exception as error:  # noqa: BLE001  # one patient must not spoil the others' answers
            failures.append(_failure(str(subject), context.bounds, error))
    return verdict_bundle(verdicts, failures)


def _verdicts(records: Records, subject: str | None, context: EvaluateContext) -> tuple[Verdict, ...]:
    data = records.data(subject)
    try:
        record = read_record(data, context.setup.terminology, subject=subject, types=context.types)
    except AdapterError:
        if subject is not None and not holds_patient(subject, data):
            msg = f"{subject[:128]!r} is not in the data; send the Patient with the record"
            raise UnknownPatientError(msg) from None
        raise
    return evaluate_all(context.bounds, record, context.as_of, context.setup.policy)


def _failure(subject: str, bounds: Sequence[BoundDefinition], error: Exception) -> Failure:
    if isinstance(error, AdapterError):
        issue = Issue(code=answer_to(error)[1], text=f"{subject}: {error}")
    else:
        log.error("internal error: %s", place_of(error))
        issue = Issue(code="exception", text=f"internal error, please report it: {place_of(error)}")
    studies = tuple((each.definition.id, each.definition.version) for each in bounds)
    return Failure(subject=subject, studies=studies, issue=issue)


def _instant(text: str, setup: Setup) -> datetime:
    hint = " (in a URL, + is written %2B)" if " " in text else ""
    try:
        return read_as_of(text, setup.policy.time_zone)
    except (AdapterError, OverflowError) as error:
        msg = f"{error}{hint}" if isinstance(error, AdapterError) else "asOf is beyond the calendar; give another year"
        raise ParameterError(msg, expression="asOf") from None


def add_evaluate(app: FastAPI) -> None:
    """Add them; before the reads, whose `{id}` would take `$evaluate` for an id."""

    @app.post("/fhir/ResearchStudy/$evaluate", **evaluate_by_post())
    @app.get("/fhir/ResearchStudy/$evaluate", **evaluate_by_get())
    async def evaluate(request: Request) -> Response:
        return await _evaluate(request, None)

    @app.post("/fhir/ResearchStudy/{study_id}/$evaluate", **evaluate_by_post())
    @app.get("/fhir/ResearchStudy/{study_id}/$evaluate", **evaluate_by_get())
    async def evaluate_study(request: Request, study_id: str) -> Response:
        return await _evaluate(request, study_id)


async def _evaluate(request: Request, study: str | None) -> Response:
    state = state_of(request)
    media_type = media_type_of(request)
    deadline = time.monotonic() + state.settings.timeout
    body = await _body(request, state)
    query = list(request.query_params.multi_items())
    pretty = request.query_params.get("_pretty") == "true"
    send = partial(json_response, media_type=media_type, pretty=pretty)
    server, caller = state.record, caller_of(request)
    if server is None:
        return await state.workers.run(lambda: send(_without_server(body, query, study, state, deadline, caller)))
    asked = await state.workers.run(lambda: _request(body, query))
    if asked.use_server_data is False:
        return await state.workers.run(lambda: send(_of_data(asked, study, state, deadline, caller)))
    context = evaluate_context(asked, study, state.policies, state.clock())
    check_reads(caller, context.types)
    subjects = await state.workers.run(lambda: asked_subjects(asked, server.url))
    check_subjects(caller, subjects.keys)
    left = deadline - time.monotonic()
    records = await server_records(subjects, server, context.types, state.settings.max_subjects, left)
    return await state.workers.run(lambda: send(evaluated(context, records, lambda: time.monotonic() > deadline)))


async def _body(request: Request, state: State) -> bytes:
    if request.method == "GET":
        return b""
    body = await read_body(request, state.settings.max_body, state.settings.timeout)
    if body:
        check_content_type(request.headers.get("content-type"))
    return body


def _without_server(
    body: bytes, query: list[tuple[str, str]], study: str | None, state: State, deadline: float, caller: Caller
) -> Json:
    """From bytes to the answer; runs in a thread of its own."""
    return _of_data(_request(body, query), study, state, deadline, caller)


def _of_data(asked: EvaluateRequest, study: str | None, state: State, deadline: float, caller: Caller) -> Json:
    context = evaluate_context(asked, study, state.policies, state.clock())
    check_reads(caller, context.types)
    records = sent_records(asked, state.settings.max_subjects)
    check_subjects(caller, records.keys)
    return evaluated(context, records, lambda: time.monotonic() > deadline)


def _request(body: bytes, query: list[tuple[str, str]]) -> EvaluateRequest:
    return request_in_query(query).and_also(request_in_body(json_text(body)) if body else EvaluateRequest())
