"""Screen every patient of a source, in the source's order, in this process or in several."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from adapter.record.bundle import Resource
from adapter.screening.processes import in_processes, parcels
from adapter.screening.screen import PatientOutcome, Screener, Screening, passed
from adapter.screening.setup import Setup
from adapter.screening.source import Found, LeftOut, PatientInput
from adapter.screening.source.folder import (
    Files,
    from_bundle,
    only_patient,
    opened,
    other,
    patients_of,
    shown,
    sorted_patients,
)
from adapter.screening.source.store import Store, seen_twice

_TOGETHER = 64
"""How many patients a process is given at once."""

Outcome = PatientOutcome | LeftOut


class _Opened(NamedTuple):
    """The outcome of who has a file by themselves, and their Patient without text: whether they do, the store knows."""

    patient: Resource
    outcome: PatientOutcome


def screen(
    found: Iterable[Found], screening: Screening, setup: Setup, jobs: int = 1, parcel: int = _TOGETHER
) -> Iterator[Outcome]:
    """The outcome for each patient and each failure of the source, in its order, whatever the number of jobs.

    `parcel`: how many patients a process is given at once; few where they are slow to come.
    """
    if jobs == 1:
        yield from _screened(found, screening.screener(setup))
        return
    for outcomes in in_processes((parcels(found, parcel),), jobs, _start, screening, _screen_all):
        yield from outcomes


def screen_files(
    files: Files[Path], store: Store, screening: Screening, setup: Setup, jobs: int = 1
) -> Iterator[Outcome]:
    """The same of files. Of several processes, each opens the files of those whom it judges: most of the work.

    What no file says by itself is left to the process that has the store.
    """
    if jobs == 1:
        yield from screen(patients_of(files, store), screening, setup)
        return
    yield from (passed(other(path)) for path in files.others)
    alone = screening.screener(setup)
    sorted_ = parcels(sorted_patients(files, store), _TOGETHER)
    for outcomes in in_processes((_paths(files.bundles), sorted_), jobs, _start, screening, _open_all):
        for each in outcomes:
            if isinstance(each, Path):
                yield from _screened(from_bundle(opened(each), shown(each), store), alone)
            elif isinstance(each, _Opened):
                place = each.outcome.place
                earlier = store.claim(each.patient, place)
                yield each.outcome if earlier is None else passed(seen_twice(each.patient.key, earlier, place))
            else:
                yield each


def _paths(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (paths[first : first + _TOGETHER] for first in range(0, len(paths), _TOGETHER))


def _screened(found: Iterable[Found], screener: Screener) -> Iterator[Outcome]:
    return (_outcome(item, screener) for item in found)


def _outcome(item: Found, screener: Screener) -> Outcome:
    return screener(item) if isinstance(item, PatientInput) else passed(item)


_screener: Screener | None = None
"""A worker process' own screener, set once when the process starts."""


def _start(screening: Screening) -> None:
    global _screener  # noqa: PLW0603  # ProcessPoolExecutor gives a worker no other place
    _screener = screening.screener()


def _screen_all(found: Sequence[Found]) -> list[Outcome]:
    return list(_screened(found, _here()))


def _open_all(items: Sequence[Found | Path]) -> list[Outcome | _Opened | Path]:
    """The outcomes, of files too; a path again, if more than a patient's own file is to be said of it."""
    screener = _here()
    return [_of_file(each, screener) if isinstance(each, Path) else _outcome(each, screener) for each in items]


def _of_file(path: Path, screener: Screener) -> _Opened | Path:
    found = only_patient(path)
    if found is None:
        return path
    patient, held = found
    return _Opened(structs.replace(patient, raw=b""), screener(held))


def _here() -> Screener:
    if _screener is None:
        msg = "a worker process without a screener"
        raise RuntimeError(msg)
    return _screener
