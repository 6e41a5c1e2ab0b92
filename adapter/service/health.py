"""Whether the service runs, and whether it can answer."""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.service.answers import json_response
from adapter.service.hook.watch import METRICS_TYPE, metrics_text, readiness
from adapter.service.media import JSON
from adapter.service.openapi import metrics_route
from adapter.service.state import state_of


def add_health(app: FastAPI) -> None:
    """Routes for whatever watches the process."""

    @app.get("/health/live", tags=["health"], summary="Whether the process answers; needs no token")
    async def live() -> Response:
        return json_response({"status": "ok"}, JSON)

    @app.get("/health/ready", tags=["health"], summary="What is loaded, and whether it can work")
    async def ready(request: Request) -> Response:
        state = state_of(request)
        setup = state.policies.setup(None)
        works, webhook = True, dict[str, Any]()
        if state.hook is not None:
            works, webhook = await readiness(state.hook.site)
        content = {
            "status": "ok" if works else "failed",
            **webhook,
            "trials": len(setup.definitions),
            "policy": {"id": setup.policy.id, "hash": setup.policy.hash},
            "terminology": {"hash": setup.terminology.hash},
        }
        return json_response(content, JSON, status=200 if works else 503)

    @app.get("/metrics", **metrics_route(METRICS_TYPE))
    async def metrics(request: Request) -> Response:
        hook = state_of(request).hook
        text = await metrics_text(hook.site) if hook is not None else b""
        return Response(text, headers={"Content-Type": METRICS_TYPE})
