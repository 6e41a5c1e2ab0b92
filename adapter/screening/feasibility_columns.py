"""Feasibility by SQL: one query says how everybody stands; whom it leaves undecided, the evaluator decides."""

from collections.abc import Iterator
from typing import Any

from adapter.columns.folder import Facts
from adapter.columns.rows import part_of
from adapter.columns.sql.cells import UNDECIDED, UNIT
from adapter.columns.sql.local import Local, open_local
from adapter.columns.sql.query import Query, compiled
from adapter.columns.sql.tree import Study
from adapter.errors import InputError
from adapter.evaluator import Standing
from adapter.evaluator.bound import types_read
from adapter.evaluator.columns import TRUTHS
from adapter.screening.feasibility import AGES, UNKNOWN, Counted, Group, Question, born_by, groups_of, standings_of

_INDICATED, _UNCLEAR, _NOT_SAID = 1, 2, 3
"""What a study's column `indicated` says beside 0 (`query.Study`)."""


TOGETHER = 250_000
"""Patients whose answers are worked out at once, so that memory doesn't grow with their number."""


def by_columns(facts: Facts, question: Question, *, threads: int | None = None) -> Iterator[Counted]:
    """An `Engine`: the same counts as `by_records`, most of them by SQL; `threads`: of DuckDB, as many as it likes."""
    waiting: set[int] = set()
    with open_local(facts, threads=threads) as local:
        query = compiled(
            question.bounds, question.policy, question.as_of, local.codings, indicated_only=True, reasons=False
        )
        for parts in local.lots(TOGETHER):
            local.ask_parts(parts)
            local.prepare(query)
            local.connection.execute(f"CREATE OR REPLACE TEMP TABLE answered AS {query.last}")
            local.connection.execute(f"CREATE OR REPLACE TEMP TABLE open_ AS {_open(query)}")
            for place, study in enumerate(query.studies):
                yield from _counted(local, place, study, question)
            waiting.update(row[0] for row in local.connection.execute("SELECT patient FROM open_").fetchall())
    yield from _evaluated(facts, waiting, question)


def _open(query: Query) -> str:
    """The patients of whom something is undecided that counts."""
    conditions = []
    for study in query.studies:
        cells = " OR ".join(f"{column} = {UNDECIDED}" for column in dict.fromkeys(study.criteria)) or "FALSE"
        conditions.append(f"{study.indicated} = {_NOT_SAID} OR ({study.indicated} = {_INDICATED} AND ({cells}))")
    return f"SELECT patient FROM answered WHERE {' OR '.join(conditions) or 'FALSE'}"  # noqa: S608  # our own names


def _counted(local: Local, place: int, study: Study, question: Question) -> Iterator[Counted]:
    """The patients of whom all is decided, by group and by how they stand to a study.

    Who has no answer, since nothing on record speaks of the index disease of any study, has no indication.
    """
    truths = [f"CASE WHEN {study.indicated} = {_INDICATED} THEN {column} // {UNIT} END" for column in study.criteria]
    now = f"{question.as_of.timestamp():.6f}"
    dead = f"p.deceased AND (p.death_start IS NULL OR EPOCH(p.death_start) <= {now})"
    cells = ", ".join(
        [
            f"COALESCE(p.clinical_sex, p.gender, '{UNKNOWN}')",
            _age(question),
            _site(),
            f"COALESCE({study.indicated}, 0)",
            dead,
        ]
    )
    cells = ", ".join([cells, *truths])
    found = local.connection.execute(
        f"SELECT {cells}, COUNT(*) FROM facts_patients p LEFT JOIN answered a ON p.patient = a.patient "  # noqa: S608  # as above
        "WHERE p.patient NOT IN (SELECT patient FROM open_) GROUP BY ALL"
    )
    while rows := found.fetchmany(10_000):
        for row in rows:
            yield Counted(place, Group(*row[:3]), _standing(row[3], row[4], row[5:-1]), row[-1])


def _standing(indicated: int, dead: bool, truths: tuple[Any, ...]) -> Standing:  # noqa: FBT001  # a cell
    known = indicated == _INDICATED
    told = tuple(TRUTHS[each] for each in truths) if known else ()
    return Standing(indicated=known, unclear=indicated == _UNCLEAR, dead=dead, truths=told)


def _site() -> str:
    return f"COALESCE(NULLIF(p.site, ''), '{UNKNOWN}')"


def _age(question: Question) -> str:
    """As `group_of`: the group of both days that may be the birthday, where it is one."""

    def of(column: str) -> str:
        steps = zip(reversed(AGES), reversed(born_by(question.day)), strict=True)
        cases = " ".join(f"WHEN {column} <= DATE '{latest.isoformat()}' THEN '{name}'" for name, latest in steps)
        return f"(CASE {cases} ELSE '{UNKNOWN}' END)"

    first, last = of("p.birth_first"), of("p.birth_last")
    return f"CASE WHEN {first} = {last} THEN {first} ELSE '{UNKNOWN}' END"


def _evaluated(facts: Facts, waiting: set[int], question: Question) -> Iterator[Counted]:
    types = types_read(question.bounds)
    for part in sorted({part_of(key, facts.manifest.parts) for key in waiting}):
        groups = groups_of(facts, part, question.day)
        for key, place, contents in facts.records_of(part, waiting):
            try:
                found = standings_of(contents, types, question)
            except InputError as error:
                msg = f"{facts.file('records', part)}: {place}: {error}; extract again"
                raise InputError(msg) from error
            yield from (Counted(number, groups[key], standing, 1) for number, standing in enumerate(found))
