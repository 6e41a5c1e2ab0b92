"""What the commands of `convert` share: their options, the site, progress, and the final count."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.output import console, print_line
from adapter.cli.source import servers
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.errors import AdapterError, ServerError
from adapter.screening.convert import (
    BUNDLES,
    REFUSED,
    REJECTED,
    Conversion,
    Loaded,
    Summary,
    convert,
    load_bundles,
)
from adapter.screening.report.progress import conversion_progress, loading_progress
from mappings.patient import Unit
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.terminology.concept_map import read_concept_map

Unmapped = Annotated[
    Path | None,
    typer.Option(metavar="FILE", dir_okay=False, help="A ConceptMap that lists unknown codes; what it maps is used."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit code 1 if anything was rejected.")]
System = Annotated[
    str | None, typer.Option(metavar="URI", help="System of the patients' identifiers, where the source names none.")
]

LoadInto = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="Put the Bundles on this FHIR server as well.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionSite:
    """What a converter needs of the site: the policy's time zone, and its terminology with the local codes."""

    terminology: Terminology
    policy: Policy


def load_site(policy: str, unmapped: Path | None) -> ConversionSite:
    """The site, with the codes that were filled in in the list of unknown ones. Raises DefinitionError, UsageError."""
    loaded = load_policy(policy)
    terminology = load_terminology().with_local_maps(loaded.local_maps)
    if unmapped is not None and unmapped.exists():
        filled = read_concept_map(str(unmapped), unmapped.read_bytes(), terminology.value_sets)
        terminology = terminology.with_local_maps(filled)
    return ConversionSite(terminology=terminology, policy=loaded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where the results go, and when rejections are a failure.

    `server`: the FHIR server that takes the Bundles. `unit`: what the source's parts are called (rows).
    """

    out: Path
    unmapped: Path | None
    strict: bool
    unit: str
    server: str | None = None


def run_conversion(units: Iterable[Unit], site: ConversionSite, wanted: Wanted) -> int:
    """Convert, load if a server is named, tell how it goes and what it came to; the exit code.

    Raises UsageError for an address that can't be used, before anything is converted.
    """
    server = servers(wanted.server, "").record if wanted.server else None
    conversion = Conversion(out=wanted.out, terminology=site.terminology, unmapped=wanted.unmapped)
    with conversion_progress(console(stderr=True), wanted.unit) as tell:
        summary = convert(units, conversion, tell)
    _print_summary(summary, wanted, print_line)
    if server is not None:
        try:
            with loading_progress(console(stderr=True)) as tell_loaded:
                loaded = load_bundles(wanted.out, server, tell_loaded)
        except ServerError:
            print_line("Not all Bundles are loaded; the same command goes on from here.")
            raise
        _print_loaded(loaded, server.url, wanted)
    return 1 if wanted.strict and (summary.rejected or summary.lost) else 0


def _print_summary(summary: Summary, wanted: Wanted, say: Callable[[str], None]) -> None:
    types = ", ".join(f"{type_} {count:,}" for type_, count in sorted(summary.resources.items()))
    say(f"Converted {summary.units:,} {wanted.unit} of {summary.patients:,} patients{': ' if types else ''}{types}")
    say(f"Bundles: {wanted.out / BUNDLES}")
    if summary.rejected or summary.lost:
        say(f"Rejected {summary.rejected:,} values and {summary.lost:,} {wanted.unit}: {wanted.out / REJECTED}")
    if summary.unknown:
        where = wanted.unmapped or "name a file with --unmapped to list them"
        say(f"Codes that no map knows: {summary.unknown:,} ({where})")


def _print_loaded(loaded: Loaded, url: str, wanted: Wanted) -> None:
    """What the server has taken. Raises AdapterError if it has refused something."""
    created, others = loaded.answers["201"], loaded.answers.total() - loaded.answers["201"]
    print_line(f"{url}: {created:,} created, {others:,} updated or there already")
    if loaded.earlier:
        print_line(f"{loaded.earlier:,} transactions had been taken before the interruption")
    if loaded.refused:
        msg = (
            f"the server refused {loaded.refused:,} transactions: {wanted.out / REFUSED}; the next run tries them again"
        )
        raise AdapterError(msg)
