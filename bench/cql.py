"""Our evaluator and the Java CQL engine, the same patients and criteria, from JSON to answers, on one core each.

`python -m bench.cql [--patients 500]`: patients like those of the demo, for all trials. Cold is the first round,
compiling not counted; warm the last one. Needs Java and Maven.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from adapter.evaluator import bind, evaluate_all
from adapter.record import read_record
from demo.cohort import cohort
from tests.agreement.engine import running
from tests.agreement.libraries import write_libraries
from tests.agreement.patients import COHORT_AS_OF
from tests.properties.core import DEFINITIONS, STRICT, TERMINOLOGY

AS_OF = f"{COHORT_AS_OF:%Y-%m-%dT%H:%M:%S}Z"


def rate(answer: Callable[[bytes], object], bundles: list[bytes]) -> float:
    """Patients a second."""
    start = perf_counter()
    for bundle in bundles:
        answer(bundle)
    return len(bundles) / (perf_counter() - start)


def main() -> None:
    """Race, and print patients a second and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.cql", description="Evaluator against CQL engine")
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    bundles = [bundle for _, _, bundle in cohort(chosen.patients)]
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    bounds = [bind(each, TERMINOLOGY) for each in DEFINITIONS]

    def ours(bundle: bytes) -> object:
        return evaluate_all(bounds, read_record(bundle, TERMINOLOGY), COHORT_AS_OF, STRICT)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        libraries = write_libraries(folder, DEFINITIONS, TERMINOLOGY)
        with running(folder, list(libraries.values()), cores=str(core)) as engine:
            rounds = [
                (rate(ours, bundles), rate(lambda bundle: engine.evaluate(bundle, AS_OF), bundles))
                for _ in range(chosen.rounds)
            ]
    for title, (mine, theirs) in (("cold", rounds[0]), ("warm", rounds[-1])):
        print(f"{title}: evaluator {mine:,.0f}, engine {theirs:,.1f} patients a second, {mine / theirs:,.0f} times")  # noqa: T201  # it is what the command is for


if __name__ == "__main__":
    main()
