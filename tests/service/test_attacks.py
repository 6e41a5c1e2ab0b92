"""Callers who mean harm: what they send costs themselves, and nobody else waits, or gets a wrong answer.

Each attack runs against a service with its defaults while another caller, with another token, asks for the same verdict
again and again. The memory is that of all processes together, what they share counted once (PSS).
"""

import gzip
import http.client
import json
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from adapter.service.tokens import digest_of
from tests.integration.waiting import processes, wait_until
from tests.service.serving import PATIENCE, Served, serving
from tests.unit.service.calls import EVALUATE, FHIR, ONE, RECORD

Json = dict[str, object]
GOOD, HOSTILE, SECRET = "ta_the-good-caller-of-these-tests", "ta_the-hostile-caller-of-these", "a-secret-of-the-webhook"
ASK = f"{ONE}?asOf=2026-03-01"
MOST_MEMORY = 1500 * 10**6
EMPTY = b'{"resourceType": "Bundle", "type": "collection", "entry": [%s]}'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with its default limits, two tokens, and a webhook whose FHIR server is down."""
    tokens = ";".join(
        f"{name} evaluate sha256:{digest_of(token).hex()}" for name, token in (("good", GOOD), ("bad", HOSTILE))
    )
    database = tmp_path_factory.mktemp("attacks") / "hook.db"
    nowhere = "http://127.0.0.1:1/fhir"
    with serving(TOKENS=tokens, HOOK_SECRET=SECRET, FHIR_URL=nowhere, DATABASE_URL=f"sqlite:///{database}") as service:
        yield service


def memory(of: int) -> int:
    """Bytes of a process and all below it, shared ones counted once."""
    total = 0
    for pid in processes(of):
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
    return total


class Watch:
    """What the good caller sees while an attack runs."""

    def __init__(self, served: Served) -> None:  # noqa: D107
        self._served = served
        self._stop = threading.Event()
        self.seconds: list[float] = []
        self.answers: set[tuple[int, bytes]] = set()
        self.peak = 0

    def ask(self) -> None:
        """One question."""
        headers = {**FHIR, "Authorization": f"Bearer {GOOD}", "Connection": "close"}
        began = time.monotonic()
        answer = httpx.post(
            f"{self._served.address}{ASK}&useServerData=false", content=RECORD, headers=headers, timeout=PATIENCE
        )
        self.seconds.append(time.monotonic() - began)
        self.answers.add((answer.status_code, answer.content))

    def run(self) -> None:
        """Ask until it is over."""
        while not self._stop.is_set():
            self.ask()
            self.peak = max(self.peak, memory(self._served.process.pid))

    @contextmanager
    def during(self) -> Iterator[None]:
        """Ask while the block runs."""
        watching = threading.Thread(target=self.run)
        watching.start()
        try:
            yield
        finally:
            self._stop.set()
            watching.join()


@contextmanager
def unharmed(served: Served) -> Iterator[None]:
    """While the block runs, the good caller is answered as before, in time, and memory stays below its bound."""
    calm = Watch(served)
    for _ in range(5):
        calm.ask()
    watch = Watch(served)
    with watch.during():
        yield
    assert {status for status, _ in calm.answers} == {200}
    assert watch.answers == calm.answers
    # bench.hostile measures it; here other tests run beside it
    assert max(watch.seconds) < max(3.0, 20 * statistics.median(calm.seconds))
    assert watch.peak < MOST_MEMORY


def hostile(served: Served, body: bytes, times: int, **headers: str) -> list[int]:
    """The same body so many times at once; the statuses."""

    def send(_: int) -> int:
        said = {**FHIR, "Authorization": f"Bearer {HOSTILE}", **headers}
        url = f"{served.address}{EVALUATE}?useServerData=false"
        return httpx.post(url, content=body, headers=said, timeout=PATIENCE).status_code

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(send, range(times)))


def result(number: int, patient: str) -> Json:
    """An entry with a haemoglobin."""
    return {
        "resource": {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "subject": {"reference": f"Patient/{patient}"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            "effectiveDateTime": f"2026-01-{1 + number % 28:02}",
            "valueQuantity": {"value": 100, "unit": "g/L", "system": "http://unitsofmeasure.org", "code": "g/L"},
        }
    }


def person(name: str, **elements: object) -> Json:
    """An entry with a Patient."""
    return {"resource": {"resourceType": "Patient", "id": name, "birthDate": "1980-01-01", **elements}}


def bundle(entries: list[Json]) -> bytes:
    """A Bundle."""
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def endless() -> bytes:
    """A hundred patients, each with the whole record of all: two minutes of work, and a gigabyte."""
    names = [f"p{number}" for number in range(100)]
    entries = [*map(person, names), *(result(number, names[number % 100]) for number in range(30_000))]
    data = {"name": "data", "resource": json.loads(bundle(entries))}
    asked = [{"name": "subject", "valueString": f"Patient/{name}"} for name in names]
    return json.dumps({"resourceType": "Parameters", "parameter": [data, *asked]}).encode()


def chain() -> bytes:
    """Patients who were each merged into the next."""
    link = "replaced-by"
    entries = [
        person(f"p{number}", link=[{"other": {"reference": f"Patient/p{number + 1}"}, "type": link}])
        for number in range(20_000)
    ]
    return bundle(entries)


def nested() -> bytes:
    """Bundles in Bundles, of empty entries."""
    found = EMPTY % b",".join([b"{}"] * 30_000)
    for _ in range(2):
        found = EMPTY % b",".join([b'{"resource": %s}' % found] * 2)
    return found


@pytest.mark.parametrize("body", [endless, chain, nested], ids=lambda each: str(each.__name__))
def test_work_without_end(served: Served, body: Callable[[], bytes]) -> None:
    """Much to do, in any number: refused, ended or done, and at the cost of whoever sent it."""
    with unharmed(served):
        statuses = hostile(served, body(), 6)
    assert set(statuses) <= {200, 413, 422, 503}


def test_little_that_becomes_much(served: Served) -> None:
    """Some kB of gzip that are megabytes of empty entries, or of nothing at all."""
    with unharmed(served):
        for plain in (EMPTY % b",".join([b"{}"] * 1_000_000), b" " * 15_000_000):
            statuses = hostile(served, gzip.compress(plain), 8, **{"Content-Encoding": "gzip"})
            assert set(statuses) <= {400, 422, 503}


def test_bodies_that_never_end(served: Served) -> None:
    """60 of them, each as large as a body may be, but for its last byte."""
    port = int(served.address.rpartition(":")[2])
    size = 16 * 1024 * 1024
    head = (
        f"POST {EVALUATE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {HOSTILE}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    )
    with unharmed(served), ExitStack() as opened:
        for _ in range(60):
            connection = opened.enter_context(closing(socket.create_connection(("127.0.0.1", port), PATIENCE)))
            with suppress(OSError):
                connection.sendall(head.encode() + b" " * (size - 1))


def test_answers_that_nobody_takes(served: Served) -> None:
    """A caller who asks for large answers and does not read them."""
    port = int(served.address.rpartition(":")[2])
    body = bundle([person("p1"), *(result(number, "p1") for number in range(2_000))])
    head = (
        f"POST {EVALUATE}?useServerData=false HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {HOSTILE}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with unharmed(served), ExitStack() as opened:
        for _ in range(40):
            connection = opened.enter_context(closing(socket.socket()))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", port))
            connection.sendall(head.encode() + body)
        wait_until(lambda: "503" in "".join(served.lines[-200:]) or len(processes(served.process.pid)) > 2)


def test_connections_that_say_nothing(served: Served) -> None:
    """More of them than there may be."""
    port = int(served.address.rpartition(":")[2])
    with unharmed(served), ExitStack() as opened:
        for number in range(1_100):
            connection = opened.enter_context(closing(socket.create_connection(("127.0.0.1", port), PATIENCE)))
            if number % 2:
                with suppress(OSError):
                    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: local")


def test_a_large_notification(served: Served) -> None:
    """20,000 changes in one message: taken whole, while others' small ones are answered in between."""
    said = {**FHIR, "Authorization": f"Bearer {SECRET}"}
    entries = [{"request": {"method": "PUT", "url": f"Observation/n{number}"}} for number in range(20_000)]
    large = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    small = json.dumps(result(1, "q1")["resource"]).encode()
    with unharmed(served), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(httpx.post, f"{served.address}/hook", content=large, headers=said, timeout=PATIENCE)
        took: list[float] = []
        while not sent.done():
            began = time.monotonic()
            answer = httpx.put(f"{served.address}/hook/Observation/o1", content=small, headers=said, timeout=PATIENCE)
            assert answer.status_code == 200
            took.append(time.monotonic() - began)
        assert sent.result().status_code == 200, sent.result().text
    assert statistics.median(took) < 1


