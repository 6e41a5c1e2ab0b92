"""The command line `trial-adapter`: reads arguments and the clock, hands over to the use cases, prints.

Exit codes: 0 done, 1 failed with one line on stderr, 2 wrong usage (adapter.errors.EXIT_CODES), 130 interrupted.
"""

import errno
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import msgspec
import typer
from rich.console import Console
from typer.exceptions import TyperException

from adapter.criteria.policy import Policy
from adapter.errors import EXIT_CODES, AdapterError
from adapter.evaluator.verdict import to_json
from adapter.fhir.bundle import verdict_bundle
from adapter.screening.as_of import read_as_of
from adapter.screening.build import build_trials
from adapter.screening.evaluate import evaluate_file
from adapter.screening.mishap import place_of
from adapter.screening.report.plain import Trimmed
from adapter.screening.report.progress import progress
from adapter.screening.report.tables import print_summary, print_trials
from adapter.screening.report.verdict_text import print_verdicts
from adapter.screening.results import FAILURES, RESEARCH_SUBJECTS, VERDICTS
from adapter.screening.run import run_screening
from adapter.screening.screen import Screening
from adapter.screening.setup import Site, load_setup
from adapter.screening.trials import trials_json
from mappings.trial import load_definitions

_INTERRUPTED = 130
_WIDTH_WITHOUT_TERMINAL = 120

app = typer.Typer(
    name="trial-adapter",
    help="Screens FHIR R4 patient records for clinical trials, with a reason for every criterion.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How a verdict is printed."""

    TEXT = "text"
    JSON = "json"
    FHIR = "fhir"


Studies = Annotated[list[str], typer.Option("--study", metavar="ID", help="A trial's id; may be repeated.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="T", help="A date (the end of that local day) or dateTime; now if not given.")
]
PolicyName = Annotated[
    str,
    typer.Option("--policy", metavar="NAME|FILE", envvar="TRIAL_ADAPTER_POLICY", help="strict, problem-list, a file."),
]
Trials = Annotated[
    Path | None,
    typer.Option(envvar="TRIAL_ADAPTER_TRIALS", exists=True, file_okay=False, help="A folder of further definitions."),
]


@app.command()
def trials(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False, trials: Trials = None) -> None:
    """List the trial definitions."""
    definitions = load_definitions(trials)
    if as_json:
        _print_json(trials_json(definitions))
    else:
        print_trials(_console(), definitions)


@app.command()
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
    verdicts = evaluate_file(patient, setup, _instant(as_of, setup.policy))
    if output is Format.TEXT:
        print_verdicts(_console(), verdicts, setup)
    elif output is Format.FHIR:
        _print_json(verdict_bundle(verdicts))
    else:
        listed = [to_json(verdict) for verdict in verdicts]
        _print_json(listed if len(listed) > 1 else listed[0])


@app.command()
def screen(  # one parameter an option
    *,
    source: Annotated[Path, typer.Option(metavar="DIR|FILE", exists=True, help="Bundles, or NDJSON files.")],
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the results go.")],
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
    instant = _instant(as_of, setup.policy)
    screening = Screening(site=site, studies=studies, as_of=instant, keep_all=keep_all)
    with progress(_console(stderr=True)) as tell:
        summary = run_screening(source, out, screening, setup, jobs, tell)
    console = _console()
    print_summary(console, summary, setup)
    console.print(f"\nVerdicts: {out / VERDICTS}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"ResearchSubjects: {out / RESEARCH_SUBJECTS}", soft_wrap=True, highlight=False, markup=False)
    if summary.failed:
        msg = f"{summary.failed} of {summary.failed + summary.patients} could not be screened: {out / FAILURES}"
        raise AdapterError(msg)


@app.command()
def build(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY…]", help="Trials' ids; all if none.")] = None,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the resources go.")],
    trials: Trials = None,
) -> None:
    """Write trials as FHIR resources: ResearchStudy, PlanDefinitions, Group, and the codes that they use."""
    for path in build_trials(tuple(study or ()), trials, out):
        _console().print(str(path), soft_wrap=True, highlight=False, markup=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback callers need tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
) -> None:
    """Serve `$evaluate` and the trials over HTTP; settings come from the environment (docs/running.md)."""
    from adapter.service.serve import run  # noqa: PLC0415  # the other commands need no web server
    from adapter.service.settings import settings_from  # noqa: PLC0415

    run(settings_from(os.environ), host, port)


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  # one return a kind of ending
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without UTF-8 gets ? for a mark
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _failed(f"{error.format_message().rstrip('.')}; see trial-adapter --help", error.exit_code)
    except AdapterError as error:
        return _failed(str(error), EXIT_CODES.get(type(error), 1))
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except (
        BrokenPipeError,
        SystemExit,
    ):  # what reads from us (head) has had enough; typer and rich leave by SystemExit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return 0
    except OSError as error:
        advice = "free some, or choose another --out" if error.errno == errno.ENOSPC else ""
        return _failed(": ".join(filter(None, (error.filename, error.strerror or type(error).__name__, advice))), 1)
    except Exception as error:  # noqa: BLE001  # its text may hold patient data; its place does not
        return _failed(f"internal error, please report it: {place_of(error)}", 1)
    return code if isinstance(code, int) else 0


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"trial-adapter: {' '.join(message.split())}\n")
    return code


def _instant(text: str | None, policy: Policy) -> datetime:
    """The instant asked for; without one, now: the only place that reads the clock."""
    if text is not None:
        return read_as_of(text, policy.time_zone)
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=cast("TextIO", Trimmed(stream)), width=_WIDTH_WITHOUT_TERMINAL, highlight=False)


def _print_json(content: Any) -> None:  # noqa: ANN401  # JSON
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
