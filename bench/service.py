"""`python -m bench.service`: `$evaluate` requests a second over HTTP, where the time goes, and how long a card takes.

The service on a free loopback port with one worker process and with two, callers in a process of their own, which do
little more than move bytes, records of 30 resources. Processor time is that of the service, of its workers and of the
callers, by the operating system's count: on two processors they share them. A second worker adds at most what a second
process adds that only computes, which the same run measures: other work on the machine takes of it, a processor that is
half of a core, and a hypervisor that packs processes onto fewer processors. HTTP's share is what is left of a request's
time, with one worker, when its parts, measured in this process, are taken off. Calls of CDS Hooks have all of the
prefetch, of records of 60 resources; an EHR waits 500 ms for them.
"""

import argparse
import gc
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from adapter.evaluator import evaluate_all
from adapter.fhir import verdict_bundle
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.record.bundle import json_text
from adapter.service.http import json_response
from adapter.service.limits import Limits
from adapter.service.operation import request_in_body
from adapter.service.serve import server
from adapter.service.settings import Settings
from adapter.service.site import Policies, load_policies
from adapter.service.state import now
from bench.patients import patients

ONE = "nct07008872"
PATIENTS = 200
CALLERS = 4
IN_PREFETCH = 60
_CARD_SECONDS = 0.5
_START = 60.0
_TURNS = 3
_OK = 200


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--resources", type=int, default=30, help="resources a patient, at most")
    parser.add_argument("--seconds", type=float, default=5, help="how long to call")
    chosen = parser.parse_args()
    bundles = patients(PATIENTS, chosen.resources)
    measured = {count: _measured(count, bundles, chosen.seconds) for count in (1, 2)}
    size = sum(map(len, bundles)) / len(bundles) / 1000
    _print_rates(measured, f"records of at most {chosen.resources} resources, {size:.1f} kB on average")
    Console().print(f"two processes that only compute do {_second_process(chosen.seconds / 5):.2f} times what one does")
    policies = load_policies(Settings())
    for name, studies in (("one trial", (ONE,)), ("all trials", None)):
        _print_shares(name, _shares(policies, studies, bundles), 1 / measured[1][f"$evaluate, {name}"].rate)
    for callers in (1, CALLERS):
        _print_times(_card_times(patients(PATIENTS, IN_PREFETCH), callers), callers)


@dataclass(frozen=True, slots=True)
class _Measured:
    """`rate`: requests a second; seconds of processor time a request: of the service, its workers, the callers."""

    rate: float
    service: float
    workers: float
    callers: float


def _second_process(seconds: float) -> float:
    """What two processes that only compute get done, as a multiple of one: the median of a few alternating turns."""

    def done(count: int) -> int:
        with get_context("spawn").Pool(count) as pool:
            pool.map(_computed, [0.1] * count, 1)  # they are there
            return sum(pool.map(_computed, [seconds] * count, 1))

    return median(done(2) / done(1) for _ in range(_TURNS))


def _computed(seconds: float) -> int:
    until, turns, kept = time.perf_counter() + seconds, 0, dict[int, str]()
    while time.perf_counter() < until:
        for each in range(200):
            kept[each] = str(each)
        turns += 1
    return turns


@contextmanager
def _served(processes: int) -> Iterator[tuple[int, int]]:
    """A service: its port, its pid."""
    port = _free_port()
    process = get_context("spawn").Process(target=_serve, args=(port, processes))  # no daemon: it has children
    process.start()
    try:
        _await_start(port)
        yield port, process.pid or 0
    finally:
        process.terminate()
        process.join()


def _measured(processes: int, bundles: Sequence[bytes], seconds: float) -> dict[str, _Measured]:
    with _served(processes) as (port, pid):
        one, every = f"/fhir/ResearchStudy/{ONE}/$evaluate", "/fhir/ResearchStudy/$evaluate"
        asked = {
            "liveness (HTTP alone)": [_request("GET", "/health/live", b"")],
            "$evaluate, one trial": [_request("POST", one, each) for each in bundles],
            "$evaluate, all trials": [_request("POST", every, each) for each in bundles],
            "$evaluate, all trials, gzip": [_request("POST", every, each, "Accept-Encoding: gzip") for each in bundles],
        }
        return {name: _rate(port, pid, said, seconds) for name, said in asked.items()}