def test_workers_that_are_killed(served: Served) -> None:
    """By the operating system, again and again: each costs the request that it worked on, and no other."""
    statuses: list[int] = []

    def ask() -> None:
        headers = {**FHIR, "Authorization": f"Bearer {GOOD}"}
        url = f"{served.address}{ASK}&useServerData=false"
        statuses.append(httpx.post(url, content=RECORD, headers=headers, timeout=PATIENCE).status_code)

    for _ in range(15):
        template = processes(served.process.pid)[1]
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask) for _ in range(4)]
            for worker in processes(template)[1:2]:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            for each in asked:
                each.result()
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 45
    ask()
    assert statuses[-1] == 200


def hard_work(service: Served) -> threading.Thread:
    """Work that is being done."""
    body = endless()

    def send() -> None:
        with suppress(httpx.HTTPError, http.client.HTTPException):
            httpx.post(f"{service.address}{EVALUATE}", content=body, headers=FHIR, timeout=PATIENCE)

    sending = threading.Thread(target=send)
    sending.start()
    return sending


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left(how: signal.Signals) -> None:
    """However the service ends, and whatever is being done: its processes end too."""
    with serving(TIMEOUT="5") as service:
        sending = hard_work(service)
        wait_until(lambda: len(processes(service.process.pid)) > 3)
        known = processes(service.process.pid)
        service.process.send_signal(how)
        service.process.wait(PATIENCE)
        wait_until(lambda: not [pid for pid in known[1:] if is_running(pid)])
        sending.join()


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its entry in the table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
