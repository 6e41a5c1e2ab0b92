"""Evaluator and CQL, criterion by criterion: `python -m tests.agreement.run [--made N] [--seed N]`.

With `--about N`: N patients about one criterion each of the trials of the cases, asked for these trials alone; with
`--site DIR` besides, of a site's trials. With `--often 0.6` most data have another form than the plain one. Ends with 1
if there is a difference that is not listed. The patients of the first ones are kept in build/agreement.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.agreement.about import matters
from tests.agreement.differences import Difference, compare, listed
from tests.agreement.engine import running
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import Asked, made, made_about, of_cohort
from tests.agreement.shapes import OFTEN
from tests.agreement.site import EVERYTHING, THE_CASES, of_site

MOST_SHOWN = 60
KEPT = Path(__file__).parents[2] / "build" / "agreement"


def main() -> int:
    """Compare, print the counts, and name the first differences that are not listed."""
    parser = argparse.ArgumentParser(prog="python -m tests.agreement.run", description="Evaluator against CQL engine")
    parser.add_argument("--made", type=int, default=2000, help="patients that hypothesis makes")
    parser.add_argument("--about", type=int, help="instead, patients about one criterion of the trials of the cases")
    parser.add_argument("--site", type=Path, help="with --about: a site whose trials are asked for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--often", type=float, default=OFTEN, help="how many of the resources have another form")
    parser.add_argument("--cohort-step", type=int, default=1, help="ask every n-th patient of the demo cohort")
    chosen = parser.parse_args()
    if chosen.about is None:
        asking = EVERYTHING
        asked = [*of_cohort(chosen.cohort_step), *made(chosen.made, chosen.seed, chosen.often)]
    else:
        asking = THE_CASES if chosen.site is None else of_site(chosen.site)
        asked = list(
            made_about(matters(asking.definitions, asking.terminology), chosen.about, chosen.seed, chosen.often)
        )
    kinds: Counter[str | None] = Counter()
    cells = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        libraries = write_libraries(folder, asking.definitions, asking.terminology)
        with running(folder, list(libraries.values())) as engine:
            for place, each in enumerate(asked):
                policy = asking.policies[place % len(asking.policies)]
                found = compare(each, engine, libraries, policy, asking.bounds, asking.terminology)
                cells += found.cells
                kinds.update(difference.kind for difference in found.differences)
                unlisted = [difference for difference in found.differences if difference.kind is None]
                if unlisted and kinds[None] <= MOST_SHOWN:
                    _show(unlisted, each, place)
    _report(len(asked), len(asking.definitions), cells, kinds)
    return 1 if kinds[None] else 0


def _show(unlisted: list[Difference], asked: Asked, place: int) -> None:
    """Name the differences, and keep the patient with the instant that was asked about."""
    print(*unlisted, sep="\n", file=sys.stderr)  # noqa: T201  # as below
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{place:04} {asked.as_of:%Y-%m-%dT%H%M%S%f}.json").write_bytes(asked.bundle)


def _report(patients: int, trials: int, cells: int, kinds: Counter[str | None]) -> None:
    rows = [
        ("patients", patients),
        ("trials", trials),
        ("criteria, parts and decisions", cells),
        ("agreements", cells - kinds.total()),
        *((f"listed: {kind.id}", kinds[kind.id]) for kind in listed()),
        ("unlisted differences", kinds[None]),
    ]
    for said, count in rows:
        print(f"{f'{said}:':<32}{count:>9,}")  # noqa: T201  # it is what the command is for


if __name__ == "__main__":
    sys.exit(main())
