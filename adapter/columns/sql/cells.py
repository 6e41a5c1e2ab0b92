"""What the queries of several kinds have in common: cells, what codings say, and negatives that hold.

What a query says of one leaf and patient: truth and reason in one number, as strong Kleene logic reckons with it.

A cell is `64 x truth + reason`: not met 0, unknown 1, met 2, and the reason's place in the closed list of reasons.
255 is undecided: what the query can't say exactly, and leaves to the evaluation. It has every bit, so that of several
cells of one leaf an undecided one stands when they are joined bit by bit; others are never beside one another, and 0,
a truth that its reason is not of, is none.

Which table holds what, and what the codings of some facts say of what leaves ask: once a combination of codes.

When a negative that stands on a list holds (CONFORMANCE: Negatives), for problem list, drugs and allergies alike.

Three relations of leaf and patient come in: `negative` (what is offered, and when it was said), `doubtful` (entries
that could be what is asked), and `pending` (who is to be denied, and what comes of it otherwise). Concepts are bits:
each needs a negative of its own that nothing blocks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from adapter.columns.folder import Facts
from adapter.columns.sql.text import Value, literal, names, numbers, rows
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Classified, Terminology
from adapter.criteria.truth import Truth
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.evaluator.bound import BoundCriterion
from adapter.evaluator.columns import TRUTHS, Asked, Latest, Pregnant, Scored, Undecided
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import (
    ADVERSE_EVENT,
    ALLERGY,
    ANY_ALLERGY,
    ATTESTATION,
    CONDITION,
    CONSENT,
    DEVICE,
    ENCOUNTER,
    EXPOSURE,
    FAMILY,
    MENTION,
    OBSERVATION,
    PARTICIPATION,
    PERSON,
    PLAN,
    REPORT,
    SPECIMEN,
    VACCINE,
    Data,
    Read,
)
from adapter.evaluator.reason import Reason, truth_of
from adapter.record.facts import EntryList
from adapter.record.patient_record import ANY_TYPE, ELSEWHERE
from adapter.record.values import NO_DAYS, NO_END

UNDECIDED: Final = 255
UNIT: Final = 64
"""Reasons a truth; more than there are."""

TOGETHER: Final = 7
"""Leaves whose cells share a number of 64 bits with a sign, a byte each; no cell is 0."""

_REASONS = tuple(Reason)


def cell(reason: Reason, truth: Truth | None = None) -> int:
    """The number of a reason; `truth` only of an attestation, whose reason doesn't say it."""
    known = truth_of(reason) if truth is None else truth
    return TRUTHS.index(known) * UNIT + _REASONS.index(reason)


