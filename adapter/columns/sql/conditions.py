"""Diagnoses of the problem list: the family of `condition` (CONFORMANCE: Conditions, Negatives).

Which codings bear on which leaf is worked out once, outside; here each entry of them gets its standing, as a number in
the order of `Standing`, and the strongest one among a patient's entries decides.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from adapter.columns.sql.cells import RANK, UNDECIDED, UNIT, Codings, bits, cell, holding
from adapter.columns.sql.text import Value, literal, names, numbers, rows
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.history import history_of
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import Ask, Diagnosed
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.standing import OPEN, REASONS, Standing
from adapter.record.facts import CLOSED, UNREADABLE

_TIMES = ("onset", "recorded", "abatement")


def entries(
    leaves: Mapping[int, Diagnosed], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations of entries: the last one, `found`, holds what a patient's entries come to, a row a leaf."""
    yield _asked(leaves)
    yield _bearing(leaves, codings, terminology)
    yield _own(leaves, codings)
    yield """own AS (
    SELECT o.leaf, c.patient, BIT_OR(o.concepts) AS concepts FROM conditions c JOIN own_coded o ON c.coded = o.coded
    WHERE c.verification = 'confirmed' GROUP BY o.leaf, c.patient)"""
    yield f"""listed AS (
    SELECT b.leaf, c.patient, c.resource, c.clinical, c.verification, c.abated, c.encounter, c.grades, c.levels,
        {", ".join(f"c.{name}_{end}" for name in _TIMES for end in ("start", "end", "first", "last"))},
        COALESCE(c.onset_start, c.recorded_start) AS t0, COALESCE(c.onset_end, c.recorded_end) AS t1,
        COALESCE(c.onset_first, c.recorded_first) AS d0, COALESCE(c.onset_last, c.recorded_last) AS d1,
        b.is_, b.may_be, b.unclassified, b.whole, b.lifelong, b.remission, b.stands, b.own,
        a.ask, a.since, a.since_at, a.listed_since, a.qualified, a.yes, a.no
    FROM conditions c JOIN bearing b ON c.coded = b.coded JOIN asked_condition a ON a.leaf = b.leaf
    WHERE c.onset_start IS NULL AND c.recorded_start IS NULL OR c.at_age
        OR COALESCE(c.onset_start, c.recorded_start) <= {now})"""
    yield f"""stood AS (
    SELECT *, {_sure("other")} AS other, {_sure("plain")} AS plain FROM (
        SELECT * EXCLUDE (levels), {_placed_so("CASE WHEN encounter THEN listed_since END", now, day)} AS other_placed,
            {_placed_so("COALESCE(stands, CASE WHEN encounter THEN listed_since END)", now, day)} AS plain_placed,
            CASE WHEN LIST_CONTAINS(grades, yes) = LIST_CONTAINS(grades, no) THEN 1
                WHEN LIST_CONTAINS(grades, yes) THEN 2 ELSE 0 END AS graded,
            {_as_asked(leaves)} AS as_asked
        FROM listed))"""
    yield f"""entry AS (
    SELECT s.*, CASE WHEN is_ <> 0 THEN is_ ELSE may_be END AS concepts, CASE
        WHEN plain = {Standing.RECORDED:d} AND is_ = 0 THEN {Standing.POSSIBLE:d}
        WHEN plain = {Standing.RESOLVED:d} AND lifelong THEN {Standing.LIFELONG:d}
        ELSE plain END AS standing
    FROM stood s LEFT JOIN own o ON s.leaf = o.leaf AND s.patient = o.patient
    WHERE (is_ <> 0 OR may_be <> 0) AND CASE WHEN o.concepts IS NULL THEN own ELSE own & o.concepts END = 0)"""
    yield f"""found AS (
    SELECT leaf, patient, MIN(standing) AS best,
        COUNT(DISTINCT resource) < COUNT(*) AS odd,
        BOOL_OR(standing = {Standing.OUTSIDE:d}) AS outside,
        MAX(CASE WHEN qualified THEN graded ELSE 3 END) FILTER (WHERE standing = {Standing.RECORDED:d}) AS grade,
        MIN_BY(COALESCE(t0, CAST('0001-01-01' AS TIMESTAMP)), ROW(
            standing, COALESCE(-DATEDIFF('day', CAST('0001-01-01' AS DATE), d0), 1), resource)) AS begun
    FROM entry GROUP BY leaf, patient)"""


