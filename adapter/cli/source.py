"""Where patients come from, as the command line names it."""

import os
from datetime import datetime
from pathlib import Path

from adapter.cli.clock import instant
from adapter.cli.output import print_note
from adapter.criteria.policy import Policy
from adapter.errors import UsageError
from adapter.fhir.patient_list import selection_of
from adapter.screening.run import interrupted
from adapter.screening.settings import Servers, servers_from
from adapter.screening.source.server import ServerSource


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


def servers(url: str | None, otherwise: str) -> Servers:
    """The FHIR servers of the environment, the record's being `url` if it is given.

    Raises UsageError, which begins with what was tried before (`otherwise`), if there is none.
    """
    found = servers_from(os.environ, url)
    if found is None:
        msg = f"{otherwise}; name a FHIR server with --server URL"
        raise UsageError(msg)
    return found


def server_source(address: str, *, indicated: bool) -> ServerSource:
    """The patients that an address means: a server's base, a Group, or a search for Patients."""
    base, selection = selection_of(address)
    return ServerSource(server=servers(base, "").record, selection=selection, indicated=indicated)


def started(out: Path, key: str, as_of: str | None, policy: Policy) -> datetime:
    """The instant of a screening: the asked one, that of an interrupted one in the folder, which goes on, or now."""
    if as_of is not None:
        return instant(as_of, policy)
    found = interrupted(out, key)
    if found is None:
        return instant(None, policy)
    text = f"going on with the screening of {found:%Y-%m-%d %H:%M:%S %Z} that was interrupted in {out}"
    print_note(text)
    return found
