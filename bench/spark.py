"""`python -m bench.spark`: what a screening by Spark costs on this machine, beside one without it of the same patients.

Part of the demo cohort, again and again under other ids, is written as a Bulk Data export, and screened on `local[2]`
for one trial and for all. Processor seconds are those of all processes: Java, the Python workers, and this one. Each
number of patients is a process of its own; what Java and the workers need to start is in it.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.patients import patients

MODELS = 100
RESOURCES = 24
AS_OF = "2026-03-01"
MEMORY = "spark.driver.memory=2g"
_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _CUTIME, _PARENT = 11, 13, 1
"""Places in /proc/PID/stat behind the name: this process's time, its ended children's, its parent."""


class Measured(Struct):
    """One run: processor seconds by program, seconds by the clock, bytes of the source."""

    bytes: int
    seconds: float
    processor: dict[str, float]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.spark", description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 4000], help="how many, a run each")
    parser.add_argument("--one", choices=["spark", "plain"], help="measure in this process and print it as JSON")
    parser.add_argument("--study", nargs="*", default=[], help="of these trials only")
    chosen = parser.parse_args()
    if chosen.one:
        sys.stdout.write(msgspec.json.encode(measure(chosen.patients[0], chosen.study, chosen.one)).decode())
        return
    table = Table("patients", "trials", "by", "clock s", "processor s", "of it java", "workers", "us a patient")
    for count in chosen.patients:
        for studies in (["nct04785833"], []):
            for way in ("plain", "spark"):
                command = [
                    sys.executable,
                    "-m",
                    "bench.spark",
                    "--one",
                    way,
                    "--patients",
                    str(count),
                    "--study",
                    *studies,
                ]
                ran = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # this module
                found = msgspec.json.decode(ran.stdout.splitlines()[-1], type=Measured)
                total = sum(found.processor.values())
                java, workers = (f"{found.processor.get(name, 0):.1f}" for name in ("java", "python"))
                cells = (f"{found.seconds:.1f}", f"{total:.1f}", java, workers, f"{total / count * 1e6:,.0f}")
                row = (f"{count:,}", "one" if studies else "all", way, *cells)
                sys.stderr.write(f"{'  '.join(row)}\n")  # what is measured is told at once: a run takes minutes
                table.add_row(*row)
    Console().print(table)


def measure(count: int, studies: list[str], way: str) -> Measured:
    """One run in this process."""
    from adapter.cli import app  # noqa: PLC0415  # its time counts

    with TemporaryDirectory() as name:
        source, out = Path(name, "source"), Path(name, "out")
        size = _export(source, count)
        by = ["--engine", "spark", "--master", "local[2]", "--spark-setting", MEMORY] if way == "spark" else []
        began, before = time.perf_counter(), _own()
        arguments = ["screen", "--source", source, "--out", out, "--as-of", AS_OF, *by]
        kept = sys.stdout
        sys.stdout = sys.stderr
        if app.run([*map(str, arguments), *(each for study in studies for each in ("--study", study))]):
            msg = "the screening has failed"
            raise SystemExit(msg)
        sys.stdout = kept
        seconds = time.perf_counter() - began
        return Measured(size, seconds, {"driver": _own() - before, **_below(os.getpid())})


def _export(folder: Path, count: int) -> int:
    """Write patients as NDJSON, a file a type; their bytes."""
    folder.mkdir()
    files = {}
    size = 0
    for number, (bundle, id_) in enumerate(islice(cycle(_models()), count)):
        own = f"b{number}"
        for entry in msgspec.json.decode(bundle)["entry"]:
            resource_ = entry["resource"]
            type_ = resource_["resourceType"]
            if type_ not in files:
                files[type_] = (folder / f"{type_}.ndjson").open("wb")
            text = msgspec.json.encode(resource_).replace(f"Patient/{id_}".encode(), f"Patient/{own}".encode())
            plain = text.replace(f'"id":"{id_}'.encode(), f'"id":"{own}'.encode())
            size += files[type_].write(plain + b"\n")
    for file in files.values():
        file.close()
    return size


def _models() -> list[tuple[bytes, str]]:
    found = []
    for data in patients(MODELS, RESOURCES):
        entries = msgspec.json.decode(data)["entry"]
        found.append((data, next(e["resource"]["id"] for e in entries if e["resource"]["resourceType"] == "Patient")))
    return found


def _own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _below(parent: int) -> dict[str, float]:
    """Processor seconds of all processes below one, by program."""
    found: dict[str, float] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:  # ended in the meantime
            continue
        fields = text[text.rindex(")") + 2 :].split()
        if int(fields[_PARENT]) == parent:
            program = text[text.index("(") + 1 : text.rindex(")")]
            used = sum(map(int, fields[_UTIME : _CUTIME + 2])) / _TICKS
            below = _below(int(text.split()[0]))
            for name, seconds in ((program, used), *below.items()):
                found[name] = found.get(name, 0) + seconds
    return found


if __name__ == "__main__":
    main()
