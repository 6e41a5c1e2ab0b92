"""Put the cohort on a FHIR server: `python -m demo.load URL [--patients 320] [--seed 7] [--as-of today|2026-03-01]`.

Its dates are those of patients who are looked at today, so that a webhook and calls without an as-of find them fresh.

A transaction a patient, under the ids of the files; loading again changes nothing. Publish the trials before
(`trial-adapter publish`): consents name their study, and a server may refuse what points nowhere. `--wait SECONDS`
waits until somebody (the webhook) has found a candidate, and says who it is.
"""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx

from demo.cohort import AS_OF, PATIENTS, SEED, cohort

Json = dict[str, Any]
INVESTIGATOR: Json = {"resourceType": "Practitioner", "id": "investigator", "name": [{"text": "The investigator"}]}
"""Who attests in the stories, and stands in no patient's record."""

_EVERY = 0.5
"""Seconds between two looks for a candidate."""


def load(server: str, patients: int = PATIENTS, seed: int = SEED, as_of: date = AS_OF) -> Iterator[str]:
    """Load a cohort, and yield the id of each patient once they are on the server.

    Raises httpx.HTTPStatusError where the server refuses one.
    """
    with httpx.Client(timeout=60, headers={"Content-Type": "application/fhir+json"}) as client:
        _store(client, server, [INVESTIGATOR])
        for patient, _, record in cohort(patients, seed, as_of):
            _store(client, server, [entry["resource"] for entry in json.loads(record)["entry"]])
            yield patient


def candidate(server: str, patience: float) -> str:
    """The first candidate that somebody has found, in words. Raises TimeoutError where there is none in time."""
    until = time.monotonic() + patience
    with httpx.Client(timeout=60, headers={"Cache-Control": "no-cache"}) as client:
        while time.monotonic() < until:
            found = client.get(f"{server}/ResearchSubject?status=candidate&_count=1").raise_for_status().json()
            for entry in found.get("entry", ()):
                subject = entry["resource"]
                who, study = subject["individual"]["reference"], subject["study"]["reference"]
                return f"candidate: {who} for {study}: {server}/ResearchSubject/{subject['id']}"
            time.sleep(_EVERY)
    msg = f"no candidate after {patience:g} seconds; does the webhook run, and is its Subscription active?"
    raise TimeoutError(msg)


def _store(client: httpx.Client, server: str, resources: list[Json]) -> None:
    entries = [
        {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
        for each in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = client.post(server, content=json.dumps(bundle))
    if answer.is_error:
        msg = f"{server} refuses {resources[0]['resourceType']}/{resources[0]['id']}: {answer.text[:1000]}"
        raise httpx.HTTPStatusError(msg, request=answer.request, response=answer)


def main() -> None:
    """Load, and print how many."""
    parser = argparse.ArgumentParser(prog="python -m demo.load", description="Put a made-up cohort on a FHIR server")
    parser.add_argument("server", help="the server's FHIR base, such as http://127.0.0.1:8090/fhir")
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--as-of", type=_day, default="today", help="the day the cohort is looked at (today)")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="until there is a candidate")
    chosen = parser.parse_args()
    try:
        loaded = sum(1 for _ in load(chosen.server.rstrip("/"), chosen.patients, chosen.seed, chosen.as_of))
        print(f"{loaded} patients on {chosen.server}, as of {chosen.as_of}", flush=True)  # noqa: T201  # it is what the command is for
        if chosen.wait:
            print(candidate(chosen.server.rstrip("/"), chosen.wait))  # noqa: T201  # as above
    except (httpx.HTTPError, TimeoutError) as error:
        parser.exit(1, f"{chosen.server}: {error}\n")


def _day(text: str) -> date:
    return date.today() if text == "today" else date.fromisoformat(text)  # noqa: DTZ011  # the local day, as on a ward


if __name__ == "__main__":
    main()
