"""`python -m bench.columns`: patients a second of one trial's questions to facts in columns, by SQL in this process.

A thousand made-up patients are extracted, and their facts multiplied under other keys. Asked are every criterion's
truth and reason and the decision of all of them, then truths alone, as for counts, then the same with one criterion's
bound varied (that criterion alone is asked anew), then only of those with an indication. Beside it stands what the
evaluator takes for the thousand, and how many times as many patients SQL asks in the same time of a processor.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from adapter.columns.folder import Facts, Writer
from adapter.columns.manifest import Manifest, commit
from adapter.columns.rows import Rows, basis_of
from adapter.columns.schema import TABLES, Layout, schema_of
from adapter.columns.sql.local import Local, open_local
from adapter.columns.sql.query import Query, compiled
from adapter.criteria.policy import Policy
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.record import read_record
from adapter.record.contents import contents_of
from adapter.screening.feasibility_columns import TOGETHER
from adapter.screening.private import new_file
from bench.evaluate import AS_OF, ONE
from bench.patients import patients
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

MADE = 1_000
VARIED = "I5"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.columns", description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--resources", type=int, default=27, help="resources a patient, at most")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    terminology, policy = load_terminology(), load_policy("strict")
    bounds = [bind(each, terminology) for each in load_definitions() if each.id == ONE]
    table = Table(
        "question",
        "seconds",
        "CPU seconds",
        "patients/s of CPU",
        "times the evaluator",
        title=f"{chosen.patients} patients, {chosen.threads} threads",
    )
    with TemporaryDirectory() as folder:
        one, many = Path(folder) / "one", Path(folder) / "many"
        taken = _extract(one, bounds, policy, chosen.resources)
        table.add_row(f"evaluator, {MADE} patients", *_told(taken, MADE), "1")
        _multiply(Facts(one), many, chosen.patients // MADE)
        with open_local(Facts(many), threads=chosen.threads) as local:
            for name, asked, indicated, reasons in (
                (f"{len(bounds[0].criteria)} criteria", bounds, False, True),
                ("their truths alone", bounds, False, False),
                (f"{VARIED} alone, as for another bound", [_only(bounds[0], VARIED)], False, False),
                ("criteria of those with an indication", bounds, True, True),
            ):
                begun = _now()
                query = compiled(asked, policy, AS_OF, local.codings, indicated_only=indicated, reasons=reasons)
                count = _ask(local, query)
                spent = _since(begun)
                ratio = taken[1] / MADE * chosen.patients / spent[1]
                table.add_row(f"{name} ({count:,} patients)", *_told(spent, chosen.patients), f"{ratio:.0f}")
    table.caption = (
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at most, making facts included"
    )
    Console().print(table)


Moment = tuple[float, float]
"""By the clock, and of the processors' time of this process with all its threads."""


def _now() -> Moment:
    return time.perf_counter(), time.process_time()


def _since(begun: Moment) -> Moment:
    now = _now()
    return now[0] - begun[0], now[1] - begun[1]


def _told(taken: Moment, count: int) -> tuple[str, str, str]:
    return f"{taken[0]:.2f}", f"{taken[1]:.2f}", f"{count / taken[1]:,.0f}"


def _ask(local: Local, query: Query) -> int:
    """Ask for every cell; how many patients have some."""
    cells = " + ".join(f"SUM({column})" for column in query.studies[0].criteria)
    count = 0
    for parts in local.lots(TOGETHER):
        local.ask_parts(parts)
        local.prepare(query)
        found = local.connection.execute(f"SELECT COUNT(*), {cells} FROM ({query.last})").fetchone()  # noqa: S608  # ours
        count += int(found[0]) if found else 0
    return count


def _only(bound: BoundDefinition, name: str) -> BoundDefinition:
    return replace(bound, criteria=tuple(each for each in bound.criteria if each[1].criterion.id == name))


def _extract(folder: Path, bounds: list[BoundDefinition], policy: Policy, resources: int) -> Moment:
    """Write the facts of a thousand patients; how long their evaluation takes from bytes."""
    terminology = bounds[0].terminology
    (folder / "data-1").mkdir(parents=True)
    rows = Rows(terminology, policy)
    bundles = patients(MADE, resources)
    with Writer(folder / "data-1", 1, new_file) as writer:
        for number, bundle in enumerate(bundles):
            contents = contents_of(bundle)
            named = f"{number}"
            _, made = rows.of(read_record(contents, terminology), contents, named, number)
            writer.add(
                number << _BITS, {name: [(number << _BITS, *row[1:]) for row in held] for name, held in made.items()}
            )
        writer.close(rows.coded)
    commit(folder, _manifest(bounds[0], policy, MADE), new_file)
    begun = _now()
    for bundle in bundles:
        for verdict in evaluate_all(bounds, read_record(contents_of(bundle), terminology), AS_OF, policy):
            _ = verdict.criteria
    return _since(begun)


_LOT = 50
"""Copies in a part of the tables; a question is asked of the parts one after another, as feasibility asks them."""

_BITS = 16
"""Of a key: which copy of the patient it is."""


def _multiply(facts: Facts, folder: Path, copies: int) -> None:
    """The same facts under so many keys each, each copy with other days and values, without the records."""
    data = folder / "data-1"
    lots = [range(first, min(first + _LOT, copies)) for first in range(0, copies, _LOT)]
    data.mkdir(parents=True)
    with _connected() as connection, Writer(data, len(lots), new_file) as writer:
        for name, layout in TABLES.items():
            found = f"read_parquet('{facts.file(name, 0)}')"
            limit = " LIMIT 0" if name == "records" else ""
            for part, lot in enumerate(lots):
                text = (
                    f"SELECT * EXCLUDE (copy) REPLACE ({', '.join(_shifted(layout))}) FROM {found}, "  # noqa: S608  # ours
                    f"(SELECT range AS copy FROM range({lot.start}, {lot.stop})) c ORDER BY patient{limit}"
                )
                for batch in connection.sql(text).to_arrow_reader(1 << 15):
                    writer.keep(part, name, batch.cast(schema_of(layout)))
        writer.close({row[0]: row for row in facts.coded()})
    manifest = replace_manifest(facts.manifest, len(lots), facts.manifest.patients * copies)
    commit(folder, manifest, new_file)


def _shifted(layout: Layout) -> Iterator[str]:
    """The columns of a copy that differ."""
    yield "patient + c.copy AS patient"
    for field in schema_of(layout):
        if pa.types.is_timestamp(field.type):
            yield f"{field.name} - INTERVAL (c.copy % 45) DAY AS {field.name}"
        elif pa.types.is_date(field.type):
            yield f"CAST({field.name} - INTERVAL (c.copy % 45) DAY AS DATE) AS {field.name}"
        elif field.name in {"low", "high"}:
            yield f"ROUND({field.name} * (1 + (c.copy % 21 - 10) / 50), 3) AS {field.name}"


def replace_manifest(manifest: Manifest, parts: int, patients_: int) -> Manifest:
    """The manifest of so many patients in so many parts."""
    return Manifest(
        data=manifest.data,
        parts=parts,
        terminology=manifest.terminology,
        basis=manifest.basis,
        until=None,
        patients=patients_,
        failed=0,
    )


def _manifest(bound: BoundDefinition, policy: Policy, count: int) -> Manifest:
    return Manifest(
        data="data-1",
        parts=1,
        terminology=bound.terminology.hash,
        basis=basis_of(policy),
        until=None,
        patients=count,
        failed=0,
    )


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        yield connection


if __name__ == "__main__":
    main()
