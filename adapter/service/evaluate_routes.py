"""The routes of `$evaluate`, on all studies or on one."""

import time
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.fhir.elements import Json
from adapter.service.answers import json_response, media_type_of
from adapter.service.asked import Asked, asked_in_body, asked_in_query
from adapter.service.body import read_body
from adapter.service.evaluation import evaluated, question_of
from adapter.service.json_text import json_text
from adapter.service.media import check_content_type
from adapter.service.openapi import evaluate_by_get, evaluate_by_post
from adapter.service.records import sent_records, whom_asked
from adapter.service.server_data import server_records
from adapter.service.state import State, state_of


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
    if state.record is None:
        return await state.workers.run(lambda: send(_without_server(body, query, study, state, deadline)))
    asked = await state.workers.run(lambda: _asked(body, query))
    if asked.use_server_data is False:
        return await state.workers.run(lambda: send(_of_data(asked, study, state, deadline)))
    question = question_of(asked, study, state.policies, state.clock())
    whom = await state.workers.run(lambda: whom_asked(asked))
    left = deadline - time.monotonic()
    records = await server_records(whom, state.record, question.types, state.settings.max_subjects, left)
    return await state.workers.run(lambda: send(evaluated(question, records, lambda: time.monotonic() > deadline)))


async def _body(request: Request, state: State) -> bytes:
    if request.method == "GET":
        return b""
    body = await read_body(request, state.settings.max_body, state.settings.timeout)
    if body:
        check_content_type(request.headers.get("content-type"))
    return body


def _without_server(
    body: bytes, query: list[tuple[str, str]], study: str | None, state: State, deadline: float
) -> Json:
    """From bytes to the answer; runs in a thread of its own."""
    return _of_data(_asked(body, query), study, state, deadline)


def _of_data(asked: Asked, study: str | None, state: State, deadline: float) -> Json:
    question = question_of(asked, study, state.policies, state.clock())
    records = sent_records(asked, state.settings.max_subjects)
    return evaluated(question, records, lambda: time.monotonic() > deadline)


def _asked(body: bytes, query: list[tuple[str, str]]) -> Asked:
    return asked_in_query(query).and_also(asked_in_body(json_text(body)) if body else Asked())
