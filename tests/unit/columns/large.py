"""`python -m tests.unit.columns.large`: SQL over facts against the evaluator, for many patients and both policies.

Patients come in lots, so that memory is flat; each lot is made from its number. Of every lot, what differs is printed;
at the end, how many answers there were, how many undecided, and a hash of all of the evaluator's.
"""

import argparse
import hashlib
import sys
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from adapter.columns.folder import Facts
from adapter.columns.sql.local import open_local
from adapter.columns.sql.query import compiled
from adapter.evaluator.verdict import Verdict
from tests.properties import core, patients
from tests.unit.columns.answers import differences, expected, write
from tests.unit.columns.people import AS_OF
from tests.unit.columns.test_sql import bundle_of

LOT = 1_000


def main() -> int:
    """Compare; 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.unit.columns.large", description=__doc__)
    parser.add_argument("--patients", type=int, default=200_000)
    chosen = parser.parse_args()
    about = patients.themes(core.DEFINITIONS)
    answers = undecided = differing = 0
    digest = hashlib.sha256()
    for lot in range(-(-chosen.patients // LOT)):
        rng = Random(f"lot {lot}")  # noqa: S311  # made-up data, no secret
        number = partial(rng.randrange, 2**32)
        made = (
            bundle_of(f"made{place}", patients._patient(about, number(), [number() for _ in range(rng.choice(SIZES))]))  # noqa: SLF001
            for place in range(min(LOT, chosen.patients - lot * LOT))
        )
        with TemporaryDirectory() as folder:
            records = write(Path(folder) / "facts", core.TERMINOLOGY, core.STRICT, made)
            with open_local(Facts(Path(folder) / "facts")) as local:
                for policy in (core.STRICT, core.PROBLEM_LIST):
                    wanted = expected(records, core.BOUND, policy, AS_OF)
                    query = compiled(core.BOUND, policy, AS_OF, local.codings)
                    found = differences(query, *local.rows(query), wanted)
                    for verdicts in wanted.values():
                        digest.update(" ".join(_told(verdict) for verdict, _ in verdicts).encode())
                    answers, undecided = answers + found.answers, undecided + found.undecided
                    differing += len(found.found)
                    for each in found.found[:20]:
                        print(f"lot {lot}, {policy.id}: {each}", flush=True)  # noqa: T201  # its output
        print(f"{(lot + 1) * LOT}: {answers} answers, {undecided} undecided, {differing} differ", flush=True)  # noqa: T201
    print(digest.hexdigest())  # noqa: T201
    return int(differing > 0)


SIZES = (0, 1, 2, 4, 8, 20, 40)
"""How many resources a patient may have."""


def _told(verdict: Verdict) -> str:
    said = " ".join(f"{each.id} {each.result.value} {each.reason.value}" for each in verdict.criteria)
    return f"{verdict.subject} {verdict.study} {verdict.decision.value} {said}"


if __name__ == "__main__":
    sys.exit(main())
