"""`python -m bench.evaluate`: patients a second from JSON bytes to verdicts with evidence, and where the time goes.

One process, one core. Cold: the first 500 patients after start. Warm: the following rounds, the best of them. JSON
alone: decoding the same bytes into plain Python objects, the yardstick for this machine at this moment.
"""

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Console
from rich.table import Table

from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.verdict import to_line
from adapter.record import read_record
from bench.patients import patients
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
COLD = 500
ONE = "nct07008872"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluate", description=__doc__)
    parser.add_argument("--resources", type=int, default=27, help="resources a patient, at most")
    parser.add_argument("--rounds", type=int, default=5, help="warm rounds over the patients")
    chosen = parser.parse_args()
    bundles = patients(COLD, chosen.resources)
    terminology, policy = load_terminology(), load_policy("strict")
    bounds = [bind(definition, terminology) for definition in load_definitions()]
    one = [bound for bound in bounds if bound.definition.id == ONE]
    run = _Run(bundles, terminology, policy)
    gc.collect()
    gc.freeze()
    cold = run.once(one)
    rates = {"one trial, first 500": cold, "one trial": 0.0, "all five trials": 0.0, "JSON alone": 0.0}
    for _ in range(chosen.rounds):
        rates["one trial"] = max(rates["one trial"], run.once(one))
        rates["all five trials"] = max(rates["all five trials"], run.once(bounds))
        rates["JSON alone"] = max(rates["JSON alone"], run.rate(_decode))
    size = sum(map(len, bundles)) / len(bundles) / 1000
    _print_rates(rates, f"{len(bundles)} patients of at most {chosen.resources} resources, {size:.1f} kB on average")
    _print_shares(run, one)


class _Run:
    """The patients, and ways to run over them."""

    def __init__(self, bundles: Sequence[bytes], terminology: Terminology, policy: Policy) -> None:
        self.bundles = bundles
        self.terminology = terminology
        self.policy = policy

    def rate(self, work: Callable[[bytes], object]) -> float:
        """Patients a second."""
        start = time.perf_counter()
        for bundle in self.bundles:
            work(bundle)
        return len(self.bundles) / (time.perf_counter() - start)

    def once(self, bounds: Sequence[BoundDefinition]) -> float:
        """Patients a second, from bytes to verdicts with their evidence."""

        def work(bundle: bytes) -> None:
            record = read_record(bundle, self.terminology)
            for verdict in evaluate_all(bounds, record, AS_OF, self.policy):
                _ = verdict.criteria

        return self.rate(work)

    def shares(self, bounds: Sequence[BoundDefinition]) -> dict[str, float]:
        """Seconds a part, over all patients."""
        spent = dict.fromkeys(("read", "evaluate", "tell", "to JSON bytes"), 0.0)
        for bundle in self.bundles:
            marks = [time.perf_counter()]
            record = read_record(bundle, self.terminology)
            marks.append(time.perf_counter())
            verdicts = evaluate_all(bounds, record, AS_OF, self.policy)
            marks.append(time.perf_counter())
            _ = [verdict.criteria for verdict in verdicts]
            marks.append(time.perf_counter())
            _ = [to_line(verdict) for verdict in verdicts]
            marks.append(time.perf_counter())
            for part, start, end in zip(spent, marks, marks[1:], strict=False):
                spent[part] += end - start
        return spent


def _decode(bundle: bytes) -> None:
    msgspec.json.decode(bundle)


def _print_rates(rates: dict[str, float], title: str) -> None:
    table = Table("run", "patients/s", "of one trial", "of JSON alone", title=title)
    for name, rate in rates.items():
        of_one, of_json = rate / rates["one trial"], rate / rates["JSON alone"]
        table.add_row(name, f"{rate:,.0f}", f"{of_one:.2f}", f"{of_json:.3f}")
    Console().print(table)


def _print_shares(run: _Run, bounds: Sequence[BoundDefinition]) -> None:
    spent = run.shares(bounds)
    whole = sum(spent.values())
    table = Table("part", "share", "microseconds a patient", title="one trial, where the time goes")
    for part, seconds in spent.items():
        table.add_row(part, f"{seconds / whole:.0%}", f"{seconds / len(run.bundles) * 1e6:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
