"""Options that several commands share, and what they name: instants, patients, servers.

The only reader of the clock on the command line.
"""

import os
from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapter.cli.output import print_note
from adapter.errors import UsageError

if TYPE_CHECKING:  # what takes long to load is loaded where it is used
    from adapter.criteria.policy import Policy
    from adapter.screening.settings import Servers
    from adapter.screening.source.server import ExportSource, ServerSource


class Engine(StrEnum):
    """By what a folder of facts is asked; or that Spark does the work, of a source that is none."""

    RECORDS = "records"
    LOCAL = "local"
    SPARK = "spark"


FACTS_MISSING = "facts need pyarrow, which is not installed: pip install 'fhir-trial-adapter[facts]'"

SPARK_MISSING = "Spark is not installed: pip install 'fhir-trial-adapter[spark]'; it runs on Java 17 or 21"

Studies = Annotated[list[str], typer.Option("--study", metavar="ID", help="A trial's id; may be repeated.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="T", help="A date (the end of that local day) or dateTime; now if not given.")
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME|FILE",
        envvar="TRIAL_ADAPTER_POLICY",
        help="strict, problem-list, or a file; else the site's policy.yaml, else strict.",
    ),
]
SiteFolder = Annotated[
    Path | None,
    typer.Option(
        "--site",
        metavar="DIR",
        envvar="TRIAL_ADAPTER_SITE",
        help="The site's folder: trials, concepts, value sets, maps, words, policy.",
    ),
]
Trials = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URL", envvar="TRIAL_ADAPTER_TRIALS", help="Further definitions: a folder, or a FHIR server's base."
    ),
]
ImportedTerminology = Annotated[
    Path | None,
    typer.Option(
        "--terminology",
        metavar="FILE",
        envvar="TRIAL_ADAPTER_TERMINOLOGY",
        help="What `terminology import` has kept of the site's own releases.",
    ),
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the results go.")]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="TRIAL_ADAPTER_FHIR_URL", help="The FHIR server's base; credentials in the environment."
    ),
]
ResearchServer = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The research FHIR server's base; else as the environment says."),
]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="How many processes share the work.")]
ExportFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", file_okay=False, help="Where a $export stays, so that the next run asks what has changed."
    ),
]
WriteBack = Annotated[
    bool, typer.Option("--write-back", help="Put ResearchSubjects and GuidanceResponses on the research FHIR server.")
]


Master = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Of --engine spark: local[4], spark://…, yarn, k8s://…; else as Spark is set up."),
]
SparkSettings = Annotated[
    list[str], typer.Option("--spark-setting", metavar="NAME=VALUE", help="A setting of Spark; may be repeated.")
]
SparkWork = Annotated[
    str | None,
    typer.Option(metavar="URL", help="A folder that all of Spark's machines reach, for the work; else in --out."),
]
SparkParquet = Annotated[
    str | None,
    typer.Option("--parquet", metavar="URL", help="Where Spark writes verdicts as Parquet, and not as lines in --out."),
]


def spark_settings(pairs: list[str]) -> dict[str, str]:
    """Settings of Spark, as NAME=VALUE. Raises UsageError for anything else, without the value: it may be a secret."""
    found = {}
    for number, each in enumerate(pairs, 1):
        name, equals, value = each.partition("=")
        if not equals:
            msg = f"--spark-setting number {number} has no =; write spark.executor.memory=4g"
            raise UsageError(msg)
        if not name.startswith("spark."):
            msg = f"--spark-setting {name!r} is no setting; write spark.executor.memory=4g"
            raise UsageError(msg)
        found[name] = value
    return found


def instant(text: str | None, policy: "Policy") -> datetime:
    """The instant asked for; without one, now, to the millisecond."""
    from adapter.screening.setup import read_as_of  # noqa: PLC0415  # as above

    if text is not None:
        return read_as_of(text, policy.time_zone)
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def beginning(text: str) -> datetime:
    """A FHIR dateTime, or the beginning in UTC of a date, a month or a year. Raises UsageError for anything else."""
    from adapter.record.when import parse  # noqa: PLC0415  # as above

    try:
        when = parse(text)
    except ValueError:
        msg = f"--since {text!r} is no date or dateTime; write 2026-03-01, or 2026-03-01T12:00:00Z with its time zone"
        raise UsageError(msg) from None
    return when.moment or datetime.combine(when.first, time(), UTC)


def is_url(source: str) -> bool:
    """Whether a source is a FHIR server."""
    return source.startswith(("http://", "https://"))


def existing(source: str) -> Path:
    """A file or folder. Raises UsageError if there is none."""
    path = Path(source)
    if not path.exists():
        msg = f"--source {source} does not exist; name a file, a folder, or a FHIR server's https:// address"
        raise UsageError(msg)
    return path


def servers(url: str | None, otherwise: str) -> "Servers":
    """The FHIR servers of the environment, the record's being `url` if it is given.

    Raises UsageError, which begins with what was tried before (`otherwise`), if there is none.
    """
    from adapter.screening.settings import servers_from  # noqa: PLC0415  # as above

    found = servers_from(os.environ, url)
    if found is None:
        msg = f"{otherwise}; name a FHIR server with --server URL"
        raise UsageError(msg)
    return found


def server_source(address: str, *, indicated: bool) -> "ServerSource":
    """The patients that an address means: a server's base, a Group, or a search for Patients."""
    from adapter.fhir.patients import selection_of  # noqa: PLC0415  # as above
    from adapter.screening.source.server import ServerSource  # noqa: PLC0415  # as above

    base, selection = selection_of(address)
    return ServerSource(server=servers(base, "").record, selection=selection, indicated=indicated)


def export_source(address: str, kept: Path | None) -> "ExportSource | None":
    """The Bulk Data export that an address means, None where it means none. Raises UsageError for `kept` without it."""
    from adapter.screening.source.server import ExportSource, export_path  # noqa: PLC0415  # as above

    found = export_path(address) if is_url(address) else None
    if found is not None:
        return ExportSource(server=servers(found[0], "").record, path=found[1], kept=kept, tell=print_note)
    if kept is not None:
        msg = f"--export-folder keeps an export, as of BASE/$export, and --source is {address}"
        raise UsageError(msg)
    return None


def started(out: Path, key: str, as_of: str | None, policy: "Policy") -> datetime:
    """The instant of a screening: the asked one, that of an interrupted one in the folder, which goes on, or now."""
    from adapter.screening.run import interrupted  # noqa: PLC0415  # as above

    if as_of is not None:
        return instant(as_of, policy)
    found = interrupted(out, key)
    if found is None:
        return instant(None, policy)
    text = f"going on with the screening of {found:%Y-%m-%d %H:%M:%S %Z} that was interrupted in {out}"
    print_note(text)
    return found
