"""Drugs and procedures, and the course of a disease, as SQL.

Drugs and procedures in a window, or ever: the family of `exposure` (CONFORMANCE: Exposure, Negatives).

The course of a disease: the family of `disease-course` (CONFORMANCE: Course of a disease).

SQL tells the plain cases: no confirmed disease, none of the words that are wanted and no remission, a wanted word or a
remission of one disease that nothing else speaks of. The order of several diseases and of counts is for the evaluation.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapter.columns.sql.cells import RANK, UNDECIDED, Bearing, Codings, cell, holding
from adapter.columns.sql.text import Value, double, rows
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import CourseOf, Exposed
from adapter.evaluator.reason import Reason
from adapter.kinds.exposure.evaluate import REASONS
from adapter.kinds.exposure.statement import Standing
from adapter.record.facts import Route
from adapter.record.read_condition import UNREADABLE

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

    And bits of those that others may be, too; none where there are too many of these.
    """

    def __init__(self, codings: Sequence[Codings], asked: CourseOf, terminology: Terminology) -> None:
        said = ((each, each.bearing(ListKind.CONDITIONS, terminology, asked.concepts)) for each in codings)
        self._of = {each.key: _kinds(each, terminology) for each, bearing in said if bearing.is_ or bearing.may_be}
        self._numbers = {kinds: number for number, kinds in enumerate(dict.fromkeys(self._of.values()), 1)}
        held = Counter(name for kinds in self._numbers for name in kinds)
        self._places = {name: place for place, name in enumerate(sorted(n for n, count in held.items() if count > 1))}

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
