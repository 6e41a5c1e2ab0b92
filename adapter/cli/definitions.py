"""Commands about the trials themselves."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import PolicyName, ResearchServer, Trials
from adapter.cli.output import console, print_json, print_line, print_paths
from adapter.fhir.publishing import Change
from adapter.screening.from_servers import site_config
from adapter.screening.publish import build_trials, publish_trials
from adapter.screening.report.tables import print_trials
from adapter.screening.settings import research_server
from adapter.screening.setup import definitions_of, trials_json


def trials(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, trials: Trials = None) -> None:
    """List the trial definitions."""
    definitions = definitions_of(site_config("strict", trials, os.environ))
    if as_json:
        print_json(trials_json(definitions))
    else:
        print_trials(console(), definitions)


def build(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the resources go.")],
    policy: PolicyName = "strict",
    trials: Trials = None,
) -> None:
    """Write trials as FHIR resources: ResearchStudy, PlanDefinitions, Group, and the codes that they use."""
    print_paths(*build_trials(tuple(study or ()), site_config(policy, trials, os.environ), out))


def publish(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    server: ResearchServer = None,
    policy: PolicyName = "strict",
    trials: Trials = None,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Our profiles and codes, too: for a server that validates.")
    ] = False,
) -> None:
    """Put trials on the research FHIR server, in one transaction; again, and nothing changes."""
    research, site = research_server(os.environ, server), site_config(policy, trials, os.environ)
    done = publish_trials(research, tuple(study or ()), site, with_profiles=profiles)
    for each in done:
        if each.change is not Change.UNCHANGED:
            print_line(f"{each.change.value}  {each.reference}")
    counts = Counter(each.change for each in done)
    print_line(f"{research.url}: " + ", ".join(f"{counts[change]} {change.value}" for change in Change))
