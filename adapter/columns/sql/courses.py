"""The course of a disease, as SQL: the family of `disease-course` (CONFORMANCE: Course of a disease).

SQL tells the plain cases: no confirmed disease, none of the words that are wanted and no remission, a wanted word or a
remission of one disease that nothing else speaks of. The order of several diseases and of counts is for the evaluation.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapter.columns.sql.cells import UNDECIDED, Codings, cell
from adapter.columns.sql.text import Value, double, rows
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import CourseOf
from adapter.evaluator.reason import Reason
from adapter.record.facts import UNREADABLE

_LEAF = (("leaf", "INTEGER"),)
_OTHERS, _KNOWN = 0, 1


def courses(
    leaves: Mapping[int, CourseOf], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations; the last one, `course_said`, holds cells."""
    yield from _asked_courses(leaves, codings, terminology)
    relapsed = "COALESCE(c.clinical IN ('relapse', 'recurrence'), FALSE)"
    ended = f"(c.abatement_start IS NOT NULL AND c.abatement_start <= {now})"
    closed = f"COALESCE(c.clinical IN ('inactive', 'resolved', '{UNREADABLE}'), FALSE)"
    over = f"{closed} OR c.abated AND c.abatement_start IS NULL"
    said = "(COALESCE(c.clinical, '') = 'remission' OR b.remission)"
    remission = f"(NOT {relapsed} AND ({said} OR (b.relapse OR b.refractory) AND ({ended} OR {over})))"
    ends = ("start", "end", "first", "last")
    times = ", ".join(
        f"CASE WHEN {ended} THEN c.abatement_{end} ELSE COALESCE(c.recorded_{end}, c.onset_{end}) END AS last_{end}"
        for end in ends
    )
    yield f"""course AS (
    SELECT b.leaf, b.known, b.certain, b.kind, b.kinds, c.patient, c.resource,
        c.verification = 'confirmed' AS confirmed,
        c.verification = 'confirmed' AND ({relapsed} OR b.relapse) AS relapse,
        c.verification = 'confirmed' AND {remission} AS remission,
        c.verification = 'confirmed' AND b.refractory AS refractory,
        {relapsed} AND NOT c.encounter AS now_, {ended} OR {said} AND c.encounter AS dated, {times},
        COALESCE(c.recorded_start, c.onset_start) AS word_start, COALESCE(c.recorded_end, c.onset_end) AS word_end,
        COALESCE(c.onset_start, c.recorded_start) AS t0, COALESCE(c.onset_end, c.recorded_end) AS t1
    FROM conditions c JOIN course_coded b ON c.coded = b.coded
    WHERE c.verification <> 'refuted' AND (b.elsewhere OR c.at_age OR COALESCE(c.onset_start, c.recorded_start) IS NULL
        OR COALESCE(c.onset_start, c.recorded_start) <= {now}))"""
    yield from _newest_disease()
    yield from _last_word(now, day)
    question = cell(Reason.NEEDS_REVIEW)
    yield f"""course_said AS (
    SELECT d.leaf, d.patient, CASE
        WHEN NOT d.confirmed THEN {cell(Reason.UNCONFIRMED)}
        WHEN NOT d.wanted AND NOT d.remission THEN {question}
        WHEN d.odd THEN {UNDECIDED}
        WHEN w.holds THEN CASE
            WHEN NOT w.certain OR a.questioned OR (w.diseases > 1 AND d.undated) OR COALESCE(m.sure, FALSE)
                THEN {question}
            WHEN NOT COALESCE(m.possible, FALSE) THEN {cell(Reason.RECORDED)} ELSE {UNDECIDED} END
        WHEN NOT w.remission THEN {question}
        WHEN w.diseases > 1 AND d.undated THEN {UNDECIDED}
        WHEN COALESCE(n.open, FALSE) AND (a.relapsed OR w.stands) THEN {UNDECIDED}
        WHEN d.turned OR k.patient IS NOT NULL OR NOT w.stands THEN {question}
        WHEN n.patient IS NOT NULL THEN {UNDECIDED}
        WHEN w.last_first IS NULL THEN {cell(Reason.UNDATED)}
        WHEN w.last_first >= a.stated_since AND w.last_last <= {day} THEN {cell(Reason.RESOLVED)}
        WHEN w.last_last < a.stated_since THEN {cell(Reason.STALE)}
        ELSE {cell(Reason.IMPRECISE_DATE)} END AS code
    FROM diseased d JOIN asked_course a ON d.leaf = a.leaf
    LEFT JOIN course_word w ON d.leaf = w.leaf AND d.patient = w.patient
    LEFT JOIN cleared m ON d.leaf = m.leaf AND d.patient = m.patient
    LEFT JOIN counted n ON d.leaf = n.leaf AND d.patient = n.patient
    LEFT JOIN lacking k ON k.patient = d.patient AND k.list = 'condition')"""


