"""A bucket of events, sorted by patient and judged, in a Python worker of Spark.

The worker puts the events of a bucket into the store that a screening has without Spark, in the order of the source,
and judges the patients whom it gives back: the same code, for the same results. Whatever bears on a patient is in one
bucket, but for what is of the whole source: what is deleted, and how much of it can't be read.
"""

import gc
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa

from adapter.columns.rows import decoded
from adapter.criteria.model import TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import bind
from adapter.record.bundle import Resource
from adapter.record.contents import Contents
from adapter.screening.screen import PatientOutcome, Row, Screener
from adapter.screening.setup import Setup
from adapter.screening.source import Found, LeftOut, PatientInput, Unread
from adapter.screening.source.folder import current_patients
from adapter.screening.source.store import Store, open_store, seen_twice
from adapter.screening.spark.events import FOUND, ORPHANS, PATIENTS, RECORD, UNREAD, Places, found_again

OUTCOMES = pa.schema(
    {
        "order": pa.string(),
        "left_out": pa.bool_(),
        "outcome": pa.binary(),  # msgpack of a PatientOutcome without the columns of `rows`, or of a LeftOut
        "subject": pa.string(),
        "rows": pa.list_(
            pa.struct(
                {
                    "study": pa.string(),
                    "decision": pa.string(),
                    "verdict": pa.binary(),
                    "research_subject": pa.binary(),
                }
            )
        ),
    }
)

_AT_ONCE = 64
_TOLD = re.compile("\x1f[0-9.]+")
"""Behind a place as people name it, its order in the source, as long as it is in the store."""

