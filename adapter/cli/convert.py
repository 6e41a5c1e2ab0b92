"""Commands that convert patient data of other formats to FHIR Bundles: `convert csv|hl7v2|omop`, a command a format."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.clock import instant
from adapter.cli.conversion import LoadInto, Strict, System, Unmapped, Wanted, load_site, run_conversion
from adapter.cli.options import OutFolder, PolicyName, Studies, Trials
from adapter.cli.output import print_line
from adapter.errors import UsageError
from adapter.screening.convert.sources import last_written, omop_units
from adapter.screening.from_servers import site_config
from adapter.screening.setup import definitions_of, load_setup
from mappings.patient.sheet import Names, convert_sheet, load_mapping, write_template

convert_app = typer.Typer(
    name="convert",
    help="Convert patient data of other formats to FHIR Bundles.",
    no_args_is_help=True,
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
    policy: PolicyName = "strict",
    trials: Trials = None,
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert a screening sheet, CSV or Excel; or write an empty one for the trials of --study."""
    if template is not None:
        if sheet is not None:
            msg = "give either a sheet to convert or --template FILE"
            raise UsageError(msg)
        setup = load_setup(site_config(policy, trials, os.environ), study)
        columns = write_template(template, setup.bounds, setup.terminology)
        print_line(f"{columns} columns for {', '.join(each.id for each in setup.definitions)}: {template}")
        return 0
    if sheet is None or out is None:
        msg = "name the sheet to convert and --out DIR, or --template FILE for an empty sheet"
        raise UsageError(msg)
    site = load_site(policy, unmapped)
    names = Names.of(site.terminology, definitions_of(site_config(policy, trials, os.environ)))
    read = load_mapping(mapping, names)
    if system is not None:
        read = replace(read, form=read.form.model_copy(update={"patients": system}))
    units = convert_sheet(sheet, read, names, site.policy.time_zone, last_written(sheet))
    return run_conversion(units, site, Wanted(out=out, unmapped=unmapped, strict=strict, unit="rows", server=server))


@convert_app.command()
def omop(  # one parameter an option
    *,
    source: Annotated[str, typer.Argument(metavar="IN", help="A folder of CSV or Parquet, a DuckDB file, or a URL.")],
    out: OutFolder,
    schema: Annotated[str | None, typer.Option(metavar="NAME", help="The schema that holds the tables.")] = None,
    system: System = None,
    policy: PolicyName = "strict",
    unmapped: Unmapped = None,
    strict: Strict = False,
    server: LoadInto = None,
) -> int:
    """Convert an OMOP CDM database: a folder of CSV or Parquet files, a DuckDB file, or a postgresql:// URL."""
    site = load_site(policy, unmapped)
    now = instant(None, site.policy)
    with omop_units(source, site.terminology, site.policy.time_zone, now, schema=schema, patients=system) as units:
        return run_conversion(
            units, site, Wanted(out=out, unmapped=unmapped, strict=strict, unit="table parts", server=server)
        )
