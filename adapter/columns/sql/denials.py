"""When a negative that stands on a list holds (CONFORMANCE: Negatives), for problem list, drugs and allergies alike.

Three relations of leaf and patient come in: `negative` (what is offered, and when it was said), `doubtful` (entries
that could be what is asked), and `pending` (who is to be denied, and what comes of it otherwise). Concepts are bits:
each needs a negative of its own that nothing blocks.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from adapter.columns.sql.cells import cell
from adapter.columns.sql.text import Value, rows
from adapter.evaluator.reason import Reason

ORDER: Final = (
    Reason.REFUTED,
    Reason.RESOLVED,
    Reason.VALUE_FAILS,
    Reason.EXPLICITLY_ABSENT,
    Reason.ASSUMED_ABSENT,
)
"""The strength of negatives: the place of each is its rank."""

NEGATIVE: Final = "leaf, patient, concepts, rank, said"
DOUBTFUL: Final = "leaf, patient, concepts, known, closed, ended"
PENDING: Final = "leaf, patient, otherwise"

RANK: Final = {reason: place for place, reason in enumerate(ORDER)}
_OFFERED = ORDER[:-1]


def concepts(held: Iterable[tuple[int, int, bool, bool]]) -> str:
    """The concepts of the leaves: leaf, place, whether the policy assumes its absence, whether it waives entries."""
    columns = (("leaf", "INTEGER"), ("place", "INTEGER"), ("assumed", "BOOLEAN"), ("waived", "BOOLEAN"))
    values: list[tuple[Value, ...]] = [*held]
    return rows("concept", columns, values)


def denied(lists: Sequence[str]) -> Iterator[str]:
    """The relations that judge what some lists offer; the last one, `denied`, holds cells."""
    for name, columns in (("negative", NEGATIVE), ("doubtful", DOUBTFUL), ("pending", PENDING)):
        yield f"{name} AS ({' UNION ALL '.join(f'SELECT {columns} FROM {each}_{name}' for each in lists)})"
    ranks = ", ".join(
        f"BOOL_OR(rank = {rank} AND said IS NULL) AS now{rank}, MAX(said) FILTER (WHERE rank = {rank}) AS said{rank}"
        for rank in range(len(_OFFERED))
    )
    yield f"""offered AS (
    SELECT n.leaf, n.patient, c.place, COUNT(*) AS held, MIN(n.said) AS first_said, {ranks}
    FROM negative n JOIN concept c ON n.leaf = c.leaf AND (n.concepts >> c.place) & 1 = 1
    GROUP BY n.leaf, n.patient, c.place)"""
    yield """against AS (
    SELECT d.leaf, d.patient, c.place, BOOL_OR(NOT d.closed) AS open,
        MAX(d.ended) FILTER (WHERE d.closed) AS ended,
        BOOL_OR(NOT d.known AND NOT d.closed) AS unknown,
        MAX(d.ended) FILTER (WHERE d.closed AND NOT d.known) AS unknown_ended
    FROM doubtful d JOIN concept c ON d.leaf = c.leaf AND (d.concepts >> c.place) & 1 = 1
    WHERE d.known OR NOT c.waived
    GROUP BY d.leaf, d.patient, c.place)"""
    holds = " ".join(
        f"WHEN o.now{rank} OR (o.said{rank} >= COALESCE(a.ended, o.said{rank})) THEN {rank}"
        for rank in range(len(_OFFERED))
    )
    yield f"""weighed AS (
    SELECT p.leaf, p.patient, p.otherwise, c.place,
        CASE WHEN COALESCE(a.open, FALSE) THEN NULL {holds}
            WHEN c.assumed THEN {RANK[Reason.ASSUMED_ABSENT]} END AS rank,
        (c.assumed OR COALESCE(o.held, 0) > 0)
            AND (COALESCE(a.unknown, FALSE) OR COALESCE(a.unknown_ended > o.first_said, FALSE)) AS unmapped
    FROM pending p JOIN concept c ON p.leaf = c.leaf
    LEFT JOIN offered o ON o.leaf = p.leaf AND o.patient = p.patient AND o.place = c.place
    LEFT JOIN against a ON a.leaf = p.leaf AND a.patient = p.patient AND a.place = c.place)"""
    weakest = " ".join(f"WHEN {rank} THEN {cell(reason)}" for reason, rank in RANK.items())
    yield f"""denied AS (
    SELECT leaf, patient, CASE
        WHEN COUNT(*) = COUNT(rank) THEN CASE MAX(rank) {weakest} END
        WHEN MIN_BY(unmapped, place) FILTER (WHERE rank IS NULL) THEN {cell(Reason.UNMAPPED_CODE)}
        ELSE MAX(otherwise) END AS code
    FROM weighed GROUP BY leaf, patient)"""
