"""Drugs and procedures, and the course of a disease, as SQL.

Drugs and procedures in a window, or ever: the family of `exposure` (CONFORMANCE: Exposure, Negatives).

The course of a disease: the family of `disease-course` (CONFORMANCE: Course of a disease).

SQL tells the plain cases: no confirmed disease, none of the words that are wanted and no remission, a wanted word or a
remission of one disease that nothing else speaks of. The order of several diseases and of counts is for the evaluation.
"""

from collections.abc import Iterator, Mapping, Sequence

from adapter.columns.sql.cells import RANK, UNDECIDED, Codings, cell, holding
from adapter.columns.sql.text import Value, double, rows
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import CourseOf, Exposed
from adapter.evaluator.reason import Reason
from adapter.kinds.exposure.evaluate import REASONS
from adapter.kinds.exposure.statement import Standing
from adapter.record.facts import Route
from adapter.record.read_condition import UNREADABLE

_BY_CALENDAR = 0
"""The standing of an order that is over: how long it holds is counted in months from its own day."""


def exposed(
    leaves: Mapping[int, Exposed], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations: `exposure_said`, and what the denials take."""
    yield from _asked(leaves, codings, terminology)
    yield f"""given AS (
    SELECT b.*, e.patient, e.resource, a.since, a.systemic, {_standing(day, now)} AS standing
    FROM exposures e JOIN given_coded b ON e.coded = b.coded AND e.list = b.list
    JOIN asked_exposure a ON a.leaf = b.leaf
    WHERE e.start_start IS NULL OR e.start_start <= {now})"""
    coarse = ", ".join(f"{each:d}" for each in (Standing.RECORDED, Standing.ROUTE_MISSING, Standing.ORDERED))
    yield f"""taken AS (
    SELECT leaf, patient, COUNT(DISTINCT resource) < COUNT(*) AS odd, MIN(CASE
        WHEN is_ = 0 AND standing IN ({coarse}) THEN {Standing.QUESTION:d} ELSE standing END) AS best
    FROM given WHERE is_ <> 0 OR may_be <> 0 GROUP BY leaf, patient)"""
    told = " ".join(f"WHEN {each:d} THEN {cell(REASONS[each])}" for each in Standing)
    yield f"""taking AS (
    SELECT leaf, patient, CASE WHEN odd THEN {UNDECIDED} WHEN best < {Standing.OUTSIDE:d} THEN CASE best {told} END END
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
    UNION ALL SELECT DISTINCT t.leaf, c.patient, {UNDECIDED} AS code
        FROM conditions c JOIN told_coded t ON c.coded = t.coded)"""


def _asked(leaves: Mapping[int, Exposed], codings: Sequence[Codings], terminology: Terminology) -> Iterator[str]:
    """What is asked; which codings bear on it, and which of drugs that are not taken deny it."""
    catalogue = terminology.catalogue.exposures
    columns = (
        ("leaf", "INTEGER"), ("since", "DATE"), ("systemic", "BOOLEAN"), ("listed_since", "DATE"),
        ("stated_since", "DATE"),
    )  # fmt: skip
    yield rows(
        "asked_exposure",
        columns,
        [(leaf, each.since, each.systemic, each.listed_since, each.stated_since) for leaf, each in leaves.items()],
    )
    bearing: list[tuple[Value, ...]] = []
    denying: list[tuple[Value, ...]] = []
    for leaf, asked in leaves.items():
        vaccine = sum(1 << place for place, name in enumerate(asked.concepts) if catalogue[name].vaccine)
        for each in codings:
            said = each.bearing(ListKind.EXPOSURES, terminology, asked.concepts)
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


def _standing(day: str, now: str) -> str:
    """What an exposure that has begun comes to (`standing_of`)."""
    placed = f"""CASE WHEN a.since IS NULL THEN {Standing.RECORDED:d}
        WHEN e.end_start IS NULL AND e.start_start IS NULL AND e.open_end THEN {Standing.UNDATED:d}
        WHEN e.end_start IS NULL AND NOT e.open_end THEN CASE WHEN e.start_first >= a.since
            THEN {Standing.RECORDED:d} WHEN e.ordered AND e.start_start IS NOT NULL THEN {_BY_CALENDAR}
            WHEN e.asserted_last IS NULL THEN {Standing.UNDATED:d} WHEN e.asserted_last < a.since
            THEN {Standing.OUTSIDE:d} WHEN e.start_start IS NULL THEN {Standing.UNDATED:d}
            ELSE {Standing.IMPRECISE:d} END
        WHEN e.end_start IS NULL AND e.asserted_start IS NULL THEN {Standing.RECORDED:d}
        WHEN e.end_start IS NULL THEN CASE WHEN e.asserted_first >= a.listed_since THEN {Standing.RECORDED:d}
            WHEN e.asserted_last < a.listed_since THEN {Standing.STALE:d} ELSE {Standing.IMPRECISE:d} END
        WHEN e.end_start > {now} THEN {Standing.RECORDED:d}
        WHEN LEAST(e.end_first, {day}) >= a.since THEN {Standing.RECORDED:d}
        WHEN LEAST(e.end_last, {day}) < a.since THEN {Standing.OUTSIDE:d} ELSE {Standing.IMPRECISE:d} END"""
    return f"""CASE WHEN a.systemic AND e.route = '{Route.OTHER}' THEN {Standing.NOT_SYSTEMIC:d}
        WHEN ({placed}) <> {Standing.RECORDED:d} THEN {placed}
        WHEN e.open OR e.on_demand THEN {Standing.QUESTION:d}
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
    WHERE NOT e.open AND e.element = 'effectivePeriod' AND e.start_last <= a.since
        AND (e.end_first IS NULL OR e.end_first >= {day}) AND {said["start"]} <= {now})"""


_LEAF = (("leaf", "INTEGER"),)
_OTHERS, _KNOWN = 0, 1


def courses(
    leaves: Mapping[int, CourseOf], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations; the last one, `course_said`, holds cells."""
    yield from _asked_courses(leaves, codings, terminology)
    relapse = "(c.clinical IS NOT NULL AND c.clinical IN ('relapse', 'recurrence') OR b.relapse)"
    ended = f"c.abatement_start IS NOT NULL AND c.abatement_start <= {now}"
    closed = f"COALESCE(c.clinical IN ('inactive', 'resolved', '{UNREADABLE}'), FALSE)"
    over = f"{closed} OR c.abated AND c.abatement_start IS NULL"
    remission = f"""(COALESCE(c.clinical, '') NOT IN ('relapse', 'recurrence')
        AND (COALESCE(c.clinical, '') = 'remission' OR b.remission
            OR (b.relapse OR b.refractory) AND ({ended} OR {over})))"""
    times = ", ".join(
        f"CASE WHEN {ended} THEN c.abatement_{end} ELSE COALESCE(c.recorded_{end}, c.onset_{end}) END AS last_{end}"
        for end in ("first", "last")
    )
    yield f"""course AS (
    SELECT b.leaf, b.known, b.certain, c.patient, c.resource, c.coded, c.verification = 'confirmed' AS confirmed,
        c.verification = 'confirmed' AND {relapse} AS relapse,
        c.verification = 'confirmed' AND {remission} AS remission,
        c.verification = 'confirmed' AND b.refractory AS refractory, {times},
        COALESCE(c.recorded_end, c.onset_end, CAST('0001-01-01' AS TIMESTAMP)) AS word
    FROM conditions c JOIN course_coded b ON c.coded = b.coded
    WHERE c.verification <> 'refuted' AND (b.elsewhere OR COALESCE(c.onset_start, c.recorded_start) IS NULL
        OR COALESCE(c.onset_start, c.recorded_start) <= {now}))"""
    yield """counted AS (
    SELECT DISTINCT b.leaf, o.patient FROM obs o JOIN course_blasts b ON o.value_set = b.value_set)"""
    wanted = "c.relapse AND a.relapsed OR c.refractory AND a.refractory"
    yield f"""diseased AS (
    SELECT c.leaf, c.patient, COUNT(DISTINCT resource) < COUNT(*) AS odd, COUNT(*) AS held,
        COUNT(DISTINCT coded) AS codings, BOOL_OR(certain) AS certain, BOOL_OR(confirmed) AS confirmed,
        BOOL_OR(remission) AS remission, BOOL_OR(c.relapse OR c.refractory) AS relapse,
        BOOL_OR({wanted}) AS wanted,
        MIN(word) FILTER (WHERE {wanted}) AS first_word, MAX(word) FILTER (WHERE {wanted}) AS last_word,
        MAX(last_first) AS last_first, MAX(last_last) AS last_last
    FROM course c JOIN asked_course a ON c.leaf = a.leaf WHERE c.known = 1 GROUP BY c.leaf, c.patient)"""
    yield f"""cleared AS (
    SELECT d.leaf, d.patient, BOOL_OR(o.t0 > d.first_word) AS possible,
        BOOL_OR(o.t0 > d.last_word AND o.high < b.above AND NOT o.own_range_impossible) AS sure
    FROM diseased d JOIN course_blasts b ON d.leaf = b.leaf AND b.marrow
    JOIN obs o ON o.patient = d.patient AND o.value_set = b.value_set
    WHERE o.counts AND o.t0 <= {now} AND o.number_reason IS NULL AND NOT COALESCE(o.low > b.above, FALSE)
    GROUP BY d.leaf, d.patient)"""
    question = cell(Reason.NEEDS_REVIEW)
    yield f"""course_said AS (
    SELECT d.leaf, d.patient, CASE
        WHEN d.odd THEN {UNDECIDED}
        WHEN NOT d.confirmed THEN {cell(Reason.UNCONFIRMED)}
        WHEN NOT d.wanted AND NOT d.remission THEN {question}
        WHEN d.codings = 1 AND NOT d.remission THEN CASE
            WHEN NOT d.certain OR a.questioned OR COALESCE(m.sure, FALSE) THEN {question}
            WHEN NOT COALESCE(m.possible, FALSE) THEN {cell(Reason.RECORDED)} ELSE {UNDECIDED} END
        WHEN d.held = 1 AND NOT d.relapse AND n.patient IS NULL AND o.patient IS NULL THEN CASE
            WHEN NOT d.certain THEN {question}
            WHEN d.last_first IS NULL THEN {cell(Reason.UNDATED)}
            WHEN d.last_first >= a.stated_since AND d.last_last <= {day} THEN {cell(Reason.RESOLVED)}
            WHEN d.last_last < a.stated_since THEN {cell(Reason.STALE)}
            ELSE {cell(Reason.IMPRECISE_DATE)} END
        ELSE {UNDECIDED} END AS code
    FROM diseased d JOIN asked_course a ON d.leaf = a.leaf
    LEFT JOIN cleared m ON d.leaf = m.leaf AND d.patient = m.patient
    LEFT JOIN counted n ON d.leaf = n.leaf AND d.patient = n.patient
    LEFT JOIN (SELECT DISTINCT leaf, patient FROM course WHERE known = 0) o
        ON d.leaf = o.leaf AND d.patient = o.patient)"""


