"""Commands about patients: evaluate one, screen many."""

import os
from collections.abc import Callable
from contextlib import nullcontext
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
    OutFolder,
    PolicyName,
    Server,
    SiteFolder,
    SparkParquet,
    SparkSettings,
    SparkWork,
    Studies,
    Trials,
    WriteBack,
    existing,
    export_source,
    instant,
    is_url,
    server_source,
    servers,
    spark_settings,
    started,
)
from adapter.cli.output import console, print_json, print_line, print_note
from adapter.columns.manifest import is_facts
from adapter.errors import AdapterError, UsageError
from adapter.evaluator.verdict import to_json
from adapter.fhir.research_subject import verdict_bundle
from adapter.screening.funnel import Summary
from adapter.screening.publish import open_writer, write_verdicts, written_text
from adapter.screening.report import print_summary, progress
from adapter.screening.run import (
    FAILURES,
    RESEARCH_SUBJECTS,
    UNCLEAR,
    VERDICTS,
    key_of,
    run_export_screening,
    run_screening,
    run_server_screening,
)
from adapter.screening.screen import Screening, evaluate_file, evaluate_on_server
from adapter.screening.setup import load_setup, site_config
from adapter.screening.verdict_text import print_verdicts

if TYPE_CHECKING:
    from adapter.screening.spark.run import SparkSource


class Format(StrEnum):
    """How a verdict is printed."""

    TEXT = "text"
    JSON = "json"
    FHIR = "fhir"


def evaluate(
    *,
    study: Studies,
    patient: Annotated[
        str, typer.Option(metavar="FILE|ID", help="A Bundle of one patient, or with --server a patient's id there.")
    ],
    server: Server = None,
    as_of: AsOf = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.TEXT,
    write_back: WriteBack = False,
) -> None:
    """Evaluate one patient, with the reason for every criterion."""
    setup = load_setup(site_config(policy, trials, os.environ, terminology, site), study)
    at = instant(as_of, setup.policy)
    target = servers(server, "nowhere to write to") if write_back else None
    file = Path(patient)
    if file.is_dir():
        what = f"{patient or 'an empty name'} is a folder"
        msg = f"{what}; name one patient's file, or have `trial-adapter screen` read all of it"
        raise UsageError(msg)
    if file.is_file():
        evaluated = evaluate_file(file, setup, at)
    else:
        evaluated = evaluate_on_server(patient, servers(server, f"no file {patient}").record, setup, at)
    verdicts = evaluated.verdicts
    if output is Format.TEXT:
        print_verdicts(console(), verdicts, setup)
    elif output is Format.FHIR:
        print_json(verdict_bundle(verdicts))
    else:
        listed = [to_json(verdict) for verdict in verdicts]
        print_json(listed if len(listed) > 1 else listed[0])
    if target is not None:
        written = write_verdicts(target, verdicts, evaluated.identifiers)
        for each in written:
            print_note(f"{each.study}: {written_text(each)}")


def _no_facts(source: Path) -> Path:
    """The source again. Raises UsageError for a folder of facts, which nothing reads without --engine."""
    if is_facts(source):
        msg = f"{source} is a folder of facts; say --engine local, or --engine records"
        raise UsageError(msg)
    return source


def _of_facts(engine: Engine) -> Callable[..., Summary]:
    try:
        from adapter.screening.population import run_facts_screening  # noqa: PLC0415  # pyarrow may not be there
    except ModuleNotFoundError as error:
        raise UsageError(FACTS_MISSING) from error
    return partial(run_facts_screening, by_columns=engine is Engine.LOCAL)


def _by_spark(  # one parameter an option
    engine: Engine | None,
    source: str,
    master: str | None,
    settings: list[str],
    work: str | None,
    parquet: str | None,
    *,
    indicated: bool,
) -> "SparkSource | None":
    """What Spark is to do; None where it is not asked. Raises UsageError where it can't, or is not installed."""
    if engine is not Engine.SPARK:
        if master or settings or work or parquet:
            msg = "--master, --spark-setting, --spark-work and --parquet are for --engine spark"
            raise UsageError(msg)
        return None
    if is_url(source):
        msg = f"--engine spark reads files and no FHIR server: have {source} export them, and name where they are"
        raise UsageError(msg)
    if indicated:
        msg = "--indicated is for a FHIR server; --engine spark reads all files of its source"
        raise UsageError(msg)
    try:
        from adapter.screening.spark.run import SparkSource  # noqa: PLC0415  # Spark may not be there
    except ModuleNotFoundError as error:
        raise UsageError(SPARK_MISSING) from error

    def told(done: int, of: int) -> None:
        if of > 1:
            print_note(f"{done} of {of} parts of the patients are judged")

    return SparkSource(
        source=source, master=master, settings=spark_settings(settings), work=work, parquet=parquet, told=told
    )


