"""`python -m bench.hostile`: requests that no one should send, against a running service, with good ones among them.

`trial-adapter serve` with its defaults, a webhook and a FHIR server (a stub) in processes of their own. Bodies are
FHIR JSON, HL7 v2 messages, CDS Hooks calls and notifications, changed at random by a seed; some are sent to routes,
with methods, headers and queries that they are not for. Every twentieth request is a good one, whose answer must be
the same bytes each time. Ends with 1 where a wrong verdict, or a failure of ours, was among the answers: 5xx but 503
with Retry-After.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from adapter.service.tokens import digest_of
from bench.webhook import _await, _free_port, _serve_stub
from tests.service.mutations import mutated
from tests.service.serving import serving
from tests.unit.service.calls import EVALUATE, ONE, RECORD

TOKEN, SECRET = "ta_the-caller-of-this-benchmark", "a-secret-of-the-benchmark"  # open nothing else
MESSAGES = Path(__file__).parent.parent / "tests/golden/hl7v2/messages"
ONES = [each for each in sorted(MESSAGES.glob("*.hl7")) if each.read_bytes().count(b"MSH|") == 1]
GOOD_EVERY = 20
_OK, _OURS, _BUSY = 200, 500, 503
_FHIR, _HL7V2 = "application/fhir+json", "application/hl7-v2"


@dataclass
class Found:
    """What came back. `wrong`: seeds whose answer is a failure of ours; `answers`: of the good requests."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[tuple[int, str, int]] = field(default_factory=list)
    answers: Counter[bytes] = field(default_factory=Counter)
    longest: float = 0.0
    broken: int = 0


