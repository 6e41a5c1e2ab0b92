"""`python bench/convert_worker.py KIND SOURCE`: converts a sheet or HL7 v2 messages, and says how long it took.

For each line of stdin it converts once, to Bundles on disk, and answers with a line: the seconds of processor time. It
uses nothing that changed between the commits that it compares, and runs with the packages of each.
"""

import gc
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from adapter.screening.convert import Conversion, convert
from mappings.patient import Unit
from mappings.patient.hl7v2 import Series, load_settings
from mappings.patient.sheet import Names, convert_sheet, load_mapping
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

_UTC = ZoneInfo("UTC")


def main() -> None:
    """Answer until stdin ends."""
    kind, source = sys.argv[1], Path(sys.argv[2])
    terminology = load_terminology()
    names = Names.of(terminology, load_definitions())
    mapping, settings = load_mapping(None, names), load_settings(None, _UTC)

    def units() -> Iterable[Unit]:
        if kind == "sheet":
            return convert_sheet(source, mapping, names, _UTC, "2026-03-01T00:00:00Z")
        return Series(settings, terminology).units(source.name, [source.read_bytes()])

    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        with TemporaryDirectory() as folder:
            start = time.process_time()
            convert(units(), Conversion(out=Path(folder) / "out", terminology=terminology))
            spent = time.process_time() - start
        sys.stdout.write(f"{spent}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