def _asked_courses(
    leaves: Mapping[int, CourseOf], codings: Sequence[Codings], terminology: Terminology
) -> Iterator[str]:
    """What is asked; the codings of the diseases (`known` 1), and of what nobody has classified or is elsewhere (0)."""
    words = (("relapsed", "BOOLEAN"), ("refractory", "BOOLEAN"), ("questioned", "BOOLEAN"), ("stated_since", "DATE"))
    asked: list[tuple[Value, ...]] = [
        (leaf, each.relapsed, each.refractory, each.questioned, each.stated_since) for leaf, each in leaves.items()
    ]
    yield rows("asked_course", (*_LEAF, *words), asked)
    coded: list[tuple[Value, ...]] = []
    for leaf, statement in leaves.items():
        for each in codings:
            said = each.bearing(ListKind.CONDITIONS, terminology, statement.concepts)
            place = each.bearing(ListKind.CONDITIONS, terminology, statement.sites)
            told = [f"course-{word}" in each.value_sets for word in ("relapse", "remission", "refractory")]
            if said.is_ or said.may_be:
                coded.append((leaf, each.key, _KNOWN, bool(said.is_), False, *told))
            elif said.unclassified:
                coded.append((leaf, each.key, _OTHERS, False, False, *told))
            if place.is_ or place.may_be:
                coded.append((leaf, each.key, _OTHERS, False, True, *told))
    columns = (
        ("coded", "BIGINT"),
        ("known", "INTEGER"),
        *((name, "BOOLEAN") for name in ("certain", "elsewhere", "relapse", "remission", "refractory")),
    )
    yield rows("course_coded", (*_LEAF, *columns), coded)
    blasts: list[tuple[Value, ...]] = [
        (leaf, name, name == each.marrow, None if each.above is None else double(each.above)[0])
        for leaf, each in leaves.items()
        for name in each.blasts
    ]
    counted = (("value_set", "VARCHAR"), ("marrow", "BOOLEAN"), ("above", "DOUBLE"))
    yield rows("course_blasts", (*_LEAF, *counted), blasts)