_FIRST = "ROW(COALESCE(t0, CAST('0001-01-01' AS TIMESTAMP)), resource)"
"""The order of entries."""

_WANTED = "(c.relapse AND a.relapsed OR c.refractory AND a.refractory)"
"""Whether an entry has a word of the course that is asked for."""


def _newest_disease() -> Iterator[str]:
    """The entries of the disease that began last: `course_newest`.

    Entries whose kinds have one in common are one disease, whatever their order, and those that share none are as many.
    Where some share one and others don't, the order would say which are one: `odd`.
    """
    yield f"""diseased AS (
    SELECT c.leaf, c.patient, BIT_AND(kinds) <> 0 AS is_one,
        COUNT(DISTINCT resource) < COUNT(*) OR COUNT(kinds) < COUNT(*)
            OR BIT_AND(kinds) = 0 AND SUM(DISTINCT kinds) <> BIT_OR(kinds) AS odd,
        BOOL_OR(confirmed) AS confirmed, BOOL_OR(t0 IS NULL) AS undated, BOOL_OR(relapse OR c.refractory) AS turned,
        BOOL_OR(remission) AS remission, BOOL_OR({_WANTED}) AS wanted
    FROM course c JOIN asked_course a ON c.leaf = a.leaf WHERE known = 1 GROUP BY c.leaf, c.patient)"""
    yield f"""disease_begun AS (
    SELECT leaf, patient, disease, MIN({_FIRST}) AS begun FROM (
        SELECT c.*, CASE WHEN d.is_one THEN 0 ELSE c.kind END AS disease
        FROM course c JOIN diseased d ON c.leaf = d.leaf AND c.patient = d.patient WHERE c.known = 1 AND NOT d.odd)
    GROUP BY leaf, patient, disease)"""
    yield """course_newest AS (
    SELECT c.*, n.diseases FROM course c JOIN (
        SELECT leaf, patient, COUNT(*) AS diseases, MAX_BY(disease, begun) AS disease
        FROM disease_begun GROUP BY leaf, patient) n ON c.leaf = n.leaf AND c.patient = n.patient
    WHERE c.known = 1 AND (n.disease = 0 OR c.kind = n.disease))"""


def _last_word(now: str, day: str) -> Iterator[str]:
    """`course_word`: its last remission; whether a wanted word holds beside it, else whether it stands itself.

    `counted`: who has counts, `open` where one may be above the bound; `cleared`: marrows that are not, after a word.
    """
    dated = "remission AND last_end IS NOT NULL"
    last = ", ".join(
        f"MAX_BY({name}, ROW(last_end, resource)) FILTER (WHERE {dated}) AS {name}"
        for name in ("last_start", "last_end", "last_first", "last_last")
    )
    yield f"""remitted AS (
    SELECT leaf, patient, BOOL_OR(remission) AS remission, {last}, COALESCE(
        MAX_BY(dated, ROW(last_end, resource)) FILTER (WHERE {dated}),
        MIN_BY(dated, {_FIRST}) FILTER (WHERE remission)) AS dated
    FROM course_newest GROUP BY leaf, patient)"""
    today = f"COALESCE(l.last_first >= a.stated_since AND l.last_last <= {day}, FALSE)"
    stands = f"c.now_ AND c.relapse AND a.relapsed AND NOT ({today} AND COALESCE(l.last_start > c.word_end, FALSE))"
    later = "COALESCE(c.word_start > l.last_end, FALSE)"
    nothing = "CASE WHEN c.confirmed THEN c.t1 ELSE c.word_end END"
    yield f"""course_word AS (
    SELECT c.leaf, c.patient, ANY_VALUE(c.diseases) AS diseases, BOOL_OR(c.certain) AS certain,
        BOOL_OR(l.remission) AS remission, ANY_VALUE(l.last_first) AS last_first, ANY_VALUE(l.last_last) AS last_last,
        BOOL_OR({_WANTED} AND (NOT l.remission OR {later}) OR {stands} AND COALESCE(l.dated, FALSE)) AS holds,
        BOOL_OR(c.certain) AND BOOL_AND(c.remission OR COALESCE(l.last_start > {nothing}, FALSE))
            AND NOT BOOL_OR(o.patient IS NOT NULL AND (o.open OR COALESCE(o.ended > l.last_start, TRUE))) AS stands,
        MIN(COALESCE(c.word_end, CAST('0001-01-01' AS TIMESTAMP))) FILTER (WHERE {_WANTED}) AS first_word,
        MAX(COALESCE(c.word_end, CAST('0001-01-01' AS TIMESTAMP))) FILTER (WHERE {_WANTED}) AS last_word
    FROM course_newest c JOIN asked_course a ON c.leaf = a.leaf
    JOIN remitted l ON c.leaf = l.leaf AND c.patient = l.patient
    LEFT JOIN (SELECT leaf, patient, BOOL_OR(t1 IS NULL) AS open, MAX(t1) AS ended FROM course WHERE known = 0
        GROUP BY leaf, patient) o ON c.leaf = o.leaf AND c.patient = o.patient
    GROUP BY c.leaf, c.patient)"""
    low = "o.number_reason IS NULL AND NOT o.own_range_impossible AND NOT o.supported AND o.high * 1.01 < b.above"
    yield f"""counted AS (
    SELECT b.leaf, o.patient, BOOL_OR(NOT b.outside AND NOT (b.marrow AND COALESCE({low}, FALSE))) AS open
    FROM obs o JOIN course_blasts b ON o.value_set = b.value_set WHERE o.t0 IS NULL OR o.t0 <= {now}
    GROUP BY b.leaf, o.patient)"""
    yield f"""cleared AS (
    SELECT d.leaf, d.patient, BOOL_OR(o.t0 > d.first_word) AS possible,
        BOOL_OR(o.t0 > d.last_word AND o.high < b.above AND NOT o.own_range_impossible) AS sure
    FROM course_word d JOIN course_blasts b ON d.leaf = b.leaf AND b.marrow
    JOIN obs o ON o.patient = d.patient AND o.value_set = b.value_set
    WHERE o.counts AND o.t0 <= {now} AND o.number_reason IS NULL AND NOT COALESCE(o.low > b.above, FALSE)
    GROUP BY d.leaf, d.patient)"""


