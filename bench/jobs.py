"""`python -m bench.jobs`: what a second process adds to `screen`, by the clock and in processor time.

The demo cohort, a Bundle a file, screened for all trials with `--jobs 1` and `2` by turns; the quickest of several
rounds counts. What each further patient takes is told apart from what starting does, in which each process loads the
site: a small cohort and a large one are screened.
"""

import argparse
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from adapter.screening.run import run_screening
from adapter.screening.screen import Screening
from adapter.screening.setup import Setup, SiteConfig, load_setup
from bench.extract import MODELS, bundles
from bench.patients import patients

_AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
_SMALLER = 4
_JOBS = (1, 2)


class _Spent(NamedTuple):
    """Seconds by the clock, and of the processor in all processes."""

    clock: float
    processor: float


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description=__doc__)
    parser.add_argument("--patients", type=int, default=4_000)
    parser.add_argument("--resources", type=int, default=60, help="resources a patient, at most")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    setup = load_setup(SiteConfig(), None)
    sizes = (chosen.patients // _SMALLER, chosen.patients)
    with TemporaryDirectory() as folder:
        sources = [_written(Path(folder, str(size)), size, chosen.resources) for size in sizes]
        rounds = [
            [_screened(source, jobs, setup) for jobs in _JOBS for source in sources] for _ in range(chosen.rounds)
        ]
    best = [_Spent(*map(min, zip(*each, strict=True))) for each in zip(*rounds, strict=True)]
    table = Table("jobs", "starting", "us each by the clock", "times one", "us each of CPU", "times one")
    first = None
    for jobs, small, large in zip(_JOBS, best[::2], best[1::2], strict=True):
        further = sizes[1] - sizes[0]
        clock, processor = ((many - few) / further * 1e6 for many, few in zip(large, small, strict=True))
        first = first or _Spent(clock, processor)
        starting = f"{large.clock - clock * sizes[1] / 1e6:.1f} s"
        times = (f"{first.clock / clock:.2f}", f"{processor / first.processor:.2f}")
        table.add_row(str(jobs), starting, f"{clock:,.0f}", times[0], f"{processor:,.0f}", times[1])
    Console().print(table)


def _written(folder: Path, count: int, resources: int) -> Path:
    folder.mkdir()
    for number, content in enumerate(islice(bundles(patients(MODELS, resources)), count)):
        (folder / f"{number:07}.json").write_bytes(content)
    return folder


def _screened(source: Path, jobs: int, setup: Setup) -> _Spent:
    screening = Screening(site=SiteConfig(), studies=None, as_of=_AS_OF)
    with TemporaryDirectory() as folder:
        clock, processor = time.perf_counter(), _processor()
        run_screening(source, Path(folder, "out"), screening, setup, jobs, lambda _: None)
        return _Spent(time.perf_counter() - clock, _processor() - processor)


def _processor() -> float:
    return sum(each.ru_utime + each.ru_stime for each in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


if __name__ == "__main__":
    main()
