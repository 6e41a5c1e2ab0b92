"""Pregnancies: the newest word of diagnosis, tests and ends decides (CONFORMANCE: Conditions with tests).

Every word is a row with its time and its cell; `place` is its place among words that are as new.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, UNIT, Codings, by_reason, cell, holding
from adapter.columns.sql.infections import Test, tests_of
from adapter.columns.sql.text import Value, numbers, rows
from adapter.criteria.truth import Truth
from adapter.evaluator.columns import TRUTHS, Pregnant
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.pregnancy import CLEARED, DECIDES
from adapter.kinds.condition.standing import OPEN, REASONS, Standing

_TIME: Final = "t0, t1, d0, d1"
_NOT_MET, _UNKNOWN = TRUTHS.index(Truth.NOT_MET), TRUTHS.index(Truth.UNKNOWN)


def pregnant(
    leaves: Mapping[int, Pregnant], codings: Sequence[Codings], tests: Sequence[Test], now: str, day: str
) -> Iterator[str]:
    """The relations; the last one, `pregnant_said`, holds their cells."""
    yield from _ended(leaves, codings, now, day)
    yield f"""pregnancy_open AS (
    SELECT e.leaf, e.patient, e.standing, {", ".join(f"e.{each}" for each in _TIME.split(", "))}
    FROM entry e LEFT JOIN (SELECT leaf, patient, MAX(t1) AS until FROM pregnancy_end GROUP BY leaf, patient) u
        ON e.leaf = u.leaf AND e.patient = u.patient
    WHERE e.leaf IN ({numbers(leaves)}) AND COALESCE(e.t0 > u.until, TRUE))"""
    yield from _tested(leaves, tests, now)
    recorded = " ".join(f"WHEN {each:d} THEN {cell(REASONS[each])}" for each in sorted(DECIDES))
    yield f"""pregnancy_word AS (
    SELECT leaf, patient, 0 AS place, {_TIME}, {cell(Reason.RESOLVED)} AS code FROM pregnancy_end WHERE fresh
    UNION ALL SELECT leaf, patient, 1 AS place, {_TIME}, CASE standing {recorded} END AS code
    FROM pregnancy_open WHERE standing IN ({numbers(DECIDES)})
    UNION ALL SELECT leaf, patient, place, {_TIME}, code FROM pregnancy_result)"""
    yield """newest_word AS (
    SELECT w.* FROM pregnancy_word w JOIN (SELECT leaf, patient, MAX(t0) AS since FROM pregnancy_word
        GROUP BY leaf, patient) n ON w.leaf = n.leaf AND w.patient = n.patient WHERE w.t0 IS NULL OR w.t1 >= n.since)"""
    yield f"""pregnancy_told AS (
    SELECT leaf, patient, CASE
        WHEN MIN(code) = MAX(code) THEN MIN(code)
        WHEN MIN(code // {UNIT}) <> MAX(code // {UNIT}) THEN CASE
            WHEN BOOL_OR(t0 IS NULL) THEN {cell(Reason.UNDATED)}
            WHEN MIN(t0) = MAX(t0) AND MIN(t1) = MAX(t1) THEN {cell(Reason.CONFLICTING)}
            ELSE {cell(Reason.IMPRECISE_DATE)} END
        WHEN MIN(code // {UNIT}) = {_UNKNOWN} THEN {UNDECIDED}
        ELSE MIN_BY(code, ROW(t0 IS NULL, place)) END AS code
    FROM newest_word GROUP BY leaf, patient)"""
    yield from _said(leaves)


def _ended(leaves: Mapping[int, Pregnant], codings: Sequence[Codings], now: str, day: str) -> Iterator[str]:
    """The ends: the fresh ones, and of all others the last one; also those that lie too close to it to be told apart.

    Where these aren't of one time, `odd`.
    """
    held: list[tuple[Value, ...]] = [
        (leaf, key, each.ended_since)
        for leaf, each in leaves.items()
        for key in sorted(holding(codings, each.ended_by))
    ]
    yield rows("ended_coded", (("leaf", "INTEGER"), ("coded", "BIGINT"), ("since", "DATE")), held)
    ends = (("start", "t0"), ("end", "t1"), ("first", "d0"), ("last", "d1"))
    drug, disease = (
        ", ".join(f"COALESCE({one}_{end}, {other}_{end}) AS {name}" for end, name in ends)
        for one, other in (("end", "start"), ("onset", "recorded"))
    )
    yield f"""pregnancy_ending AS (
    SELECT *, d0 >= since AND d1 <= {day} AS fresh FROM (
        SELECT a.leaf, e.patient, a.since, {drug} FROM exposures e JOIN ended_coded a ON e.coded = a.coded
        WHERE e.list <> 'not-taken' AND NOT e.ordered
        UNION ALL SELECT a.leaf, c.patient, a.since, {disease} FROM conditions c JOIN ended_coded a ON c.coded = a.coded
        WHERE c.verification = 'confirmed')
    WHERE t0 <= {now})"""
    yield """pregnancy_end AS (
    SELECT e.* FROM pregnancy_ending e
    JOIN (SELECT leaf, patient, MAX(d1) FILTER (WHERE NOT fresh) AS newest FROM pregnancy_ending
        GROUP BY leaf, patient) l ON e.leaf = l.leaf AND e.patient = l.patient
    WHERE e.fresh OR e.d1 >= l.newest - 1)"""


def _tested(leaves: Mapping[int, Pregnant], tests: Sequence[Test], now: str) -> Iterator[str]:
    """What fresh results say: `pregnancy_result`; and why other tests say nothing, or may yet: `pregnancy_test`.

    A positive one soon after an end may be of the pregnancy that has ended.
    """
    held = [
        (leaf, tests.index(test), 2 + place)
        for leaf, each in leaves.items()
        for place, test in enumerate(tests_of(each.tested).values())
    ]
    yield rows("asked_pregnancy", (("leaf", "INTEGER"), ("test", "INTEGER"), ("place", "INTEGER")), held)
    if not held:
        nobody = f"SELECT leaf, CAST(0 AS BIGINT) AS patient, place, {UNDECIDED} AS code"
        times = ", ".join(f"CAST(NULL AS TIMESTAMP) AS {each}" for each in ("t0", "t1"))
        days = ", ".join(f"CAST(NULL AS DATE) AS {each}" for each in ("d0", "d1"))
        yield f"pregnancy_test AS ({nobody}, FALSE AS odd, FALSE AS turning FROM asked_pregnancy)"
        yield f"pregnancy_result AS ({nobody}, {times}, {days} FROM asked_pregnancy)"
        return
    yield f"""pregnancy_test AS (
    SELECT n.leaf, k.patient, n.place, k.odd, r.test IS NOT NULL AS turning, CASE
        WHEN l.inside THEN NULL WHEN l.before THEN {cell(Reason.STALE)}
        WHEN l.test IS NOT NULL THEN {cell(Reason.IMPRECISE_DATE)}
        WHEN k.undated THEN {cell(Reason.UNDATED)} WHEN k.tentative THEN {cell(Reason.PRELIMINARY)} END AS code
    FROM known k JOIN asked_pregnancy n ON n.test = k.test
    LEFT JOIN last_result l ON k.test = l.test AND k.patient = l.patient
    LEFT JOIN turning r ON k.test = r.test AND k.patient = r.patient)"""
    yield f"""pregnancy_result AS (
    SELECT n.leaf, r.patient, n.place, r.t0, r.t1, r.d0, r.d1, CASE
        WHEN r.finding = 'positive' AND e.patient IS NOT NULL THEN {cell(Reason.NEEDS_REVIEW)}
        WHEN r.finding = 'positive' THEN {cell(Reason.TEST_POSITIVE)}
        WHEN r.finding = 'negative' THEN {cell(Reason.TEST_NEGATIVE)}
        ELSE {by_reason("r.finding_reason")} END AS code
    FROM result r JOIN known k ON k.test = r.test AND k.patient = r.patient
    JOIN last_result l ON l.test = r.test AND l.patient = r.patient
    JOIN asked_pregnancy n ON n.test = r.test
    LEFT JOIN pregnancy_end e ON e.leaf = n.leaf AND e.patient = r.patient AND e.t0 <= r.t1 AND r.d0 <= e.d1 + {CLEARED}
    WHERE l.inside AND r.kept AND r.counts AND r.t0 <= {now} AND r.t1 >= k.since)"""


def _said(leaves: Mapping[int, Pregnant]) -> Iterator[str]:
    """What is told; a no beside an open entry contradicts it, and one that a later result may overturn is undecided."""
    weak = OPEN - DECIDES
    standing = " ".join(f"WHEN {each:d} THEN {cell(REASONS[each])}" for each in sorted(weak))
    places = range(2, 2 + max(len(tests_of(each.tested)) for each in leaves.values()))
    why = "".join(f", MAX(code) FILTER (WHERE place = {place})" for place in places)
    yield """pregnancy_asked AS (
    SELECT leaf, patient FROM pregnancy_end UNION SELECT leaf, patient FROM pregnancy_open
    UNION SELECT leaf, patient FROM pregnancy_test)"""
    yield f"""pregnant_said AS (
    SELECT a.leaf, a.patient, CASE
        WHEN COALESCE(f.odd, FALSE) OR COALESCE(e.odd, FALSE) OR COALESCE(t.odd, FALSE) THEN {UNDECIDED}
        WHEN w.code IS NULL THEN
            COALESCE(CASE WHEN e.stale THEN {cell(Reason.STALE)} END, s.code, t.code, {cell(Reason.NO_DATA)})
        WHEN w.code // {UNIT} <> {_NOT_MET} THEN w.code
        WHEN s.recorded THEN {cell(Reason.CONFLICTING)}
        WHEN t.turning THEN {UNDECIDED} ELSE w.code END AS code
    FROM pregnancy_asked a
    LEFT JOIN pregnancy_told w ON w.leaf = a.leaf AND w.patient = a.patient
    LEFT JOIN (SELECT leaf, patient, odd FROM found) f ON f.leaf = a.leaf AND f.patient = a.patient
    LEFT JOIN (SELECT leaf, patient, BOOL_OR(NOT fresh) AS stale,
        MIN(t0) FILTER (WHERE NOT fresh) <> MAX(t0) FILTER (WHERE NOT fresh)
            OR MIN(t1) FILTER (WHERE NOT fresh) <> MAX(t1) FILTER (WHERE NOT fresh) AS odd
        FROM pregnancy_end GROUP BY leaf, patient) e ON e.leaf = a.leaf AND e.patient = a.patient
    LEFT JOIN (SELECT leaf, patient, BOOL_OR(standing = {Standing.RECORDED:d}) AS recorded,
        CASE MIN(standing) FILTER (WHERE standing IN ({numbers(weak)})) {standing} END AS code
        FROM pregnancy_open GROUP BY leaf, patient) s ON s.leaf = a.leaf AND s.patient = a.patient
    LEFT JOIN (SELECT leaf, patient, BOOL_OR(odd) AS odd, BOOL_OR(turning) AS turning, COALESCE(NULL{why}) AS code
        FROM pregnancy_test GROUP BY leaf, patient) t ON t.leaf = a.leaf AND t.patient = a.patient)"""
