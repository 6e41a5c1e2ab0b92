"""`python -m bench.convert`: how fast sheets, HL7 v2 messages and OMOP are converted, with how much memory.

Each format in a process of its own, so that its peak is its own; rates are of the whole conversion, from the source to
the written Bundles, in seconds of the processor. `--measurements 1000000` shows that memory does not grow with it.
`--against bd3b94f` says how many times as fast sheets and messages are as at that commit: turn by turn in one run, the
quickest of several rounds.
"""

import argparse
import csv
import random
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from adapter.screening.convert import Conversion, convert
from adapter.screening.convert.sources import message_units, omop_units
from bench.compare import EARLIER, ROOT, asked, earlier, worker
from mappings.patient.hl7v2 import Series, load_settings
from mappings.patient.sheet import Names, convert_sheet, load_mapping
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

_UTC = ZoneInfo("UTC")
_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_PER_PATIENT = 1000
_WORKER = Path(__file__).with_name("convert_worker.py")
_ROUNDS = 4
_HEADERS = (
    *("Patient", "Birth date", "Sex", "Date", "Haemoglobin (g/dL)", "ALT (U/L)", "ALT upper limit", "AST (U/L)"),
    *("Creatinine in serum (umol/L)", "ECOG performance status", "HIV test", "Infection", "Immunotherapy"),
)
Measured = tuple[int, float, float]
"""Resources, seconds of the processor, and the peak of memory in MiB."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.convert", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000, help="rows of the sheet")
    parser.add_argument("--messages", type=int, default=2_000, help="HL7 v2 messages of 10 results")
    parser.add_argument(
        "--against", metavar="COMMIT", help=f"an earlier commit, as {EARLIER}; nothing else is measured"
    )
    parser.add_argument("--visits", type=int, default=1, help="rows of a patient in the sheet")
    parser.add_argument("--measurements", type=int, default=50_000, help="rows of OMOP's measurement")
    chosen = parser.parse_args()
    if chosen.against:
        _compare(chosen.against, chosen.rows, chosen.messages, chosen.visits)
        return
    table = Table("Source", "Rows", "Rows/s of CPU", "Resources", "Resources/s of CPU", "Peak MiB")
    for name, rows, write, run in (
        ("screening sheet (CSV)", chosen.rows, partial(_write_sheet, visits=chosen.visits), _sheet),
        ("HL7 v2 messages", chosen.messages, _write_messages, _messages),
        ("OMOP measurement (CSV)", chosen.measurements, _write_omop, _omop),
    ):
        with TemporaryDirectory() as folder:
            write(Path(folder), rows)
            resources, seconds, peak = _alone(run, Path(folder))
        rates = (f"{rows / seconds:,.0f}", f"{resources:,}", f"{resources / seconds:,.0f}", f"{peak:,.0f}")
        table.add_row(name, f"{rows:,}", *rates)
    Console().print(table)


def _compare(commit: str, rows: int, messages: int, visits: int) -> None:
    """Print how many times as fast sheets and messages are as at a commit."""
    python, tree = earlier(commit)
    table = Table(
        "Source", "Rows", f"{commit}, CPU us a row", "now", "times as fast", title="One core, to Bundles on disk"
    )
    with TemporaryDirectory() as folder:
        _write_sheet(Path(folder), rows, visits)
        _write_messages(Path(folder), messages)
        for kind, name, count in (("sheet", "in.csv", rows), ("hl7v2", "in.hl7", messages)):
            argument = (kind, str(Path(folder) / name))
            with (
                worker(python, tree, _WORKER, *argument) as one,
                worker(Path(sys.executable), ROOT, _WORKER, *argument) as two,
            ):
                rounds = [(asked(one), asked(two)) for _ in range(_ROUNDS)]
            before, after = (min(seconds) / count for seconds in zip(*rounds, strict=True))
            table.add_row(kind, f"{count:,}", f"{1e6 * before:,.0f}", f"{1e6 * after:,.0f}", f"{before / after:.1f}")
    Console().print(table)


def _alone(run: Callable[[Path], int], folder: Path) -> Measured:
    """Run in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (run, folder))


