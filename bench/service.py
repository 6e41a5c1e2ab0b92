"""`python -m bench.service`: `$evaluate` requests a second over HTTP, and where the time goes.

One worker on a free loopback port, callers in a process of their own, records of 30 resources. HTTP's share is what is
left of a request's time when its parts, measured in this process, are taken off.
"""

import argparse
import gc
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from adapter.evaluator import evaluate_all
from adapter.fhir import verdict_bundle
from adapter.record import read_record
from adapter.record.bundle import json_text
from adapter.service.http import json_response
from adapter.service.operation import request_in_body
from adapter.service.serve import server
from adapter.service.settings import Settings
from adapter.service.state import Policies, load_policies, now
from bench.patients import patients

ONE = "nct07008872"
PATIENTS = 200
CALLERS = 4
_START = 60.0
_OK = 200


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--resources", type=int, default=30, help="resources a patient, at most")
    parser.add_argument("--seconds", type=float, default=5, help="how long to call")
    chosen = parser.parse_args()
    bundles = patients(PATIENTS, chosen.resources)
    port = _free_port()
    process = get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    process.start()
    try:
        _await_start(port)
        rates = {
            "liveness (HTTP alone)": _rate(port, "GET", "/health/live", [b""], chosen.seconds),
            "$evaluate, one trial": _rate(
                port, "POST", f"/fhir/ResearchStudy/{ONE}/$evaluate", bundles, chosen.seconds
            ),
            "$evaluate, all trials": _rate(port, "POST", "/fhir/ResearchStudy/$evaluate", bundles, chosen.seconds),
        }
    finally:
        process.terminate()
        process.join()
    size = sum(map(len, bundles)) / len(bundles) / 1000
    _print_rates(rates, f"one worker, records of at most {chosen.resources} resources, {size:.1f} kB on average")
    policies = load_policies(Settings())
    for name, studies in (("one trial", (ONE,)), ("all trials", None)):
        _print_shares(name, _shares(policies, studies, bundles), 1 / rates[f"$evaluate, {name}"])


def _serve(port: int) -> None:
    server(Settings(), "127.0.0.1", port).run()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await_start(port: int) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        try:
            _call(HTTPConnection("127.0.0.1", port), "GET", "/health/live", b"")
        except OSError:
            time.sleep(0.1)
        else:
            return
    msg = f"the service did not start within {_START:g} seconds"
    raise RuntimeError(msg)


def _rate(port: int, method: str, path: str, bodies: Sequence[bytes], seconds: float) -> float:
    """Requests a second that a few callers get through, each on a connection of its own."""

    def calls(first: int) -> int:
        connection = HTTPConnection("127.0.0.1", port)
        done = 0
        while time.monotonic() < until:
            _call(connection, method, path, bodies[(first + CALLERS * done) % len(bodies)])
            done += 1
        return done

    until = time.monotonic() + seconds / 5  # a first fifth to get warm
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(calls, range(CALLERS)))
    began = time.monotonic()
    until = began + seconds
    with ThreadPoolExecutor(CALLERS) as pool:
        done = sum(pool.map(calls, range(CALLERS)))
    return done / (time.monotonic() - began)


def _call(connection: HTTPConnection, method: str, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/fhir+json"} if body else {}
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != _OK:
        msg = f"{method} {path} answered {answer.status}"
        raise RuntimeError(msg)


def _shares(policies: Policies, studies: tuple[str, ...] | None, bundles: Sequence[bytes]) -> dict[str, float]:
    """Seconds a part, on average over the records."""
    setup = policies.setup(None)
    bounds = [bound for bound in setup.bounds if studies is None or bound.definition.id in studies]
    spent = dict.fromkeys(("check the JSON", "decode", "evaluate", "tell", "build FHIR", "encode"), 0.0)
    gc.collect()
    gc.freeze()
    for bundle in (*bundles, *bundles):
        marks = [time.perf_counter()]
        text = json_text(bundle)
        marks.append(time.perf_counter())
        record = read_record(request_in_body(text).data or b"", setup.terminology)
        marks.append(time.perf_counter())
        verdicts = evaluate_all(bounds, record, now(), setup.policy)
        marks.append(time.perf_counter())
        _ = [verdict.criteria for verdict in verdicts]
        marks.append(time.perf_counter())
        answer = verdict_bundle(verdicts)
        marks.append(time.perf_counter())
        json_response(answer)
        marks.append(time.perf_counter())
        for part, start, end in zip(spent, marks, marks[1:], strict=False):
            spent[part] += (end - start) / len(bundles) / 2
    return spent


def _print_rates(rates: dict[str, float], title: str) -> None:
    table = Table("request", "a second", "of liveness", title=title)
    for name, rate in rates.items():
        table.add_row(name, f"{rate:,.0f}", f"{rate / rates['liveness (HTTP alone)']:.2f}")
    Console().print(table)


def _print_shares(name: str, spent: dict[str, float], whole: float) -> None:
    table = Table("part", "share", "microseconds", title=f"{name}: where a request's time goes")
    for part, seconds in {**spent, "HTTP and the rest": whole - sum(spent.values())}.items():
        table.add_row(part, f"{seconds / whole:.0%}", f"{seconds * 1e6:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
