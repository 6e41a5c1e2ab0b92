"""Commands about terminologies that a site has a licence for."""

import os
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.output import print_line
from adapter.errors import UsageError
from adapter.screening.from_servers import cache_folder
from mappings.terminology import load_terminology
from mappings.terminology.imports import KINDS, import_release, keep_release

terminology_app = typer.Typer(
    name="terminology", help="Terminologies of the site's own licences.", no_args_is_help=True
)
STORE = "terminology.json"


@terminology_app.command("import")
def import_terminology(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="rxnorm (RRF), snomed (RF2 snapshot) or omop (CSV).")],
    path: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the unpacked release.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", dir_okay=False, help=f"Where to keep it; else {STORE} in the cache folder."
        ),
    ] = None,
) -> None:
    """Read a release of RxNorm, SNOMED CT or the OMOP vocabulary, and keep which codes mean which concept."""
    for known in KINDS:
        if known == kind:
            release = import_release(known, path, load_terminology())
            break
    else:
        msg = f"no kind of release {kind!r}; known are {', '.join(KINDS)}"
        raise UsageError(msg)
    store = out or cache_folder(os.environ) / STORE
    keep_release(release, store)
    for system, codes in release.known.items():
        held = sum(len(each.get(system, ())) for each in release.members.values())
        print_line(f"{system}: {len(codes)} codes told apart, {held} places in value sets")
    print_line(f"kept in {store}; name it as TRIAL_ADAPTER_TERMINOLOGY or with --terminology")