def _measured(run: Callable[[Path], int], folder: Path) -> Measured:
    started = time.process_time()
    resources = run(folder)
    seconds = time.process_time() - started
    return resources, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _sheet(folder: Path) -> int:
    terminology = load_terminology()
    names = Names.of(terminology, load_definitions())
    units = convert_sheet(folder / "in.csv", load_mapping(None, names), names, _UTC, "2026-03-01T00:00:00Z")
    return convert(units, Conversion(out=folder / "out", terminology=terminology)).resources.total()


def _omop(folder: Path) -> int:
    terminology = load_terminology()
    with omop_units(str(folder / "in"), terminology, _UTC, _NOW) as units:
        return convert(units, Conversion(out=folder / "out", terminology=terminology)).resources.total()


def _messages(folder: Path) -> int:
    terminology = load_terminology()
    units = message_units(folder / "in.hl7", Series(load_settings(None, _UTC), terminology), BytesIO())
    return convert(units, Conversion(out=folder / "out", terminology=terminology)).resources.total()


def _write_messages(folder: Path, messages: int) -> None:
    draws = random.Random(7)  # noqa: S311  # made-up values
    with (folder / "in.hl7").open("w", encoding="utf-8", newline="") as file:
        for number in range(messages):
            head = f"MSH|^~\\&|LAB|H|ADAPTER|H|20260220091500||ORU^R01^ORU_R01|M{number}|P|2.5\r"
            pid = f"PID|1||P{number % 200}^^^H^MR||Doe^Jane||19900504|F\r"
            obr = f"OBR|1||F{number}|58410-2^CBC^LN|||20260220090000||||||||||||||||||F\r"
            results = "".join(
                f"OBX|{place}|NM|718-7^Hb^LN|{place}|{draws.uniform(7, 16):.1f}|g/dL|12.0-16.0|N|||F\r"
                for place in range(1, 11)
            )
            file.write(head + pid + obr + results)


def _write_sheet(folder: Path, rows: int, visits: int = 1) -> None:
    draws = random.Random(7)  # noqa: S311  # made-up values
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADERS)
        for number in range(rows):
            values = (f"{draws.uniform(7, 16):.1f}", draws.randint(10, 90), 40, draws.randint(10, 90))
            rest = (draws.randint(40, 140), draws.randint(0, 3), draws.choice(("neg", "pos")), "no", "2025-11-03")
            date = f"2026-02-{number % visits % 28 + 1:02}" if visits > 1 else "2026-02-20"
            writer.writerow((f"P{number // visits}", "1990-05-04", "female", date, *values, *rest))


def _write_omop(folder: Path, rows: int) -> None:
    draws = random.Random(7)  # noqa: S311  # made-up values
    (folder / "in").mkdir()
    persons = max(rows // _PER_PATIENT, 1)
    concepts = [(7, "718-7", "LOINC", "Hemoglobin"), (8, "g/dL", "UCUM", "gram per deciliter")]
    _table(folder, "concept", ("concept_id", "concept_code", "vocabulary_id", "concept_name"), concepts)
    _table(
        folder, "person", ("person_id", "gender_concept_id", "year_of_birth"), ((n, 8532, 1990) for n in range(persons))
    )
    columns = ("measurement_id", "person_id", "measurement_concept_id", "measurement_datetime", "value_as_number")
    more = ("unit_concept_id", "range_low", "range_high", "measurement_source_value", "unit_source_value")
    values = (
        (n, draws.randrange(persons), 7, "2026-02-20 09:15:00", f"{draws.uniform(7, 16):.1f}", 8, 12, 16, "HB", "g/dL")
        for n in range(rows)
    )
    _table(folder, "measurement", columns + more, values)


def _table(folder: Path, name: str, columns: tuple[str, ...], rows: object) -> None:
    with (folder / "in" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)  # type: ignore[arg-type]  # tuples of numbers and texts


if __name__ == "__main__":
    main()