def screen(  # one parameter an option
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="DIR|FILE|URL",
            help="Bundles, NDJSON files, or a FHIR server: its base, a Group, a search, or a Bulk Data $export of it.",
        ),
    ],
    out: OutFolder,
    study: Studies = [],  # noqa: B006  # typer copies it
    as_of: AsOf = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
    terminology: ImportedTerminology = None,
    indicated: Annotated[
        bool, typer.Option("--indicated", help="Of a server, fetch only patients with a study's disease on record.")
    ] = False,
    keep_all: Annotated[bool, typer.Option("--all", help="Write verdicts without indication too.")] = False,
    jobs: Jobs = 1,
    write_back: WriteBack = False,
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="Of a folder of facts (`extract`): evaluate every record, or have SQL settle what it can. "
            "spark: of files or of facts, by Spark."
        ),
    ] = None,
    master: Master = None,
    spark_setting: SparkSettings = [],  # noqa: B006  # as above
    spark_work: SparkWork = None,
    parquet: SparkParquet = None,
    export_folder: ExportFolder = None,
) -> None:
    """Screen many patients. Writes their verdicts, prints who may take part and where the others drop out."""
    config = site_config(policy, trials, os.environ, terminology, site)
    studies = tuple(study) or None
    setup = load_setup(config, studies)
    exported = export_source(source, export_folder)
    spark = _by_spark(engine, source, master, spark_setting, spark_work, parquet, indicated=indicated)
    if engine is not None and is_url(source):
        msg = "--engine is for a folder of facts; `trial-adapter extract` writes one from a server"
        raise UsageError(msg)
    if spark is not None:
        from adapter.screening.spark.run import run_spark_screening, spark_key  # noqa: PLC0415  # as above

        target = servers(None, "nowhere to write to") if write_back else None
        at = started(out, spark_key(spark, setup, keep_all=keep_all, write_back=write_back), as_of, setup.policy)
        run = partial(run_spark_screening, spark)
    elif exported is not None:
        target = servers(exported.server.url, "") if write_back else None
        at = instant(as_of, setup.policy)
        run = partial(run_export_screening, exported)
    elif is_url(source):
        patients = server_source(source, indicated=indicated)
        target = servers(patients.server.url, "") if write_back else None
        at = started(out, key_of(patients, setup, keep_all=keep_all, write_back=write_back), as_of, setup.policy)
        run = partial(run_server_screening, patients)
    else:
        target = servers(None, "nowhere to write to") if write_back else None
        at = instant(as_of, setup.policy)
        run = (
            partial(_of_facts(engine), existing(source))
            if engine
            else partial(run_screening, _no_facts(existing(source)))
        )
    screening = Screening(site=config, studies=studies, as_of=at, keep_all=keep_all, propose=write_back)
    with progress(console(stderr=True)) as tell, open_writer(target) if target else nullcontext() as writer:
        summary = run(out, screening, setup, jobs, tell, writer)
    print_summary(console(), summary, setup)
    if (expired := setup.policy.expired(at.astimezone(setup.policy.time_zone).date())) is not None:
        print_note(f"the policy {setup.policy.id}: {expired}")
    if parquet is not None:
        print_line(f"\nVerdicts and ResearchSubjects: {parquet}")
    else:
        print_line(f"\nVerdicts: {out / VERDICTS}")
        print_line(f"ResearchSubjects: {out / RESEARCH_SUBJECTS}")
    if any(funnel.unclear for funnel in summary.funnels.values()):
        print_line(f"Indication unclear: {out / UNCLEAR}")
    if writer:
        print_line(f"Written back: {writer.changed} changed, {writer.disagreements} where a person decided otherwise")
    if summary.failed:
        msg = f"{summary.failed} of {summary.failed + summary.patients} could not be screened: {out / FAILURES}"
        raise AdapterError(msg)
