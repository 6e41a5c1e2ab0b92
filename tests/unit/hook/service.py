"""The whole service with its webhook, in this process: its FHIR server is a stub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from adapter.fhir.client import ServerSettings
from adapter.screening.react.context import Timing
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service.settings import HookSettings
from tests.unit.service.calls import app_with

SECRET = "a-secret-of-some-length"  # noqa: S105  # a test's
SENT = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/fhir+json"}
NOWHERE = ServerSettings(url="http://127.0.0.1:1/fhir", attempts=1)
PACE = replace(Timing(), settle=timedelta(0), poll=timedelta(milliseconds=50), server_wait=timedelta(milliseconds=200))


def app_of(setup: Setup, folder: Path, server: ServerSettings = NOWHERE, **settings: Any) -> FastAPI:  # noqa: ANN401  # any setting
    """A service whose FHIR server is at an address where, unless said otherwise, none is."""
    hook = HookSettings(
        secrets=(SECRET, "an-older-secret-still-good"),
        database_url=f"sqlite:///{folder}/hook.db",
        timing=PACE,
        patience=0.3,
    )
    return app_with(setup, servers=Servers(record=server, research=server), hook=hook, **settings)


@asynccontextmanager
async def calling(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The service, running."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://adapter.example", headers=SENT) as client,
    ):
        yield client
