"""Commands about a site's folder: make an example, check all of its files, write the schemas that editors use."""

import os
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from adapter.cli.options import ImportedTerminology, SiteFolder
from adapter.cli.output import print_json, print_line, print_paths
from adapter.errors import UsageError
from adapter.screening.settings import terminology_server
from adapter.screening.setup import imported_terminology, site_folder
from mappings.site import read_site
from mappings.site.check import Found, Severity, check
from mappings.site.schema import schemas
from mappings.terminology.imports import load_releases

_EXAMPLE = files("mappings.site") / "example"


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The new folder.")]) -> None:
    """Make a site's folder with an example: a trial with concepts of its own, a policy, and a patient."""
    if folder.exists() and any(folder.iterdir()):
        msg = f"{folder} holds something already; name a new folder, or an empty one"
        raise UsageError(msg)
    _copied(_EXAMPLE, folder)
    _write_schemas(folder, folder)
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
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A site's folder; else --site.")] = None,
    *,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for editors.")] = False,
) -> int:
    """List all errors and warnings of all files of a site, with file, line and what to do; exit code 1 for errors."""
    named = folder or site or site_folder(os.environ)
    if named is None or not named.is_dir():
        what = f"no folder {named} of a site" if named else "no folder of a site is named"
        msg = f"{what}; name one, or make one with `trial-adapter init DIR`"
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
        print_line(f"{errors} errors, {len(found) - errors} warnings")
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
    """Print the JSON Schema of trials, with the ids of the concepts that there are; or write all schemas of a site."""
    held = site or site_folder(os.environ)
    if out is not None:
        print_paths(*_write_schemas(held, out))
        return
    print_json(schemas(read_site(held).terminology)["trial.schema.json"])


def _write_schemas(site: Path | None, out: Path) -> list[Path]:
    """The schemas, beside the files that they are of: trials in their folder."""
    found = schemas(read_site(site).terminology)
    paths = []
    for name, content in found.items():
        within = out / "trials" if name.startswith("trial.") and (out / "trials").is_dir() else out
        within.mkdir(parents=True, exist_ok=True)
        path = within / name
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        paths.append(path)
    return paths
