"""The files that a screening writes. They appear complete or not at all: temporary names until the end.

A temporary name is always the same, so that what a killed run left behind is written over by the next one.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import msgspec

from adapter.screening.outcome import PatientOutcome

VERDICTS = "verdicts.ndjson"
FAILURES = "failures.ndjson"
RESEARCH_SUBJECTS = "research-subjects.ndjson"


class Results:
    """Takes outcomes one by one: verdicts and ResearchSubjects a line each, and failures with file and reason."""

    def __init__(self, verdicts: IO[bytes], research_subjects: IO[bytes], failures: IO[bytes]) -> None:
        """Write to three open files."""
        self._verdicts = verdicts
        self._research_subjects = research_subjects
        self._failures = failures

    def write(self, outcome: PatientOutcome) -> None:
        """Add an outcome to the files."""
        if outcome.failure is not None:
            failure = {"file": outcome.place, "subject": outcome.subject, "reason": outcome.failure}
            self._failures.write(msgspec.json.encode(failure) + b"\n")
        for row in outcome.rows:
            if row.line is not None:
                self._verdicts.write(row.line + b"\n")
            if row.research_subject is not None:
                self._research_subjects.write(row.research_subject + b"\n")


@contextmanager
def open_results(folder: Path) -> Iterator[Results]:
    """Results in a folder, which is made if need be; only a block that ends well leaves new files."""
    with ExitStack() as files:
        names = (VERDICTS, RESEARCH_SUBJECTS, FAILURES)
        yield Results(*(files.enter_context(_new_file(folder / name)) for name in names))


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    temporary = path.with_name(f".{path.name}.partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "wb") as file:
        try:
            yield file
            file.close()
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
