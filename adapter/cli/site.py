"""Commands about what a site defines: its folder, its trials as FHIR, the terminologies that it has a licence for."""

import os
from collections import Counter
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapter.cli.options import ImportedTerminology, PolicyName, ResearchServer, SiteFolder, Trials
from adapter.cli.output import print_json, print_line, print_paths
from adapter.errors import UsageError
from adapter.fhir.publishing import Change
from adapter.screening.plain_text import count
from adapter.screening.private import LEFT, filled
from adapter.screening.publish import build_trials, publish_trials
from adapter.screening.settings import research_server, terminology_server
from adapter.screening.setup import cache_folder, imported_terminology, site_config, site_folder
from mappings.site import load_site, read_site
from mappings.site.check import Found, Severity, check, schemas
from mappings.terminology.imports import KINDS, import_release, keep_release, load_releases
from mappings.terminology.wide import wide_concepts, with_wide

_EXAMPLE = files("mappings.site") / "example"


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The new folder.")]) -> None:
    """Make a site's folder with an example. It has a trial with concepts of its own, a policy, and a patient."""
    if folder.exists() and not all(each.name.startswith(LEFT) for each in folder.iterdir()):
        msg = f"{folder} holds something already; name a new folder, or an empty one"
        raise UsageError(msg)
    with filled(folder) as fresh:
        _copied(_EXAMPLE, fresh)
        _write_schemas(fresh, fresh, within=fresh)
    patient = folder / "patients" / "example.json"
    print_line(f"A site is in {folder}. What to do next:")
    print_line(f"  trial-adapter check {folder}")
    print_line(f"  trial-adapter evaluate --site {folder} --study example-sleep-apnoea --patient {patient}")
    print_line("Edit trials/example-sleep-apnoea.yaml, or put a trial of your own beside it (docs/first-trial.md).")


def _copied(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for each in source.iterdir():
        if each.is_dir():
            _copied(each, target / each.name)
        else:
            (target / each.name).write_bytes(each.read_bytes())


def check_site(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="A site's folder; else --site.")] = None,
    *,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for editors.")] = False,
) -> int:
    """List all errors and warnings of a site's files. Each with file, line and what to do; exit code 1 for errors."""
    named = site_folder(os.environ, folder or site)
    if named is None:
        msg = "no folder of a site is named; name one, or make one with `trial-adapter init DIR`"
        raise UsageError(msg)
    store = terminology or imported_terminology(os.environ)
    releases = load_releases(store) if store else ()
    found = check(named, releases, expands=terminology_server(os.environ) is not None)
    errors = sum(each.severity is Severity.ERROR for each in found)
    if as_json:
        print_json([_json(each) for each in found])
    else:
        for each in found:
            place = f"{each.file}:{each.line}" if each.line else each.file
            print_line(f"{place}: {each.severity.value}: {each.said}")
        print_line(f"{count(errors, 'error', 'errors')}, {count(len(found) - errors, 'warning', 'warnings')}")
    return 1 if errors else 0


def _json(found: Found) -> dict[str, object]:
    return {"file": found.file, "line": found.line, "severity": found.severity.value, "message": found.said}


def schema(
    *,
    site: SiteFolder = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="Write one file a schema there.")
    ] = None,
) -> None:
    """Print the JSON Schema of trials. It has the ids of the concepts that there are; --out writes all schemas."""
    held = site_folder(os.environ, site)
    if out is not None:
        with filled(out) as fresh:
            found = _write_schemas(held, fresh, within=out)
        print_paths(*(out / each.relative_to(fresh) for each in found))
        return
    print_json(schemas(read_site(held).terminology)["trial.schema.json"])


def _write_schemas(site: Path | None, out: Path, within: Path) -> list[Path]:
    """The schemas, beside the files that they are of: trials in their folder, if there is one `within`."""
    found = schemas(read_site(site).terminology)
    paths = []
    for name, content in found.items():
        path = out / "trials" / name if name.startswith("trial.") and (within / "trials").is_dir() else out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        paths.append(path)
    return paths


def build(
    study: Annotated[list[str] | None, typer.Argument(metavar="STUDY", help="Trials' ids; all if none.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the resources go.")],
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """Write trials as FHIR resources. ResearchStudy, PlanDefinitions, Group, CQL, and the codes that they use."""
    config = site_config(policy, trials, os.environ, folder=site)
    written = Counter(name.partition("-")[0] for name in build_trials(tuple(study or ()), config, out))
    print_line(f"{written.total()} resources in {out}: {', '.join(f'{type_} {n}' for type_, n in written.items())}")


def publish(
    study: Annotated[list[str] | None, typer.Argument(metavar="STUDY", help="Trials' ids; all if none.")] = None,
    *,
    server: ResearchServer = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Our profiles and codes, too: for a server that validates.")
    ] = False,
) -> None:
    """Put trials on the research FHIR server. In one transaction; again, and nothing changes."""
    research, config = research_server(os.environ, server), site_config(policy, trials, os.environ, folder=site)
    done = publish_trials(research, tuple(study or ()), config, with_profiles=profiles)
    for each in done:
        if each.change is not Change.UNCHANGED:
            print_line(f"{each.change.value}  {each.reference}")
    counts = Counter(each.change for each in done)
    print_line(f"{research.url}: " + ", ".join(f"{counts[change]} {change.value}" for change in Change))


terminology_app = typer.Typer(
    name="terminology", help="Import terminologies of the site's own licences.", rich_markup_mode=None
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
    """Read a release of RxNorm, SNOMED CT or OMOP. Keeps which of its codes mean which concept."""
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
