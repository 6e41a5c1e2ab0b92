"""Trials that a FHIR server holds are looked at again and again; a changed one is evaluated as it is from then on."""

import logging
from dataclasses import replace

import anyio
from fastapi import FastAPI

from adapter.errors import AdapterError, StoreError
from adapter.service.definitions import definitional
from adapter.service.site import load_policies, stored_trials
from adapter.service.state import State

log = logging.getLogger(__name__)


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
