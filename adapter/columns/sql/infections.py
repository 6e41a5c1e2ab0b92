"""Conditions that tests settle, by table, and results that make a negative unsafe (CONFORMANCE: Conditions with tests).

What is seen of each test are bits; a table's rules ask for them, the first that fits decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from adapter.columns.sql.cells import UNDECIDED, UNIT, Codings, by_reason, cell, holding
from adapter.columns.sql.conditions import by_entries
from adapter.columns.sql.text import Value, rows
from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.catalogue import Positivity
from adapter.criteria.infection import Answer, InfectionRule, InfectionTable, Seen
from adapter.evaluator.columns import Diagnosed, Tested
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.standing import Standing

BITS: Final = {seen: 1 << place for place, seen in enumerate(Seen)}
NOTHING: Final = BITS[Seen.NONE] | BITS[Seen.NEVER_POSITIVE]

_CELLS = {
    Answer.MET: cell(Reason.TEST_POSITIVE),
    Answer.NOT_MET: cell(Reason.TEST_NEGATIVE),
    Answer.NEEDS_REVIEW: cell(Reason.NEEDS_REVIEW),
}
_SHORTEST = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7, CalendarUnit.MONTH: 28, CalendarUnit.YEAR: 365}
_LONGEST = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7, CalendarUnit.MONTH: 31, CalendarUnit.YEAR: 366}


class Test(NamedTuple):
    """A test of a table as a row: since when its result is fresh, and the days of the age below which it says nothing.

    In `sure` days everybody has that age, in `soon` days nobody.
    """

    analyte: str
    since: Value
    soon: int | None
    sure: int | None


def tests_of(asked: Tested) -> dict[str, Test]:
    """The tests of a table by their names in it."""
    return {
        name: Test(analyte.id, asked.fresh[name], *_days(asked.of_age.get(name)))
        for name, analyte in asked.analytes.items()
    }


def _days(age: Duration | None) -> tuple[int | None, int | None]:
    return (None, None) if age is None else (age.count * _SHORTEST[age.unit], age.count * _LONGEST[age.unit] + 1)


def all_tests(asked: Iterable[Tested]) -> list[Test]:
    """The tests of some tables, each once; the place of each is its number."""
    return list(dict.fromkeys(test for each in asked for test in tests_of(each).values()))


def results(tests: Sequence[Test], now: str, day: str) -> Iterator[str]:
    """What is seen of each test: `seen`, a row a test and patient of whom some result is on record."""
    columns = (
        ("test", "INTEGER"), ("value_set", "VARCHAR"), ("fresh", "DATE"), ("soon", "INTEGER"), ("sure", "INTEGER"),
    )  # fmt: skip
    yield rows("asked_test", columns, [(place, *test) for place, test in enumerate(tests)])
    found = "t.test, t.fresh, o.patient, o.counts, o.t0, o.t1, o.d0, o.d1, o.finding, o.finding_reason"
    dated = "o.d1 IS NOT NULL AND p.birth_first IS NOT NULL"
    yield f"""result AS (
    SELECT {found}, FALSE AS odd, TRUE AS kept FROM obs o
    JOIN (SELECT * FROM asked_test WHERE soon IS NULL) t ON o.value_set = t.value_set
    UNION ALL SELECT {found}, {dated} AND o.d1 < p.birth_first + t.sure AND o.d1 >= p.birth_first + t.soon AS odd,
        NOT ({dated} AND o.d1 < p.birth_first + t.sure) AS kept
    FROM obs o JOIN (SELECT * FROM asked_test WHERE soon IS NOT NULL) t ON o.value_set = t.value_set
    JOIN patients p ON p.patient = o.patient)"""
    yield f"""known AS (
    SELECT test, patient, ANY_VALUE(fresh) AS fresh, BOOL_OR(odd) AS odd,
        BOOL_OR(kept AND counts AND (t0 IS NULL OR t0 <= {now}) AND finding = 'positive') AS was_positive,
        MAX(t0) FILTER (WHERE kept AND counts AND t0 <= {now}) AS since,
        BOOL_OR(kept AND counts AND t0 IS NULL) AS undated,
        BOOL_OR(kept AND NOT counts AND (t0 IS NULL OR t0 <= {now})) AS tentative
    FROM result GROUP BY test, patient)"""
    reason = by_reason("MIN(r.finding_reason)")
    same, other = (f"{which}(COALESCE(r.finding, r.finding_reason))" for which in ("MIN", "MAX"))
    same = f"{same} = {other}"
    yield f"""last_result AS (
    SELECT k.test, k.patient, MAX(r.t0) AS at0, MAX(r.t1) AS at1, MAX(r.d1) AS last,
        MIN(r.d0) IS NOT NULL AND MAX(r.d0) >= k.fresh AND MAX(r.d1) <= {day} AS inside, MAX(r.d1) < k.fresh AS before,
        CASE WHEN {same} THEN MIN(r.finding) END AS finding,
        CASE WHEN {same} THEN {reason}
            WHEN MIN(r.t0) = MAX(r.t0) AND MIN(r.t1) = MAX(r.t1) THEN {cell(Reason.CONFLICTING)}
            ELSE {cell(Reason.IMPRECISE_DATE)} END AS reason
    FROM known k JOIN result r ON k.test = r.test AND k.patient = r.patient
    WHERE r.kept AND r.counts AND r.t0 <= {now} AND r.t1 >= k.since GROUP BY k.test, k.patient, k.fresh)"""
    yield f"""turning AS (
    SELECT r.test, r.patient, BOOL_OR(r.counts) AS undated
    FROM result r LEFT JOIN last_result l ON l.test = r.test AND l.patient = r.patient
    WHERE r.kept AND (NOT r.counts OR r.t0 IS NULL) AND (r.finding IS NULL OR r.finding <> 'negative')
        AND COALESCE(r.finding_reason <> '{Reason.VALUE_STRADDLES.value}', TRUE)
        AND (r.t0 IS NULL OR (COALESCE(r.d1 >= l.last, TRUE) AND r.t0 <= {now}))
    GROUP BY r.test, r.patient)"""
    yield _seen()


def _seen() -> str:
    was = f"CASE WHEN k.was_positive THEN {BITS[Seen.WAS_POSITIVE]} ELSE {BITS[Seen.NEVER_POSITIVE]} END"
    unanswered = f"CASE WHEN k.was_positive THEN {BITS[Seen.UNANSWERED]} ELSE 0 END"

    def found(plain: Seen, fresh: Seen) -> str:
        return f"{BITS[plain]} + CASE WHEN l.inside THEN {BITS[fresh]} ELSE 0 END"

    return f"""seen AS (
    SELECT k.test, k.patient, COALESCE(k.odd, FALSE) AS odd, l.at0, l.at1, r.test IS NOT NULL AS turning,
        COALESCE(r.undated, FALSE) AS undated,
        COALESCE(l.inside AND l.finding IS NULL AND l.reason <> {cell(Reason.VALUE_STRADDLES)}, FALSE) AS untold,
        {was} + CASE
            WHEN l.test IS NULL THEN {BITS[Seen.NONE]} + {unanswered}
            WHEN l.finding = 'positive' THEN {found(Seen.POSITIVE, Seen.FRESH_POSITIVE)} + {unanswered}
            WHEN l.finding = 'negative' THEN {found(Seen.NEGATIVE, Seen.FRESH_NEGATIVE)}
            ELSE {unanswered} END AS bits,
        CASE
            WHEN l.test IS NULL THEN CASE WHEN k.undated THEN {cell(Reason.UNDATED)}
                WHEN k.tentative THEN {cell(Reason.PRELIMINARY)} ELSE {cell(Reason.NO_DATA)} END
            WHEN l.finding IS NULL THEN l.reason
            WHEN l.inside THEN NULL WHEN l.before THEN {cell(Reason.STALE)}
            ELSE {cell(Reason.IMPRECISE_DATE)} END AS opened
    FROM known k LEFT JOIN last_result l ON k.test = l.test AND k.patient = l.patient
    LEFT JOIN turning r ON k.test = r.test AND k.patient = r.patient)"""


def doubts(leaves: Mapping[int, Diagnosed], codings: Sequence[Codings], now: str) -> Iterator[str]:
    """Who has fresh results or running treatments that make a negative unsafe: `doubting`."""
    measured: list[tuple[Value, ...]] = []
    treated: list[tuple[Value, ...]] = []
    for leaf, asked in leaves.items():
        for each in asked.doubts:
            if each.analyte is not None:
                above = None if each.above is None else float(each.above)
                odd = above is not None and each.analyte.positivity in (Positivity.CUTOFF, Positivity.ABOVE_ZERO)
                measured.append((leaf, each.analyte.id, above, each.since, odd))
            else:
                treated += [(leaf, key, each.since) for key in sorted(holding(codings, {each.exposure}))]
    columns = (
        ("leaf", "INTEGER"),
        ("value_set", "VARCHAR"),
        ("above", "DOUBLE"),
        ("since", "DATE"),
        ("odd", "BOOLEAN"),
    )
    yield rows("doubt_measured", columns, measured)
    yield rows("doubt_treated", (("leaf", "INTEGER"), ("coded", "BIGINT"), ("since", "DATE")), treated)
    yield f"""doubting AS (
    SELECT m.leaf, o.patient, CASE
        WHEN m.odd THEN 2
        WHEN m.above IS NULL THEN CASE WHEN finding = 'negative' THEN 0
            WHEN finding_reason = '{Reason.VALUE_STRADDLES.value}' THEN 2 ELSE 1 END
        WHEN number_reason IS NOT NULL OR high IS NULL OR high > m.above THEN 1
        WHEN high = m.above AND NOT exact THEN 2 ELSE 0 END AS sure
    FROM obs o JOIN doubt_measured m ON o.value_set = m.value_set
    WHERE t0 IS NOT NULL AND t0 <= {now} AND d1 >= m.since
    UNION ALL SELECT t.leaf, e.patient, 1 AS sure
    FROM exposures e JOIN doubt_treated t ON e.coded = t.coded
    WHERE e.list <> 'not-taken' AND NOT e.preventive AND NOT e.denied
        AND (e.start_start IS NULL OR e.start_start <= {now})
        AND (COALESCE(e.end_last, e.start_last) IS NULL OR e.open_end OR COALESCE(e.end_start, e.start_start) > {now}
            OR COALESCE(e.end_last, e.start_last) >= t.since))"""


def doubted_analytes(leaves: Mapping[int, Diagnosed]) -> Iterator[str]:
    """The value sets of results that make a negative unsafe."""
    for asked in leaves.values():
        yield from (each.analyte.id for each in asked.doubts if each.analyte is not None)


def settled(leaves: Mapping[int, Diagnosed], tests: Sequence[Test]) -> Iterator[str]:
    """The cells of what tests settle: `settled`; without one, nothing but an assumption may deny it."""
    tested = {leaf: each.tested for leaf, each in leaves.items() if each.tested is not None}
    found = []
    for leaf, asked in tested.items():
        numbers = {name: tests.index(test) for name, test in tests_of(asked).items()}
        found.append(_of_leaf(leaf, asked.table, numbers))
    yield (
        "settled AS ("
        + ("\n    UNION ALL ".join(found) or "SELECT 0 AS leaf, 0 AS patient, 0 AS code, FALSE AS outside WHERE FALSE")
        + ")"
    )


def _of_leaf(leaf: int, table: InfectionTable, numbers: Mapping[str, int]) -> str:
    names = list(table.tests)
    place = {name: n for n, name in enumerate(names)}
    wide = ", ".join(
        f"COALESCE(MAX(bits) FILTER (WHERE test = {numbers[name]}), {NOTHING}) AS bits{n}, "
        f"MAX(at0) FILTER (WHERE test = {numbers[name]}) AS at0_{n}, "
        f"MAX(at1) FILTER (WHERE test = {numbers[name]}) AS at1_{n}, "
        f"MAX(opened) FILTER (WHERE test = {numbers[name]}) AS opened{n}"
        for n, name in enumerate(names)
    )
    asked = ", ".join(str(numbers[name]) for name in names)
    seen = ", ".join(
        f"COALESCE(s.bits{n}, {NOTHING}) AS bits{n}, s.at0_{n}, s.at1_{n}, s.opened{n}" for n in range(len(names))
    )
    rules = " ".join(f"WHEN {_fits(rule, place)} THEN {_answer(rule)}" for rule in table.rules)
    by_table = f"CASE {rules} END"
    against = (
        " OR ".join(
            f"(bits{place[name]} & {BITS[Seen.FRESH_NEGATIVE]} <> 0 "
            f"AND (at1_{place[name]} IS NULL OR at1_{place[name]} >= begun))"
            for name in table.contradict
        )
        or "FALSE"
    )
    opened = ", ".join(f"NULLIF(opened{n}, {cell(Reason.NO_DATA)})" for n in range(len(names)))
    code = f"""CASE
        WHEN COALESCE(turned_odd, FALSE) OR COALESCE(odd, FALSE) THEN {UNDECIDED}
        WHEN best = {Standing.RECORDED:d} THEN CASE
            WHEN ({against}) AND (by_table IS NULL OR by_table < {2 * UNIT} OR by_table = {UNDECIDED})
                THEN {cell(Reason.CONFLICTING)}
            ELSE {by_entries()} END
        WHEN by_table = {_CELLS[Answer.NOT_MET]} AND best < {Standing.REFUTED:d} THEN {UNDECIDED}
        WHEN by_table IS NOT NULL THEN by_table
        ELSE COALESCE({by_entries()}, {opened}) END"""
    return f"""SELECT {leaf} AS leaf, patient, {code} AS code, COALESCE(outside, FALSE) AS outside FROM (
        SELECT *, {by_table} AS by_table FROM (
            SELECT COALESCE(s.patient, f.patient) AS patient, f.patient IS NOT NULL AS has_entry,
                f.best, f.odd, f.outside, f.grade, f.begun, s.turned_odd, COALESCE(s.turning, FALSE) AS turning,
                COALESCE(s.untold, FALSE) AS untold, COALESCE(s.undated, FALSE) AS undated,
                {seen}
            FROM (SELECT patient, BOOL_OR(odd) AS turned_odd, BOOL_OR(turning) AS turning, BOOL_OR(untold) AS untold,
                BOOL_OR(undated) AS undated,
                {wide}
                FROM seen WHERE test IN ({asked}) GROUP BY patient) s
            FULL OUTER JOIN (SELECT * FROM found WHERE leaf = {leaf}) f ON s.patient = f.patient))"""


def _fits(rule: InfectionRule, place: Mapping[str, int]) -> str:
    parts = ["NOT has_entry"] if rule.without_entry else []
    for name, words in rule.when.items():
        wanted = sum(BITS[word] for word in set(words))
        parts.append(f"bits{place[name]} & {wanted} = {wanted}")
    parts += [f"COALESCE(at0_{place[one]} > at1_{place[other]}, FALSE)" for one, other in rule.later.items()]
    parts += [f"COALESCE(at1_{place[one]} >= at0_{place[other]}, FALSE)" for one, other in rule.not_before.items()]
    return " AND ".join(parts) or "TRUE"


def _answer(rule: InfectionRule) -> str:
    """A negative that a later result may overturn waits for it; beside a fresh one that says nothing, so does SQL.

    What it leaves undecided is never met.
    """
    if rule.answer is not Answer.NOT_MET:
        return str(_CELLS[rule.answer])
    waits = f"WHEN undated THEN {UNDECIDED} WHEN turning THEN {cell(Reason.PRELIMINARY)} WHEN untold THEN {UNDECIDED}"
    return f"CASE {waits} ELSE {_CELLS[rule.answer]} END"
