"""Call `$evaluate` of a running service for one patient of the cohort: `python -m demo.operation BUNDLE STUDY ANSWER`.

Starts the service on a free port of this machine, posts the Bundle as an EHR app would, prints the request and what the
answer says, and writes the answer to the file ANSWER.
"""

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from adapter.service.serve import server
from adapter.service.settings import Settings
from demo.cohort import AS_OF

STARTING = 60
"""Seconds after which the service should long have started."""


def main() -> None:
    """Print the request and what the answer says; the answer itself goes into a file."""
    bundle, study, kept = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "asOf", "valueDateTime": AS_OF.isoformat()},
            {"name": "data", "resource": json.loads(bundle.read_bytes())},
        ],
    }
    with _service() as base:
        url = f"{base}/fhir/ResearchStudy/{study}/$evaluate"
        answer = httpx.post(url, json=parameters, headers={"Accept": "application/fhir+json"}, timeout=STARTING)
    kept.write_text(json.dumps(answer.json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _say(f"POST /fhir/ResearchStudy/{study}/$evaluate")
    _say(f"     Parameters: asOf {AS_OF}, data = {bundle} ({bundle.stat().st_size:,} bytes)")
    _say(f"{answer.status_code} {answer.headers['content-type']}")
    for entry in answer.json()["entry"]:
        _say(f"     {_said(entry['resource'])}")
    _say(f"     (the whole answer: {kept})")


def _said(resource: dict[str, Any]) -> str:
    """What a resource of the answer says, in a line."""
    if resource["resourceType"] != "GuidanceResponse":
        return f"{resource['resourceType']}: status {resource['status']}"
    parameters = resource["contained"][0]["parameter"]
    results = Counter(
        part["valueCode"]
        for criterion in parameters
        if criterion["name"] == "criterion"
        for part in criterion["part"]
        if part["name"] == "result"
    )
    counted = ", ".join(f"{count} {result}" for result, count in sorted(results.items()))
    needs = len(resource.get("dataRequirement", ()))
    return f"GuidanceResponse: status {resource['status']}; criteria: {counted}; {needs} data requirements"


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
