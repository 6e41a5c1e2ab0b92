"""Calls to the service in this process, without a socket."""

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI

from adapter.screening.setup import Setup
from adapter.service import Settings, create_app
from adapter.service.auth import Authenticator
from adapter.service.definitions import Served, definitional
from adapter.service.limits import Limits
from adapter.service.site import Policies
from tests.unit.screening.records import bundle, ecog, of, patient

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FHIR = {"Content-Type": "application/fhir+json"}
EVALUATE = "/fhir/ResearchStudy/$evaluate"
ONE = "/fhir/ResearchStudy/nct04785833/$evaluate"
RECORD = bundle(patient(), ecog("e1", of(), 1))


_MADE: dict[int, tuple[Setup, Served]] = {}


def definitions_of(setup: Setup) -> Served:
    """The resources that a service with this setup serves, made once: every app of it takes them, and changes none."""
    if id(setup) not in _MADE:
        _MADE[id(setup)] = (setup, Served(partial(definitional, setup.definitions, setup.terminology)))
    return _MADE[id(setup)][1]


def app_with(*setups: Setup, authenticator: Authenticator | None = None, **settings: Any) -> FastAPI:  # noqa: ANN401  # any setting
    """An app over loaded setups, the first of which is the site's own; its clock stands still."""
    policies = Policies(default=setups[0].policy.id, setups={setup.policy.id: setup for setup in setups})
    limits = Limits.model_construct(**{name: settings.pop(name) for name in Limits.model_fields if name in settings})
    return create_app(
        Settings(**settings, limits=limits),
        policies=policies,
        definitions=definitions_of(setups[0]),
        authenticator=authenticator,
        clock=lambda: NOW,
    )


class Caller:
    """Calls one app."""

    def __init__(self, app: FastAPI) -> None:  # noqa: D107
        self.app = app

    def call(self, method: str, url: str, **said: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
        """One request, in an event loop of its own."""
        return asyncio.run(self.answer(method, url, **said))

    async def answer(self, method: str, url: str, **said: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
        """One request."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://adapter.example") as client:
            return await client.request(method, url, **said)

    async def running(self, method: str, url: str, **said: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
        """One request to an app that has been started, and so has its FHIR server."""
        async with self.app.router.lifespan_context(self.app):
            return await self.answer(method, url, **said)

    def get(self, url: str, **headers: str) -> httpx.Response:
        """A GET."""
        return self.call("GET", url, headers=headers)

    def post(self, url: str, body: bytes | Json, **headers: str) -> httpx.Response:
        """A POST of FHIR JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", url, content=content, headers={**FHIR, **headers})


def parameters(*given: Json) -> Json:
    """A Parameters resource."""
    return {"resourceType": "Parameters", "parameter": list(given)}


def data(content: bytes = RECORD) -> Json:
    """The parameter with the record."""
    return {"name": "data", "resource": msgspec.json.decode(content)}


def resources(answer: httpx.Response, type_: str | None = None) -> list[Json]:
    """The resources of a Bundle that was answered with 200."""
    assert answer.status_code == 200, answer.text
    found = [entry["resource"] for entry in answer.json().get("entry", [])]
    return [resource for resource in found if type_ in (None, resource["resourceType"])]


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, issue-type and text of an answer that must be an OperationOutcome."""
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    return answer.status_code, issue["code"], issue["diagnostics"]
