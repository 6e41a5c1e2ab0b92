"""Commands about whole populations: facts in columns, and how many of them a trial could take."""

import os
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.options import (
    FACTS_MISSING,
    SPARK_MISSING,
    AsOf,
    Engine,
    ExportFolder,
    ImportedTerminology,
    Jobs,
    Master,
    PolicyName,
    SiteFolder,
    SparkSettings,
    Studies,
    Trials,
    beginning,
    existing,
    export_source,
    instant,
    is_url,
    server_source,
    spark_settings,
)
from adapter.cli.output import console, print_json, print_line
from adapter.columns.manifest import FAILURES
from adapter.criteria.variant import Variant, variant_of
from adapter.errors import AdapterError, UsageError
from adapter.screening.plain_text import count
from adapter.screening.private import whole_file
from adapter.screening.report import progress
from adapter.screening.setup import load_setup, site_config

if TYPE_CHECKING:
    from adapter.screening.feasibility import Engine as Counting


def extract(
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="DIR|FILE|URL",
            help="Bundles, NDJSON files, a FHIR server or its $export, or a folder of facts, to be read anew.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="The folder of facts.")],
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    parts: Annotated[int, typer.Option(metavar="N", min=1, max=512, help="Into how many parts patients are put.")] = 16,
    jobs: Jobs = 1,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="Bring facts up to date with what has changed since then.")
    ] = None,
    export_folder: ExportFolder = None,
) -> None:
    """Write the facts of all patients into Parquet files. They are for `feasibility` and `screen --engine`."""
    try:
        from adapter.screening.extract import Workers  # noqa: PLC0415  # pyarrow takes long to load, and may not be there
        from adapter.screening.extract import extract as run  # noqa: PLC0415
        from adapter.screening.update import update  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(FACTS_MISSING) from error
    config = site_config(policy, trials, os.environ, terminology, site)
    setup = load_setup(config, None)
    found = export_source(source, export_folder) or (
        server_source(source, indicated=False) if is_url(source) else existing(source)
    )
    now = datetime.now(UTC)
    with progress(console(stderr=True)) as tell:
        if since is None:
            manifest = run(found, out, setup, now, tell, parts, Workers(jobs, config))
        else:
            manifest = update(found, out, setup, beginning(since), now, tell)
    written = count(manifest.patients, "patient", "patients"), count(manifest.parts, "part", "parts")
    print_line(f"{written[0]} in {out}, in {written[1]}")
    if manifest.failed:
        failures = out / manifest.data / FAILURES
        msg = f"{manifest.failed} of {manifest.failed + manifest.patients} could not be read: {failures}"
        raise AdapterError(msg)


class Format(StrEnum):
    """How counts are printed."""

    TEXT = "text"
    JSON = "json"


def feasibility(
    *,
    source: Annotated[Path, typer.Option(metavar="DIR", help="A folder of facts, as `extract` writes it.")],
    study: Studies = [],  # noqa: B006  # typer copies it
    vary: Annotated[
        list[str],
        typer.Option(metavar="STUDY:CRITERION=BOUND", help="The trial with another bound beside it; may be repeated."),
    ] = [],  # noqa: B006  # typer copies it
    variants: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="The same from a file, one a line.")
    ] = None,
    min_count: Annotated[int, typer.Option(metavar="N", min=1, help="Numbers below N are not told.")] = 1,
    as_of: AsOf = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the counts.")] = Format.TEXT,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Draw the funnels too.")] = None,
    engine: Annotated[
        Engine, typer.Option(help="Have SQL settle what it can, or evaluate every record; the counts are the same.")
    ] = Engine.LOCAL,
    master: Master = None,
    spark_setting: SparkSettings = [],  # noqa: B006  # typer copies it
) -> None:
    """Count how many patients a trial could take. Of facts: which criterion costs whom, what another bound changes."""
    try:
        from adapter.columns.folder import Facts  # noqa: PLC0415  # as above
        from adapter.screening import feasibility as counting  # noqa: PLC0415
        from adapter.screening import feasibility_report as report  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(FACTS_MISSING) from error
    count = _counting(engine, master, spark_setting)
    asked = _variants(vary, variants)
    setup = load_setup(site_config(policy, trials, os.environ, terminology, site), tuple(study) or None)
    at = instant(as_of, setup.policy)
    facts = Facts(source)
    found = counting.counted(facts, setup, at, asked, count)
    told = report.to_json(found, facts.manifest, setup, at, min_count)
    if svg is not None:
        with whole_file(svg) as drawn:
            drawn.write_text(report.svg(told), encoding="utf-8")
    if output is Format.JSON:
        print_json(told)
    else:
        out = console()
        for part in report.tables(told):
            out.print(part)


def _counting(engine: Engine, master: str | None, settings: list[str]) -> "Counting":
    """Who counts. Raises UsageError where it is not installed."""
    if engine is Engine.SPARK:
        try:
            from adapter.screening.spark.facts import by_spark  # noqa: PLC0415  # Spark may not be there
        except ModuleNotFoundError as error:
            raise UsageError(SPARK_MISSING) from error
        return partial(by_spark, master=master, settings=spark_settings(settings))
    if master or settings:
        msg = "--master and --spark-setting are for --engine spark"
        raise UsageError(msg)
    from adapter.screening.feasibility import by_records  # noqa: PLC0415  # as above
    from adapter.screening.feasibility_columns import by_columns  # noqa: PLC0415

    return by_columns if engine is Engine.LOCAL else by_records


def _variants(written: list[str], file: Path | None) -> list[Variant]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file else []
        return [variant_of(each) for each in (*written, *lines) if each.strip() and not each.lstrip().startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        msg = f"--variants {file} can't be read; name a text file with a variant a line"
        raise UsageError(msg) from error
    except ValueError as error:
        raise UsageError(str(error)) from error
