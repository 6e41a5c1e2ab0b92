"""Whether the service runs, and whether it can answer."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.service.answers import json_response
from adapter.service.media import JSON
from adapter.service.state import state_of


def add_health(app: FastAPI) -> None:
    """Routes for whatever watches the process."""

    @app.get("/health/live", tags=["health"], summary="Whether the process answers; needs no token")
    async def live() -> Response:
        return json_response({"status": "ok"}, JSON)

    @app.get("/health/ready", tags=["health"], summary="What is loaded")
    async def ready(request: Request) -> Response:
        state = state_of(request)
        setup = state.policies.setup(None)
        content = {
            "status": "ok",
            "trials": len(setup.definitions),
            "policy": {"id": setup.policy.id, "hash": setup.policy.hash},
            "terminology": {"hash": setup.terminology.hash},
        }
        return json_response(content, JSON)