def _asked(leaves: Mapping[int, Diagnosed]) -> str:
    columns = (
        ("leaf", "INTEGER"),
        ("ask", "VARCHAR"),
        ("since", "DATE"),
        ("since_at", "TIMESTAMP"),
        ("listed_since", "DATE"),
        ("qualified", "BOOLEAN"),
        ("yes", "VARCHAR"),
        ("no", "VARCHAR"),
    )
    held: list[tuple[Value, ...]] = [
        (leaf, each.ask.value, each.since, each.since_at, each.listed_since, each.qualified, *each.levels)
        for leaf, each in leaves.items()
    ]
    return rows("asked_condition", columns, held)


def _bearing(leaves: Mapping[int, Diagnosed], codings: Sequence[Codings], terminology: Terminology) -> str:
    """Which codings bear on which leaf, and how; `own`: of the diseases that are taken out, those that each may be."""
    columns = (
        ("leaf", "INTEGER"),
        ("coded", "BIGINT"),
        ("is_", "BIGINT"),
        ("may_be", "BIGINT"),
        ("unclassified", "BIGINT"),
        ("whole", "BIGINT"),
        ("lifelong", "BOOLEAN"),
        ("remission", "BOOLEAN"),
        ("stands", "DATE"),
        ("own", "BIGINT"),
    )
    held: list[tuple[Value, ...]] = []
    conditions = terminology.catalogue.conditions
    for leaf, asked in leaves.items():
        out = frozenset(asked.other_than)
        coarse = [frozenset(conditions[name].may_be) for name in asked.other_than]
        whole = sum(1 << n for n, name in enumerate(asked.concepts) if conditions[name].breadth is Breadth.ENTITY)
        for each in codings:
            is_, may_be, unclassified = each.bearing(ListKind.CONDITIONS, terminology, asked.concepts)
            if not each.value_sets.isdisjoint(out):
                is_ = may_be = 0
            if not (is_ or may_be or unclassified):
                continue
            of = [name for n, name in enumerate(asked.concepts) if (is_ or may_be) >> n & 1]
            disputed = bits((name for name in of if terminology.is_disputed(name, each.codes)), asked.concepts)
            held.append(
                (
                    leaf,
                    each.key,
                    is_,
                    may_be,
                    unclassified,
                    whole & ~disputed,
                    any(conditions[name].lasts for n, name in enumerate(asked.concepts) if is_ >> n & 1),
                    "course-remission" in each.value_sets,
                    _stands(asked, of, each.value_sets),
                    sum(1 << n for n, sets in enumerate(coarse) if not sets.isdisjoint(each.value_sets)),
                )
            )
    return rows("bearing", columns, held)


def _own(leaves: Mapping[int, Diagnosed], codings: Sequence[Codings]) -> str:
    """The codings of the diseases that are taken out: of who has one, only what may be that one is taken out, too."""
    held: list[tuple[Value, ...]] = [
        (leaf, each.key, bits(each.value_sets, asked.other_than))
        for leaf, asked in leaves.items()
        for each in codings
        if not each.value_sets.isdisjoint(asked.other_than)
    ]
    return rows("own_coded", (("leaf", "INTEGER"), ("coded", "BIGINT"), ("concepts", "BIGINT")), held)


def _stands(asked: Diagnosed, concepts: Sequence[str], value_sets: frozenset[str]) -> Value:
    for concept in concepts:
        if concept in asked.stands:
            return asked.stands[concept]
        for name, value_set, since in asked.passing:
            if name == concept and value_set in value_sets:
                return since
    return None


_UNTOLD: Final = 0
"""The standing of an entry of which it takes a calendar to say whether it lasted long enough: undecided."""