_MOST_KINDS: Final = 62
"""Diseases that have a bit each."""


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
        kinds = _Kinds(codings, statement, terminology)
        for each in codings:
            said = each.bearing(ListKind.CONDITIONS, terminology, statement.concepts)
            place = each.bearing(ListKind.CONDITIONS, terminology, statement.sites)
            told = [f"course-{word}" in each.value_sets for word in ("relapse", "remission", "refractory")]
            if said.is_ or said.may_be:
                coded.append((leaf, each.key, _KNOWN, *kinds.of(each), bool(said.is_), False, *told))
            elif said.unclassified:
                coded.append((leaf, each.key, _OTHERS, None, None, False, False, *told))
            if place.is_ or place.may_be:
                coded.append((leaf, each.key, _OTHERS, None, None, False, True, *told))
    columns = (
        ("coded", "BIGINT"),
        ("known", "INTEGER"),
        ("kind", "INTEGER"),
        ("kinds", "BIGINT"),
        *((name, "BOOLEAN") for name in ("certain", "elsewhere", "relapse", "remission", "refractory")),
    )
    yield rows("course_coded", (*_LEAF, *columns), coded)
    blasts: list[tuple[Value, ...]] = [
        (
            leaf,
            name,
            not outside and name == each.marrow,
            outside,
            None if each.above is None else double(each.above)[0],
        )
        for leaf, each in leaves.items()
        for above in [None if each.above is None else double(each.above)[0]]
        for outside, held in ((False, each.blasts), (True, each.outside))
        for name in held
    ]
    counted = (("value_set", "VARCHAR"), ("marrow", "BOOLEAN"), ("outside", "BOOLEAN"), ("above", "DOUBLE"))
    yield rows("course_blasts", (*_LEAF, *counted), blasts)


class _Kinds:
    """Of codings that are or may be some diseases, which are one disease: a number for those that may be the same ones.

    And bits of those that others may be, too; none where there are too many of these. What nothing else may be tells
    nobody apart: codings of the same bits are one disease, and so one number.
    """

    def __init__(self, codings: Sequence[Codings], asked: CourseOf, terminology: Terminology) -> None:
        said = ((each, each.bearing(ListKind.CONDITIONS, terminology, asked.concepts)) for each in codings)
        of = {each.key: _kinds(each, terminology) for each, bearing in said if bearing.is_ or bearing.may_be}
        held = Counter(name for kinds in set(of.values()) for name in kinds)
        self._places = {name: place for place, name in enumerate(sorted(n for n, count in held.items() if count > 1))}
        self._of = {key: kinds.intersection(self._places) or kinds for key, kinds in of.items()}
        self._numbers = {kinds: number for number, kinds in enumerate(dict.fromkeys(self._of.values()), 1)}

    def of(self, codings: Codings) -> tuple[int, int | None]:
        """Their number, and their bits."""
        kinds = self._of[codings.key]
        places = [self._places[name] for name in kinds if name in self._places]
        bits = sum(1 << place for place in places) if max(places, default=0) < _MOST_KINDS else None
        return self._numbers[kinds], bits


def _kinds(codings: Codings, terminology: Terminology) -> frozenset[str]:
    """The single diseases that it may be, else its codes (`diseases.diseases`)."""
    said = terminology.classified(ListKind.CONDITIONS, codings.codes)
    known = terminology.catalogue.conditions
    single = frozenset(name for name in (*said.is_, *said.may_be) if known[name].breadth is Breadth.ENTITY)
    return single or frozenset(f"{each.system}|{each.code}" for each in codings.codes)
