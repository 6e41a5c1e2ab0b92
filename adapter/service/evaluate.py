"""`$evaluate`, on all studies or on one: a request -> a Bundle of verdicts."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from adapter.errors import AdapterError, NoAccessError, place_of
from adapter.evaluator import BoundDefinition, Verdict, evaluate_all
from adapter.evaluator.bound import types_read
from adapter.fhir import Failure, Issue, verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.record.bundle import json_text
from adapter.screening.setup import Setup, is_recruiting, read_as_of
from adapter.service.access import Caller, caller_of, check_reads, check_subjects, local
from adapter.service.audit import note_access
from adapter.service.ehr import NOT_SHOWN, as_caller
from adapter.service.errors import (
    ForbiddenError,
    ParameterError,
    TooCostlyError,
    TooSlowError,
    UnknownPatientError,
    answer_to,
)
from adapter.service.http import (
    Parcel,
    accepts_gzip,
    answer_parcel,
    check_content_type,
    hold_of,
    json_bytes,
    media_type_of,
    parcel_response,
    read_body,
)
from adapter.service.openapi import evaluate_by_get, evaluate_by_post
from adapter.service.operation import EvaluateRequest, request_in_body, request_in_query
from adapter.service.site import Policies, Site
from adapter.service.state import state_of
from adapter.service.subjects import (
    AskedSubjects,
    Records,
    asked_subjects,
    chosen,
    holds_patient,
    sent_records,
    server_records,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluateContext:
    """What is asked of each patient: some studies, under a policy, at an instant; `whole`: a reason a criterion too."""

    setup: Setup
    bounds: tuple[BoundDefinition, ...]
    as_of: datetime
    whole: bool = True

    @property
    def types(self) -> frozenset[str]:
        """The resource types that the studies read beside the Patient."""
        return types_read(self.bounds)

    @property
    def studies(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(each.definition.id for each in self.bounds)


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
    wanted = [each for each in definitions if not asked.recruiting or is_recruiting(each)]
    return EvaluateContext(setup, tuple(bound[each.id] for each in wanted), as_of, asked.whole)


def evaluated(context: EvaluateContext, records: Records, expired: Callable[[], bool]) -> Json:
    """The verdicts on each patient for each study.

    A patient who can't be evaluated among others is an OperationOutcome of the answer; the only one is an error.
    Raises AdapterError of the kinds in `adapter.service.errors`; TooSlowError once `expired` says so.
    """
    if records.alone:
        return verdict_bundle(_verdicts(records, records.subjects[0], context), whole=context.whole)
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
    return verdict_bundle(verdicts, failures, whole=context.whole)


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
    state, caller = state_of(request), caller_of(request)
    media_type = media_type_of(request)
    until = time.monotonic() + state.settings.limits.timeout
    asked = Asked(
        body=await _body(request),
        query=tuple(request.query_params.multi_items()),
        study=study,
        now=state.clock(),
        caller=caller,
        pretty=request.query_params.get("_pretty") == "true",
        gzip=accepts_gzip(request.scope["headers"]),
    )
    note_access(request, "E", ())  # nobody in particular, until it is known who
    run, hold, server = state.work.run, hold_of(request), state.record
    left = until - time.monotonic()
    if server is None:
        answer = await run(hold.caller, left, answer_to_request, asked, None, left)
    else:
        if asked.body.parts:
            found = await run(hold.caller, left, answer_or_question, asked, server.url, left)
        else:  # nothing is evaluated here
            found = answer_or_question(state.site, asked, server.url, left)
        if isinstance(found, Question):
            note_access(request, "E", found.subjects.keys, found.studies)
            most = state.settings.limits.max_subjects
            async with as_caller(server, state.settings, caller, request.headers.get("authorization")) as asks:
                left = until - time.monotonic()  # an exchange of tokens takes of it, too
                records = await server_records(found.subjects, asks, found.types, most, left, hold)
                if asks is not server:
                    records = _shown(records)
            left = until - time.monotonic()
            found = await run(hold.caller, left, answer_to_request, asked, records, left)
        answer = found
    note_access(request, "E", answer.patients, answer.studies)
    return parcel_response(request, answer.body, media_type)


def _shown(records: Records) -> Records:
    """Records that were asked for with a person's own token: what is refused, is refused to them."""
    refused = ForbiddenError(NOT_SHOWN)
    return replace(
        records, held={key: refused if isinstance(each, NoAccessError) else each for key, each in records.held.items()}
    )


