"""Commands about patients: evaluate one, screen many."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli.clock import instant
from adapter.cli.options import AsOf, OutFolder, PolicyName, Studies, Trials
from adapter.cli.output import console, print_json, print_line
from adapter.errors import AdapterError
from adapter.evaluator.verdict import to_json
from adapter.fhir.bundle import verdict_bundle
from adapter.screening.evaluate import evaluate_file
from adapter.screening.report.progress import progress
from adapter.screening.report.tables import print_summary
from adapter.screening.report.verdict_text import print_verdicts
from adapter.screening.results import FAILURES, RESEARCH_SUBJECTS, VERDICTS
from adapter.screening.run import run_screening
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
        Path, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A Bundle of one patient.")
    ],
    as_of: AsOf = None,
    policy: PolicyName = "strict",
    trials: Trials = None,
    output: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.TEXT,
) -> None:
    """Evaluate one patient, with the reason for every criterion."""
    setup = load_setup(Site(policy=policy, trials=trials), study)
    verdicts = evaluate_file(patient, setup, instant(as_of, setup.policy))
    if output is Format.TEXT:
        print_verdicts(console(), verdicts, setup)
    elif output is Format.FHIR:
        print_json(verdict_bundle(verdicts))
    else:
        listed = [to_json(verdict) for verdict in verdicts]
        print_json(listed if len(listed) > 1 else listed[0])


def screen(  # one parameter an option
    *,
    source: Annotated[Path, typer.Option(metavar="DIR|FILE", exists=True, help="Bundles, or NDJSON files.")],
    out: OutFolder,
    study: Studies = [],  # noqa: B006  # typer copies it
    as_of: AsOf = None,
    policy: PolicyName = "strict",
    trials: Trials = None,
    keep_all: Annotated[bool, typer.Option("--all", help="Write verdicts without indication too.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="How many processes share the work.")] = 1,
) -> None:
    """Screen many patients: writes their verdicts, prints who may take part and where the others drop out."""
    site = Site(policy=policy, trials=trials)
    studies = tuple(study) or None
    setup = load_setup(site, studies)
    screening = Screening(site=site, studies=studies, as_of=instant(as_of, setup.policy), keep_all=keep_all)
    with progress(console(stderr=True)) as tell:
        summary = run_screening(source, out, screening, setup, jobs, tell)
    print_summary(console(), summary, setup)
    print_line(f"\nVerdicts: {out / VERDICTS}")
    print_line(f"ResearchSubjects: {out / RESEARCH_SUBJECTS}")
    if summary.failed:
        msg = f"{summary.failed} of {summary.failed + summary.patients} could not be screened: {out / FAILURES}"
        raise AdapterError(msg)
