"""The course of a disease: the family of `disease-course` (CONFORMANCE: Course of a disease).

SQL tells the plain cases: no confirmed disease, none of the words that are wanted and no remission, a wanted word or a
remission of one disease that nothing else speaks of. The order of several diseases and of counts is for the evaluation.
"""

from collections.abc import Iterator, Mapping, Sequence

from adapter.columns.sql.cells import UNDECIDED, cell
from adapter.columns.sql.codings import Codings
from adapter.columns.sql.text import Value, double, rows
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import CourseOf
from adapter.evaluator.reason import Reason

_LEAF = (("leaf", "INTEGER"),)
_OTHERS, _KNOWN = 0, 1


def courses(
    leaves: Mapping[int, CourseOf], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations; the last one, `course_said`, holds cells."""
    yield from _asked(leaves, codings, terminology)
    relapse = "(c.clinical IS NOT NULL AND c.clinical IN ('relapse', 'recurrence') OR b.relapse)"
    remission = "(c.clinical IS NOT NULL AND c.clinical = 'remission' OR b.remission)"
    ended = f"c.abatement_start IS NOT NULL AND c.abatement_start <= {now}"
    times = ", ".join(
        f"CASE WHEN {ended} THEN c.abatement_{end} ELSE COALESCE(c.recorded_{end}, c.onset_{end}) END AS last_{end}"
        for end in ("first", "last")
    )
    yield f"""course AS (
    SELECT b.leaf, b.known, b.certain, c.patient, c.resource, c.coded, c.verification = 'confirmed' AS confirmed,
        c.verification = 'confirmed' AND {relapse} AS relapse,
        c.verification = 'confirmed' AND NOT {relapse} AND {remission} AS remission,
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


def _asked(leaves: Mapping[int, CourseOf], codings: Sequence[Codings], terminology: Terminology) -> Iterator[str]:
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
