"""`python -m bench.server [URL]`: `$evaluate` of patients of a HAPI FHIR, beside that server's own latency.

Each round asks for one patient in three ways, one after the other: HAPI for the Observations, as any client would; HAPI
for the whole record, in the requests that the adapter sends; the service for the verdicts of all trials. Some patients
are also asked about for one trial, of the service and of HAPI's own CQL engine ($apply of the published plan). So the
ratios hold for the run, whatever else the machine does. Without a URL a server is started (Java 17 and Maven).
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.patients import fetch_record
from adapter.screening.publish import publish_trials
from adapter.screening.settings import servers_from
from adapter.screening.setup import SiteConfig, load_setup
from adapter.service.serve import server
from adapter.service.settings import Settings
from demo.load import load
from tests.integration.hapi.server import NotAvailableError, Process, build

SEARCH, RECORD, EVALUATE = (
    "HAPI: Observations of a patient",
    "HAPI: the record, as we ask for it",
    "$evaluate, all trials",
)
ONE, APPLY = "$evaluate, one trial", "HAPI: $apply of that trial's plan"
STUDY = "cd7-cart01"
PATIENTS = 40
APPLIED = 5
"""$apply takes seconds; so many patients are asked about with it."""
_WARM = 2
"""Rounds that aren't counted."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.server", description=__doc__)
    parser.add_argument("url", nargs="?", help="a HAPI FHIR to fill and to ask; without it one is started")
    parser.add_argument("--rounds", type=int, default=5, help="how often each patient is asked for")
    chosen = parser.parse_args()
    try:
        with _hapi(chosen.url) as url:
            publish_trials(ServerSettings(url=url), (), SiteConfig())
            patients = list(load(url, PATIENTS))
            spent = asyncio.run(_measured(url, patients, chosen.rounds))
    except NotAvailableError as error:
        print(f"no HAPI FHIR to measure on: {error}", file=sys.stderr)  # noqa: T201
        return
    _print(spent, len(patients))


@contextmanager
def _hapi(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url.rstrip("/")
        return
    build()
    with tempfile.TemporaryDirectory() as folder:
        started = Process(Path(folder))
        started.start()
        try:
            yield started.url
        finally:
            started.stop()


async def _measured(url: str, patients: list[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each request, by what was asked."""
    types = load_setup(SiteConfig(), None).types
    spent: dict[str, list[float]] = {SEARCH: [], RECORD: [], EVALUATE: [], ONE: [], APPLY: []}
    with _service(url) as base:
        async with httpx.AsyncClient(timeout=60) as http, open_client(ServerSettings(url=url)) as client:

            async def search(patient: str) -> None:
                query = {"patient": f"Patient/{patient}", "_count": "1000"}
                (await http.get(f"{url}/Observation", params=query)).raise_for_status()

            async def record(patient: str) -> None:
                await fetch_record(client, patient, types)

            async def evaluate(patient: str) -> None:
                asked = {"subject": f"Patient/{patient}", "asOf": "2026-03-01"}
                (await http.get(f"{base}/fhir/ResearchStudy/$evaluate", params=asked)).raise_for_status()

            async def one(patient: str) -> None:
                asked = {"subject": f"Patient/{patient}"}
                (await http.get(f"{base}/fhir/ResearchStudy/{STUDY}/$evaluate", params=asked)).raise_for_status()

            async def apply(patient: str) -> None:
                asked = {"subject": f"Patient/{patient}"}
                (await http.get(f"{url}/PlanDefinition/{STUDY}-eligibility/$apply", params=asked)).raise_for_status()

            await _timed({SEARCH: search, RECORD: record, EVALUATE: evaluate}, patients, rounds, spent)
            await _timed({ONE: one, APPLY: apply}, patients[:APPLIED], 2, spent)
    return spent


async def _timed(
    ways: dict[str, Callable[[str], Awaitable[None]]], patients: list[str], rounds: int, spent: dict[str, list[float]]
) -> None:
    for turn in range(_WARM + rounds):
        for patient in patients:
            for name, ask in ways.items():
                began = time.perf_counter()
                await ask(patient)
                if turn >= _WARM:
                    spent[name].append(time.perf_counter() - began)


@contextmanager
def _service(record_url: str) -> Iterator[str]:
    """The service in a thread, on a free port; yields its address."""
    settings = Settings(servers=servers_from({"TRIAL_ADAPTER_FHIR_URL": record_url}))
    running = server(settings, "127.0.0.1", 0)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started and thread.is_alive():
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()


def _print(spent: dict[str, list[float]], patients: int) -> None:
    title = f"{patients} patients of the cohort on HAPI FHIR, one request at a time"
    table = Table("request", "median ms", "95 % within ms", "of HAPI's search", title=title)
    base = statistics.median(spent[SEARCH])
    for name, seconds in spent.items():
        median, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        table.add_row(name, f"{median * 1000:.1f}", f"{late * 1000:.1f}", f"{median / base:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
