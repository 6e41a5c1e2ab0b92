"""`python -m bench.webhook [--hapi URL]`: what the webhook takes in, what it evaluates, and where the time goes.

Notifications are sent over HTTP to a service in a process of its own; each is durable (SQLite, synchronous FULL) when
it is answered. Evaluations go from the queue to a FHIR server and back: to a stub in a process of its own, and to a
real server if one is named (it is written to: take an empty one). All ratios are of one run.
"""

import argparse
import asyncio
import json
import logging
import socket
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path

import uvicorn
from rich.console import Console
from rich.table import Table

from adapter.evaluator import bind
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import touched
from adapter.fhir.client import ServerSettings, open_client
from adapter.record.contents import Contents, contents_of
from adapter.screening.publish import trial_resources
from adapter.screening.react.changes import change_of, relevance_of
from adapter.screening.react.inbox import enqueue
from adapter.screening.react.reevaluation import LastEvaluation, bases, reevaluate
from adapter.screening.react.worker import Worker
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup, SiteConfig, load_setup
from adapter.service.serve import server
from adapter.service.settings import HookSettings, Settings
from adapter.store import open_database, queue, verdicts
from bench.fhir_stub import Json, StubServer
from bench.hospital import condition, context_of, creatinine, fill_queue, record_bundle, records
from tests.build import patient

SECRET = "a-secret-of-the-benchmark"  # noqa: S105  # nobody else's
NOWHERE = ServerSettings(url="http://127.0.0.1:1/fhir", attempts=1)
CHANGES = 300
_OK = 200


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhook", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long to send notifications")
    parser.add_argument("--patients", type=int, default=100, help="how many patients to evaluate")
    parser.add_argument("--hapi", metavar="URL", help="the FHIR base of a real, empty server")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    setup = load_setup(SiteConfig(), None)
    _print_intake(chosen.seconds)
    _print_trials(setup)
    port = _free_port()
    stub = get_context("spawn").Process(target=_serve_stub, args=(port,), daemon=True)
    stub.start()
    _await(port)
    try:
        _print_evaluations("a stub server", f"http://127.0.0.1:{port}/fhir", chosen.patients, setup)
    finally:
        stub.terminate()
        stub.join()
    if chosen.hapi:
        _print_evaluations("a real server", chosen.hapi, chosen.patients, setup)


def _print_intake(seconds: float) -> None:
    table = Table("callers", "notifications/s", "median ms", "95 % ms", title="Notifications taken, durable")
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        process = get_context("spawn").Process(target=_serve, args=(port, folder), daemon=True)
        process.start()
        _await(port)
        try:
            for callers in (1, 8, 32):
                taken = sorted(_sent(port, callers, seconds))
                shown = (1000 * statistics.median(taken), 1000 * taken[int(len(taken) * 0.95)])
                table.add_row(str(callers), f"{len(taken) / seconds:.0f}", *(f"{each:.1f}" for each in shown))
        finally:
            process.terminate()
            process.join()
    Console().print(table)


