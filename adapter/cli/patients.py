"""Commands about patients: evaluate one, screen many."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.clock import instant
from adapter.cli.options import AsOf, OutFolder, PolicyName, Server, Studies, Trials
from adapter.cli.output import console, print_json, print_line
from adapter.cli.source import existing, is_url, server_source, servers, started
from adapter.errors import AdapterError
from adapter.evaluator.verdict import to_json
from adapter.fhir.bundle import verdict_bundle
from adapter.screening.evaluate import evaluate_file, evaluate_on_server
from adapter.screening.report.progress import progress
from adapter.screening.report.tables import print_summary
from adapter.screening.report.verdict_text import print_verdicts
from adapter.screening.results import FAILURES, RESEARCH_SUBJECTS, VERDICTS
from adapter.screening.run import run_screening
from adapter.screening.run_server import key_of, run_server_screening
from adapter.screening.screen import Screening
from adapter.screening.setup import Site, load_setup


class Format(StrEnum):
    """How a verdict is printed."""

    TEXT = "text"
    JSON = "json"
    FHIR = "fhir"


def evaluate(
    study: Studies,
    patient: Annotated[
        str, typer.Option(metavar="FILE|ID", help="A Bundle of one patient, or with --server a patient's id there.")
    ],
    server: Server = None,
    as_of: AsOf = None,
    policy: PolicyName = "strict",
    trials: Trials = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.TEXT,
) -> None:
    """Evaluate one patient, with the reason for every criterion."""
    setup = load_setup(Site(policy=policy, trials=trials), study)
    at = instant(as_of, setup.policy)
    file = Path(patient)
    if file.is_file():
        verdicts = evaluate_file(file, setup, at)
    else:
        verdicts = evaluate_on_server(patient, servers(server, f"no file {patient}").record, setup, at)
    if output is Format.TEXT:
        print_verdicts(console(), verdicts, setup)
    elif output is Format.FHIR:
        print_json(verdict_bundle(verdicts))
    else:
        listed = [to_json(verdict) for verdict in verdicts]
        print_json(listed if len(listed) > 1 else listed[0])


def screen(  # one parameter an option
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="DIR|FILE|URL", help="Bundles, NDJSON files, or a FHIR server: its base, a Group, a search."
        ),
    ],
    out: OutFolder,
    study: Studies = [],  # noqa: B006  # typer copies it
    as_of: AsOf = None,
    policy: PolicyName = "strict",
    trials: Trials = None,
    indicated: Annotated[
        bool, typer.Option("--indicated", help="Of a server, fetch only patients with a study's disease on record.")
    ] = False,
    keep_all: Annotated[bool, typer.Option("--all", help="Write verdicts without indication too.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="How many processes share the work.")] = 1,
) -> None:
    """Screen many patients: writes their verdicts, prints who may take part and where the others drop out."""
    site = Site(policy=policy, trials=trials)
    studies = tuple(study) or None
    setup = load_setup(site, studies)
    with progress(console(stderr=True)) as tell:
        if is_url(source):
            patients = server_source(source, indicated=indicated)
            at = started(out, key_of(patients, setup, keep_all=keep_all), as_of, setup.policy)
            screening = Screening(site=site, studies=studies, as_of=at, keep_all=keep_all)
            summary = run_server_screening(patients, out, screening, setup, jobs, tell)
        else:
            screening = Screening(site=site, studies=studies, as_of=instant(as_of, setup.policy), keep_all=keep_all)
            summary = run_screening(existing(source), out, screening, setup, jobs, tell)
    print_summary(console(), summary, setup)
    print_line(f"\nVerdicts: {out / VERDICTS}")
    print_line(f"ResearchSubjects: {out / RESEARCH_SUBJECTS}")
    if summary.failed:
        msg = f"{summary.failed} of {summary.failed + summary.patients} could not be screened: {out / FAILURES}"
        raise AdapterError(msg)
