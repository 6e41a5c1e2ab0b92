"""`python -m bench.trials`: what a trial more costs on a record: the shipped five, and many trials of a site.

Processor time of this process, the best of some rounds in turn, so that what else the machine does matters less. The
site's trials are made up: each has 20 criteria on concepts of the whole catalogue, with bounds and windows as protocols
have them, so that some leaves stand in many trials and some in one.
"""

import argparse
import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from statistics import mean
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from adapter.criteria.catalogue import Analyte, Catalogue, Scale
from adapter.criteria.model import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.bound import BoundCriterion
from adapter.record import read_record
from bench.patients import patients
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.terminology.related import with_relations
from mappings.terminology.wide import wide_concepts, with_wide
from mappings.terminology.yaml_file import YamlFile
from mappings.trial import load_definitions
from mappings.trial.form import Vocabulary
from mappings.trial.schema import definition_of

AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
RESOURCES = 27
SIZES = (5, 50, 500)
GROUPS = 10
CRITERIA = 20
WINDOWS = ("P7D", "P14D", "P28D", "P3M", "P6M", "P12M")
AGES = (12, 18, 40, 50, 60, 65, 70, 75, 80, 85)


def main() -> None:
    """Measure, and print tables of ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.trials", description=__doc__)
    parser.add_argument("--patients", type=int, default=40, help="records")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the best counts")
    chosen = parser.parse_args()
    bundles = patients(chosen.patients, RESOURCES)
    policy = load_policy("strict")
    _five(bundles, policy, chosen.rounds)
    _many(bundles, policy, chosen.rounds)


def _spent(work: Callable[[bytes], object], bundles: Sequence[bytes]) -> float:
    """Milliseconds of the processor a record."""
    start = time.process_time()
    for bundle in bundles:
        work(bundle)
    return (time.process_time() - start) / len(bundles) * 1000


def _best(works: dict[str, Callable[[bytes], object]], bundles: Sequence[bytes], rounds: int) -> dict[str, float]:
    """The least that each took, in rounds of all of them."""
    gc.collect()
    gc.freeze()
    found = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            found[name] = min(found[name], _spent(work, bundles))
    return found


def _evaluation(bounds: Sequence[BoundDefinition], policy: Policy) -> Callable[[bytes], object]:
    def work(bundle: bytes) -> None:
        record = read_record(bundle, bounds[0].terminology)
        for verdict in evaluate_all(bounds, record, AS_OF, policy):
            _ = verdict.criteria

    return work


def _five(bundles: Sequence[bytes], policy: Policy, rounds: int) -> None:
    terminology = load_terminology()
    bounds = [bind(definition, terminology) for definition in load_definitions()]
    works: dict[str, Callable[[bytes], object]] = {
        "JSON alone": msgspec.json.decode,
        "one trial": _evaluation(bounds[:1], policy),
        "five trials": _evaluation(bounds, policy),
    }
    spent = _best(works, bundles, rounds)
    table = Table("run", "of JSON alone", "of one trial", title="the shipped trials, a record")
    for name, each in spent.items():
        table.add_row(name, f"{each / spent['JSON alone']:.1f}", f"{each / spent['one trial']:.2f}")
    Console().print(table)


def _many(bundles: Sequence[bytes], policy: Policy, rounds: int) -> None:
    terminology = with_relations(with_wide(load_terminology(), wide_concepts()))
    start = time.process_time()
    definitions = list(_made_up(terminology, max(SIZES)))
    loaded = time.process_time()
    bounds = [bind(definition, terminology) for definition in definitions]
    bound = time.process_time()
    read = _best({"reading": lambda bundle: read_record(bundle, terminology)}, bundles, rounds)["reading"]
    spent = {size: _mean(bounds, size, policy, bundles, rounds) for size in SIZES}
    least, columns = SIZES[0], ("a trial, of one of the least", "the same without reading", "of it reading")
    table = Table("trials", *columns, title="trials of a site, a record")
    for size, whole in spent.items():
        fewer = least / size
        alone = (whole - read) / (spent[least] - read) * fewer
        table.add_row(str(size), f"{whole / spent[least] * fewer:.2f}", f"{alone:.2f}", f"{read / whole:.0%}")
    Console().print(table)
    leaves = [each for definition in bounds for _, top in definition.criteria for each in _leaves(top)]
    Console().print(
        f"{len(set(leaves))} of {len(leaves)} leaves differ; loaded in {(loaded - start) / len(bounds) * 1000:.1f} ms "
        f"and bound in {(bound - loaded) / len(bounds) * 1000:.1f} ms a trial"
    )


def _mean(bounds: Sequence[BoundDefinition], size: int, policy: Policy, bundles: Sequence[bytes], rounds: int) -> float:
    """Milliseconds a record for so many trials: of groups of them, since one trial may cost twice another."""
    starts = range(0, len(bounds), max(size, len(bounds) // GROUPS))
    works = {str(start): _evaluation(bounds[start : start + size], policy) for start in starts}
    return mean(_best(works, bundles, rounds).values())


def _leaves(bound: BoundCriterion) -> Iterator[str]:
    if not bound.parts:
        yield bound.key
    for part in bound.parts:
        yield from _leaves(part)


def _made_up(terminology: Terminology, count: int) -> Iterator[TrialDefinition]:
    vocabulary = Vocabulary.of(terminology)
    draw = random.Random(500)  # noqa: S311  # made-up trials, the same each time
    for number in range(count):
        content = _trial(number, terminology.catalogue, draw)
        yield definition_of(YamlFile(f"trial-{number}.yaml", content, {}), vocabulary)


def _trial(number: int, catalogue: Catalogue, draw: random.Random) -> dict[str, Any]:
    statements = [{"age": {"at-least": f"{draw.choice(AGES)} a"}}]
    statements += [_statement(place, catalogue, draw) for place in range(CRITERIA - 1)]
    return {
        "id": f"trial-{number}",
        "version": "1.0.0",
        "completeness": "full",
        "index": [draw.choice(sorted(catalogue.conditions))],
        "study": {"title": f"Trial {number}", "status": "recruiting"},
        "criteria": [
            {"id": f"{'IE'[place % 2]}{place + 1}", "kind": ("inclusion", "exclusion")[place % 2]}
            | {"label": f"Criterion {place + 1}", "source": "made up"}
            | statement
            for place, statement in enumerate(statements)
        ],
    }


def _statement(place: int, catalogue: Catalogue, draw: random.Random) -> dict[str, Any]:
    match place % 3:
        case 0:
            analyte = draw.choice([each for each in _often(catalogue.analytes, draw) if _has_bounds(each)])
            low, high = analyte.plausible.low, analyte.plausible.high
            bound = f"{low + (high - low) * draw.randrange(1, 20) / 20:.4f} {analyte.unit}".removesuffix(" 1")
            side, window = draw.choice(("at-least", "less-than")), draw.choice(WINDOWS)
            return {"measurement": {"analyte": analyte.id, side: bound, "window": window}}
        case 1:
            chosen = [draw.choice(_often(catalogue.conditions, draw)).id for _ in range(draw.randrange(1, 4))]
            occurrence = draw.choice(("active", "ever"))
            return {"condition": {"concepts": list(dict.fromkeys(chosen)), "occurrence": occurrence}}
        case _:
            chosen = [draw.choice(_often(catalogue.exposures, draw)).id for _ in range(draw.randrange(1, 3))]
            return {"exposure": {"concepts": list(dict.fromkeys(chosen)), "look-back": draw.choice(WINDOWS)}}


def _often(concepts: Mapping[str, Any], draw: random.Random) -> list[Any]:
    """All, or half of the time those that the shipped trials name, which the patients have something of."""
    common = draw.random() < 0.5  # noqa: PLR2004
    return [each for id_, each in sorted(concepts.items()) if not common or id_ not in wide_concepts()]


def _has_bounds(analyte: Analyte) -> bool:
    return analyte.scale is Scale.QUANTITY and bool(analyte.unit and analyte.plausible and analyte.plausible.low >= 0)


if __name__ == "__main__":
    main()
