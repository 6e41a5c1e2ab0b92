"""Call `$evaluate` of a running service for one patient of the cohort: `python -m demo.operation BUNDLE STUDY`.

Starts the service on a free port of this machine, posts the Bundle as an EHR app would, and prints the request and the
parts of the answer that one looks at first.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from adapter.service.serve import server
from adapter.service.settings import Settings

STARTING = 60
"""Seconds after which the service should long have started."""


def main() -> None:
    """Print the request and the answer."""
    bundle, study = Path(sys.argv[1]), sys.argv[2]
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "asOf", "valueDateTime": "2026-03-01"},
            {"name": "data", "resource": json.loads(bundle.read_bytes())},
        ],
    }
    with _service() as base:
        url = f"{base}/fhir/ResearchStudy/{study}/$evaluate"
        answer = httpx.post(url, json=parameters, headers={"Accept": "application/fhir+json"}, timeout=STARTING)
    _say(f"POST /fhir/ResearchStudy/{study}/$evaluate")
    _say(f"     Parameters: asOf 2026-03-01, data = {bundle} ({bundle.stat().st_size:,} bytes)")
    _say(f"{answer.status_code} {answer.headers['content-type']}")
    for entry in answer.json()["entry"]:
        _say(json.dumps(_short(entry["resource"]), indent=2, ensure_ascii=False))


def _short(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, with the first criterion of its Parameters standing for all of them."""
    if resource["resourceType"] != "GuidanceResponse":
        return resource
    parameters = resource["contained"][0]["parameter"]
    criteria = [part for part in parameters if part["name"] == "criterion"]
    others = [part for part in parameters if part["name"] != "criterion"]
    left_out = {"name": f"… and {len(criteria) - 1} other criteria"}
    shown = [*others, criteria[0], left_out]
    needs = resource.get("dataRequirement", [])
    short = {**resource, "contained": [{**resource["contained"][0], "parameter": shown}]}
    return {**short, "dataRequirement": f"… {len(needs)} of them"} if needs else short


@contextmanager
def _service() -> Iterator[str]:
    """The service on a free port, until the block ends; yields its base URL."""
    running = server(Settings(), "127.0.0.1", 0)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    ready = threading.Event()
    for _ in range(STARTING * 20):
        if running.started or ready.wait(0.05):
            break
    host, port = running.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        running.should_exit = True
        thread.join(STARTING)


def _say(text: str) -> None:
    print(text)  # noqa: T201  # it is what the command is for


if __name__ == "__main__":
    main()
