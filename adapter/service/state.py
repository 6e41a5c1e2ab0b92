"""What the routes of one app share: settings, definitions under every policy, workers; loaded once, refreshed later.

Trials that a FHIR server holds are read again and again; a changed one is evaluated as it is from then on.
"""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

import anyio
from fastapi import FastAPI
from starlette.requests import Request

from adapter.criteria.model import TrialDefinition
from adapter.errors import AdapterError, StoreError, place_of
from adapter.fhir.client import FhirClient
from adapter.fhir.elements import Json
from adapter.service.definitions import Served, definitional
from adapter.service.hook import Hook
from adapter.service.settings import Settings
from adapter.service.site import Policies, Site, load_policies, stored_trials
from adapter.service.work import Work

log = logging.getLogger(__name__)


def now() -> datetime:
    """The clock, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the routes of one app share; replaced as a whole when stored trials change.

    `site`: what requests are worked on with, by `work`. `record`: the patients' server, where there is one; `hook`: the
    webhook, where there is one. Both are there while the app runs. `stored`: the trials that came from a server; they
    may be replaced while the service runs (`keep_fresh`).
    """

    settings: Settings
    site: Site
    definitions: Served
    capabilities: Json
    work: Work
    clock: Callable[[], datetime]
    record: FhirClient | None = None
    stored: tuple[TrialDefinition, ...] = ()
    hook: Hook | None = None

    @property
    def policies(self) -> Policies:
        """The site's policies, and the trials under each."""
        return self.site.policies


def state_of(request: Request) -> State:
    """The state of the app that a request came to."""
    return cast("State", request.app.state.service)


def own_address(request: Request) -> str:
    """The service's address as its callers see it, without a slash at the end."""
    return (state_of(request).settings.public_url or str(request.base_url)).rstrip("/")


async def keep_served(app: FastAPI) -> None:
    """Make what is read of the trials before anybody asks for it; that it can't be made is logged, and no more.

    Whoever asks for it is told then, and evaluations don't need it.
    """
    state: State = app.state.service
    try:
        await anyio.to_thread.run_sync(state.definitions.made)
    except Exception as error:  # noqa: BLE001  # whatever it is, the rest of the service works
        said = str(error) if isinstance(error, AdapterError) else place_of(error)
        log.error("the trials can't be told as FHIR: %s", said)  # noqa: TRY400  # says all there is to say
    gc.freeze()  # it stays for good; collections needn't walk through it


async def keep_fresh(app: FastAPI) -> None:
    """Replace the app's state whenever stored trials have changed. Ends with the task that runs it."""
    while True:
        await anyio.sleep(app.state.service.settings.refresh)
        await refresh(app)


async def refresh(app: FastAPI) -> None:
    """Replace the app's state if stored trials have changed, once its workers know them."""
    state: State = app.state.service
    fresh = await anyio.to_thread.run_sync(refreshed, state)
    if fresh is state:
        return
    try:
        await state.work.adopt(fresh.site)
    except AdapterError as error:
        log.warning("the trials of the server have changed, and can't be used yet: %s", error)
        return
    app.state.service = fresh
    if fresh.hook is not None:
        try:
            await fresh.hook.adopt(fresh.policies.setup(None))
        except StoreError as error:
            log.warning("the new trials wait for the next sweep: %s", error)


def refreshed(state: State) -> State:
    """The state with the trials as the server holds them now; as it was where they can't be read, which is logged."""
    try:
        stored = stored_trials(state.settings)
        if stored == state.stored:
            return state
        policies = load_policies(state.settings, stored)
    except AdapterError as error:
        log.warning("the trials of the server can't be read, the earlier ones stay: %s", error)
        return state
    setup = policies.setup(None)
    definitions = Served(partial(definitional, setup.definitions, setup.terminology))
    log.info("trials of the server have changed: %d are in use", len(setup.definitions))
    return replace(state, site=replace(state.site, policies=policies), definitions=definitions, stored=stored)