def told(number: int) -> tuple[Truth, Reason] | None:
    """Truth and reason; None of an undecided cell."""
    return None if number == UNDECIDED else (TRUTHS[number // UNIT], _REASONS[number % UNIT])


def by_reason(column: str) -> str:
    """The cell of a column that holds a reason in words, as facts do."""
    known = " ".join(f"WHEN '{each.value}' THEN {cell(each)}" for each in _REASONS if each is not Reason.ATTESTED)
    return f"CASE {column} {known} ELSE {UNDECIDED} END"


def no_date(text: str) -> str:
    """Whether a column holds a date that stands for none (`stands_for_none`)."""
    return f"""(SUBSTRING({text}, 1, 10) IN ({names(NO_DAYS)})
        OR SUBSTRING({text}, 1, 4) BETWEEN '{NO_END}' AND '9999')"""


TABLE_OF: Final[Mapping[Data, str]] = {
    OBSERVATION: "observations",
    CONDITION: "conditions",
    ALLERGY: "allergies",
    ANY_ALLERGY: "allergies",
    EXPOSURE: "exposures",
    VACCINE: "exposures",
    CONSENT: "consents",
    **{
        data: f"entries WHERE list = '{each.value}'"
        for data, each in (
            (DEVICE, EntryList.DEVICES),
            (ENCOUNTER, EntryList.ENCOUNTERS),
            (FAMILY, EntryList.FAMILY_HISTORY),
            (PARTICIPATION, EntryList.PARTICIPATIONS),
            (PLAN, EntryList.PLANS),
            (ADVERSE_EVENT, EntryList.ADVERSE_EVENTS),
            (REPORT, EntryList.REPORTS),
            (SPECIMEN, EntryList.SPECIMENS),
        )
    },
}
"""The table that holds each sort of data, or the rows of it."""


class Codings(NamedTuple):
    """A row of the table `coded`: its key, the codings, and the value sets of the fact."""

    key: int
    codes: tuple[Coding, ...]
    value_sets: frozenset[str]

    def bearing(self, kind: ListKind, terminology: Terminology, concepts: tuple[str, ...]) -> "Bearing":
        """What they say of the asked concepts of a list, each a bit in its order."""
        said = terminology.classified(kind, self.codes)
        return Bearing(bits(said.is_, concepts), bits(said.may_be, concepts), bits(said.unclassified, concepts))

    def is_whole(self, concept: str, terminology: Terminology) -> bool:
        """Whether a drug that is not taken is the whole concept: the one drug that it is, or the class itself."""
        if concept not in self.value_sets:
            return False
        if terminology.catalogue.exposures[concept].breadth is Breadth.ENTITY:
            return True
        heads = {(each.system, each.code) for each in terminology.value_sets[concept].prefixes} | {(CONCEPTS, concept)}
        return any((each.system, each.code) in heads for each in self.codes)


def codings_of(facts: Facts) -> tuple[Codings, ...]:
    """Every row of the table `coded`."""
    return tuple(
        Codings(key, tuple(map(Coding, systems, codes)), frozenset(value_sets))
        for key, systems, codes, value_sets in facts.coded()
    )


class Question(NamedTuple):
    """One leaf: its number, what it asks (None: columns can't say), and its cell without any data.

    `lacking`: the same where something of one of the types that it `heeds` could not be read.
    """

    number: int
    bound: BoundCriterion
    asked: Asked | None
    default: int
    lacking: int
    heeds: frozenset[str]

    @property
    def is_unsaid(self) -> bool:
        """Whether anything that a record holds of it leaves it undecided."""
        return self.asked is None or isinstance(self.asked, Undecided)


class Bearing(NamedTuple):
    """Of the asked concepts those that it is, that it only may be, and for which nobody has classified it, as bits."""

    is_: int
    may_be: int
    unclassified: int


def bits(found: Iterable[str], concepts: tuple[str, ...]) -> int:
    """Names as bits, each at its place among the concepts."""
    return sum(1 << concepts.index(name) for name in set(found) if name in concepts)


def holding(codings: Iterable[Codings], sets: Collection[str]) -> set[int]:
    """The keys of what any of the value sets holds."""
    asked = frozenset(sets)
    return {each.key for each in codings if not asked.isdisjoint(each.value_sets)}


def speaking(
    codings: Iterable[Codings], sets: Collection[str], assumed: Collection[str], terminology: Terminology
) -> set[int]:
    """The keys of what a record is not without, where a statement reads these value sets (`Chart.present`)."""
    asked = frozenset(sets)
    found = set()
    for each in codings:
        if not asked.isdisjoint(each.value_sets) or any(
            _speaks(said, asked, assumed) for said in _said(each, terminology)
        ):
            found.add(each.key)
    return found


def _said(codings: Codings, terminology: Terminology) -> Iterator[Classified]:
    for kind in (ListKind.CONDITIONS, ListKind.EXPOSURES, ListKind.SUBSTANCES):
        yield terminology.classified(kind, codings.codes)


def _speaks(said: Classified, asked: frozenset[str], assumed: Collection[str]) -> bool:
    return not asked.isdisjoint(said.may_be) or any(name in assumed and name in asked for name in said.unclassified)


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


LISTS: Final[Mapping[str, frozenset[str]]] = {
    "condition": CONDITION.types,
    "exposure": EXPOSURE.types,
    "vaccine": VACCINE.types,
    "allergy": ALLERGY.types,
}
"""The types of the resources that a list is of."""


def lacking() -> str:
    """Whose lists may lack an entry that could not be read, so that nothing denies (`PatientRecord.may_lack`)."""
    told = [
        f"SELECT '{name}' AS list, patient FROM patients WHERE LEN(unread) > 0 AND ("
        + " OR ".join(f"LIST_CONTAINS(unread, '{each}')" for each in (ANY_TYPE, ELSEWHERE, *sorted(types)))
        + ")"
        for name, types in LISTS.items()
    ]
    return f"lacking AS ({' UNION ALL '.join(told)})"


def concepts(held: Iterable[tuple[int, int, str, bool, bool]]) -> str:
    """The concepts of the leaves: leaf, place, list; does the policy assume its absence, and does it waive entries."""
    columns = (
        ("leaf", "INTEGER"), ("place", "INTEGER"), ("list", "VARCHAR"), ("assumed", "BOOLEAN"), ("waived", "BOOLEAN"),
    )  # fmt: skip
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
        CASE WHEN COALESCE(a.open, FALSE) OR k.patient IS NOT NULL THEN NULL {holds}
            WHEN c.assumed THEN {RANK[Reason.ASSUMED_ABSENT]} END AS rank,
        k.patient IS NULL AND (c.assumed OR COALESCE(o.held, 0) > 0)
            AND (COALESCE(a.unknown, FALSE) OR COALESCE(a.unknown_ended > o.first_said, FALSE)) AS unmapped
    FROM pending p JOIN concept c ON p.leaf = c.leaf
    LEFT JOIN offered o ON o.leaf = p.leaf AND o.patient = p.patient AND o.place = c.place
    LEFT JOIN against a ON a.leaf = p.leaf AND a.patient = p.patient AND a.place = c.place
    LEFT JOIN lacking k ON k.patient = p.patient AND k.list = c.list)"""
    weakest = " ".join(f"WHEN {rank} THEN {cell(reason)}" for reason, rank in RANK.items())
    yield f"""denied AS (
    SELECT leaf, patient, CASE
        WHEN COUNT(*) = COUNT(rank) THEN CASE MAX(rank) {weakest} END
        WHEN MIN_BY(unmapped, place) FILTER (WHERE rank IS NULL) THEN {cell(Reason.UNMAPPED_CODE)}
        ELSE MAX(otherwise) END AS code
    FROM weighed GROUP BY leaf, patient)"""


def unsaid(
    leaves: Iterable[Question], codings: Sequence[Codings], policy: Policy, terminology: Terminology, now: str
) -> Iterator[str]:
    """Who has anything on record that a leaf reads, and its rows can't say."""
    found: list[str] = []
    held = terminology.catalogue.conditions
    mature = holding(codings, {name for name, each in held.items() if each.mature})
    blastic = holding(codings, {n for name, each in held.items() if each.blastic for n in (name, *each.may_be)})
    # What counts of blasts say of a tumour that has none is for the evaluation.
    yield f"""no_blasts AS (
    SELECT patient FROM conditions WHERE verification = 'confirmed' AND coded IN ({numbers(mature)})
    EXCEPT SELECT patient FROM conditions WHERE verification = 'confirmed' AND coded IN ({numbers(blastic)}))"""
    for leaf in leaves:
        where: list[str] = []
        analytes = (terminology.catalogue.analytes.get(each.value_set or "") for each in _read(leaf, terminology))
        if counted := {name for each in analytes if each is not None for name in each.of_blasts}:
            where.append(f"observations SEMI JOIN no_blasts USING (patient) WHERE value_set IN ({names(counted)})")
        if isinstance(leaf.asked, Pregnant) and not leaf.asked.sets.isdisjoint(policy.assumed_absent):
            where += _with_any(leaf.asked.sets, codings, policy, terminology)[1:]
        if isinstance(leaf.asked, Latest) and leaf.asked.reckoned_from:
            open_ = f"ANTI JOIN (SELECT patient FROM answered_without WHERE leaf = {leaf.number}) s USING (patient)"
            where += [f"{_reckoned(each, leaf.asked.analyte.id, now)} {open_}" for each in leaf.asked.reckoned_from]
            where.append(f"(SELECT patient FROM ageless WHERE leaf = {leaf.number}) {open_}")
        if leaf.is_unsaid:
            sets = leaf.asked.sets if isinstance(leaf.asked, Undecided) else leaf.bound.reads
            where += (
                _with_all(leaf, codings, policy, terminology)
                if sets is None
                else _with_any(sets, codings, policy, terminology)
            )
        if isinstance(leaf.asked, Scored):
            sets = frozenset(each.value_set for each in _read(leaf, terminology) if each.value_set)
            where += _with_any(sets, codings, policy, terminology)
        found += [f"SELECT {leaf.number} AS leaf, patient, {UNDECIDED} AS code FROM {each}" for each in where]
    nobody = f"SELECT -1 AS leaf, patient, {UNDECIDED} AS code FROM patients WHERE FALSE"
    yield f"unsaid AS ({' UNION ALL '.join(found) or nobody})"


def named(leaves: Iterable[Question], terminology: Terminology) -> Iterator[str]:
    """Of whom something is named outside its own list that may keep a negative open: that stands in the records."""
    naming: list[tuple[Value, ...]] = []
    for leaf in leaves:
        read, open_ = _read(leaf, terminology), leaf.asked is None or isinstance(leaf.asked, Scored)
        held = {each.value_set for each in read if each.value_set and (open_ or each.data is MENTION)}
        naming += [(leaf.number, name) for name in sorted(held)]
    if not naming:
        yield f"named AS (SELECT -1 AS leaf, patient, {UNDECIDED} AS code FROM patients WHERE FALSE)"
        return
    yield rows("naming", (("leaf", "INTEGER"), ("concept", "VARCHAR")), naming)
    yield f"""named AS (
    SELECT n.leaf, m.patient, {UNDECIDED} AS code
    FROM (SELECT patient, UNNEST(mentions) AS concept FROM patients) m JOIN naming n ON n.concept = m.concept)"""


def _read(leaf: Question, terminology: Terminology) -> Sequence[Read]:
    return tuple(reads_of(leaf.bound.statement, terminology.catalogue))


def _reckoned(inputs: tuple[str, ...], analyte: str, now: str) -> str:
    """Of whom a formula may say something: of the first input there is a value, and of all others, or of nothing else.

    Without a first one it gives no value and no other reason; without another one, no value where one is reported.
    """
    held = [f"COUNT(*) FILTER (WHERE value_set = {literal(each)}) > 0" for each in inputs]
    own = f"COUNT(*) FILTER (WHERE value_set = {literal(analyte)} AND counts AND time_start <= {now}) = 0"
    every = " AND ".join(held)
    return f"""(SELECT patient FROM observations WHERE value_set IN ({names({*inputs, analyte})})
        GROUP BY patient HAVING {held[0]} AND ({own} OR ({every})))"""


def _with_any(sets: frozenset[str], codings: Sequence[Codings], policy: Policy, terminology: Terminology) -> list[str]:
    """Where a record holds any of the value sets (`Chart.present`)."""
    keys = speaking(codings, sets, policy.assumed_absent, terminology)
    lists = [f"{table} WHERE coded IN ({numbers(keys)})" for table in ("conditions", "exposures", "allergies")]
    return [f"observations WHERE value_set IN ({names(sets)})", *lists]


def _with_all(leaf: Question, codings: Sequence[Codings], policy: Policy, terminology: Terminology) -> list[str]:
    """Where a record holds any row of what a leaf reads that no value sets tell apart, or what it reads beside that.

    Of diagnoses whatever their code it is those of some grade (`kinds.entries.elsewhere.graded`).
    """
    read = _read(leaf, terminology)
    every = {each.data for each in read if not each.data.coded and each.data is not ATTESTATION}
    sets = frozenset(each.value_set for each in read if each.value_set and each.data.coded)
    beside = _with_any(sets, codings, policy, terminology)
    if any(each.data is CONDITION and each.value_set is None for each in read):
        beside.append("conditions WHERE LEN(levels) > 0")
    return ["patients"] if PERSON in every else [*sorted({TABLE_OF[each] for each in every}), *beside]
