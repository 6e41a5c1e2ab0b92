"""`python -m compiled.check`: what is compiled answers as the pure code does, byte for byte.

Both read and evaluate the same patients under each policy, each in a process of its own: made-up ones for all trials,
and for every sort of criterion that the tests know those that are about it, at several instants.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from compiled.build import ROOT, tree
from compiled.library import LIBRARY, SUFFIX

_ANSWERS = """
import hashlib, sys
from datetime import UTC, datetime
from adapter.evaluator import bind, evaluate_all, verdict
from adapter.record import read_record
from bench.patients import patients
from mappings.policy import load_policy
from mappings.trial import load_definitions
from mappings.trial.json_schema import schema_text
from tests.properties.test_about_one import BASE, BY_ID, EVERY, LATER, TERMINOLOGY, patient, written

def tell(name, bounds, record, as_of, policies):
    for policy in policies:
        for found in evaluate_all(bounds, record, as_of, policy):
            print(name, as_of.date(), found.policy, found.study, hashlib.sha256(verdict.to_line(found)).hexdigest())

print(sys.modules[read_record.__module__].__file__)
print("the schema of trials", hashlib.sha256(schema_text().encode()).hexdigest())
as_of = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
bounds = [bind(each, TERMINOLOGY) for each in load_definitions()]
policies = [load_policy(each) for each in ("strict", "problem-list")]
for number, content in enumerate(patients(int(sys.argv[1]), int(sys.argv[2]))):
    tell(f"patient {number}", bounds, read_record(content, TERMINOLOGY), as_of, policies)
for name, place in sorted(EVERY.items()):
    for seed in range(int(sys.argv[3])):
        record = read_record(written(patient(place, seed)), TERMINOLOGY, subject="p1")
        for as_of in (BASE, *(BASE + step for step in LATER)):
            tell(f"{name} {seed}", [place.bound], record, as_of, BY_ID.values())
"""


def answers(where: Path, *counts: int) -> tuple[str, list[str]]:
    """Where the code came from, and a line with a hash for each verdict."""
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", _ANSWERS, *map(str, counts)],
        cwd=where,
        env={"PYTHONPATH": f"{where}:{ROOT}", "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    first, *others = done.stdout.splitlines()
    return first, others


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 where all are the same."""
    parser = argparse.ArgumentParser(prog="python -m compiled.check", description=__doc__)
    parser.add_argument("--patients", type=int, default=300)
    parser.add_argument("--resources", type=int, default=60, help="resources a patient, at most")
    parser.add_argument("--seeds", type=int, default=2, help="patients for each sort of criterion")
    said = parser.parse_args(arguments)
    made, counts = tree(), (said.patients, said.resources, said.seeds)
    pure_from, pure = answers(ROOT, *counts)
    from_, compiled = answers(made, *counts)
    if not pure_from.endswith(".py") or not from_.endswith(SUFFIX) or not Path(from_).is_relative_to(made):
        sys.stderr.write(f"compiled: {pure_from} was compared with {from_}, which is no comparison\n")
        return 1
    other = [one for one, two in zip(pure, compiled, strict=True) if one != two]
    for each in other[:20]:
        sys.stderr.write(f"compiled: another answer: {each.rsplit(' ', 1)[0]}\n")
    sys.stdout.write(f"{len(pure) - len(other)} of {len(pure)} answers are the same, by {LIBRARY}\n")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
