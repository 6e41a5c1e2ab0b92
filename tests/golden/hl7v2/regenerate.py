"""HL7 v2 messages and what they become, reviewed in the diff.

`python -m tests.golden.hl7v2.regenerate` writes the results anew. What each message shows, and where its quirk was
seen, stands in `sources.yaml`.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import yaml

from mappings.patient import Rejected, Unit, encode
from mappings.patient.converted import patient_resource
from mappings.patient.hl7v2 import Series, load_settings
from mappings.terminology import load_terminology

HERE = Path(__file__).parent
SOURCES: dict[str, Any] = yaml.safe_load((HERE / "sources.yaml").read_text(encoding="utf-8"))


def units(name: str) -> list[Unit]:
    """What the messages of a name become."""
    with TemporaryDirectory() as folder:
        mapping = Path(folder) / "mapping.yaml"
        mapping.write_text(yaml.safe_dump(SOURCES[name]["settings"]), encoding="utf-8")
        series = Series(load_settings(mapping), load_terminology())
    return list(series.units(f"{name}.hl7", [(HERE / "messages" / f"{name}.hl7").read_bytes()]))


def golden() -> Iterator[tuple[Path, bytes]]:
    """Each golden file and its content."""
    for name in SOURCES:
        said = [_plain(unit) for unit in units(name)]
        yield HERE / "expected" / f"{name}.json", msgspec.json.format(encode(said), indent=1) + b"\n"


def _plain(unit: Unit) -> Any:  # noqa: ANN401  # JSON
    if isinstance(unit, Rejected):
        return {"rejected": unit.place, "field": unit.field, "reason": unit.reason, "whole": unit.whole}
    patients = [{**patient_resource(part), "leads": part.leads} for part in unit.patients]
    return {"from": unit.origin.place, "patients": patients, "resources": unit.resources}


def main() -> None:
    """Write them."""
    for path, data in golden():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
