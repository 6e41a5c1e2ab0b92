"""A whole screening: from the files of a source to the files of results and the counts."""

from collections.abc import Callable
from pathlib import Path

from adapter.errors import UsageError
from adapter.screening.funnel import Summary
from adapter.screening.outcome import PatientOutcome
from adapter.screening.results import open_results
from adapter.screening.screen import Screening, screen
from adapter.screening.setup import Setup
from adapter.screening.source import LeftOut, find_files, patients_of
from adapter.screening.source.store import open_store
from adapter.screening.write_back import Writer


def run_screening(  # a screening, its setup and where from and to
    source: Path,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
) -> Summary:
    """Screen a source's patients into the folder `out`, and tell each outcome as it comes; write it back, if asked.

    Raises UsageError where there is nothing to read, or where results would land among the patients.
    """
    files = find_files(source)
    if source.is_dir() and out.resolve() == source.resolve():
        msg = f"--out {out} is the source; name another folder, or the results will be read as patients next time"
        raise UsageError(msg)
    out.mkdir(parents=True, exist_ok=True)
    summary = Summary(setup.definitions)
    with open_results(out) as results, open_store(out) as store:
        screened = screen(patients_of(files, store), screening, setup, jobs)
        for item in writer.written(screened) if writer else screened:
            tell(item)
            if isinstance(item, PatientOutcome):
                results.write(item)
                summary.add(item)
    return summary
