"""`python -m tests.unit.columns.large`: SQL over facts against the evaluator, for many patients and both policies.

For the five trials, or with `--site DIR` for those of a site; by DuckDB, or with `--engine spark` by Spark on this
machine. Patients come in lots, so that memory is flat; each lot is made from its number. Of every lot, what differs is
printed; at the end, how many answers there were, how many undecided, and a hash of all of the evaluator's.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from adapter.columns.folder import Facts
from adapter.columns.sql.cells import Codings
from adapter.columns.sql.local import open_local
from adapter.columns.sql.query import Query, compiled
from adapter.evaluator.verdict import Verdict
from tests.agreement.about import matters
from tests.agreement.patients import made_about
from tests.agreement.site import Asking, of_site
from tests.properties import core, patients
from tests.unit.columns.answers import Differences, differences, expected, write
from tests.unit.columns.people import AS_OF
from tests.unit.columns.test_sql import bundle_of

LOT = 1_000
SIZES = (0, 1, 2, 4, 8, 20, 40)
"""How many resources a patient may have."""
THE_FIVE = Asking(core.TERMINOLOGY, core.DEFINITIONS, core.BOUND, (core.STRICT, core.PROBLEM_LIST))


class Engine(Protocol):
    """What a query says of a folder of facts: the columns, and a row a patient; and the folder's codings."""

    @property
    def codings(self) -> Sequence[Codings]:
        """As `cells.codings_of`."""
        ...

    def rows(self, query: Query) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        """As of `Local`."""
        ...


Opened = Callable[[Facts], AbstractContextManager[Engine]]


def main() -> int:
    """Compare; 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.unit.columns.large", description=__doc__)
    parser.add_argument("--patients", type=int, default=200_000)
    parser.add_argument("--site", type=Path, help="ask for the trials of a site, not for the five")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument("--lot", type=int, default=LOT, help="patients that are compared together")
    parser.add_argument("--together", type=int, help="trials that one query asks for; else all")
    chosen = parser.parse_args()
    asking = THE_FIVE if chosen.site is None else of_site(chosen.site)
    sizes = [min(chosen.lot, chosen.patients - first) for first in range(0, chosen.patients, chosen.lot)]
    answers = undecided = differing = 0
    digest = hashlib.sha256()
    with ENGINES[chosen.engine]() as opened:
        for lot, size in enumerate(sizes):
            for found in _compared(opened, asking, _made(asking, lot, size), chosen.together, digest.update):
                answers, undecided = answers + found.answers, undecided + found.undecided
                differing += len(found.found)
                for each in found.found[:20]:
                    print(f"lot {lot}: {each}", flush=True)  # noqa: T201  # its output
            print(f"{sum(sizes[: lot + 1])}: {answers} answers, {undecided} undecided, {differing} differ", flush=True)  # noqa: T201
    print(digest.hexdigest())  # noqa: T201
    return int(differing > 0)


def _compared(
    opened: Opened,
    asking: Asking,
    made: Iterable[tuple[str, bytes]],
    together: int | None,
    tell: Callable[[bytes], None],
) -> Iterator[Differences]:
    """What differs of some patients, a policy and some trials after the others; `tell`: what the evaluator says."""
    step = together or len(asking.bounds)
    with TemporaryDirectory() as folder:
        records = write(Path(folder) / "facts", asking.terminology, asking.policies[0], made)
        with opened(Facts(Path(folder) / "facts")) as engine:
            for policy in asking.policies:
                for first in range(0, len(asking.bounds), step):
                    bounds = asking.bounds[first : first + step]
                    wanted = expected(records, bounds, policy, AS_OF)
                    for verdicts in wanted.values():
                        tell(" ".join(_told(verdict) for verdict, _ in verdicts).encode())
                    query = compiled(bounds, policy, AS_OF, engine.codings)
                    yield differences(query, *engine.rows(query), wanted)


def _made(asking: Asking, lot: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Patients whose data meet in one criterion; of a site's trials those of the agreement with CQL, in odd forms."""
    if asking is not THE_FIVE:
        for place, each in enumerate(made_about(matters(asking.definitions, asking.terminology), size, lot)):
            own = each.bundle.replace(b'"id":"p1"', f'"id":"made{place}"'.encode())
            yield f"made{place}", own.replace(b'"Patient/p1"', f'"Patient/made{place}"'.encode())
        return
    rng = Random(f"lot {lot}")  # noqa: S311  # made-up data, no secret
    number = partial(rng.randrange, 2**32)
    themes = patients.themes(asking.definitions)
    for place in range(size):
        resources = patients.patient_of(themes, number(), [number() for _ in range(rng.choice(SIZES))])
        yield bundle_of(f"made{place}", resources)


def _told(verdict: Verdict) -> str:
    said = " ".join(f"{each.id} {each.result.value} {each.reason.value}" for each in verdict.criteria)
    return f"{verdict.subject} {verdict.study} {verdict.decision.value} {said}"


@contextmanager
def _duckdb() -> Iterator[Opened]:
    yield open_local


@contextmanager
def _spark() -> Iterator[Opened]:
    """As the tests of Spark start it."""
    from adapter.screening.spark.session import open_session  # noqa: PLC0415  # it may not be installed
    from tests.unit.spark.test_spark import SETTINGS  # noqa: PLC0415  # as above

    with open_session("local[2]", SETTINGS) as session:
        yield lambda facts: nullcontext(_Views(session, facts))


class _Views:
    """A folder's tables as Spark sees them."""

    def __init__(self, session: Any, facts: Facts) -> None:  # noqa: ANN401  # Spark's
        from adapter.screening.spark.facts import SparkFacts  # noqa: PLC0415  # as above

        self._facts = SparkFacts(session, facts)
        self.codings: Sequence[Codings] = self._facts.codings

    def rows(self, query: Query) -> tuple[Sequence[str], Iterable[Sequence[object]]]:
        frame = self._facts.frame(query)
        return frame.columns, frame.collect()


ENGINES = {"duckdb": _duckdb, "spark": _spark}


if __name__ == "__main__":
    sys.exit(main())
