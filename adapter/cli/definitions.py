"""Commands about the trials themselves, and about terminologies that a site has a licence for."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import PolicyName, ResearchServer, SiteFolder, Trials
from adapter.cli.output import print_line, print_paths
from adapter.errors import UsageError
from adapter.fhir.publishing import Change
from adapter.screening.publish import build_trials, publish_trials
from adapter.screening.settings import research_server
from adapter.screening.setup import cache_folder, site_config
from mappings.site import load_site
from mappings.terminology.imports import KINDS, import_release, keep_release
from mappings.terminology.wide import wide_concepts, with_wide


def build(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the resources go.")],
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """Write trials as FHIR resources: ResearchStudy, PlanDefinitions, Group, and the codes that they use."""
    config = site_config(policy, trials, os.environ, folder=site)
    print_paths(*build_trials(tuple(study or ()), config, out))


def publish(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    server: ResearchServer = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Our profiles and codes, too: for a server that validates.")
    ] = False,
) -> None:
    """Put trials on the research FHIR server, in one transaction; again, and nothing changes."""
    research, config = research_server(os.environ, server), site_config(policy, trials, os.environ, folder=site)
    done = publish_trials(research, tuple(study or ()), config, with_profiles=profiles)
    for each in done:
        if each.change is not Change.UNCHANGED:
            print_line(f"{each.change.value}  {each.reference}")
    counts = Counter(each.change for each in done)
    print_line(f"{research.url}: " + ", ".join(f"{counts[change]} {change.value}" for change in Change))


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
    site: SiteFolder = None,
) -> None:
    """Read a release of RxNorm, SNOMED CT or the OMOP vocabulary, and keep which codes mean which concept."""
    for known in KINDS:
        if known == kind:
            release = import_release(known, path, with_wide(load_site(site).terminology, wide_concepts()))
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
