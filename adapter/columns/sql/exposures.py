"""Drugs and procedures in a window, or ever, as SQL: the family of `exposure` (CONFORMANCE: Exposure, Negatives)."""

from collections.abc import Iterator, Mapping, Sequence

from adapter.columns.sql.cells import RANK, UNDECIDED, Bearing, Codings, cell, holding
from adapter.columns.sql.text import Value, rows
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import Exposed
from adapter.evaluator.reason import Reason
from adapter.kinds.exposure.evaluate import REASONS
from adapter.kinds.exposure.statement import Standing
from adapter.record.facts import Route

_BY_CALENDAR = 0
"""The standing of what a calendar would have to tell: what is asserted until the first day of hours."""

_SAME_DAY = 3
"""So many days later, what is asserted still may hold until the same day, since months are of different length."""


def exposed(
    leaves: Mapping[int, Exposed], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations: `exposure_said`, and what the denials take."""
    yield from _asked(leaves, codings, terminology)
    yield f"""given AS (
    SELECT b.*, e.patient, e.resource, a.since, a.systemic, a.untold, {_standing(day, now)} AS standing
    FROM exposures e JOIN given_coded b ON e.coded = b.coded AND e.list = b.list
    JOIN asked_exposure a ON a.leaf = b.leaf
    WHERE e.start_start IS NULL OR e.start_start <= {now})"""
    coarse = ", ".join(f"{each:d}" for each in (Standing.RECORDED, Standing.ROUTE_MISSING, Standing.ORDERED))
    yield f"""taken AS (
    SELECT leaf, patient, COUNT(DISTINCT resource) < COUNT(*) AS odd, MAX(untold) AS untold, MIN(CASE
        WHEN is_ = 0 AND standing IN ({coarse}) THEN {Standing.QUESTION:d} ELSE standing END) AS best
    FROM given WHERE is_ <> 0 OR may_be <> 0 GROUP BY leaf, patient)"""
    told = " ".join(f"WHEN {each:d} THEN {cell(REASONS[each])}" for each in Standing)
    yield f"""taking AS (
    SELECT leaf, patient, CASE WHEN odd OR best <= untold THEN {UNDECIDED}
        WHEN best < {Standing.OUTSIDE:d} THEN CASE best {told} END END
        AS code, CASE best {told} END AS otherwise
    FROM taken)"""
    yield _statements(now, day)
    yield f"""exposure_negative AS (
    SELECT leaf, patient, concepts, {RANK[Reason.EXPLICITLY_ABSENT]} AS rank, said FROM not_taken
    WHERE reason = 'inside')"""
    yield f"""exposure_doubtful AS (
    SELECT leaf, patient, unclassified AS concepts, FALSE AS known, FALSE AS closed, CAST(NULL AS TIMESTAMP) AS ended
    FROM given WHERE unclassified <> 0 AND standing < {Standing.OUTSIDE:d})"""
    passed = " ".join(
        f"WHEN '{each.value}' THEN {cell(each)}" for each in (Reason.UNDATED, Reason.STALE, Reason.IMPRECISE_DATE)
    )
    yield f"""exposure_passed AS (
    SELECT leaf, patient, CASE WHEN MIN(reason) <> MAX(reason) THEN {UNDECIDED} ELSE CASE MIN(reason) {passed} END END
        AS code
    FROM not_taken WHERE reason <> 'inside' GROUP BY leaf, patient)"""
    yield """exposure_asking AS (
    SELECT leaf, patient FROM taking UNION SELECT leaf, patient FROM exposure_doubtful
    UNION SELECT leaf, patient FROM not_taken)"""
    nothing = cell(Reason.NO_DATA)
    yield f"""exposure_pending AS (
    SELECT k.leaf, k.patient, CASE WHEN COALESCE(t.otherwise, {nothing}) <> {nothing} THEN t.otherwise
        ELSE COALESCE(p.code, {nothing}) END AS otherwise
    FROM exposure_asking k LEFT JOIN taking t ON k.leaf = t.leaf AND k.patient = t.patient
    LEFT JOIN exposure_passed p ON k.leaf = p.leaf AND k.patient = p.patient
    WHERE t.code IS NULL)"""
    yield f"""exposure_said AS (SELECT leaf, patient, code FROM taking WHERE code IS NOT NULL
    UNION ALL SELECT DISTINCT leaf, patient, {UNDECIDED} AS code FROM given WHERE standing = {_BY_CALENDAR}
        OR (unclassified <> 0 AND standing < {Standing.OUTSIDE:d} AND untold = {max(Standing):d})
    UNION ALL SELECT DISTINCT t.leaf, c.patient, {UNDECIDED} AS code
        FROM conditions c JOIN told_coded t ON c.coded = t.coded
    UNION ALL SELECT DISTINCT d.leaf, e.patient, {UNDECIDED} AS code
        FROM exposures e JOIN denying_coded d ON e.coded = d.coded AND e.list = d.list
        JOIN asked_exposure a ON a.leaf = d.leaf WHERE a.since_at IS NOT NULL)"""


def _asked(leaves: Mapping[int, Exposed], codings: Sequence[Codings], terminology: Terminology) -> Iterator[str]:
    """What is asked; which codings bear on it, and which of drugs that are not taken deny it."""
    catalogue = terminology.catalogue.exposures
    columns = (
        ("leaf", "INTEGER"), ("since", "DATE"), ("systemic", "BOOLEAN"), ("as_needed", "BOOLEAN"),
        ("untold", "INTEGER"), ("since_at", "TIMESTAMP"), ("listed_since", "DATE"), ("stated_since", "DATE"),
    )  # fmt: skip
    asking: list[tuple[Value, ...]] = [
        (
            leaf,
            each.since,
            each.systemic,
            each.as_needed,
            _untold(each),
            each.since_at,
            each.listed_since,
            each.stated_since,
        )
        for leaf, each in leaves.items()
    ]
    yield rows("asked_exposure", columns, asking)
    bearing: list[tuple[Value, ...]] = []
    denying: list[tuple[Value, ...]] = []
    for leaf, asked in leaves.items():
        vaccine = sum(1 << place for place, name in enumerate(asked.concepts) if catalogue[name].vaccine)
        for each in codings:
            said = each.bearing(ListKind.EXPOSURES, terminology, asked.concepts)
            if not each.value_sets.isdisjoint(asked.half_lives):
                said = Bearing(said.is_, said.may_be | said.unclassified, 0)
            systemic = not each.value_sets.isdisjoint(asked.systemic_class)
            for name, known in (("exposures", -1), ("immunizations", vaccine)):
                held = tuple(one & known for one in said)
                if any(held):
                    bearing.append((leaf, each.key, name, *held, systemic))
            if asked.since is None:
                continue
            for place, name in enumerate(asked.concepts):
                if not each.value_sets.isdisjoint(catalogue[name].absent):
                    denying += [(leaf, each.key, known, place) for known in ("exposures", "immunizations")]
                if each.is_whole(name, terminology):
                    denying.append((leaf, each.key, "not-taken", place))
    coded = (("leaf", "INTEGER"), ("coded", "BIGINT"), ("list", "VARCHAR"))
    said_of = (("is_", "BIGINT"), ("may_be", "BIGINT"), ("unclassified", "BIGINT"), ("always_systemic", "BOOLEAN"))
    told = [
        (leaf, key)
        for leaf, asked in leaves.items()
        for name in asked.concepts
        for key in sorted(holding(codings, {name, *catalogue[name].told_by}))
    ]
    yield rows("told_coded", (("leaf", "INTEGER"), ("coded", "BIGINT")), dict.fromkeys(told))
    yield rows("given_coded", (*coded, *said_of), bearing)
    yield rows("denying_coded", (*coded, ("place", "INTEGER")), denying)


def _untold(asked: Exposed) -> int:
    """The weakest standing of whose entries more is asked than the columns hold; 0 where it is of none."""
    return max(Standing) if asked.of_any else Standing.RECORDED if asked.asks_more else 0


def _standing(day: str, now: str) -> str:
    """What an exposure that has begun comes to (`standing_of`)."""
    placed = f"""CASE WHEN a.since IS NULL THEN {Standing.RECORDED:d}
        WHEN e.end_start IS NULL AND e.start_start IS NULL AND e.open_end THEN {Standing.UNDATED:d}
        WHEN e.end_start IS NULL AND NOT e.open_end THEN CASE
            WHEN CASE WHEN a.since_at IS NULL THEN e.start_first >= a.since ELSE e.start_start >= a.since_at END
            THEN {Standing.RECORDED:d}
            WHEN e.ordered AND e.start_start IS NOT NULL THEN CASE WHEN e.asserted_last < a.since
                OR e.start_last < a.listed_since THEN {Standing.OUTSIDE:d} ELSE {Standing.IMPRECISE:d} END
            WHEN e.asserted_last IS NULL THEN {Standing.UNDATED:d} WHEN e.asserted_last < a.since
            THEN {Standing.OUTSIDE:d} WHEN e.start_start IS NULL THEN {Standing.UNDATED:d}
            ELSE {Standing.IMPRECISE:d} END
        WHEN e.end_start IS NULL AND e.asserted_start IS NULL THEN {Standing.RECORDED:d}
        WHEN e.end_start IS NULL THEN CASE
            WHEN a.since_at IS NOT NULL AND e.asserted_first BETWEEN a.listed_since AND a.listed_since + {_SAME_DAY}
            THEN {_BY_CALENDAR} WHEN e.asserted_first >= a.listed_since THEN {Standing.RECORDED:d}
            WHEN e.asserted_last < a.listed_since THEN {Standing.STALE:d} ELSE {Standing.IMPRECISE:d} END
        WHEN e.end_start > {now} THEN {Standing.RECORDED:d}
        WHEN e.end_end < a.since_at THEN {Standing.OUTSIDE:d}
        WHEN a.since_at IS NOT NULL
        THEN CASE WHEN e.end_start >= a.since_at THEN {Standing.RECORDED:d} ELSE {Standing.IMPRECISE:d} END
        WHEN LEAST(e.end_first, {day}) >= a.since THEN {Standing.RECORDED:d}
        WHEN LEAST(e.end_last, {day}) < a.since THEN {Standing.OUTSIDE:d} ELSE {Standing.IMPRECISE:d} END"""
    return f"""CASE WHEN a.systemic AND e.route = '{Route.OTHER}' THEN {Standing.OTHER_ROUTE:d}
        WHEN ({placed}) <> {Standing.RECORDED:d} THEN {placed}
        WHEN e.open OR (e.on_demand AND NOT a.as_needed) THEN {Standing.QUESTION:d}
        WHEN a.systemic AND (e.route = '{Route.UNMATCHED}' OR (e.route = '{Route.NONE}' AND NOT b.always_systemic))
            THEN {Standing.ROUTE_MISSING:d}
        WHEN e.ordered THEN {Standing.ORDERED:d} ELSE {Standing.RECORDED:d} END"""


def _statements(now: str, day: str) -> str:
    """Who is said not to take what is asked for the whole window, and whether that is fresh, or why not."""
    said = {end: f"COALESCE(e.asserted_{end}, e.start_{end})" for end in ("start", "end", "first", "last")}
    return f"""not_taken AS (
    SELECT d.leaf, e.patient, CAST(1 AS BIGINT) << d.place AS concepts,
        {said["end"]} AS said, CASE
        WHEN {said["first"]} >= a.stated_since AND {said["last"]} <= {day} THEN 'inside'
        WHEN {said["last"]} < a.stated_since THEN '{Reason.STALE.value}'
        ELSE '{Reason.IMPRECISE_DATE.value}' END AS reason
    FROM exposures e JOIN denying_coded d ON e.coded = d.coded AND e.list = d.list
    JOIN asked_exposure a ON a.leaf = d.leaf
    WHERE a.since_at IS NULL AND NOT e.open AND e.element = 'effectivePeriod' AND e.start_last <= a.since
        AND (e.end_first IS NULL OR e.end_first >= {day}) AND {said["start"]} <= {now})"""
