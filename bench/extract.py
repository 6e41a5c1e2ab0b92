"""`python -m bench.extract`: what it costs to put facts into columns, against parsing the same bytes alone.

Patients come from a generator and are not stored: 200 of the demo cohort again and again, each time with other ids.
Each number of patients is a process of its own, so that its memory is its own too. JSON alone: msgspec decodes the same
bytes into plain Python objects; after every 50 patients, so that both have the same machine.
"""

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from adapter.record.bundle import json_text
from adapter.record.contents import contents_of
from adapter.screening.extract import extract_found
from adapter.screening.setup import SiteConfig, load_setup
from adapter.screening.source import PatientInput
from bench.patients import patients

MODELS = 200
TOGETHER = 50
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Measured(Struct):
    """One run: processor seconds of extracting and of parsing alone, MB at most, MB written."""

    patients: int
    bytes: int
    extracting: float
    parsing: float
    memory: float
    written: float


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.extract", description=__doc__)
    parser.add_argument(
        "--patients",
        type=int,
        nargs="+",
        default=[10_000, 100_000],
        help="how many, a run each; 1000000 takes some 20 minutes",
    )
    parser.add_argument("--resources", type=int, default=24, help="resources a patient, at most")
    parser.add_argument("--one", action="store_true", help="measure in this process and print it as JSON")
    chosen = parser.parse_args()
    if chosen.one:
        sys.stdout.write(msgspec.json.encode(measure(chosen.patients[0], chosen.resources)).decode())
        return
    columns = ("patients", "kB each", "us each", "JSON alone", "ratio", "memory MB", "written MB")
    for count in chosen.patients:  # a million takes long: what is known stands there at once
        table = Table(*columns)
        command = [sys.executable, "-m", "bench.extract", "--one", "--patients", str(count)]
        ran = subprocess.run([*command, "--resources", str(chosen.resources)], check=True, stdout=subprocess.PIPE)  # noqa: S603
        table.add_row(*_cells(msgspec.json.decode(ran.stdout, type=Measured)))
        Console().print(table)


def _cells(found: Measured) -> Sequence[str]:
    each, alone = found.extracting / found.patients * 1e6, found.parsing / found.patients * 1e6
    return (
        f"{found.patients:,}",
        f"{found.bytes / found.patients / 1000:.1f}",
        f"{each:,.0f}",
        f"{alone:,.0f}",
        f"{each / alone:.1f}",
        f"{found.memory:,.0f}",
        f"{found.written:,.1f}",
    )


def measure(count: int, resources: int) -> Measured:
    """One run in this process."""
    setup = load_setup(SiteConfig(), None)
    models = patients(MODELS, resources)
    gc.collect()
    gc.freeze()
    size, parsing, making = 0, 0.0, 0.0

    def found() -> Iterator[PatientInput]:
        nonlocal size, parsing, making
        endless = bundles(models)
        for first in range(0, count, TOGETHER):
            marks = [time.process_time()]
            chunk = list(islice(endless, min(TOGETHER, count - first)))
            marks.append(time.process_time())
            for content in chunk:
                msgspec.json.decode(content)
            marks.append(time.process_time())
            size += sum(map(len, chunk))
            making += marks[1] - marks[0]
            parsing += marks[2] - marks[1]
            for number, content in enumerate(chunk, first):
                yield PatientInput(f"{number}.json", contents_of(json_text(content)))

    with TemporaryDirectory() as folder:
        work = Path(folder, "work")
        work.mkdir()
        out = Path(folder, "facts")
        out.mkdir()
        start = time.process_time()
        extract_found(found(), work, out, setup, NOW, lambda _: None)
        spent = time.process_time() - start
        written = sum(each.stat().st_size for each in out.rglob("*") if each.is_file())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(count, size, spent - parsing - making, parsing, memory, written / 1e6)


def bundles(models: Sequence[bytes]) -> Iterator[bytes]:
    """Patients without end, each with ids of their own."""
    names = [msgspec.json.decode(each)["entry"][0]["resource"]["id"].encode() for each in models]
    for number, (content, name) in enumerate(cycle(zip(models, names, strict=True))):
        yield content.replace(name, b"x%07d" % number)


if __name__ == "__main__":
    main()
