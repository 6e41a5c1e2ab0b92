"""Commands about the trials themselves."""

from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import Trials
from adapter.cli.output import console, print_json, print_paths
from adapter.screening.build import build_trials
from adapter.screening.report.tables import print_trials
from adapter.screening.trials import trials_json
from mappings.trial import load_definitions


def trials(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, trials: Trials = None) -> None:
    """List the trial definitions."""
    definitions = load_definitions(trials)
    if as_json:
        print_json(trials_json(definitions))
    else:
        print_trials(console(), definitions)


def build(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the resources go.")],
    trials: Trials = None,
) -> None:
    """Write trials as FHIR resources: ResearchStudy, PlanDefinitions, Group, and the codes that they use."""
    print_paths(*build_trials(tuple(study or ()), trials, out))
