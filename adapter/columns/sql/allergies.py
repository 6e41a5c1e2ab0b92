"""Allergies and intolerances to a substance: the family of `allergy` (CONFORMANCE: Exposure, allergy; Negatives)."""

from collections.abc import Iterator, Mapping, Sequence

from adapter.columns.sql.cells import RANK, UNDECIDED, Codings, cell, holding
from adapter.columns.sql.text import Value, names, rows
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import Allergic
from adapter.evaluator.reason import Reason
from adapter.kinds.allergy import ORDER, TESTED
from adapter.record.facts import CLOSED, UNREADABLE, Severity

_RANK = {reason: place for place, reason in enumerate(ORDER)}
_DENYING = _RANK[Reason.REFUTED]
"""The first place of what denies."""


def allergic(
    leaves: Mapping[int, Allergic], codings: Sequence[Codings], terminology: Terminology, now: str, day: str
) -> Iterator[str]:
    """The relations: `allergy_said`, and what the denials take."""
    yield from _asked(leaves, codings, terminology)
    yield f"""reacting AS (
    SELECT b.*, e.patient, e.resource, {_said("a")} AS plain,
        COALESCE(e.onset_end, e.recorded_end) AS t1, COALESCE(e.recorded_end, e.onset_end) AS said
    FROM allergies e JOIN allergy_coded b ON e.coded = b.coded JOIN asked_allergy a ON a.leaf = b.leaf
    WHERE COALESCE(e.onset_start, e.recorded_start) IS NULL OR COALESCE(e.onset_start, e.recorded_start) <= {now})"""
    question = f"CASE WHEN plain = {_RANK[Reason.RECORDED]} THEN {_RANK[Reason.NEEDS_REVIEW]} ELSE plain END"
    yield f"""reacted AS (
    SELECT leaf, patient, crossing, COUNT(DISTINCT resource) < COUNT(*)
            OR BOOL_OR(is_ <> 0 AND may_be <> 0) AS odd,
        MIN(CASE WHEN is_ = 0 THEN {question} ELSE plain END) AS best
    FROM reacting WHERE is_ <> 0 OR may_be <> 0 GROUP BY leaf, patient, crossing)"""
    yield f"""allergy_diagnosed AS (
    SELECT DISTINCT d.leaf, c.patient FROM conditions c JOIN allergy_diagnosis d ON c.coded = d.coded
    WHERE c.verification <> 'refuted' AND (c.clinical IS NULL OR c.clinical NOT IN ({names(CLOSED)}))
        AND (COALESCE(c.onset_start, c.recorded_start) IS NULL
            OR COALESCE(c.onset_start, c.recorded_start) <= {now}))"""
    yield _statements(now, day)
    values = f"plain = {_RANK[Reason.VALUE_FAILS]}"
    ranks = " ".join(
        f"WHEN {_RANK[each]} THEN {RANK[each]}" for each in (Reason.REFUTED, Reason.RESOLVED, Reason.VALUE_FAILS)
    )
    yield f"""allergy_negative AS (
    SELECT leaf, patient, CASE WHEN {values} THEN -1 ELSE (is_ | may_be) & whole END AS concepts,
        CASE plain {ranks} END AS rank, said
    FROM reacting WHERE NOT crossing AND (is_ <> 0 OR may_be <> 0) AND plain >= {_DENYING}
        AND ({values} OR (is_ | may_be) & whole <> 0)
    UNION ALL SELECT leaf, patient, -1 AS concepts, {RANK[Reason.EXPLICITLY_ABSENT]} AS rank, said
    FROM allergy_stated WHERE reason = 'inside')"""
    resolved = f"plain = {_RANK[Reason.RESOLVED]}"
    yield f"""allergy_doubtful AS (
    SELECT leaf, patient, unclassified AS concepts, FALSE AS known, {resolved} AS closed,
        CASE WHEN {resolved} THEN t1 END AS ended
    FROM reacting WHERE NOT crossing AND unclassified <> 0
        AND plain NOT IN ({_RANK[Reason.REFUTED]}, {_RANK[Reason.VALUE_FAILS]}))"""
    yield from _cells()


