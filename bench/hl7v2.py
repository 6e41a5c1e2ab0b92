"""How many HL7 v2 messages a second: split, mapped to FHIR, and gathered into Bundles on disk.

`python -m bench.hl7v2 [--messages 2000] [--results 20]`. Each message is a laboratory's ORU^R01 with that many results
of one of 200 patients. The ratios are of one run, so that they can be compared between machines.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter.screening.convert import Conversion, convert
from mappings.patient.hl7v2 import Frame, Series, Settings, parse
from mappings.terminology import load_terminology

_PATIENTS = 200
_ANALYTES = (
    ("718-7^Haemoglobin^LN", "9.8", "g/dL^^UCUM", "12.0-15.5"),
    ("2160-0^Creatinine^LN", "0.81", "mg/dL^^UCUM", "0.5-0.9"),
    ("1742-6^ALT^LN", "31", "U/L", "<35"),
    ("5195-3^HBsAg^LN", "negative", "", ""),
)


def message(number: int, results: int) -> bytes:
    """One message."""
    lines = [
        f"MSH|^~\\&|LAB|H|EI|H|202602{number % 28 + 1:02}120000+0100||ORU^R01|M{number}|P|2.5.1",
        f"PID|1||{number % _PATIENTS}^^^H^MR||Doe^Jane||19800101|F",
        f"OBR|1||F{number}^LAB|CBC^Panel^L|||202602{number % 28 + 1:02}0830",
    ]
    for place in range(results):
        code, value, unit, limits = _ANALYTES[place % len(_ANALYTES)]
        kind = "NM" if unit else "ST"
        lines.append(f"OBX|{place + 1}|{kind}|{code}|{place}|{value}|{unit}|{limits}|N|||F")
    return "\r".join(lines).encode() + b"\r"


def _rate(what: str, count: int, run: Callable[[], object], against: float | None = None) -> float:
    began = time.perf_counter()
    run()
    rate = count / (time.perf_counter() - began)
    ratio = f"  {rate / against:5.2f} of the first" if against else ""
    print(f"{what:<28} {rate:8,.0f} messages/s{ratio}")  # noqa: T201  # it is what the command is for
    return rate


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7v2", description="How many HL7 v2 messages a second")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--results", type=int, default=20)
    chosen = parser.parse_args()
    messages = [message(number, chosen.results) for number in range(chosen.messages)]
    terminology = load_terminology()
    first = _rate("split", len(messages), lambda: [parse(Frame(each, 1)) for each in messages])
    _rate(
        "split and mapped",
        len(messages),
        lambda: sum(1 for _ in Series(Settings(), terminology).units("feed", messages)),
        first,
    )
    with TemporaryDirectory() as folder:
        units = Series(Settings(), terminology).units("feed", messages)
        conversion = Conversion(out=Path(folder) / "out", terminology=terminology)
        _rate("into Bundles on disk", len(messages), lambda: convert(units, conversion), first)


if __name__ == "__main__":
    main()
