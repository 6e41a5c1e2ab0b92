"""What the routes of one app share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from starlette.requests import Request

from adapter.criteria.definition import TrialDefinition
from adapter.fhir.client import FhirClient
from adapter.fhir.elements import Json
from adapter.service.definitions import Definitions
from adapter.service.hook.running import Hook
from adapter.service.settings import Settings
from adapter.service.site import Policies
from adapter.service.workers import Workers
from mappings.patient.hl7v2 import Settings as MessageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Made once, when the app is.

    `record`: the patients' server, where there is one; `hook`: the webhook, where there is one. Both are there while
    the app runs. `stored`: the trials that came from a server; they may be replaced while the service runs
    (adapter.service.refresh).
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