def _cells() -> Iterator[str]:
    told = " ".join(f"WHEN {place} THEN {cell(reason)}" for reason, place in _RANK.items())
    passed = " ".join(
        f"WHEN '{each.value}' THEN {cell(each)}" for each in (Reason.UNDATED, Reason.STALE, Reason.IMPRECISE_DATE)
    )
    yield f"""allergy_passed AS (
    SELECT leaf, patient, CASE MAX_BY(reason, resource) {passed} END AS code
    FROM allergy_stated WHERE reason <> 'inside' GROUP BY leaf, patient)"""
    yield """allergy_asking AS (
    SELECT leaf, patient FROM reacted UNION SELECT leaf, patient FROM allergy_diagnosed
    UNION SELECT leaf, patient FROM allergy_doubtful UNION SELECT leaf, patient FROM allergy_stated)"""
    yield f"""allergy_found AS (
    SELECT k.leaf, k.patient, CASE
            WHEN o.odd OR x.odd OR (o.best = {_RANK[Reason.RECORDED]} AND t.patient IS NOT NULL) THEN {UNDECIDED}
            WHEN o.best < {_DENYING} THEN CASE o.best {told} END
            WHEN x.best < {_DENYING} OR d.patient IS NOT NULL THEN {cell(Reason.NEEDS_REVIEW)} END AS code,
        COALESCE(p.code, {cell(Reason.NO_DATA)}) AS otherwise
    FROM allergy_asking k
    LEFT JOIN (SELECT * FROM reacted WHERE NOT crossing) o ON k.leaf = o.leaf AND k.patient = o.patient
    LEFT JOIN (SELECT * FROM reacted WHERE crossing) x ON k.leaf = x.leaf AND k.patient = x.patient
    LEFT JOIN allergy_diagnosed d ON k.leaf = d.leaf AND k.patient = d.patient
    LEFT JOIN (SELECT DISTINCT leaf, patient FROM allergy_stated WHERE reason = 'inside') t
        ON k.leaf = t.leaf AND k.patient = t.patient
    LEFT JOIN allergy_passed p ON k.leaf = p.leaf AND k.patient = p.patient)"""
    yield "allergy_pending AS (SELECT leaf, patient, otherwise FROM allergy_found WHERE code IS NULL)"
    yield "allergy_said AS (SELECT leaf, patient, code FROM allergy_found WHERE code IS NOT NULL)"


def _asked(leaves: Mapping[int, Allergic], codings: Sequence[Codings], terminology: Terminology) -> Iterator[str]:
    substances = terminology.catalogue.substances
    yield rows(
        "asked_allergy",
        (("leaf", "INTEGER"), ("severe", "BOOLEAN")),
        [(leaf, each.severe) for leaf, each in leaves.items()],
    )
    bearing: list[tuple[Value, ...]] = []
    diagnoses: list[tuple[Value, ...]] = []
    absent: list[tuple[Value, ...]] = []
    for leaf, asked in leaves.items():
        whole = sum(1 << n for n, name in enumerate(asked.concepts) if substances[name].breadth is Breadth.ENTITY)
        for each in codings:
            said = each.bearing(ListKind.SUBSTANCES, terminology, asked.concepts)
            if any(said):
                bearing.append((leaf, each.key, False, *said, whole))
            crossed = each.bearing(ListKind.SUBSTANCES, terminology, asked.crossing)
            if crossed.is_ or crossed.may_be:
                bearing.append((leaf, each.key, True, crossed.is_, crossed.may_be, 0, 0))
        diagnoses += [(leaf, key) for key in sorted(holding(codings, asked.diagnosed))]
        absent += [(leaf, key, asked.stated_since) for key in sorted(holding(codings, asked.absent))]
    columns = (
        ("leaf", "INTEGER"), ("coded", "BIGINT"), ("crossing", "BOOLEAN"), ("is_", "BIGINT"), ("may_be", "BIGINT"),
        ("unclassified", "BIGINT"), ("whole", "BIGINT"),
    )  # fmt: skip
    yield rows("allergy_coded", columns, bearing)
    yield rows("allergy_diagnosis", (("leaf", "INTEGER"), ("coded", "BIGINT")), diagnoses)
    yield rows("allergy_absent", (("leaf", "INTEGER"), ("coded", "BIGINT"), ("stated_since", "DATE")), absent)


def _said(asked: str) -> str:
    """What an entry says, as the place of its reason in the order of strength."""
    return f"""CASE WHEN e.verification = 'refuted' THEN {_RANK[Reason.REFUTED]}
        WHEN e.clinical IN ({names(CLOSED)}) AND (e.clinical = '{TESTED}' OR e.severity <> '{Severity.SEVERE}')
            THEN {_RANK[Reason.RESOLVED]}
        WHEN {asked}.severe AND e.severity = '{Severity.NOT_SEVERE}' THEN {_RANK[Reason.VALUE_FAILS]}
        WHEN e.verification = 'unconfirmed' THEN {_RANK[Reason.UNCONFIRMED]}
        WHEN e.clinical IN ({names((*CLOSED, UNREADABLE))}) OR ({asked}.severe AND e.severity = '{Severity.OPEN}')
            THEN {_RANK[Reason.NEEDS_REVIEW]}
        ELSE {_RANK[Reason.RECORDED]} END"""


def _statements(now: str, day: str) -> str:
    """The explicit "no known allergies" that count, and whether each is fresh, or why not."""
    said = {end: f"COALESCE(e.recorded_{end}, e.onset_{end})" for end in ("start", "end", "first", "last")}
    return f"""allergy_stated AS (
    SELECT a.leaf, e.patient, e.resource, {said["end"]} AS said, CASE
        WHEN {said["start"]} IS NULL THEN '{Reason.UNDATED.value}'
        WHEN {said["first"]} >= a.stated_since AND {said["last"]} <= {day} THEN 'inside'
        WHEN {said["last"]} < a.stated_since THEN '{Reason.STALE.value}'
        ELSE '{Reason.IMPRECISE_DATE.value}' END AS reason
    FROM allergies e JOIN allergy_absent a ON e.coded = a.coded
    WHERE e.verification = 'confirmed' AND (e.clinical IS NULL OR e.clinical NOT IN ({names((*CLOSED, UNREADABLE))}))
        AND ({said["start"]} IS NULL OR {said["start"]} <= {now}))"""
