"""`python -m bench.processes [--database URL]`: what a second process adds to the webhook's evaluations.

Processes share a queue on PostgreSQL: the database that is named, which is emptied, or one of our own, from Debian's
packages. Each process has a FHIR server of its own in its memory, which answers at once (then processors are the
limit), or only after a while (then it is). Ratios are of one run.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier, Event

import httpx
import pytest
from rich.console import Console
from rich.table import Table
from sqlalchemy import delete
from starlette.types import Receive, Scope, Send

from adapter.fhir.client import ServerSettings, open_client
from adapter.screening.publish import trial_resources
from adapter.screening.react.worker import Worker
from adapter.screening.setup import SiteConfig, load_setup
from adapter.store import Database, open_database, queue
from adapter.store.tables import metadata, schema_version
from bench.fhir_stub import StubServer
from bench.hospital import context_of, fill_queue, records
from tests.integration.postgres import postgres

_PAUSES = (0.0, 0.1)
"""Seconds that the FHIR server takes for an answer."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--database", metavar="URL", help="an empty PostgreSQL database")
    parser.add_argument("--patients", type=int, default=200, help="how many patients to evaluate")
    chosen = parser.parse_args()
    table = Table("FHIR server answers", "processes", "evaluations/s", "times one", title="Processes on one queue")
    try:
        with nullcontext(chosen.database) if chosen.database else postgres() as url:
            for pause in _PAUSES:
                rates = [_rate(url, count, pause, chosen.patients) for count in (1, 2)]
                said = f"after {1000 * pause:.0f} ms" if pause else "at once"
                for count, rate in enumerate(rates, start=1):
                    table.add_row(said, str(count), f"{rate:.1f}", f"{rate / rates[0]:.2f}")
    except pytest.skip.Exception as missing:
        Console().print(f"Not measured: {missing}")
    else:
        Console().print(table)


def _rate(url: str, count: int, pause: float, patients: int) -> float:
    """Patients evaluated a second by so many processes, from a full queue to an empty one."""
    context = get_context("spawn")
    ready, stop = context.Barrier(count + 1), context.Event()
    processes = [
        context.Process(target=_work, args=(url, pause, patients, ready, stop), daemon=True) for _ in range(count)
    ]
    with _emptied(url) as database:
        with database.transaction() as connection:
            fill_queue(connection, patients)
        for process in processes:
            process.start()
        ready.wait(120)
        began = time.perf_counter()
        while _waiting(database):
            time.sleep(0.05)
        seconds = time.perf_counter() - began
    stop.set()
    for process in processes:
        process.join(30)
    return patients / seconds


@contextmanager
def _emptied(url: str) -> Iterator[Database]:
    database = open_database(url)
    with database.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not schema_version:
                connection.execute(delete(table))
    yield database
    database.close()


def _waiting(database: Database) -> int:
    with database.reading() as connection:
        return queue.depth(connection).waiting


def _work(url: str, pause: float, patients: int, ready: Barrier, stop: Event) -> None:
    logging.disable(logging.WARNING)
    asyncio.run(_worked(url, pause, patients, ready, stop))


async def _worked(url: str, pause: float, patients: int, ready: Barrier, stop: Event) -> None:
    server = StubServer()
    for resource in (*trial_resources((), SiteConfig()), *records(patients)):
        server.put(resource)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(pause)
        await server(scope, receive, send)

    database, setup = open_database(url), load_setup(SiteConfig(), None)
    async with open_client(ServerSettings(url="http://hospital.example/fhir"), httpx.ASGITransport(answered)) as client:
        worker = Worker(context_of(setup, client, database))
        ready.wait(120)
        running = asyncio.create_task(worker.run())
        while not stop.is_set():  # noqa: ASYNC110  # an event of other processes
            await asyncio.sleep(0.05)
        worker.stop()
        await running
    database.close()


if __name__ == "__main__":
    main()