def _as_asked(leaves: Mapping[int, Diagnosed]) -> str:
    """What an entry that counts comes to, by what it says of its severity, stage, grade, age and length (`_as_asked`).

    A window's first day stands for a length until today; how long it was that is over, the calendar would have to say.
    """
    found = ""
    for leaf, asked in leaves.items():
        said = [tuple(_any_of(names) for names in each) for each in asked.graded]
        edges = [literal(day) for day in (asked.begun_until, asked.lasted_from) if day is not None]
        if not said and not edges:
            continue
        first = "COALESCE(onset_first, CASE WHEN encounter THEN recorded_first END)"
        steps = [(f"({others}) AND NOT ({wanted})", f"{Standing.FAILS:d}") for wanted, others in said]
        short = f"CASE WHEN onset_first IS NULL THEN {Standing.OUTSIDE:d} ELSE {Standing.SHORT:d} END"
        steps += [(f"{first} > {edge}", short) for edge in edges]
        if asked.lasted_from is not None:
            steps.append((f"NOT encounter AND clinical IS DISTINCT FROM '{UNREADABLE}' AND ({_OVER})", f"{_UNTOLD}"))
        steps += [(f"({wanted}) = ({others})", f"{Standing.POSSIBLE:d}") for wanted, others in said]
        steps += _open_times(asked, first)
        told = " ".join(f"WHEN {when} THEN {then}" for when, then in steps)
        found += f" WHEN {leaf} THEN CASE {told} ELSE {Standing.RECORDED:d} END"
    return f"CASE leaf{found} ELSE {Standing.RECORDED:d} END" if found else f"{Standing.RECORDED:d}"


_LAST: Final = "COALESCE(onset_last, recorded_last)"
_OVER: Final = f"abated OR abatement_first IS NOT NULL OR COALESCE(clinical IN ({names(CLOSED)}), FALSE) OR remission"


def _open_times(asked: Diagnosed, first: str) -> Iterator[tuple[str, str]]:
    """Where a beginning is too coarse to tell, or an encounter's end, and what the entry then is."""
    undated, imprecise = f"{Standing.UNDATED:d}", f"{Standing.IMPRECISE:d}"
    if asked.begun_until is not None:
        unsure = f"COALESCE({_LAST} > {literal(asked.begun_until)}, TRUE)"
        yield unsure, f"CASE WHEN {first} IS NULL OR {_LAST} IS NULL THEN {undated} ELSE {imprecise} END"
    if asked.lasted_from is not None:
        known = (
            f"NOT encounter AND clinical IS DISTINCT FROM '{UNREADABLE}' AND {_LAST} <= {literal(asked.lasted_from)}"
        )
        unsure = f"NOT COALESCE({known}, FALSE)"
        yield unsure, f"CASE WHEN {first} IS NULL THEN {undated} ELSE {imprecise} END"


def _any_of(levels: Collection[str]) -> str:
    return " OR ".join(f"LIST_CONTAINS(levels, {literal(each)})" for each in sorted(levels)) or "FALSE"


def _sure(name: str) -> str:
    """What an entry comes to (`standing_of`), by where it is placed, and by whether it is as it is asked for."""
    sure = numbers((_UNTOLD, Standing.OUTSIDE, Standing.RESOLVED, Standing.SHORT, Standing.FAILS))
    asked = f"CASE {name}_placed WHEN {Standing.RECORDED:d} THEN as_asked ELSE {name}_placed END"
    return f"""CASE
        WHEN verification = 'refuted' THEN CASE
            WHEN since IS NOT NULL AND COALESCE(t1 < since_at, d1 < since) THEN {Standing.OUTSIDE:d}
            ELSE {Standing.REFUTED:d} END
        WHEN verification = 'unconfirmed' AND ({asked}) NOT IN ({sure}) THEN {Standing.UNCONFIRMED:d}
        ELSE {asked} END"""