def main() -> int:
    """Send, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--callers", type=int, default=6, help="how many at once")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    began = time.monotonic()
    with _service() as address:
        found = _sent(address, range(chosen.seed, chosen.seed + chosen.requests), chosen.callers)
    _print(found, time.monotonic() - began)
    return 1 if found.wrong or len(found.answers) != 1 else 0


@contextmanager
def _service() -> Iterator[str]:
    port = _free_port()
    stub = get_context("spawn").Process(target=_serve_stub, args=(port,), daemon=True)
    stub.start()
    try:
        _await(port)
        with tempfile.TemporaryDirectory() as folder:
            settings = {
                "TOKENS": f"bench evaluate,hl7v2,notify sha256:{digest_of(TOKEN).hex()}",
                "HOOK_SECRET": SECRET,
                "FHIR_URL": f"http://127.0.0.1:{port}/fhir",
                "DATABASE_URL": f"sqlite:///{folder}/hook.db",
                "MAX_RATE": "100000",
                "MAX_FAILURES": "1000000",
            }
            with serving(**settings) as served:
                yield served.address.removeprefix("http://")
    finally:
        stub.terminate()
        stub.join()


def _sent(address: str, seeds: range, callers: int) -> Found:
    found, lock, left = Found(), threading.Lock(), iter(seeds)
    numbers = count()

    def call() -> None:
        connection = HTTPConnection(address, timeout=120)
        while True:
            with lock:
                seed, number = next(left, None), next(numbers)
            if seed is None:
                break
            is_good = number % GOOD_EVERY == 0
            kind, method, url, headers, body = _good() if is_good else _hostile(seed)
            began = time.monotonic()
            try:
                connection.request(method, url, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (HTTPException, OSError):  # cut, as some of these must be
                connection.close()
                with lock:
                    found.broken += 1
                    if is_good:
                        found.answers[b"cut"] += 1
                continue
            with lock:
                found.statuses[kind, answer.status] += 1
                if is_good:
                    found.answers[content] += 1
                    found.longest = max(found.longest, time.monotonic() - began)
                if _is_ours(answer.status, answer.getheader("retry-after")):
                    found.wrong.append((seed, kind, answer.status))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found


def _is_ours(status: int, retry_after: str | None) -> bool:
    return status >= _OURS and not (status == _BUSY and retry_after)


Request = tuple[str, str, str, dict[str, str], bytes | None]


def _good() -> Request:
    return "good", "POST", f"{ONE}?asOf=2026-03-01&useServerData=false", _headers(_FHIR), RECORD


def _hostile(seed: int) -> Request:
    random = Random(seed)  # noqa: S311  # nothing is to be kept secret
    kind = random.choice(("evaluate", "evaluate", "hl7v2", "hook", "cds", "anything"))
    body = _message(random) if kind == "hl7v2" else mutated(seed)[1]
    url = {
        "evaluate": random.choice(
            (EVALUATE, ONE, f"{ONE}?useServerData=false", f"{EVALUATE}?asOf=2026&subject=Patient/p1")
        ),
        "hl7v2": "/hl7v2",
        "hook": random.choice(
            ("/hook", "/hook/Observation/o1", "/hook/Patient/p1", f"/hook/{_word(random)}/{_word(random)}")
        ),
        "cds": random.choice(("/cds-services/trial-eligibility", "/cds-services/trial-eligibility/feedback")),
        "anything": random.choice(
            ("/", "/hl7v2", "/fhir/metadata", "/fhir/ResearchStudy", "/app", "/launch", f"/{_word(random)}")
        ),
    }[kind]
    if kind == "cds":
        body = _cds(random, body)
    method = "POST"
    if kind == "hook":
        method = random.choice(("PUT", "POST", "DELETE"))
    elif not random.randrange(10) or kind == "anything":
        method = random.choice(("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "POST"))
    headers = _headers(_HL7V2 if kind == "hl7v2" else _FHIR if kind != "cds" else "application/json")
    if kind == "hook":
        headers["Authorization"] = f"Bearer {SECRET}"
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        name = random.choice(
            ("Content-Type", "Accept", "Content-Encoding", "X-Request-Id", "If-Match", "traceparent", "Host")
        )
        headers[name] = random.choice(
            ("", "gzip", "x" * 300, "text/html", "application/json;charset=utf-16", "*", _word(random))
        )
    return kind, method, url, headers, None if method in {"GET", "HEAD", "OPTIONS"} else body


def _headers(type_: str) -> dict[str, str]:
    return {"Content-Type": type_, "Authorization": f"Bearer {TOKEN}"}


def _word(random: Random) -> str:
    return random.choice(
        ("$evaluate", "..", "%00", "Observation", "x" * 200, "%F0%9F%92%A3", "'--", "a b".replace(" ", "%20"))
    )


def _message(random: Random) -> bytes:
    """An HL7 v2 message, changed: fields, repetitions, huge results, bytes."""
    content = bytearray(random.choice(ONES).read_bytes())
    for _ in range(random.randint(0, 5)):
        at = random.randrange(len(content))
        match random.randrange(6):
            case 0:
                content[at] = random.randrange(256)
            case 1:
                del content[at : at + random.randint(1, 40)]
            case 2:
                content[at:at] = random.choice(
                    (b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\x1c\r", b"\x0bMSH|", b"\\X00\\")
                )
            case 3:
                content[at:at] = random.choice((b"|" * 3000, b"~" * 3000, b"^" * 500, b"9" * 20000, b"x" * 100_000))
            case 4:
                content += b"\rOBX|1|TX|X^Y^L||" + b"result " * random.choice((1, 1000, 50_000)) + b"||||||F"
            case _:
                content[at:at] = content[at : at + random.randint(1, 400)]
    return bytes(content)


def _cds(random: Random, body: bytes) -> bytes:
    """A call of CDS Hooks, with anything where the prefetch stands."""
    with suppress(ValueError, RecursionError):
        held = json.loads(body)
        call: dict[str, object] = {
            "hook": random.choice((*["patient-view"] * 4, "order-select", "", 7, None)),
            "hookInstance": random.choice((*["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"] * 6, "", None, [])),
            "context": random.choice(
                ({"patientId": "p1", "userId": "Practitioner/1"}, {}, None, {"patientId": "../x"})
            ),
            "prefetch": random.choice(({"patient": held, "conditions": held}, {"item1": None}, held, None)),
            "fhirServer": random.choice((*[None] * 6, "http://169.254.169.254/", "http://127.0.0.1:1/fhir", "x")),
        }
        return json.dumps({name: value for name, value in call.items() if value is not None}).encode()
    return body


def _print(found: Found, seconds: float) -> None:
    console = Console()
    kinds = sorted({kind for kind, _ in found.statuses})
    statuses = sorted({status for _, status in found.statuses})
    total = found.statuses.total() + found.broken
    table = Table("sent to", *map(str, statuses), title=f"{total} requests in {seconds:.0f} s")
    for kind in kinds:
        table.add_row(kind, *(str(found.statuses[kind, status] or "") for status in statuses))
    console.print(table)
    console.print(f"connections that were cut: {found.broken}")
    console.print(f"good requests: {found.answers.total()}, different answers: {len(found.answers)}")
    console.print(f"the longest of them took {found.longest:.2f} s (all callers send at once)")
    console.print(f"failures of ours: {len(found.wrong)} {found.wrong[:20]}")


if __name__ == "__main__":
    sys.exit(main())