def _sent(port: int, callers: int, seconds: float) -> list[float]:
    """How long each notification took."""
    until = time.monotonic() + seconds
    taken: list[float] = []

    def call(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", port)
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/fhir+json"}
        count = 0
        while time.monotonic() < until:
            count += 1
            name = f"{number}-{count}"
            body = json.dumps(condition(f"c{name}", f"p{name}"))
            began = time.perf_counter()
            connection.request("PUT", f"/hook/Condition/c{name}", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != _OK:
                raise RuntimeError(answer.status)
            taken.append(time.perf_counter() - began)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def _print_trials(setup: Setup) -> None:
    """The cost of a notification, and of the evaluation that it causes, beside trials that it doesn't touch."""
    table = Table("unaffected trials", "queue it, ms", "evaluate, ms", "studies evaluated", title="One creatinine")
    for count in (0, 5, 100, 1000):
        queued, evaluated, studies = _one_change(_with_others(setup, count))
        table.add_row(str(count), f"{1000 * queued:.2f}", f"{1000 * evaluated:.2f}", str(studies))
    Console().print(table)


def _with_others(setup: Setup, count: int) -> Setup:
    """The site with so many more trials, none of which reads creatinine."""
    base = setup.definitions[0]
    kept = tuple(
        each
        for each in base.criteria
        if not any(
            "creatinine" in touched(reads_of(leaf, setup.terminology.catalogue), setup.policy)
            for leaf in replace(base, criteria=(each,)).leaves()
        )
    )
    others = [replace(base, id=f"other-{number}", criteria=kept) for number in range(count)]
    bounds = (*setup.bounds, *(bind(each, setup.terminology) for each in others))
    return replace(setup, definitions=(*setup.definitions, *others), bounds=bounds)


def _contents(record: list[Json]) -> Contents:
    return contents_of(json.dumps(record_bundle(record)).encode())


def _one_change(setup: Setup) -> tuple[float, float, int]:
    """Seconds to queue a result of a known patient, seconds to evaluate it, and how many studies that were."""
    relevance, basis, moment = relevance_of(setup), bases(setup), datetime.now(UTC)
    record = [patient("p"), condition("c", "p"), creatinine("o", "p", 70)]
    first = reevaluate(_contents(record), "Patient/p", (), _NOTHING, setup, relevance, basis, moment)
    known = LastEvaluation(
        verdicts={change.kept.study: change.kept for change in first.changes},
        index={row.resource: row for row in first.index},
    )
    record[2] = {**creatinine("o", "p", 90), "meta": {"versionId": "2"}}
    contents, raw = _contents(record), json.dumps(record[2]).encode()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/bench.db")
        with database.transaction() as connection:
            verdicts.put(connection, list(known.verdicts.values()))
        began = time.perf_counter()
        with database.transaction() as connection:  # one, so that the disk doesn't hide what is measured
            for _ in range(CHANGES):
                enqueue(connection, [change_of(raw, setup.terminology)], relevance, moment)
        queued = (time.perf_counter() - began) / CHANGES
        database.close()
    began = time.perf_counter()
    for _ in range(CHANGES):
        reevaluation = reevaluate(contents, "Patient/p", ("creatinine",), known, setup, relevance, basis, moment)
    return queued, (time.perf_counter() - began) / CHANGES, len(reevaluation.studies)


_NOTHING = LastEvaluation(verdicts={}, index={})


def _print_evaluations(title: str, url: str, patients: int, setup: Setup) -> None:
    seconds, parts = asyncio.run(_evaluated(url, patients, setup))
    table = Table(
        "part", "ms a patient", "share", title=f"Evaluations against {title}: {patients / seconds:.0f} a second"
    )
    total = sum(parts.values())
    for part, taken in sorted(parts.items(), key=lambda each: -each[1]):
        table.add_row(part, f"{1000 * taken / patients:.1f}", f"{100 * taken / total:.0f} %")
    Console().print(table)


async def _evaluated(url: str, patients: int, setup: Setup) -> tuple[float, dict[str, float]]:
    """Seconds from a full queue to an empty one, four patients at once; and the time of each part, summed."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/bench.db")
        async with open_client(ServerSettings(url=url)) as client:
            resources = [*trial_resources((), SiteConfig()), *records(patients)]
            for start in range(0, len(resources), 200):
                await client.transaction([_put(each) for each in resources[start : start + 200]])
            context = context_of(setup, client, database)
            await database.run(partial(fill_queue, patients=patients))
            worker = Worker(context)
            began = time.perf_counter()
            running = asyncio.create_task(worker.run())
            while (await database.look(queue.depth)).waiting:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.02)
            seconds = time.perf_counter() - began
            worker.stop()
            await running
        database.close()
    samples = (sample for metric in context.metrics.parts.collect() for sample in metric.samples)
    return seconds, {each.labels["part"]: each.value for each in samples if each.name.endswith("_sum")}


def _put(resource: Json) -> Json:
    return {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}


def _serve(port: int, folder: str) -> None:
    hook = HookSettings(secrets=(SECRET,), database_url=f"sqlite:///{Path(folder) / 'bench.db'}")
    logging.disable(logging.WARNING)  # there is no FHIR server to evaluate from, and that is meant
    server(Settings(servers=Servers(record=NOWHERE, research=NOWHERE), hook=hook), "127.0.0.1", port).run()


def _serve_stub(port: int) -> None:
    uvicorn.run(StubServer(), host="127.0.0.1", port=port, log_level="error")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    msg = "the service did not start"
    raise RuntimeError(msg)


if __name__ == "__main__":
    main()
