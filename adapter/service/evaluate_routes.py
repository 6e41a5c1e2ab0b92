"""The routes of `$evaluate`, on all studies or on one."""

import time
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.service.answers import json_response, media_type_of
from adapter.service.asked import Asked, asked_in_body, asked_in_query
from adapter.service.body import read_body
from adapter.service.evaluation import evaluated
from adapter.service.json_text import json_text
from adapter.service.media import check_content_type
from adapter.service.openapi import evaluate_by_get, evaluate_by_post
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
    answer = partial(_answer, body, query, study, state, media_type, deadline, pretty=pretty)
    return await state.workers.run(answer)


async def _body(request: Request, state: State) -> bytes:
    if request.method == "GET":
        return b""
    body = await read_body(request, state.settings.max_body, state.settings.timeout)
    if body:
        check_content_type(request.headers.get("content-type"))
    return body


def _answer(
    body: bytes,
    query: list[tuple[str, str]],
    study: str | None,
    state: State,
    media_type: str,
    deadline: float,
    *,
    pretty: bool,
) -> Response:
    """From bytes to bytes; runs in a thread of its own."""
    asked = asked_in_query(query).and_also(asked_in_body(json_text(body)) if body else Asked())
    bundle = evaluated(
        asked, study, state.policies, state.clock(), state.settings.max_subjects, lambda: time.monotonic() > deadline
    )
    return json_response(bundle, media_type, pretty=pretty)
