"""From hints to entries of the queue, in one transaction: what is answered with success is stored (invariant 6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapter.screening.react.hint import Hint
from adapter.screening.react.interest import Interest
from adapter.screening.react.touched import EVERYTHING, MEDICATION, PATIENT
from adapter.store import index, queue, verdicts
from adapter.store.index import Indexed


def take(
    connection: Connection, hints: Sequence[Hint], interest: Interest, now: datetime, settle: timedelta = timedelta(0)
) -> Counter[str]:
    """Queue whom the hints concern, and count what they came to.

    `queued`; `seen`: the patient's last evaluation read this very version; `untouched`: no study reads it;
    `unindicated`: the patient has no study's disease on record, and this doesn't change that; `ignored`: a type that
    is not read. `settle`: how long to wait for further hints of the same patient.
    """
    sorting = _Sorting(interest)
    read = [hint for hint in hints if hint.type in interest.types]
    known = index.of_resources(connection, {hint.resource for hint in read}) if read else {}
    for hint in read:
        sorting.sort(hint, known.get(hint.resource, []))
    sorting.counts["ignored"] += len(hints) - len(read)
    _add_known(connection, sorting)
    if sorting.wanted:
        touches = _followed(sorting.wanted, index.survivors(connection, sorting.wanted))
        queue.notify(connection, touches, now, now + settle)
    return +sorting.counts


class _Sorting:
    """Whom hints concern: `wanted` for certain, `weak` only if something is known of them. Lives for one call."""

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self.wanted: dict[str, set[str]] = {}
        self.weak: dict[str, list[frozenset[str]]] = {}
        self.counts: Counter[str] = Counter()

    def sort(self, hint: Hint, rows: Sequence[Indexed]) -> None:
        """Note whom a hint concerns; `rows`: the patients who have been evaluated with the resource."""
        if _is_seen(hint, rows):
            self.counts["seen"] += 1
            return
        if hint.touches is None and not hint.deleted:
            self.want(hint.resource, {EVERYTHING})
            return
        for row in rows:
            self.wanted.setdefault(row.patient, set()).update(row.reads)
        patient, touches = hint.patient, self.interest.known(hint.touches or ())
        if hint.type == PATIENT:
            patient, touches = hint.resource, frozenset({PATIENT})
        elif hint.deleted:
            patient = None
        if patient is None or not touches:
            self.counts["queued" if rows else "untouched"] += 1
        elif hint.merges or self.interest.indicates(touches) or any(row.patient == patient for row in rows):
            self.want(patient, touches)
        else:
            self.weak.setdefault(patient, []).append(touches)

    def want(self, key: str, touches: Iterable[str]) -> None:
        """Somebody, or something, to be looked at for certain."""
        self.wanted.setdefault(key, set()).update(touches)
        self.counts["queued"] += 1


def _is_seen(hint: Hint, rows: Sequence[Indexed]) -> bool:
    """Whether the last evaluation of everyone concerned read this very version."""
    if hint.deleted or hint.version is None:
        return False
    concerned = rows if hint.type == MEDICATION else [row for row in rows if row.patient == hint.patient]
    return bool(concerned) and all(
        row.version == hint.version and (row.updated == hint.updated or None in (row.updated, hint.updated))
        for row in concerned
    )


def _add_known(connection: Connection, sorting: _Sorting) -> None:
    """Queue those on whom there is a verdict, or who wait for one.

    The queue is looked at first, and held: whoever leaves it in the meantime has left a verdict.
    """
    if not sorting.weak:
        return
    into = index.survivors(connection, sorting.weak)
    keys = sorting.weak.keys() | set(into.values())
    known = sorting.wanted.keys() | queue.lock_waiting(connection, keys)
    known |= verdicts.known_patients(connection, keys)
    for patient, found in sorting.weak.items():
        if patient in known or into.get(patient) in known:
            for touches in found:
                sorting.want(patient, touches)
        else:
            sorting.counts["unindicated"] += len(found)


def _followed(wanted: Mapping[str, set[str]], survivors: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """What is wanted of a patient who was merged into another is wanted of that one."""
    touches: dict[str, set[str]] = {}
    for key, names in wanted.items():
        touches.setdefault(survivors.get(key, key), set()).update(names)
        if PATIENT in names:  # the two may have been parted again
            touches.setdefault(key, set()).update(names)
    return {key: frozenset(names) for key, names in touches.items()}
