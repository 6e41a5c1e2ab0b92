"""Work that several processes share: parcels of patients go in, what each comes to comes out, in their order."""

import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from threading import Thread
from typing import TypeVar

from adapter.errors import AdapterError
from adapter.screening.source import Found, PatientInput

_WAITING_PER_JOB = 3
"""How many parcels wait for each process: enough to keep it busy, few enough to bound the memory."""

_MOST_BYTES = 2 << 20
"""Bytes of a parcel, from which on no further patient is put into it."""

A = TypeVar("A")
P = TypeVar("P")
R = TypeVar("R")


def parcels(found: Iterable[Found], most: int, most_bytes: int = _MOST_BYTES) -> Iterator[list[Found]]:
    """What is found, so many at once: a message to a process costs as much as a third of a patient."""
    items: list[Found] = []
    size = 0
    for item in found:
        items.append(item)
        size += item.size if isinstance(item, PatientInput) else 0
        if len(items) >= most or size > most_bytes:
            yield items
            items, size = [], 0
    if items:
        yield items


def in_processes(
    stages: Iterable[Iterable[P]], jobs: int, begin: Callable[[A], None], argument: A, work: Callable[[P], R]
) -> Iterator[R]:
    """What `work` gives for each task, in their order; each process calls `begin` with the argument before.

    The tasks of a stage are asked for when all is given of the stage before. Raises AdapterError where a process ends
    before its work does.
    """
    waiting: deque[Future[R]] = deque()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start, (begin, argument))
    try:
        for tasks in stages:
            for task in tasks:
                with _left_alone():
                    waiting.append(pool.submit(work, task))
                if len(waiting) > jobs * _WAITING_PER_JOB:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenProcessPool as error:
        msg = "a process of --jobs ended before its work did (out of memory?); run again with fewer jobs"
        raise AdapterError(msg) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _left_alone() -> Iterator[None]:
    """Processes that are started in the block never see Ctrl-C, from their first moment on: it is the parent's."""
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _start(begin: Callable[[A], None], argument: A) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    begin(argument)
    gc.freeze()  # what is loaded stays for good; collections needn't walk through it again


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
