"""Screen every patient of a source, in the source's order, in this process or in several."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from signal import SIG_IGN, SIGINT, signal

from adapter.errors import AdapterError
from adapter.screening.outcome import PatientOutcome, Screener
from adapter.screening.setup import Setup, Site, load_setup
from adapter.screening.source import Found, LeftOut, PatientInput, Unread

_WAITING_PER_JOB = 4
"""How many patients wait for each process: enough to keep it busy, few enough to bound the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What to screen for: a site, the studies (all if None), an instant; enough for another process to do the same."""

    site: Site
    studies: tuple[str, ...] | None
    as_of: datetime
    keep_all: bool = False
    propose: bool = False

    def screener(self, setup: Setup | None = None) -> Screener:
        """The screener of this screening; loads the site unless it is given."""
        return Screener(
            setup=setup or load_setup(self.site, self.studies),
            as_of=self.as_of,
            keep_all=self.keep_all,
            propose=self.propose,
        )


def screen(
    found: Iterable[Found], screening: Screening, setup: Setup, jobs: int = 1
) -> Iterator[PatientOutcome | LeftOut]:
    """The outcome for each patient and each failure of the source, in its order, whatever the number of jobs."""
    if jobs > 1:
        yield from _in_processes(found, screening, jobs)
        return
    screener = screening.screener(setup)
    for item in found:
        yield screener(item) if isinstance(item, PatientInput) else _passed(item)


def _passed(item: Unread | LeftOut) -> PatientOutcome | LeftOut:
    return item if isinstance(item, LeftOut) else PatientOutcome(item.place, item.subject, failure=item.reason)


def _in_processes(found: Iterable[Found], screening: Screening, jobs: int) -> Iterator[PatientOutcome | LeftOut]:
    waiting: deque[Future[PatientOutcome] | PatientOutcome | LeftOut] = deque()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start, (screening,))
    try:
        for item in found:
            waiting.append(pool.submit(_screen_one, item) if isinstance(item, PatientInput) else _passed(item))
            if len(waiting) > jobs * _WAITING_PER_JOB:
                yield _taken(waiting.popleft())
        while waiting:
            yield _taken(waiting.popleft())
    except BrokenProcessPool as error:
        msg = "a process of --jobs ended before its work did (out of memory?); run again with fewer jobs"
        raise AdapterError(msg) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _taken(item: Future[PatientOutcome] | PatientOutcome | LeftOut) -> PatientOutcome | LeftOut:
    return item.result() if isinstance(item, Future) else item


_screener: Screener | None = None
"""A worker process' own screener, set once when the process starts."""


def _start(screening: Screening) -> None:
    global _screener  # noqa: PLW0603  # ProcessPoolExecutor gives a worker no other place
    signal(SIGINT, SIG_IGN)  # Ctrl-C is the parent's to handle
    _screener = screening.screener()


def _screen_one(patient: PatientInput) -> PatientOutcome:
    if _screener is None:
        msg = "a worker process without a screener"
        raise RuntimeError(msg)
    return _screener(patient)
