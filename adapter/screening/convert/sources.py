"""Opens sources for conversion: files, folders or a stream of HL7 v2 messages; an OMOP database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from adapter.criteria.terminology import Terminology
from adapter.errors import UsageError
from adapter.screening.private import temporary_folder
from mappings.patient import Unit
from mappings.patient.hl7v2 import Series
from mappings.patient.hl7v2.framing import CHUNK
from mappings.patient.omop import Database, OmopContext, convert_omop, open_database, read_vocabulary

STREAM = "-"
"""The name of standard input on a command line."""


def last_written(path: Path) -> str:
    """When a file was last written, as a FHIR instant to the second.

    It is the time of Provenance: converting the same file again gives the same Bundles.
    """
    return datetime.fromtimestamp(int(path.stat().st_mtime), UTC).isoformat().replace("+00:00", "Z")


def message_units(source: Path, series: Series, stream: BinaryIO) -> Iterator[Unit]:
    """What the messages of a source give: `-` is the stream, a folder's files are read in the order of their names.

    Raises UsageError for a folder without files.
    """
    if str(source) == STREAM:
        yield from series.units("stream", _chunks(stream))
        return
    files = sorted(path for path in source.iterdir() if _is_message_file(path)) if source.is_dir() else [source]
    if not files:
        msg = f"{source} holds no files; name a file of HL7 v2 messages, or a folder of them"
        raise UsageError(msg)
    for path in files:
        with path.open("rb") as opened:
            yield from series.units(path.name, _chunks(opened))


def _is_message_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


@contextmanager
def omop_units(  # one parameter an option, and what the site is
    source: str,
    terminology: Terminology,
    zone: ZoneInfo,
    now: datetime,
    *,
    schema: str | None = None,
    patients: str | None = None,
) -> Iterator[Iterator[Unit]]:
    """The units of a database at a path or postgresql:// URL.

    `now`: the time of Provenance where a server doesn't say of which day its data are. `patients`: the system of the
    identifiers in person_source_value. Raises UsageError, InputError.
    """
    if "://" in source:
        if not source.startswith(("postgresql://", "postgres://")):
            msg = "a database's URL begins with postgresql://; else name a folder of CSV or Parquet, or a DuckDB file"
            raise UsageError(msg)
    elif not Path(source).exists():
        msg = f"{source} is not there; name a folder of CSV or Parquet files, a DuckDB file, or a postgresql:// URL"
        raise UsageError(msg)
    with temporary_folder("omop") as folder, open_database(source, folder, schema) as database:
        context = OmopContext(
            document=database.name,
            recorded=_recorded(source, database, now),
            zone=zone,
            terminology=terminology,
            vocabulary=read_vocabulary(database),
            patients=patients,
        )
        yield convert_omop(database, context)


def _recorded(source: str, database: Database, now: datetime) -> str:
    """When the source was last written: its newest file; of a server, the day that it says the data are of."""
    path = Path(source)
    if "://" not in source:
        return max(last_written(each) for each in (path.rglob("*") if path.is_dir() else [path]))
    day = database.release_date()
    return f"{day}T00:00:00Z" if day else now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
