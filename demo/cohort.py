"""Write the cohort: `python -m demo.cohort --out DIR [--patients 320] [--seed 7] [--as-of 2026-03-01]`.

One file a patient (`p0001.json` …); the same arguments write the same bytes. `--list` prints which story each patient
is an example of: a file of that in the folder would be taken for patient data.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from demo.story import Story, bundle, deal, stories

PATIENTS = 320
SEED = 7
AS_OF = date(2026, 3, 1)


def cohort(patients: int = PATIENTS, seed: int = SEED, as_of: date = AS_OF) -> Iterator[tuple[str, Story, bytes]]:
    """Each patient's id, story, and Bundle as bytes."""
    for place, (story, number) in enumerate(deal(stories(), patients, seed), start=1):
        patient_id = f"p{place:04}"
        record = bundle(story, patient_id, f"{seed}/{story.name}/{number}", as_of)
        yield patient_id, story, json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def main() -> None:
    """Write the cohort's files."""
    parser = argparse.ArgumentParser(prog="python -m demo.cohort", description="Write a made-up cohort as FHIR")
    parser.add_argument("--out", type=Path, help="folder for the Bundles, one file a patient")
    parser.add_argument("--list", action="store_true", help="print each patient's story (tab-separated)")
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--as-of", type=date.fromisoformat, default=AS_OF, help="the day the cohort is looked at")
    chosen = parser.parse_args()
    if chosen.out is None and not chosen.list:
        parser.error("give --out DIR to write the Bundles, or --list to print the stories")
    if chosen.patients < 1:
        parser.error("--patients must be at least 1")
    try:
        if chosen.out is not None:
            chosen.out.mkdir(parents=True, exist_ok=True)
        for patient_id, story, content in cohort(chosen.patients, chosen.seed, chosen.as_of):
            if chosen.out is not None:
                (chosen.out / f"{patient_id}.json").write_bytes(content)
            if chosen.list:
                print(patient_id, story.name, story.says, sep="\t")  # noqa: T201  # it is what the command is for
    except OSError as error:
        if error.filename is None:  # it is stdout's
            raise
        parser.exit(1, f"{error.filename}: {error.strerror}; name another folder with --out\n")
    if chosen.out is not None:
        print(f"{chosen.patients} patients in {chosen.out}")  # noqa: T201


if __name__ == "__main__":
    main()
