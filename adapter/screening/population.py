"""Screening of facts: SQL says who has no indication, and the others' records are evaluated as any other's.

The results are the same bytes as without SQL, in the order of the source.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from adapter.columns.folder import Facts
from adapter.columns.sql.local import open_local
from adapter.columns.sql.query import indicated
from adapter.errors import InputError, UsageError
from adapter.evaluator.bound import by_diagnoses
from adapter.record.contents import Contents
from adapter.screening.funnel import Summary
from adapter.screening.many import screen
from adapter.screening.private import alone_in
from adapter.screening.publish import Writer
from adapter.screening.run import keep, open_results
from adapter.screening.screen import PatientOutcome, Row, Screening
from adapter.screening.setup import Setup
from adapter.screening.source import LeftOut, PatientInput


class _Named(NamedTuple):
    """A patient of the facts: the place in the order of the source, the key, where in the source, and Patient/id."""

    number: int
    key: int
    place: str
    subject: str


def run_facts_screening(  # as `run_screening`, and by which engine
    source: Path,
    out: Path,
    screening: Screening,
    setup: Setup,
    jobs: int,
    tell: Callable[[PatientOutcome | LeftOut], None],
    writer: Writer | None = None,
    *,
    by_columns: bool,
) -> Summary:
    """Screen a folder of facts into the folder `out`, as `run_screening` does; `by_columns`: SQL settles what it can.

    Raises UsageError where the facts are of another terminology or policy, or where `out` is their folder.
    """
    facts = Facts(source)
    facts.check(setup.terminology, setup.policy)
    if out.resolve() == source.resolve():
        msg = f"--out {out} is the source; name another folder"
        raise UsageError(msg)
    plain = by_columns and by_diagnoses(setup.bounds) and not screening.keep_all and not screening.propose
    wanted = _unsettled(facts, setup, screening.as_of) if plain else None
    rows = tuple(Row(bound.definition.id, unclear=False) for bound in setup.bounds)
    with alone_in(out), open_results(out, setup) as results:
        screened = screen(_inputs(facts, wanted), screening, setup, jobs)
        made = (
            next(screened) if wanted is None or each.key in wanted else PatientOutcome(each.place, each.subject, rows)
            for each in merge(*(_named(facts, part) for part in range(facts.manifest.parts)))
        )
        return keep(made, results, setup, tell, writer)


def _unsettled(facts: Facts, setup: Setup, as_of: datetime) -> set[int]:
    """The keys of all who have, or may have, an indication of some study."""
    with open_local(facts) as local:
        query = indicated(setup.bounds, setup.policy, as_of, local.codings)
        columns, rows = local.rows(query)
    places = [columns.index(study.indicated) for study in query.studies]
    key = columns.index("patient")
    return {row[key] for row in rows if any(row[place] for place in places)}


def _named(facts: Facts, part: int) -> Iterator[_Named]:
    for batch in facts.batches("patients", part, ["number", "patient", "place", "subject"]):
        yield from map(_Named, *(batch.column(name).to_pylist() for name in ("number", "patient", "place", "subject")))


def _inputs(facts: Facts, wanted: Collection[int] | None) -> Iterator[PatientInput]:
    """The records of whom they are wanted, in the order of the source."""

    def of_part(part: int) -> Iterator[tuple[int, str, Contents]]:
        records = facts.records_of(part, wanted)
        for each in _named(facts, part):
            if wanted is None or each.key in wanted:
                key, place, contents = next(records)
                if key != each.key:
                    msg = f"{facts.file('records', part)}: its patients stand in another order; extract again"
                    raise InputError(msg)
                yield each.number, place, contents

    parts = (of_part(part) for part in range(facts.manifest.parts))
    for _, place, contents in merge(*parts, key=itemgetter(0)):
        yield PatientInput(place, contents)
