"""Commands that convert patient data of other formats to FHIR Bundles: `convert csv|hl7v2|omop`, a command a format."""

import gc
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.options import OutFolder, PolicyName, SiteFolder, Studies, Trials, instant, servers
from adapter.cli.output import console, print_line
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.errors import AdapterError, ServerError, UsageError
from adapter.screening.convert import BUNDLES, REFUSED, REJECTED, Conversion, Loaded, Summary, convert, load_bundles
from adapter.screening.convert.sources import STREAM, last_written, message_units, omop_units
from adapter.screening.plain_text import count
from adapter.screening.private import whole_file
from adapter.screening.report import conversion_progress, loading_progress
from adapter.screening.setup import SiteConfig, definitions_of, load_setup, site_config, words_of
from mappings.patient import Unit
from mappings.patient.hl7v2 import Series, load_settings
from mappings.patient.sheet import Names, convert_sheet, load_mapping, write_template
from mappings.terminology.value_set import read_concept_map
from mappings.terminology.wide import with_wide, words_that_name

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


def load_site(config: SiteConfig, unmapped: Path | None) -> ConversionSite:
    """The site, with the codes that were filled in in the list of unknown ones. Raises DefinitionError, UsageError."""
    terminology, loaded = words_of(config)
    if unmapped is not None and unmapped.exists():
        data = unmapped.read_bytes()
        terminology = with_wide(terminology, words_that_name(data.decode(errors="replace")))
        filled = read_concept_map(str(unmapped), data, terminology.value_sets)
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
    gc.freeze()  # the terminology stays as long as the run; collections needn't walk through it again
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
    converted = f"{_units(summary.units, wanted.unit)} of {_units(summary.patients, 'patients')}"
    say(f"Converted {converted}{': ' if types else ''}{types}")
    say(f"Bundles: {wanted.out / BUNDLES}")
    if summary.rejected or summary.lost:
        rejected = f"{_units(summary.rejected, 'values')} and {_units(summary.lost, wanted.unit)}"
        say(f"Rejected {rejected}: {wanted.out / REJECTED}")
    if summary.unknown:
        where = wanted.unmapped or "name a file with --unmapped to list them"
        say(f"Codes that no map knows: {summary.unknown:,} ({where})")


def _units(number: int, many: str) -> str:
    return count(number, many.removesuffix("s"), many)


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


convert_app = typer.Typer(
    name="convert",
    help="Convert patient data of other formats to FHIR Bundles.",
    rich_markup_mode=None,
)

Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the results go.")]


@convert_app.command()
def csv(  # one parameter an option
    *,
    sheet: Annotated[Path | None, typer.Argument(metavar="IN", exists=True, dir_okay=False, help=".csv, .xlsx")] = None,
    out: Out = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="What the columns are (YAML).")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write an empty sheet for --study (.csv, .xlsx)."),
    ] = None,
    study: Studies = [],  # noqa: B006  # typer copies it
    system: System = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert a screening sheet, CSV or Excel. Or write an empty one, for the trials of --study."""
    config = site_config(policy, trials, os.environ, folder=site)
    if template is not None:
        if sheet is not None:
            msg = "give either a sheet to convert or --template FILE"
            raise UsageError(msg)
        if template.suffix.lower() not in {".csv", ".xlsx"}:
            msg = f"--template {template} is neither a .csv nor an .xlsx file; name it so"
            raise UsageError(msg)
        setup = load_setup(config, study)
        with whole_file(template) as made:
            columns = write_template(made, setup.bounds, setup.terminology)
        print_line(f"{columns} columns for {', '.join(each.id for each in setup.definitions)}: {template}")
        return 0
    if sheet is None or out is None:
        msg = "name the sheet to convert and --out DIR, or --template FILE for an empty sheet"
        raise UsageError(msg)
    loaded = load_site(config, unmapped)
    names = Names.of(loaded.terminology, definitions_of(config))
    read = load_mapping(mapping, names)
    if system is not None:
        read = replace(read, form=read.form.model_copy(update={"patients": system}))
    units = convert_sheet(sheet, read, names, loaded.policy.time_zone, last_written(sheet))
    return run_conversion(units, loaded, Wanted(out=out, unmapped=unmapped, strict=strict, unit="rows", server=server))


@convert_app.command()
def omop(  # one parameter an option
    *,
    source: Annotated[str, typer.Argument(metavar="IN", help="A folder of CSV or Parquet, a DuckDB file, or a URL.")],
    out: OutFolder,
    schema: Annotated[str | None, typer.Option(metavar="NAME", help="The schema that holds the tables.")] = None,
    system: System = None,
    policy: PolicyName = None,
    site: SiteFolder = None,
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert an OMOP CDM database. It is a folder of CSV or Parquet files, a DuckDB file, or a postgresql:// URL."""
    loaded = load_site(site_config(policy, None, os.environ, folder=site), unmapped)
    now = instant(None, loaded.policy)
    with omop_units(source, loaded.terminology, loaded.policy.time_zone, now, schema=schema, patients=system) as units:
        return run_conversion(
            units, loaded, Wanted(out=out, unmapped=unmapped, strict=strict, unit="table parts", server=server)
        )


@convert_app.command()
def hl7v2(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file, a folder of files, or - for standard input.")],
    *,
    out: OutFolder,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The site's senders (YAML).")
    ] = None,
    policy: PolicyName = None,
    site: SiteFolder = None,
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert HL7 v2 messages. These are ORU^R01, ADT A01 to A08, A13, A28, A31, A40, A60, and BAR."""
    if str(source) != STREAM and not source.exists():
        msg = f"{source} is not there; name a file of HL7 v2 messages, a folder of them, or - for standard input"
        raise UsageError(msg)
    loaded = load_site(site_config(policy, None, os.environ, folder=site), unmapped)
    zone = None if loaded.policy.time_zone.key == str(UTC) else loaded.policy.time_zone
    series = Series(load_settings(mapping, zone), loaded.terminology)
    units = message_units(source, series, sys.stdin.buffer)
    wanted = Wanted(out=out, unmapped=unmapped, strict=strict, unit="messages", server=server)
    code = run_conversion(units, loaded, wanted)
    if series.unused:
        listed = ", ".join(f"{name} {count:,}" for name, count in sorted(series.unused.items()))
        print_line(f"Segments that are not converted: {listed}")
    return code
