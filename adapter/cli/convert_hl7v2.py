"""`convert hl7v2`: messages of HL7 v2, from files or a stream."""

import sys
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.conversion import LoadInto, Strict, Unmapped, Wanted, load_site, run_conversion
from adapter.cli.convert import convert_app
from adapter.cli.options import OutFolder, PolicyName
from adapter.cli.output import print_line
from adapter.errors import UsageError
from adapter.screening.convert.sources import STREAM, message_units
from mappings.patient.hl7v2 import Series, load_settings


@convert_app.command()
def hl7v2(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file, a folder of files, or - for standard input.")],
    *,
    out: OutFolder,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The site's senders (YAML).")
    ] = None,
    policy: PolicyName = "strict",
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert HL7 v2 messages: ORU^R01, and ADT A01, A04, A08, A28, A31, A40."""
    if str(source) != STREAM and not source.exists():
        msg = f"{source} is not there; name a file of HL7 v2 messages, a folder of them, or - for standard input"
        raise UsageError(msg)
    site = load_site(policy, unmapped)
    zone = None if site.policy.time_zone.key == str(UTC) else site.policy.time_zone
    series = Series(load_settings(mapping, zone), site.terminology)
    units = message_units(source, series, sys.stdin.buffer)
    wanted = Wanted(out=out, unmapped=unmapped, strict=strict, unit="messages", server=server)
    code = run_conversion(units, site, wanted)
    if series.unused:
        listed = ", ".join(f"{name} {count:,}" for name, count in sorted(series.unused.items()))
        print_line(f"Segments that are not converted: {listed}")
    return code
