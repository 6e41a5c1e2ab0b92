"""What a screening of a server has done so far, so that one that was interrupted goes on where it was.

A file beside the results, a line a patient, written as each is done. A line that a crash cut off is done again. The
first line says which screening it is; a file of another one is not gone on with.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from adapter.screening.outcome import PatientOutcome

NAME = ".screening-journal.ndjson"


class Heading(Struct, frozen=True):
    """Which screening it is: `key` names source, studies, policy, terminology and what is kept; `as_of` its instant."""

    key: str
    as_of: datetime


class Journal:
    """Outcomes by patient; those that failed are not kept, so that they are tried again."""

    def __init__(self, file: IO[bytes], done: dict[str, PatientOutcome]) -> None:
        """Add to an open file what is not `done` yet."""
        self._file = file
        self._done = done

    def get(self, place: str) -> PatientOutcome | None:
        """The outcome of a patient who is done."""
        return self._done.get(place)

    def add(self, outcome: PatientOutcome) -> None:
        """Keep an outcome."""
        if outcome.failure is None:
            self._file.write(msgspec.json.encode(outcome) + b"\n")
            self._file.flush()


def interrupted(folder: Path, key: str) -> datetime | None:
    """The instant of a screening with this key that was interrupted in the folder, None if there is none."""
    heading, _ = _read(folder / NAME)
    return heading.as_of if heading is not None and heading.key == key else None


@contextmanager
def open_journal(folder: Path, heading: Heading) -> Iterator[Journal]:
    """The journal of a screening in its folder; one of another screening is replaced."""
    path = folder / NAME
    found, done = _read(path)
    if found != heading:
        done = {}
        path.write_bytes(msgspec.json.encode(heading) + b"\n")
        path.chmod(0o600)
    else:
        _cut_torn_line(path)
    with path.open("ab") as file:
        yield Journal(file, done)


def close_journal(folder: Path) -> None:
    """Remove the journal of a screening that is complete."""
    (folder / NAME).unlink(missing_ok=True)


def _read(path: Path) -> tuple[Heading | None, dict[str, PatientOutcome]]:
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return None, {}
    try:
        heading = msgspec.json.decode(lines[0], type=Heading)
        outcomes = [_outcome.decode(line) for line in lines[1:]]
    except (IndexError, msgspec.DecodeError):  # of another version, or somebody else's: begin anew
        return None, {}
    return heading, {outcome.place: outcome for outcome in outcomes}


def _cut_torn_line(path: Path) -> None:
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


_outcome = msgspec.json.Decoder(PatientOutcome)