def _placed_so(stands: str, now: str, day: str) -> str:
    """Where an entry lies; `stands`: since when one that was never closed counts."""
    over = f"CASE WHEN clinical IS NULL THEN {Standing.RESOLVED:d} ELSE {Standing.CONTRADICTED:d} END"
    activity = f"""CASE
        WHEN clinical = '{UNREADABLE}' THEN {Standing.UNREADABLE:d}
        WHEN clinical IN ({names(CLOSED)}) OR remission THEN {Standing.RESOLVED:d}
        WHEN NOT abated THEN {Standing.RECORDED:d}
        WHEN abatement_start IS NULL THEN {over}
        WHEN abatement_start > {now} THEN {Standing.RECORDED:d}
        WHEN abatement_last <= {day} THEN {over}
        ELSE {Standing.IMPRECISE:d} END"""
    present = f"""CASE WHEN ({activity}) <> {Standing.RECORDED:d} THEN {activity}
        WHEN {stands} IS NULL OR d0 IS NULL THEN {Standing.RECORDED:d}
        WHEN d0 >= {stands} AND d1 <= {day} THEN {Standing.RECORDED:d}
        WHEN d1 < {stands} THEN {Standing.STALE:d}
        ELSE {Standing.IMPRECISE:d} END"""
    began = f"""CASE WHEN onset_first IS NOT NULL THEN {_placed("onset", now, day)}
        WHEN encounter AND recorded_first IS NOT NULL THEN {_placed("recorded", now, day)}
        ELSE {_by_recording(now, day)} END"""
    ended = f"""CASE WHEN abatement_first IS NOT NULL THEN {_placed("abatement", now, day)}
        WHEN onset_first IS NOT NULL THEN {_placed("onset", now, day, open_end=True)}
        ELSE {_by_recording(now, day, open_end=True)} END"""
    return f"""CASE ask WHEN '{Ask.PRESENT}' THEN {present} WHEN '{Ask.EVER}' THEN {Standing.RECORDED:d}
        ELSE CASE WHEN ask <> '{Ask.BEGAN}' AND encounter AND clinical IS NOT NULL AND ({began}) = {Standing.OUTSIDE:d}
                AND ({activity}) = {Standing.RECORDED:d} THEN {Standing.STALE:d}
            WHEN ask = '{Ask.BEGAN}' OR encounter THEN {began}
            WHEN ({activity}) <> {Standing.RESOLVED:d} THEN {activity} ELSE {ended} END END"""


def _placed(time: str, now: str, day: str, *, open_end: bool = False) -> str:
    """Where a time lies to the window; what was over, nobody knows when, is undated where it began before it."""
    before = Standing.UNDATED if open_end else Standing.OUTSIDE
    return f"""CASE WHEN {_inside(time, now, day)} THEN {Standing.RECORDED:d}
        WHEN {_before(time)} THEN {before:d} ELSE {Standing.IMPRECISE:d} END"""


def _inside(time: str, now: str, day: str) -> str:
    """Whether a time lies in the window; of one in hours, of the day itself the part that has come is meant."""
    hours = f"{time}_start >= since_at AND ({time}_end <= {now} OR {time}_last = {day})"
    return f"CASE WHEN since_at IS NULL THEN {time}_first >= since AND {time}_last <= {day} ELSE {hours} END"


def _before(time: str) -> str:
    return f"COALESCE({time}_end < since_at, {time}_last < since)"


def _by_recording(now: str, day: str, *, open_end: bool = False) -> str:
    """The same where only the recording is known: it began then at the latest."""
    before = Standing.UNDATED if open_end else Standing.OUTSIDE
    return f"""CASE WHEN recorded_first IS NULL THEN {Standing.UNDATED:d}
        WHEN {_inside("recorded", now, day)} THEN {Standing.UNDATED:d}
        WHEN {_before("recorded")} THEN {before:d} ELSE {Standing.IMPRECISE:d} END"""


def by_entries() -> str:
    """The cell of a row of `found` that needs no negative; null where one is wanted."""
    stands = " ".join(f"WHEN {each:d} THEN {cell(REASONS[each])}" for each in sorted(OPEN))
    graded = f"""CASE grade WHEN 0 THEN {cell(Reason.VALUE_FAILS)} WHEN 1 THEN {cell(Reason.NEEDS_REVIEW)}
        ELSE {cell(Reason.RECORDED)} END"""
    return f"""CASE WHEN odd OR best = {_UNTOLD} THEN {UNDECIDED} WHEN best = {Standing.RECORDED:d} THEN {graded}
        ELSE CASE best {stands} END END"""