def _card_times(bundles: Sequence[bytes], callers: int) -> list[float]:
    """Seconds of each call of patient-view, one a record, sorted; without a first tenth, to get warm."""
    with _served(2) as (port, _):
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/cds-services")
        templates = json.loads(connection.getresponse().read())["services"][0]["prefetch"]
        bodies = [_call_of(templates, json.loads(each)) for each in bundles]

        def timed(of: Sequence[bytes]) -> list[float]:
            held, found = HTTPConnection("127.0.0.1", port), []
            for body in of:
                began = time.perf_counter()
                _call(held, "POST", "/cds-services/trial-eligibility", body)
                found.append(time.perf_counter() - began)
            return found[len(found) // 10 :]

        with ThreadPoolExecutor(callers) as pool:
            times = pool.map(timed, [bodies[start::callers] for start in range(callers)])
            return sorted(each for found in times for each in found)


def _call_of(templates: dict[str, str], bundle: Json) -> bytes:
    """A call about a record, with all of the prefetch."""
    held = [each["resource"] for each in bundle["entry"]]
    prefetch: Json = {}
    for key, template in templates.items():
        of_type = [each for each in held if each["resourceType"] == template.partition("?")[0].partition("/")[0]]
        entries = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in of_type]}
        prefetch[key] = of_type[0] if key == "patient" else entries
    context = {"userId": "Practitioner/1", "patientId": prefetch["patient"]["id"]}
    return json.dumps(
        {"hook": "patient-view", "hookInstance": "bench", "context": context, "prefetch": prefetch}
    ).encode()


def _print_times(times: Sequence[float], callers: int) -> None:
    p95 = times[int(len(times) * 0.95)]
    said = "within" if p95 < _CARD_SECONDS else "OVER"
    Console().print(
        f"cards of five trials, prefetch of {IN_PREFETCH} resources, {callers} at once: median "
        f"{1000 * times[len(times) // 2]:.0f} ms, 95 % {1000 * p95:.0f} ms ({said} {1000 * _CARD_SECONDS:.0f}), "
        f"longest {1000 * times[-1]:.0f} ms"
    )


def _serve(port: int, processes: int) -> None:
    server(Settings(limits=Limits(processes=processes, max_rate=1_000_000)), "127.0.0.1", port).run()


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


def _processor_time(pid: int) -> tuple[float, float]:
    """Seconds that a process has used so far, and that those have that it started, and they."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                said = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents[int(entry.name)] = int(said[1])
                used[int(entry.name)] = (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")

    def below(each: int) -> bool:
        return each in parents and (parents[each] == pid or below(parents[each]))

    return used[pid], sum(seconds for each, seconds in used.items() if below(each))


def _rate(port: int, pid: int, asked: Sequence[bytes], seconds: float) -> _Measured:
    """What a few callers get through, each on a connection of its own."""

    def calls(first: int) -> int:
        done = 0
        with socket.create_connection(("127.0.0.1", port)) as connection:
            while time.monotonic() < until:
                _exchange(connection, asked[(first + CALLERS * done) % len(asked)])
                done += 1
        return done

    until = time.monotonic() + seconds / 5  # a first fifth to get warm
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(calls, range(CALLERS)))
    before, own = _processor_time(pid), time.process_time()
    began = time.monotonic()
    until = began + seconds
    with ThreadPoolExecutor(CALLERS) as pool:
        done = sum(pool.map(calls, range(CALLERS)))
    taken = time.monotonic() - began
    after, own = _processor_time(pid), time.process_time() - own
    return _Measured(done / taken, (after[0] - before[0]) / done, (after[1] - before[1]) / done, own / done)


def _request(method: str, path: str, body: bytes, *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/fhir+json", *more)
    return "\r\n".join((*lines, f"Content-Length: {len(body)}", "", "")).encode() + body


def _exchange(connection: socket.socket, request: bytes) -> None:
    """Send a request, and take the answer, whose length a header says."""
    connection.sendall(request)
    found = b""
    while b"\r\n\r\n" not in found:
        found += _more(connection)
    head, _, body = found.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        msg = f"{request[:60]!r} was answered {head[:40]!r}"
        raise RuntimeError(msg)
    left = int(length[1]) - len(body)
    while left > 0:
        left -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(1 << 18)
    if not found:
        msg = "the service closed the connection"
        raise RuntimeError(msg)
    return found


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


def _print_rates(measured: dict[int, dict[str, _Measured]], title: str) -> None:
    table = Table(
        "request", "workers", "a second", "times one", "ms of the service", "of workers", "of callers", title=title
    )
    for name, alone in measured[1].items():
        for count, rates in measured.items():
            found = rates[name]
            spent = (f"{1000 * each:.2f}" for each in (found.service, found.workers, found.callers))
            table.add_row(name, str(count), f"{found.rate:,.0f}", f"{found.rate / alone.rate:.2f}", *spent)
    Console().print(table)


def _print_shares(name: str, spent: dict[str, float], whole: float) -> None:
    table = Table("part", "share", "microseconds", title=f"{name}: where a request's time goes")
    for part, seconds in {**spent, "HTTP and the rest": whole - sum(spent.values())}.items():
        table.add_row(part, f"{seconds / whole:.0%}", f"{seconds * 1e6:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
