"""Commands about whole populations: facts in columns."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import (
    ImportedTerminology,
    PolicyName,
    SiteFolder,
    Trials,
    existing,
    is_url,
    server_source,
)
from adapter.cli.output import console, print_line
from adapter.errors import AdapterError, UsageError
from adapter.screening.report import progress
from adapter.screening.setup import load_setup, site_config

_MISSING = "facts need pyarrow, which is not installed: pip install 'fhir-trial-adapter[facts]'"


def extract(
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="DIR|FILE|URL", help="Bundles, NDJSON files, a FHIR server, or a folder of facts, to be read anew."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="The folder of facts.")],
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    parts: Annotated[int, typer.Option(metavar="N", min=1, max=512, help="Into how many parts patients are put.")] = 16,
) -> None:
    """Write the facts of all patients of a source into Parquet files, for `feasibility` and `screen --engine`."""
    try:
        from adapter.columns.folder import FAILURES  # noqa: PLC0415  # pyarrow takes long to load, and may not be there
        from adapter.screening.extract import extract as run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(_MISSING) from error
    setup = load_setup(site_config(policy, trials, os.environ, terminology, site), None)
    found = server_source(source, indicated=False) if is_url(source) else existing(source)
    with progress(console(stderr=True)) as tell:
        manifest = run(found, out, setup, datetime.now(UTC), tell, parts)
    print_line(f"{manifest.patients} patients in {out}, in {manifest.parts} parts")
    if manifest.failed:
        failures = out / manifest.data / FAILURES
        msg = f"{manifest.failed} of {manifest.failed + manifest.patients} could not be read: {failures}"
        raise AdapterError(msg)
