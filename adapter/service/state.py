"""What the routes of one app share: settings, definitions under every policy, workers; loaded once, refreshed later.

Trials that a FHIR server holds are read again and again; a changed one is evaluated as it is from then on.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.requests import Request

from adapter.criteria.definition import TrialDefinition
from adapter.errors import AdapterError, StoreError
from adapter.fhir.client import FhirClient
from adapter.fhir.elements import Json
from adapter.screening.setup import Setup, SiteConfig, kept_expansions, load_setups, server_definitions
from adapter.service.definitions import Definitions, definitional
from adapter.service.errors import BusyError, ParameterError
from adapter.service.hook import Hook
from adapter.service.settings import Settings
from mappings.patient.hl7v2 import Settings as MessageSettings
from mappings.policy import shipped_names
from mappings.site import load_site

T = TypeVar("T")
_AT_ONCE = 4
"""Threads share one processor (the GIL): more of them would only wait for each other. A few, so that a large record
doesn't hold up the small ones behind it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """A setup for each policy's id; `default` is the site's own. A caller can't name a file of the server."""

    default: str
    setups: Mapping[str, Setup]

    def setup(self, policy: str | None) -> Setup:
        """The setup of the asked policy. Raises ParameterError if there is none."""
        found = self.setups.get(self.default if policy is None else policy)
        if found is None:
            msg = f"no policy {str(policy)[:64]!r}; known are {', '.join(sorted(self.setups))}"
            raise ParameterError(msg, expression="policy")
        return found

    @property
    def definitions(self) -> tuple[TrialDefinition, ...]:
        """The trials, the same under every policy."""
        return self.setups[self.default].definitions


def stored_trials(settings: Settings) -> tuple[TrialDefinition, ...]:
    """The trials that the site keeps on a FHIR server, if it does. Raises DefinitionError and ServerError."""
    if settings.trial_server is None:
        return ()
    return server_definitions(settings.trial_server, load_site(settings.site, settings.trials).terminology)


def load_policies(settings: Settings, stored: tuple[TrialDefinition, ...] = ()) -> Policies:
    """Load the site's policy and the shipped ones; the site's goes before a shipped one of the same id.

    `stored`: trials of a server, which go before shipped ones. Raises UsageError and DefinitionError where the site is
    set up wrongly.
    """
    site = SiteConfig(
        policy=settings.policy,
        folder=settings.site,
        trials=settings.trials,
        stored=stored,
        terminology=settings.terminology,
    )
    if settings.terminology_server is not None:
        held = load_site(settings.site, settings.trials).terminology
        site = replace(site, expansions=kept_expansions(settings.terminology_server, settings.cache, held))
    *shipped, own = load_setups(site, None, (*shipped_names(), settings.policy))
    setups = {setup.policy.id: setup for setup in (*shipped, own)}
    return Policies(default=own.policy.id, setups=setups)


def now() -> datetime:
    """The clock, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Workers:
    """Runs evaluations in threads beside the event loop, so many at a time, and refuses more than may wait."""

    def __init__(self, max_waiting: int) -> None:
        """Let so many evaluations run or wait."""
        self._max = max_waiting
        self._now = 0
        self._limiter: CapacityLimiter | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work. Raises BusyError where too much is waiting already."""
        if self._now >= self._max:
            msg = "too many requests are waiting; come back in a few seconds"
            raise BusyError(msg)
        self._now += 1
        try:
            self._limiter = self._limiter or CapacityLimiter(_AT_ONCE)  # needs the event loop, which runs only now
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._now -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the routes of one app share; replaced as a whole when stored trials change.

    `record`: the patients' server, where there is one; `hook`: the webhook, where there is one. Both are there while
    the app runs. `stored`: the trials that came from a server; they may be replaced while the service runs
    (`keep_fresh`).
    """

    settings: Settings
    policies: Policies
    definitions: Definitions
    capabilities: Json
    workers: Workers
    messages: MessageSettings
    clock: Callable[[], datetime]
    record: FhirClient | None = None
    stored: tuple[TrialDefinition, ...] = ()
    hook: Hook | None = None


def state_of(request: Request) -> State:
    """The state of the app that a request came to."""
    return cast("State", request.app.state.service)


async def keep_fresh(app: FastAPI) -> None:
    """Replace the app's state whenever stored trials have changed. Ends with the task that runs it."""
    while True:
        await anyio.sleep(app.state.service.settings.refresh)
        state: State = app.state.service
        fresh = await anyio.to_thread.run_sync(refreshed, state)
        app.state.service = fresh
        if fresh.hook is not None and fresh.policies is not state.policies:
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
    definitions = definitional(setup.definitions, setup.terminology)
    log.info("trials of the server have changed: %d are in use", len(setup.definitions))
    return replace(state, policies=policies, definitions=definitions, stored=stored)
