"""A worker process that shares a queue with others, and says where it was when."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from adapter.fhir.client import FhirClient
from adapter.fhir.research_subject import Proposal
from adapter.screening.react.context import Context, Timing, rules_of
from adapter.screening.react.worker import ClaimHandler, Worker
from adapter.screening.setup import SiteConfig, load_setup
from adapter.store import Database, open_database
from adapter.store.queue import Claim
from bench.fhir_stub import StubServer
from tests.unit.react.hospital import client_of, with_leukaemia

TABLES = (
    "CREATE TABLE busy (patient text PRIMARY KEY)",
    "CREATE TABLE done (patient text, process int, together boolean)",
)
NO_TABLES = ("DROP TABLE busy", "DROP TABLE done")


class Watched(ClaimHandler):
    """Notes in the database that a patient is being worked on, and whether somebody else was at it too."""

    def __init__(self, site: Context, database: Database, number: int, pause: float) -> None:
        """For the process of a number; `pause`: seconds that a claim takes beyond the work."""
        super().__init__(site)
        self._database = database
        self._number = number
        self._pause = pause

    async def __call__(self, claim: Claim) -> None:
        """Do a claim, for a little longer than it takes."""
        alone = await self._note("INSERT INTO busy VALUES (:patient) ON CONFLICT DO NOTHING", claim.key)
        await asyncio.sleep(self._pause)
        await super().__call__(claim)
        words = "INSERT INTO done VALUES (:patient, :number, :together)"
        await self._note(words, claim.key, number=self._number, together=not alone)
        await self._note("DELETE FROM busy WHERE patient = :patient", claim.key)

    async def _note(self, words: str, patient: str, **values: object) -> int:
        return await self._database.run(
            lambda connection: connection.execute(text(words), {"patient": patient, **values}).rowcount
        )


async def work(url: str, number: int, names: Sequence[str], stop: Path, pause: float) -> None:
    """Work until a file says stop; another one says when it begins.

    Each process has a FHIR server of its own with the same patients.
    """
    server = StubServer()
    for name in names:
        for resource in with_leukaemia(name):
            server.put(resource)
    database = open_database(url)
    async with client_of(server) as client:
        site = _site(database, client)
        worker = Worker(site, at_once=2)
        worker._work = Watched(site, database, number, pause)  # noqa: SLF001  # to see what it does
        running = asyncio.create_task(worker.run())
        stop.with_name(f"working-{number}").touch()
        while not stop.exists():  # noqa: ASYNC110, ASYNC240  # another process has no event
            await asyncio.sleep(0.05)
        worker.stop()
        await running
    database.close()


def _site(database: Database, client: FhirClient) -> Context:
    async def write(_: Sequence[Proposal], __: object) -> None:
        await asyncio.sleep(0.02)

    from adapter.service.state import now  # noqa: PLC0415  # the clock of the service

    rules = rules_of(load_setup(SiteConfig(), None))
    return Context(
        database=database, rules=rules, record=client, research=client, write=write, clock=now, timing=Timing()
    )


def main(url: str, number: int, names: Sequence[str], stop: Path, pause: float) -> None:
    """The process."""
    asyncio.run(work(url, number, names, stop, pause))
