"""The app factory: loads the site once, and puts routes and layers together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from anyio import create_task_group, to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from adapter.columns.manifest import is_facts
from adapter.fhir.client import open_client
from adapter.screening.settings import PREFIX
from adapter.service.audit import AuditMiddleware, audit_of, audited_evaluations
from adapter.service.auth import Authenticator
from adapter.service.cds.routes import add_cds
from adapter.service.definitions import Served, capability_statement, definitional
from adapter.service.dispatch import Service
from adapter.service.evaluate import add_evaluate
from adapter.service.examples import add_examples
from adapter.service.feasibility import MODULES, add_feasibility
from adapter.service.hl7v2 import add_hl7v2, message_settings
from adapter.service.hook import open_hook
from adapter.service.hook_routes import add_hook
from adapter.service.http import JSON, compressed, either_response, json_bytes
from adapter.service.match import add_match
from adapter.service.middleware import REQUEST_ID, RequestMiddleware
from adapter.service.openapi import finished
from adapter.service.pool import Pool
from adapter.service.routes import add_definitions, add_health, add_landing
from adapter.service.settings import Settings
from adapter.service.site import Policies, Site, load_policies, load_zip_codes, stored_trials
from adapter.service.smart.routes import add_smart
from adapter.service.state import State, keep_fresh, keep_served, now, state_of
from adapter.service.work import Threads
from adapter.store import open_database
from adapter.version import package_version

log = logging.getLogger(__name__)


def check_stores(settings: Settings) -> None:
    """Say at once what can't be used of what is written to and read later. Raises StoreError."""
    if settings.hook is not None:
        open_database(settings.hook.database_url, settings.hook.patience).close()
    audit = audit_of(settings)
    if audit is not None:
        audit.check()
    if settings.facts is not None and not is_facts(settings.facts):
        log.warning("%sFACTS: there are no facts in that folder, `trial-adapter extract` makes them", PREFIX)


def create_app(
    settings: Settings,
    *,
    policies: Policies | None = None,
    definitions: Served | None = None,
    authenticator: Authenticator | None = None,
    clock: Callable[[], datetime] = now,
    hosts: frozenset[str] | None = None,
    processes: bool = False,
) -> FastAPI:
    """The service. Raises UsageError and DefinitionError where the site is set up wrongly.

    `policies`, `definitions`, `authenticator`, `clock`: for callers that have loaded or made them already; the
    definitions are those of the policies' trials. `hosts`: by which names the service may be called, where callers
    need no token; None for any. `processes`: whether requests are worked on in processes of their own, while the app
    runs; else in threads.
    """
    stored = () if policies else stored_trials(settings)
    loaded = policies or load_policies(settings, stored)
    setup = loaded.setup(None)
    app = Service(
        title="fhir-trial-adapter",
        version=package_version(),
        summary="Clinical-trial eligibility with a reason for every criterion, as FHIR R4",
        lifespan=_running,
        openapi_url=None,  # see _Document
        docs_url=None,  # both pages load scripts from elsewhere; the landing page needs none
        redoc_url=None,
        redirect_slashes=False,
        servers=[{"url": settings.public_url.rstrip("/")}] if settings.public_url else None,
    )
    site = Site(
        policies=loaded,
        messages=message_settings(settings.hl7v2_mapping, setup.policy),
        limits=settings.limits,
        zip_codes=load_zip_codes(settings.zip_codes),
    )
    app.state.service = State(
        settings=settings,
        site=site,
        definitions=definitions or Served(partial(definitional, setup.definitions, setup.terminology)),
        capabilities=capability_statement(clock(), secured=settings.asks_who_calls),
        work=Pool(site, MODULES if settings.facts else ()) if processes else Threads(site),
        clock=clock,
        stored=stored,
    )
    add_health(app)
    add_evaluate(app)
    add_match(app)
    add_feasibility(app)
    add_definitions(app)
    add_hl7v2(app)
    add_hook(app)
    add_cds(app)
    add_smart(app, settings)
    add_landing(app)
    audit = audit_of(settings)
    if audit is not None:
        app.add_middleware(AuditMiddleware, audit=audit, clock=clock)
    app.add_middleware(
        RequestMiddleware,
        authenticator=authenticator or Authenticator(settings),
        limits=settings.limits,
        hosts=hosts,
        origins=settings.cors,
    )  # last added, outermost
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", REQUEST_ID],
            expose_headers=[REQUEST_ID],
        )  # outermost: a browser asks it without a token
    document = _Document(app, secured=settings.asks_who_calls)
    app.add_route("/openapi.json", document.answer, include_in_schema=False)
    app.middleware_stack = app.build_middleware_stack()  # now: a route that nobody guards doesn't start
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """What the service does beside answering: connections are kept, stored trials looked at, changes reacted to."""
    settings = app.state.service.settings
    async with AsyncExitStack() as open_:
        if isinstance(app.state.service.work, Pool):
            await open_.enter_async_context(app.state.service.work)
        if settings.servers is not None:
            record = await open_.enter_async_context(open_client(settings.servers.record))
            app.state.service = replace(app.state.service, record=record)
            if settings.hook is not None:
                state: State = app.state.service
                audit = audit_of(settings)
                note = audited_evaluations(audit, state.clock) if audit is not None else None
                opened = open_hook(settings.hook, settings.servers, state.site, state.work, note, state.clock)
                app.state.service = replace(state, hook=await open_.enter_async_context(opened))
        tasks = await open_.enter_async_context(create_task_group())
        open_.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(keep_served, app)
        if settings.trial_server is not None:
            tasks.start_soon(keep_fresh, app)
        yield


class _Document:
    """The OpenAPI document as it is sent: made beside the event loop, once for the trials that there are."""

    def __init__(self, app: FastAPI, *, secured: bool) -> None:
        """Nothing is made yet. `secured`: whether callers need a token."""
        self._app = app
        self._secured = secured
        self._making = asyncio.Lock()
        self._of: tuple[Policies, str] | None = None
        self._plain = self._gzipped = b""

    async def answer(self, request: Request) -> Response:
        """The document, for whoever calls the service at this path."""
        state, root = state_of(request), request.scope.get("root_path", "").rstrip("/")
        async with self._making:
            if self._of is None or self._of[0] is not state.policies or self._of[1] != root:
                self._plain, self._gzipped = await to_thread.run_sync(self._made, state, root)
                self._of = state.policies, root
        return either_response(request, self._plain, self._gzipped, JSON)

    def _made(self, state: State, root: str) -> tuple[bytes, bytes]:
        """Its bytes, plain and compressed."""
        self._app.openapi_schema = None  # what FastAPI has made before holds examples of the trials that were there
        document = finished(self._app.openapi(), secured=self._secured)
        add_examples(document, state)
        servers = document.get("servers", [])
        if root and {"url": root} not in servers:
            document["servers"] = [{"url": root}, *servers]
        plain = json_bytes(document)
        return plain, compressed(plain)