def offered(
    leaves: Mapping[int, Diagnosed], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """What denies, and what could be what is asked: `condition_negative`, `condition_doubtful` and `condition_passed`.

    A refuted entry says nothing of a question about any time of a life. Of what only tests deny, nothing is offered.
    """
    plain = {leaf: each for leaf, each in leaves.items() if each.tested is None and each.gate is None}
    ever = [-1, *(leaf for leaf, each in plain.items() if each.ask is Ask.EVER)]
    yield from _statements(plain, codings, now, day)
    resolved = f"standing = {Standing.RESOLVED:d} AND abatement_start IS NOT NULL"
    said = f"CASE WHEN {resolved} THEN abatement_end ELSE COALESCE(recorded_end, onset_end) END"
    yield f"""condition_negative AS (
    SELECT leaf, patient, concepts & whole AS concepts,
        CASE standing WHEN {Standing.REFUTED:d} THEN {RANK[Reason.REFUTED]}
            WHEN {Standing.RESOLVED:d} THEN {RANK[Reason.RESOLVED]} ELSE {RANK[Reason.VALUE_FAILS]} END AS rank,
        {said} AS said
    FROM entry WHERE leaf IN ({numbers(plain)}) AND concepts & whole <> 0
        AND (standing = {Standing.RESOLVED:d} OR (standing = {Standing.SHORT:d} AND ask = '{Ask.PRESENT}')
            OR (standing = {Standing.FAILS:d} AND ask = '{Ask.PRESENT}'
                AND COALESCE(recorded_first, onset_first) >= listed_since
                AND COALESCE(recorded_last, onset_last) <= {day})
            OR (standing = {Standing.REFUTED:d} AND leaf NOT IN ({numbers(ever)})))
    UNION ALL SELECT leaf, patient, -1 AS concepts, {RANK[Reason.EXPLICITLY_ABSENT]} AS rank, said
    FROM stated WHERE reason = 'inside')"""
    never = ", ".join(f"{each:d}" for each in (Standing.REFUTED, Standing.SHORT, Standing.FAILS, Standing.OUTSIDE))
    ended = "COALESCE(abatement_end, t1)"
    histories: list[tuple[Value, ...]] = [
        (leaf, each.key)
        for leaf, asked in leaves.items()
        if asked.ask is not Ask.PRESENT
        for each in codings
        if not history_of(each.codes, terminology).isdisjoint(asked.concepts)
    ]
    yield rows("past_coded", (("leaf", "INTEGER"), ("coded", "BIGINT")), histories)
    yield f"""past AS (SELECT p.leaf, c.patient FROM conditions c JOIN past_coded p ON c.coded = p.coded
    UNION SELECT leaf, patient FROM stood WHERE unclassified <> 0 AND other = {_UNTOLD})"""
    yield f"""condition_doubtful AS (
    SELECT leaf, patient, unclassified AS concepts, FALSE AS known, other = {Standing.RESOLVED:d} AS closed,
        CASE WHEN other = {Standing.RESOLVED:d} THEN {ended} END AS ended
    FROM stood WHERE unclassified <> 0 AND other NOT IN ({never}) AND NOT (qualified AND graded = 0)
    UNION ALL SELECT leaf, patient, concepts, TRUE AS known, TRUE AS closed, {ended} AS ended
    FROM entry WHERE standing = {Standing.RESOLVED:d})"""
    passed = " ".join(
        f"WHEN '{each.value}' THEN {cell(each)}" for each in (Reason.UNDATED, Reason.STALE, Reason.IMPRECISE_DATE)
    )
    yield f"""condition_passed AS (
    SELECT leaf, patient, CASE MAX_BY(reason, ROW(resource, fact)) {passed} END AS code
    FROM stated WHERE reason <> 'inside' GROUP BY leaf, patient)"""


def _statements(leaves: Mapping[int, Diagnosed], codings: Sequence[Codings], now: str, day: str) -> Iterator[str]:
    """The explicit "no known …" entries that count, and whether each is fresh, or why not."""
    columns = (("leaf", "INTEGER"), ("coded", "BIGINT"), ("stated_since", "DATE"))
    held: list[tuple[Value, ...]] = [
        (leaf, key, each.stated_since)
        for leaf, each in leaves.items()
        if each.absent
        for key in sorted(holding(codings, each.absent))
    ]
    said = {end: f"COALESCE(c.recorded_{end}, c.onset_{end})" for end in ("start", "end", "first", "last")}
    yield rows("absent", columns, held)
    yield f"""stated AS (
    SELECT a.leaf, c.patient, c.resource, c.fact, {said["end"]} AS said, CASE
        WHEN {said["start"]} IS NULL THEN '{Reason.UNDATED.value}'
        WHEN {said["first"]} >= a.stated_since AND {said["last"]} <= {day} THEN 'inside'
        WHEN {said["last"]} < a.stated_since THEN '{Reason.STALE.value}'
        ELSE '{Reason.IMPRECISE_DATE.value}' END AS reason
    FROM conditions c JOIN absent a ON c.coded = a.coded
    WHERE c.verification = 'confirmed' AND (c.clinical IS NULL OR c.clinical NOT IN ({names((*CLOSED, UNREADABLE))}))
        AND ({said["start"]} IS NULL OR {said["start"]} <= {now}))"""


def cells(leaves: Mapping[int, Diagnosed]) -> Iterator[str]:
    """What entries and tests say by themselves, and who is to be denied: `condition_said` and `condition_pending`."""
    plain = {leaf for leaf, each in leaves.items() if each.tested is None and each.gate is None}
    tested = {leaf for leaf, each in leaves.items() if each.tested is not None}
    gates = {leaf for leaf, each in leaves.items() if each.gate is not None}
    yield f"""asking AS (
    SELECT leaf, patient FROM found WHERE leaf IN ({numbers(plain)})
    UNION SELECT leaf, patient FROM condition_doubtful WHERE leaf IN ({numbers(plain)})
    UNION SELECT leaf, patient FROM stated UNION SELECT leaf, patient FROM past
    UNION SELECT leaf, patient FROM doubting WHERE leaf IN ({numbers(plain)}))"""
    yield """unsafe AS (SELECT leaf, patient, MIN(sure) AS sure FROM doubting WHERE sure > 0 GROUP BY leaf, patient)"""
    yield f"""said AS (
    SELECT k.leaf, k.patient, CASE WHEN best = {Standing.RECORDED:d} AND t.patient IS NOT NULL OR h.patient IS NOT NULL
        THEN {UNDECIDED} ELSE {by_entries()} END AS code, CASE WHEN COALESCE(f.outside, FALSE)
        THEN {cell(Reason.OUTSIDE_WINDOW)} ELSE COALESCE(p.code, {cell(Reason.NO_DATA)}) END AS otherwise
    FROM asking k LEFT JOIN found f ON k.leaf = f.leaf AND k.patient = f.patient
    LEFT JOIN condition_passed p ON k.leaf = p.leaf AND k.patient = p.patient
    LEFT JOIN (SELECT DISTINCT leaf, patient FROM stated WHERE reason = 'inside') t
        ON k.leaf = t.leaf AND k.patient = t.patient
    LEFT JOIN past h ON k.leaf = h.leaf AND k.patient = h.patient)"""
    nothing = f"CASE WHEN outside THEN {cell(Reason.OUTSIDE_WINDOW)} ELSE {cell(Reason.NO_DATA)} END"
    yield f"""condition_pending AS (
    SELECT leaf, patient, otherwise FROM said WHERE code IS NULL
    UNION ALL SELECT leaf, patient, {nothing} AS otherwise FROM settled WHERE code IS NULL
    UNION ALL SELECT d.leaf, d.patient, {cell(Reason.NO_DATA)} AS otherwise
        FROM (SELECT leaf, patient FROM condition_doubtful UNION SELECT leaf, patient FROM unsafe) d
        LEFT JOIN settled s ON d.leaf = s.leaf AND d.patient = s.patient
        WHERE d.leaf IN ({numbers(tested)}) AND s.patient IS NULL)"""
    gate = f"CASE WHEN odd THEN {UNDECIDED} ELSE {cell(Reason.NEEDS_REVIEW)} END"
    yield f"""condition_said AS (
    SELECT leaf, patient, code FROM said WHERE code IS NOT NULL
    UNION ALL {_unless_doubted("settled")} WHERE d.code IS NOT NULL
    UNION ALL SELECT leaf, patient, {gate} AS code FROM found
        WHERE leaf IN ({numbers(gates)}) AND (odd OR best = {Standing.RECORDED:d}))"""


def unless_doubted() -> str:
    """The cells of `denied`, where no doubt makes a negative unsafe, or is all that there is to ask about."""
    return _unless_doubted("denied")


def _unless_doubted(table: str) -> str:
    asked = f"(d.code < {UNIT} OR d.code = {cell(Reason.NO_DATA)})"
    return f"""SELECT d.leaf, d.patient, CASE WHEN {asked} AND u.sure = 1 THEN {cell(Reason.NEEDS_REVIEW)}
        WHEN {asked} AND u.sure = 2 THEN {UNDECIDED} ELSE d.code END AS code
    FROM {table} d LEFT JOIN unsafe u ON d.leaf = u.leaf AND d.patient = u.patient"""
