"""Feasibility by SQL: one query says how everybody stands; whom it leaves undecided, the evaluator decides."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from adapter.columns.folder import Facts
from adapter.columns.rows import part_of
from adapter.columns.sql.cells import UNDECIDED, UNIT, Codings
from adapter.columns.sql.local import open_local
from adapter.columns.sql.query import Query, compiled
from adapter.columns.sql.text import literal
from adapter.errors import InputError
from adapter.evaluator import Standing
from adapter.evaluator.bound import types_read
from adapter.evaluator.columns import TRUTHS
from adapter.screening.feasibility import AGES, UNKNOWN, Counted, Group, Question, born_by, groups_of, standings_of

_INDICATED, _UNCLEAR, _NOT_SAID = 1, 2, 3
"""What a study's column `indicated` says beside 0 (`query.Study`)."""


ANSWERED = "answered"
"""The relation of the answers."""

TOGETHER = 250_000
"""Patients whose answers are worked out at once, so that memory doesn't grow with their number."""


def by_columns(facts: Facts, question: Question, *, threads: int | None = None) -> Iterator[Counted]:
    """An `Engine`: the same counts as `by_records`, most of them by SQL; `threads`: of DuckDB, as many as it likes."""
    waiting: set[int] = set()
    with open_local(facts, threads=threads) as local:
        query = asked(question, local.codings)
        for parts in local.lots(TOGETHER):
            local.ask_parts(parts)
            local.prepare(query)
            local.connection.execute(f"CREATE OR REPLACE TEMP TABLE {ANSWERED} AS {answers(query)}")
            yield from counts(query, question, local.ask, waiting)
    yield from evaluated(facts, waiting, question)


def asked(question: Question, codings: Sequence[Codings]) -> Query:
    """The query of a question: truths alone, of those who have, or may have, an indication."""
    return compiled(question.bounds, question.policy, question.as_of, codings, indicated_only=True, reasons=False)


def answers(query: Query) -> str:
    """The rows of a query, and of each whether something is undecided that counts."""
    conditions = []
    for study in query.studies:
        cells = " OR ".join(f"{column} = {UNDECIDED}" for column in dict.fromkeys(study.criteria)) or "FALSE"
        conditions.append(f"{study.indicated} = {_NOT_SAID} OR ({study.indicated} = {_INDICATED} AND ({cells}))")
    return f"SELECT *, {' OR '.join(conditions) or 'FALSE'} AS open_ FROM ({query.last})"  # noqa: S608  # our own names


def counts(
    query: Query, question: Question, ask: Callable[[str], Iterator[tuple[Any, ...]]], waiting: set[int]
) -> Iterator[Counted]:
    """The patients of whom all is decided, by group and by how they stand to each study; the others wait.

    `ask`: the rows of a statement over `facts_patients` and `answered`. Who has no answer, since nothing on record
    speaks of the index disease of any study, has no indication.
    """
    now = literal(question.as_of)
    dead = f"p.deceased AND (p.death_start IS NULL OR p.death_start <= {now})"
    sex = f"COALESCE(p.clinical_sex, p.gender, '{UNKNOWN}')"
    for place, study in enumerate(query.studies):
        truths = [
            f"CASE WHEN {study.indicated} = {_INDICATED} THEN {column} // {UNIT} END" for column in study.criteria
        ]
        cells = [sex, _age(question), _site(), f"COALESCE({study.indicated}, 0)", dead, *truths]
        named = ", ".join(f"{cell} AS c{number}" for number, cell in enumerate(cells))
        columns = ", ".join(f"c{number}" for number in range(len(cells)))
        for row in ask(
            f"SELECT {columns}, COUNT(*) FROM (SELECT {named} FROM facts_patients p "  # noqa: S608  # as above
            f"LEFT JOIN {ANSWERED} a ON p.patient = a.patient WHERE NOT COALESCE(a.open_, FALSE)) GROUP BY {columns}"
        ):
            yield Counted(place, Group(*row[:3]), _standing(row[3], row[4], row[5:-1]), row[-1])
    waiting.update(row[0] for row in ask(f"SELECT patient FROM {ANSWERED} WHERE open_"))  # noqa: S608  # as above


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


def evaluated(facts: Facts, waiting: set[int], question: Question) -> Iterator[Counted]:
    """Those whom SQL leaves undecided, each evaluated."""
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