_contents = msgspec.msgpack.Decoder(Contents)
_resource = msgspec.msgpack.Decoder(Resource)
_outcome = msgspec.msgpack.Decoder(PatientOutcome)
_left_out = msgspec.msgpack.Decoder(LeftOut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What every bucket is judged by.

    `key` names all of it; `deleted`, `unread`, `first_unread`: what is deleted in the source, how many of its parts
    can't be read, and the first of them.
    """

    key: str
    terminology: Terminology
    policy: Policy
    definitions: tuple[TrialDefinition, ...]
    as_of: datetime
    keep_all: bool
    propose: bool
    places: Places
    deleted: frozenset[str]
    unread: int
    first_unread: str


class Broadcast(Protocol):
    """What Spark has sent to each worker once."""

    @property
    def value(self) -> Work:
        """What it is."""


class _Named(NamedTuple):
    """A patient of a folder of facts, as `facts.SparkFacts.records` has them."""

    number: int
    place: str
    subject: str
    wanted: bool
    contents: bytes | None


Judge = Callable[..., Iterator[pa.RecordBatch]]
"""As `judge`."""


class _Event(NamedTuple):
    bucket: int
    order: str
    kind: str
    content: bytes


def judge(batches: Iterable[pa.RecordBatch], broadcast: Broadcast) -> Iterator[pa.RecordBatch]:
    """The outcomes of events, which come bucket by bucket and in their order: columns as in `_Event`."""
    work = broadcast.value
    screener = _screener(work)
    events = (
        _Event(*row) for batch in batches for row in zip(*(each.to_pylist() for each in batch.columns), strict=True)
    )
    buckets = groupby(events, key=lambda event: event.bucket)
    yield from _in_batches(each for _, bucket in buckets for each in _of_bucket(bucket, work, screener))


def judge_facts(batches: Iterable[pa.RecordBatch], broadcast: Broadcast) -> Iterator[pa.RecordBatch]:
    """The outcomes of patients of a folder of facts: columns as in `_Named`."""
    screener = _screener(broadcast.value)
    patients = (
        _Named(*row) for batch in batches for row in zip(*(each.to_pylist() for each in batch.columns), strict=True)
    )
    yield from _in_batches((f"{each.number:020}", _of_facts(each, screener)) for each in patients)


def _of_facts(patient: _Named, screener: Screener) -> PatientOutcome:
    if not patient.wanted:
        return PatientOutcome(patient.place, patient.subject, screener.none_of_them)
    try:
        contents = decoded(patient.contents or b"")
    except msgspec.DecodeError:
        return PatientOutcome(patient.place, patient.subject, failure="the facts have no record of it; extract again")
    return screener(PatientInput(patient.place, contents))


def _in_batches(outcomes: Iterable[tuple[str, PatientOutcome | LeftOut]]) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, object]] = []
    for order, outcome in outcomes:
        rows.append(_to_row(order, outcome))
        if len(rows) >= _AT_ONCE:
            yield pa.RecordBatch.from_pylist(rows, OUTCOMES)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, OUTCOMES)


_screeners: dict[str, Screener] = {}
"""The screener of the present work, by its key: a worker's process has one task after another."""


def _screener(work: Work) -> Screener:
    found = _screeners.get(work.key)
    if found is not None:
        return found
    bounds = tuple(bind(definition, work.terminology) for definition in work.definitions)
    setup = Setup(terminology=work.terminology, policy=work.policy, definitions=work.definitions, bounds=bounds)
    _screeners.clear()
    made = Screener(setup=setup, as_of=work.as_of, keep_all=work.keep_all, propose=work.propose)
    _screeners[work.key] = made
    gc.freeze()  # what is loaded stays as long as the run
    return made


def _of_bucket(
    events: Iterable[_Event], work: Work, screener: Screener
) -> Iterator[tuple[str, PatientOutcome | LeftOut]]:
    with open_store(Path(gettempdir()), screener.setup.types) as store:
        if work.unread:
            store.lacks(work.unread, work.first_unread)
        store.delete(work.deleted)
        for event in events:
            found = _replayed(event, f"{work.places.shown(event.order)}\x1f{event.order}", store)
            if found is not None:
                yield event.order, _judged(found, screener)
        for found in store.patients():
            order = found.place.partition("\x1f")[2]
            phase = PATIENTS if isinstance(found, PatientInput) else ORPHANS
            yield phase + order[1:], _judged(found, screener)


def _replayed(event: _Event, place: str, store: Store) -> Found | None:
    """What an event is, or becomes beside those before it."""
    if event.kind in {FOUND, UNREAD}:
        return found_again(event.content, place)
    if event.kind != RECORD:
        return store.add(_resource.decode(event.content), place)
    contents = _contents.decode(event.content)
    (patient,) = current_patients(contents.resources)
    earlier = store.claim(patient, place)
    return PatientInput(place, contents) if earlier is None else seen_twice(patient.key, earlier, place)


def _judged(found: Found, screener: Screener) -> PatientOutcome | LeftOut:
    place = _TOLD.sub("", found.place)
    if isinstance(found, PatientInput):
        return screener(replace(found, place=place))
    if isinstance(found, Unread):
        return PatientOutcome(place, found.subject, failure=_TOLD.sub("", found.reason))
    return replace(found, place=place)


def _to_row(order: str, outcome: PatientOutcome | LeftOut) -> dict[str, object]:
    if isinstance(outcome, LeftOut):
        return {"order": order, "left_out": True, "outcome": msgspec.msgpack.encode(outcome)}
    rows = tuple(replace(row, line=None, research_subject=None) for row in outcome.rows)
    return {
        "order": order,
        "left_out": False,
        "outcome": msgspec.msgpack.encode(replace(outcome, rows=rows)),
        "subject": outcome.subject,
        "rows": [_columns(row) for row in outcome.rows],
    }


def _columns(row: Row) -> dict[str, object]:
    decision = None if row.decision is None else row.decision.value
    return {
        "study": row.study,
        "decision": decision,
        "verdict": row.line,
        "research_subject": row.research_subject,
    }


def outcome_of(
    outcome: bytes, rows: Iterable[tuple[bytes | None, bytes | None]] | None, *, left_out: bool
) -> PatientOutcome | LeftOut:
    """The outcome of what was kept of it; `rows`: verdict and ResearchSubject of each study, None without them."""
    if left_out:
        return _left_out.decode(outcome)
    found = _outcome.decode(outcome)
    if rows is None:
        return found
    lines = zip(found.rows, rows, strict=True)
    return replace(found, rows=tuple(replace(row, line=line, research_subject=rs) for row, (line, rs) in lines))
