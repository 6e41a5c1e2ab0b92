"""The command that lists the trials: the first that anybody tries, so it loads as little as it can."""

import os
from typing import Annotated

import typer

from adapter.cli.options import SiteFolder, Trials
from adapter.cli.output import console, print_json
from adapter.screening.kept import listed_trials
from adapter.screening.plain_text import print_trials


def trials(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """List the trial definitions."""
    found = listed_trials(site, trials, os.environ)
    if as_json:
        print_json(found)
    else:
        print_trials(console(), found)