async def _body(request: Request) -> Parcel:
    if request.method == "GET":
        return Parcel()
    body = await read_body(request)
    if body.parts:
        check_content_type(request.headers.get("content-type"))
    return body


class Asked(Struct, frozen=True, gc=False):
    """One request, as it came. `now`: when; `study`: the one that the URL names.

    `pretty`, `gzip`: how to write the answer.
    """

    body: Parcel
    query: tuple[tuple[str, str], ...]
    study: str | None
    now: datetime
    caller: Caller
    pretty: bool = False
    gzip: bool = False

    def read(self, site: Site) -> tuple[EvaluateRequest, EvaluateContext]:
        """What it asks. Raises AdapterError of the kinds in `adapter.service.errors`."""
        limits = site.limits
        body = self.body.plain(limits.max_body)
        sent = request_in_body(json_text(body), limits.max_entries) if body else EvaluateRequest()
        asked = request_in_query(self.query).and_also(sent)
        context = evaluate_context(asked, self.study, site.policies, self.now)
        check_reads(self.caller, context.types)
        return asked, context


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask the patients' server for: whom, and which types beside the Patient; for which studies (ids)."""

    subjects: AskedSubjects
    types: frozenset[str]
    studies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer as JSON, and whose data it opens (Type/id), for which studies (ids)."""

    body: Parcel
    patients: tuple[str, ...]
    studies: tuple[str, ...]


def answer_or_question(site: Site, request: Asked, base: str, seconds: float) -> Answer | Question:
    """The answer, or what the request needs before of the server at `base`. Raises as `Asked.read`."""
    until = time.monotonic() + seconds
    asked, context = request.read(site)
    if asked.use_server_data is False:
        return _answer(site, request, context, _sent(site, request, asked), until)
    subjects = asked_subjects(asked, base)
    check_subjects(request.caller, subjects.keys)
    return Question(replace(subjects, sent=None), context.types, context.studies)


def answer_to_request(site: Site, request: Asked, records: Records | None, seconds: float) -> Answer:
    """The answer. `records`: what the server has, None where it is not asked. Raises as `Asked.read`."""
    until = time.monotonic() + seconds
    asked, context = request.read(site)
    found = _sent(site, request, asked) if records is None else replace(records, sent=asked.data)
    return _answer(site, request, context, found, until)


def _sent(site: Site, request: Asked, asked: EvaluateRequest) -> Records:
    found = sent_records(asked, site.limits.max_subjects)
    check_subjects(request.caller, found.keys)
    return found


def _answer(site: Site, request: Asked, context: EvaluateContext, records: Records, until: float) -> Answer:
    made = evaluated(context, records, lambda: time.monotonic() > until)
    answer = json_bytes(made, pretty=request.pretty)
    if len(answer) > site.limits.max_answer:
        msg = f"the answer has more than {site.limits.max_answer} bytes; ask for fewer patients or studies at a time"
        raise TooCostlyError(msg)
    return Answer(answer_parcel(answer, gzip=request.gzip), _whose(made), context.studies)


def _whose(answer: Json) -> tuple[str, ...]:
    """The patients whom an answer is about."""
    subjects = (entry["resource"].get("subject", {}).get("reference") for entry in answer.get("entry", ()))
    return tuple(dict.fromkeys(each for each in subjects if each))


def warm(site: Site) -> None:
    """Evaluate nobody in particular, so that what is made only once has been made."""
    nobody = b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "nobody"}}]}'
    now = datetime(2026, 1, 1, tzinfo=UTC)
    _ = site.rules
    for policy in site.policies.setups:
        answer_to_request(site, Asked(Parcel((nobody,)), (("policy", policy),), None, now, local()), None, 60)
