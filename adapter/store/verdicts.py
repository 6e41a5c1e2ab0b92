"""What was last said of a patient and a study, and the events that a change of it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, or_, select

from adapter.store.tables import delivery, event, lots, upsert, verdict

WAITING, DEAD = "waiting", "dead"
APART = timedelta(minutes=10)
"""By which the clocks of two processes may differ."""


class StoredResult(Struct, frozen=True):
    """The result of one criterion, and its reason."""

    result: str
    reason: str


class ResultChange(Struct, frozen=True):
    """A criterion whose result has changed; None: it was not there."""

    id: str
    old: StoredResult | None
    new: StoredResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict as it is kept. `basis`: definition, policy and terminology; `digest`: of all that was written."""

    patient: str
    study: str
    decision: str
    criteria: Mapping[str, StoredResult]
    as_of: datetime
    valid_until: datetime | None
    basis: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A verdict that changed; None: there was, or is, none."""

    id: int
    at: datetime
    patient: str
    study: str
    old: str | None
    new: str | None
    criteria: tuple[ResultChange, ...]


_criteria = msgspec.json.Decoder(dict[str, StoredResult])
_moved = msgspec.json.Decoder(tuple[ResultChange, ...])


def of_patient(connection: Connection, patient: str) -> dict[str, StoredVerdict]:
    """The verdicts on a patient, by study."""
    rows = connection.execute(select(verdict).where(verdict.c.patient == patient))
    return {row.study: StoredVerdict(**{**row._mapping, "criteria": _criteria.decode(row.criteria)}) for row in rows}  # noqa: SLF001  # SQLAlchemy's documented name


class Stored(NamedTuple):
    """The least of a stored verdict by which what was made of it is known."""

    decision: str
    as_of: datetime


def stored(connection: Connection, patients: Iterable[str]) -> dict[tuple[str, str], Stored]:
    """The verdicts on patients, by patient and study."""
    chosen = select(verdict.c.patient, verdict.c.study, verdict.c.decision, verdict.c.as_of)
    return {
        (patient, study): Stored(decision, as_of)
        for lot in lots(patients)
        for patient, study, decision, as_of in connection.execute(chosen.where(verdict.c.patient.in_(lot)))
    }


def known_patients(connection: Connection, patients: Iterable[str]) -> set[str]:
    """Those of the patients on whom there is a verdict."""
    chosen = select(verdict.c.patient).distinct()
    return {
        each
        for lot in lots(patients)
        for each in connection.execute(chosen.where(verdict.c.patient.in_(lot))).scalars()
    }


def put(connection: Connection, verdicts: Sequence[StoredVerdict]) -> None:
    """Keep verdicts in the place of older ones."""
    for each in verdicts:
        values: dict[str, Any] = {
            "patient": each.patient,
            "study": each.study,
            "decision": each.decision,
            "criteria": msgspec.json.encode(each.criteria).decode(),
            "as_of": each.as_of,
            "valid_until": each.valid_until,
            "basis": each.basis,
            "digest": each.digest,
        }
        statement = upsert(connection, verdict).values(values)
        connection.execute(statement.on_conflict_do_update(index_elements=["patient", "study"], set_=values))


def drop(connection: Connection, patient: str) -> None:
    """Keep no verdict on a patient."""
    connection.execute(delete(verdict).where(verdict.c.patient == patient))


def ended(connection: Connection, studies: Iterable[str], now: datetime, most: int) -> dict[str, set[str]]:
    """Patients with those of the studies on which their verdict may change up to an instant, with no new data.

    Those among them whose verdict a clock made that was ahead: it speaks of a time that has not come.
    """
    is_over = or_(verdict.c.valid_until <= now, verdict.c.as_of > now + APART)
    return _by_patient(
        connection.execute(
            select(verdict.c.patient, verdict.c.study)
            .where(is_over, verdict.c.study.in_(sorted(studies)))
            .order_by(verdict.c.valid_until)
            .limit(most)
        )
    )


def outdated(connection: Connection, bases: Mapping[str, str], after: str, most: int) -> dict[str, set[str]]:
    """Patients beyond `after`, with the studies whose verdict was made with another basis than theirs now."""
    others = [(verdict.c.study == study) & (verdict.c.basis != basis) for study, basis in bases.items()]
    if not others:
        return {}
    chosen = select(verdict.c.patient, verdict.c.study).where(verdict.c.patient > after, or_(*others))
    return _by_patient(connection.execute(chosen.order_by(verdict.c.patient).limit(most)))


def record_event(
    connection: Connection,
    at: datetime,
    changed: tuple[str, str, str | None, str | None],
    changes: Sequence[ResultChange],
    urls: Iterable[str],
    *,
    until_sent: bool = False,
) -> None:
    """Keep an event, to be sent to each URL; with `until_sent` only until they have all taken it.

    `changed`: patient, study, old and new decision.
    """
    patient, study, old, new = changed
    values = {"at": at, "patient": patient, "study": study, "old": old, "new": new, "until_sent": until_sent}
    statement = insert(event).values(**values, criteria=msgspec.json.encode(list(changes)).decode())
    (number,) = connection.execute(statement).inserted_primary_key or (None,)
    rows = [{"event": number, "url": url, "state": WAITING, "due": at, "attempts": 0} for url in urls]
    if rows:
        connection.execute(insert(delivery), rows)


def events(
    connection: Connection,
    after: int = 0,
    study: str | None = None,
    most: int | None = None,
    since: datetime | None = None,
) -> list[Event]:
    """Events in their order, beyond a number, from an instant on."""
    chosen = select(event).where(event.c.id > after).order_by(event.c.id)
    if since is not None:
        chosen = chosen.where(event.c.at >= since)
    if study is not None:
        chosen = chosen.where(event.c.study == study)
    if most is not None:
        chosen = chosen.limit(most)
    return [event_of({**row._mapping}) for row in connection.execute(chosen)]  # noqa: SLF001  # as above


def event_of(row: Mapping[str, Any]) -> Event:
    """An event from its row."""
    said = {name: value for name, value in row.items() if name != "until_sent"}
    return Event(**{**said, "criteria": _moved.decode(row["criteria"])})


def _by_patient(rows: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for patient, study in rows:
        found.setdefault(patient, set()).add(study)
    return found
