"""A whole screening of a FHIR server's patients. Interrupted, it goes on where it was."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from adapter.screening.funnel import Summary
from adapter.screening.journal import Heading, close_journal, open_journal
from adapter.screening.outcome import PatientOutcome
from adapter.screening.results import open_results
from adapter.screening.screen import Screening, screen
from adapter.screening.setup import Setup
from adapter.screening.source.found import LeftOut
from adapter.screening.source.server import ServerSource, open_patients
from adapter.screening.write_back import Writer


def key_of(source: ServerSource, setup: Setup, *, keep_all: bool, write_back: bool) -> str:
    """What names a screening but for its instant: run again with the same, it goes on."""
    studies = [f"{each.id} {each.version}" for each in setup.definitions]
    named = repr(
        (
            source.server.url,
            source.selection,
            source.indicated,
            studies,
            setup.policy.hash,
            setup.terminology.hash,
            keep_all,
            write_back,
        )
    )
    return hashlib.sha256(named.encode()).hexdigest()


def run_server_screening(
    source: ServerSource,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
) -> Summary:
    """Screen a server's patients into the folder `out`, and tell each outcome as it comes; write it back, if asked.

    A patient who could not be fetched is a failure, named with its reason; the next run tries only those again. Raises
    ServerError where the patients can't be listed; what was done before is kept for the next run.
    """
    out.mkdir(parents=True, exist_ok=True)
    heading = Heading(key_of(source, setup, keep_all=screening.keep_all, write_back=screening.propose), screening.as_of)
    summary = Summary(setup.definitions)
    with (
        open_patients(source, setup) as patients,
        open_journal(out, heading) as journal,
        open_results(out) as results,
    ):
        places = [f"Patient/{id_}" for id_ in patients.ids]
        todo = [id_ for id_, place in zip(patients.ids, places, strict=True) if journal.get(place) is None]
        screened = screen(patients.fetch(todo, 2 * source.server.max_concurrent), screening, setup, jobs)
        fresh = writer.written(screened) if writer else screened
        summary.skip(patients.skipped)
        for place in places:
            outcome = journal.get(place)
            if outcome is None:
                item = next(fresh)
                tell(item)
                if isinstance(item, LeftOut):
                    continue
                journal.add(item)
                outcome = item
            results.write(outcome)
            summary.add(outcome)
    if not summary.failed:
        close_journal(out)
    return summary
