"""A hospital in memory: a FHIR server that tells of its changes, and the adapter that reacts to them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from adapter.fhir.client import FhirClient, ServerSettings, open_client
from adapter.fhir.research_subject import Proposal, research_subject_id
from adapter.screening.react.changes import ResourceChange, change_of
from adapter.screening.react.context import Context, Timing, rules_of
from adapter.screening.react.inbox import Inbox, Notification
from adapter.screening.react.worker import ClaimHandler
from adapter.screening.setup import Setup
from adapter.store import Database, open_database, queue, verdicts
from adapter.store.queue import Claim
from adapter.store.verdicts import Event
from bench.fhir_stub import StubServer
from tests import build
from tests.unit.screening.records import T_ALL, condition, ecog, of, patient

Json = dict[str, Any]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAB = {"system": "http://loinc.org", "code": "2160-0"}
NOT_READ = {"system": "http://loinc.org", "code": "1234-5"}


class Clock:
    """A clock that stands still until it is moved on, by several threads too: no time that passes is lost."""

    def __init__(self) -> None:  # noqa: D107
        self.now = START
        self._moving = Lock()

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def pass_(self, **time: float) -> None:
        """Let time pass."""
        with self._moving:
            self.now += timedelta(**time)


@dataclass
class Hospital:
    """The server, and the adapter with its parts to call one by one. `written`: proposals that were written."""

    server: StubServer
    context: Context
    clock: Clock
    written: list[Proposal] = field(default_factory=list)
    loses: bool = False

    def __post_init__(self) -> None:
        """Have notifications stored in the inbox."""
        self.inbox = Inbox(self.context)
        self.work = ClaimHandler(self.context)
        self.notifications: list[Notification] = []
        self.server.told.append(self._told)

    def _told(self, method: str, key: str, resource: Json | None) -> None:
        if key.partition("/")[0] in self.context.relevance.types and not self.loses:
            change = ResourceChange(resource=key, deleted=True) if resource is None else self._change_in(resource)
            self.notifications.append(Notification(kind=method, changes=(change,)))

    def _change_in(self, resource: Json) -> ResourceChange:
        return change_of(httpx.Response(200, json=resource).content, self.context.rules.setup.terminology)

    def put(self, *resources: Json) -> None:
        """Store resources on the server, which tells of them."""
        for resource in resources:
            self.server.put(resource)
            self.clock.pass_(milliseconds=10)

    async def deliver(self) -> None:
        """Let what the server has told arrive."""
        notifications, self.notifications = self.notifications, []
        for notification in notifications:
            await self.inbox.store(notification)

    async def claim(self) -> list[Claim]:
        """Claim everything that is due."""
        self.clock.pass_(seconds=1)
        return await self.context.database.run(lambda c: queue.claim(c, self.clock(), self.context.timing.lease, 1000))

    async def settle(self) -> int:
        """Deliver, and work until nothing is due; how many claims that took."""
        await self.deliver()
        done = 0
        while claims := await self.claim():
            for each in claims:
                await self.work(each)
            done += len(claims)
        return done

    def bundle(self, *resources: Json | None) -> bytes:
        """Resources as a server sends them."""
        entries = [{"resource": each} for each in resources if each is not None]
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "collection", "entry": entries}).content

    def subject(self, study: str = "nct04785833", name: str = "p1") -> str | None:
        """The status of a ResearchSubject on the server."""
        found = self.server.get(f"ResearchSubject/{research_subject_id(study, f'Patient/{name}')}")
        return None if found is None else str(found["status"])

    def events(self) -> list[Event]:
        """The events that are kept."""
        with self.context.database.transaction() as connection:
            return verdicts.events(connection)

    def waiting(self) -> list[str]:
        """What waits in the queue."""
        with self.context.database.transaction() as connection:
            return [each.key for each in queue.listed(connection)]


class ToServer:
    """Writes ResearchSubjects only, and remembers the proposals."""

    def __init__(self, client: FhirClient) -> None:  # noqa: D107
        self.client = client
        self.written: list[Proposal] = []

    async def __call__(self, found: Sequence[Proposal], _: object) -> None:
        """Write them."""
        for proposal in found:
            self.written.append(proposal)
            await self.client.update(proposal.research_subject)


def open_hospital(setup: Setup, folder: Path, **timing: timedelta | int) -> AbstractAsyncContextManager[Hospital]:
    """A hospital with an empty server and an empty database in a file."""
    return open_hospital_on(f"sqlite:///{folder / 'hook.db'}", setup, **timing)


@asynccontextmanager
async def open_hospital_on(url: str, setup: Setup, **timing: timedelta | int) -> AsyncIterator[Hospital]:
    """A hospital with an empty server, on a database."""
    clock = Clock()
    server = StubServer(clock=clock)
    database = open_database(url, patience=1)
    try:
        async with client_of(server) as client:
            yield hospital(setup, server, database, client, clock, Timing(**timing))  # type: ignore[arg-type]  # by name
    finally:
        database.close()


def client_of(server: StubServer) -> Any:  # noqa: ANN401  # an async context manager
    """A client of the server, without a socket."""
    settings = ServerSettings(url="http://hospital.example/fhir", attempts=1, wait=0)
    return open_client(settings, httpx.ASGITransport(server))


def hospital(
    setup: Setup, server: StubServer, database: Database, client: FhirClient, clock: Clock, timing: Timing
) -> Hospital:
    """Put one together."""
    write = ToServer(client)
    context = Context(
        database=database,
        rules=rules_of(setup),
        record=client,
        research=client,
        write=write,
        clock=clock,
        timing=timing,
    )
    return Hospital(server=server, context=context, clock=clock, written=write.written)


def creatinine(name: str, value: float, subject: str = "p1", coding: Json = LAB, on: str = "2026-02-27") -> Json:
    """A laboratory result with its reference range."""
    elements = {"id": name, "subject": of(subject), "code": {"coding": [coding]}, "effectiveDateTime": on}
    return build.creatinine(value, **elements)


def with_leukaemia(name: str = "p1", **elements: object) -> tuple[Json, ...]:
    """A patient with T-ALL."""
    return patient(name, **elements), condition(f"{name}-c", of(name), T_ALL)


def fit(name: str, score: int, subject: str = "p1") -> Json:
    """An ECOG score."""
    return ecog(name, of(subject), score)


def policy_of(proposal: Proposal) -> str:
    """The policy that a proposal was made with."""
    (said,) = proposal.guidance["contained"]
    (policy,) = [each["part"] for each in said["parameter"] if each["name"] == "policy"]
    return str(policy[0]["valueString"])


async def until(holds: Any, seconds: float = 20) -> None:  # noqa: ANN401  # a condition
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  # a condition of any kind has no event
            await asyncio.sleep(0.02)
