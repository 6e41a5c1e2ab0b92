"""A screening by Spark that ends in the middle: as a program of its own, it kills itself after two waves."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from adapter.screening.screen import Screening
from adapter.screening.setup import SiteConfig, load_setup, read_as_of

AS_OF = "2026-03-01"
WAVES = 3
STUDIES = ("nct04785833", "cd7-cart01")


def run(source: Path, out: Path, told: Callable[[int, int], None], **more: object) -> None:
    """A screening for these studies, in so many waves."""
    from adapter.screening.spark.run import SparkSource, run_spark_screening  # noqa: PLC0415  # may not be there

    setup = load_setup(SiteConfig(), STUDIES)
    as_of = read_as_of(AS_OF, setup.policy.time_zone)
    screening = Screening(site=SiteConfig(), studies=STUDIES, as_of=as_of)
    asked = SparkSource(source=str(source), waves=WAVES, told=told, **more)  # type: ignore[arg-type]  # any field
    run_spark_screening(asked, out, screening, setup, 1, lambda _: None)


def _die(done: int, _: int) -> None:
    if done == WAVES - 1:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        _die,
        master="local[2,2]",
        settings=dict(each.split("=", 1) for each in sys.argv[3:]),
    )
