"""Two services on one PostgreSQL: nothing is lost and nothing done twice, also where one takes over from the other."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete

from adapter.screening.react.context import SWEEP, Timing
from adapter.screening.react.schedule import running
from adapter.screening.setup import Setup
from adapter.store import open_database
from adapter.store.duties import due_at
from adapter.store.tables import metadata, schema_version
from bench.fhir_stub import StubServer
from tests.integration.postgres import postgres
from tests.unit.react.hospital import Clock, Hospital, client_of, fit, hospital, with_leukaemia
from tests.unit.react.hospital import until as until_within

pytestmark = pytest.mark.anyio
until = partial(until_within, seconds=60)
NAMES = [f"p{number}" for number in range(30)]
QUICK = Timing(settle=timedelta(0), poll=timedelta(milliseconds=20), lease=timedelta(hours=1))
"""Leases that end by the clock of the test, however long the machine takes."""
Scope = dict[str, Any]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


class Running(Clock):
    """A clock that every look moves on."""

    def __call__(self) -> Any:  # noqa: ANN401  # a time
        """The time."""
        self.pass_(milliseconds=5)
        return super().__call__()


class Stalling:
    """The server as one service sees it: the first request of a sort is answered only when it may `go` on."""

    def __init__(self, server: StubServer, stalls: Callable[[Scope], bool]) -> None:  # noqa: D107
        self.server, self.stalls = server, stalls
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has them
        """Answer one request."""
        if not self.reached.is_set() and self.stalls(scope):
            self.reached.set()
            await self.go.wait()
        await self.server(scope, receive, send)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of our own."""
    with postgres() as found:
        yield found


@asynccontextmanager
async def two(
    url: str, setup: Setup, stalls: Callable[[Scope], bool]
) -> AsyncIterator[tuple[list[Hospital], Stalling]]:
    """Two services of one hospital whose server tells nothing; for the first one it stalls."""
    clock = Running()
    server = StubServer(clock=clock)
    databases = [open_database(url) for _ in range(2)]
    with databases[0].transaction() as connection:
        for table in metadata.sorted_tables:
            if table is not schema_version:
                connection.execute(delete(table))
    stalling = Stalling(server, stalls)
    try:
        async with client_of(stalling) as first, client_of(server) as second:  # type: ignore[arg-type]  # an ASGI app
            clients = (first, second)
            both = [
                hospital(setup, server, each, client, clock, QUICK)
                for each, client in zip(databases, clients, strict=True)
            ]
            for each in both:
                each.loses = True
            for name in NAMES:
                both[0].put(*with_leukaemia(name))
            yield both, stalling
    finally:
        for database in databases:
            database.close()


def rounds(of: Hospital, outcome: str) -> float:
    """How many sweeps ended so."""
    return float(of.context.metrics.rounds.labels("sweep", outcome)._value.get())  # noqa: SLF001  # there is no other way


def swept(both: list[Hospital]) -> bool:
    """Whether a sweep has ended and none goes on or is asked for: the next one is due a sweep's time later."""
    with both[0].context.database.transaction() as connection:
        due = due_at(connection, SWEEP)
    return due is not None and due > both[0].clock()


def written(both: list[Hospital]) -> Counter[str]:
    """How often each patient's verdict on each study was written."""
    return Counter(each.identifier for one in both for each in one.written)


def events(both: list[Hospital]) -> Counter[tuple[str, str, str | None]]:
    """How often each verdict came to be."""
    return Counter((each.patient, each.study, each.new) for each in both[0].events())


def everyone(is_: str, both: list[Hospital]) -> bool:
    """Whether all have this status, and nobody waits."""
    return {both[0].subject(name=name) for name in NAMES} == {is_} and not both[0].waiting()


async def test_two_that_begin_at_once(url: str, strict: Setup) -> None:
    """Each patient is evaluated once, by one of them; and what changes later is found by either."""
    async with two(url, strict, lambda _: False) as (both, _), running(both[0].context), running(both[1].context):
        await until(lambda: everyone("potential-candidate", both) and swept(both))
        assert set(written(both).values()) == {1}
        assert len(written(both)) == len(NAMES) * len(strict.bounds)
        for name in NAMES:
            both[0].put(fit(f"{name}-e", 4, name))
        both[0].clock.pass_(seconds=QUICK.sweep.total_seconds())
        await until(lambda: everyone("ineligible", both))
        assert sum(rounds(each, "failed") for each in both) == 0
        assert set(events(both).values()) == {1}


def is_sweep(scope: Scope) -> bool:
    """Whether a request is a sweep's: of everyone."""
    return str(scope["path"]).endswith("/Condition") and b"patient" not in scope["query_string"]


def is_fetch(scope: Scope) -> bool:
    """Whether a request is an evaluation's: of one patient."""
    return not is_sweep(scope) and not str(scope["path"]).endswith(("/metadata", "/_history", "/ResearchSubject"))


@pytest.mark.parametrize("stalls", [is_sweep, is_fetch], ids=["a sweep", "an evaluation"])
async def test_one_takes_over(url: str, strict: Setup, stalls: Callable[[Scope], bool]) -> None:
    """The lease of what stands still ends: the other one does it all, and what comes too late changes nothing."""
    async with two(url, strict, stalls) as (both, stalling), running(both[0].context):
        await until(stalling.reached.is_set)
        both[0].clock.pass_(seconds=QUICK.lease.total_seconds())
        async with running(both[1].context):
            await until(lambda: everyone("potential-candidate", both) and swept(both))
            for name in NAMES:
                both[0].put(fit(f"{name}-e", 4, name))
            both[0].clock.pass_(seconds=QUICK.sweep.total_seconds())
            await until(lambda: everyone("ineligible", both))
            stalling.go.set()
            metrics = both[0].context.metrics
            lost = metrics.errors.labels("StoreError" if stalls is is_sweep else "LostLeaseError")
            await until(lambda: lost._value.get() >= 1)  # noqa: SLF001  # as above
            await until(lambda: everyone("ineligible", both))
        assert set(events(both).values()) == {1}
