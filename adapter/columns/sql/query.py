"""Bound definitions, a policy and an as-of -> one query over the tables of facts.

Each leaf is asked once, whatever criteria share it. Its cell is what its kind's rows come to where a patient's record
holds something that bears on it, and what the evaluation makes of an empty record where it holds nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from adapter.columns.sql import (
    allergies,
    cells,
    conditions,
    courses,
    exposures,
    infections,
    person,
    pregnancies,
    reckoned,
    several,
    values,
)
from adapter.columns.sql.cells import TOGETHER, Codings, Question, holding
from adapter.columns.sql.defaults import Nothing, defaults, filled, lost
from adapter.columns.sql.text import Step, Value, literal, numbers, read_by, rows, step
from adapter.columns.sql.tree import CODES, Node, Study, Trees, attesting, decision, study_of
from adapter.criteria.model import Leaf
from adapter.criteria.policy import Policy
from adapter.evaluator.bound import BoundCriterion, BoundDefinition, bind_leaf, by_diagnoses
from adapter.evaluator.columns import (
    Allergic,
    Consented,
    CourseOf,
    Diagnosed,
    Exempt,
    Exposed,
    Fixed,
    Latest,
    OfPerson,
    Pregnant,
    Scored,
    Setting,
    Several,
    Undecided,
)
from adapter.evaluator.indication import bears_on
from adapter.evaluator.kind import kind_of
from adapter.evaluator.moment import moment_at
from adapter.record.patient_record import ANY_TYPE

TABLES: Final = (
    "patients",
    "observations",
    "attestations",
    "conditions",
    "exposures",
    "allergies",
    "consents",
    "entries",
)
"""The tables of facts that queries read, each as a view of its name with `facts_` before it."""

_WANTED = "wanted"
"""The patients with an indication, where nobody else is asked for."""

_LACKS = f"(LIST_CONTAINS(unread, '{ANY_TYPE}') OR LIST_CONTAINS(unread, 'Condition'))"
"""Of whom a diagnosis could not be read: it may be the index disease."""

_PASSING = frozenset({*TABLES, "obs", "weighed_value", "weighed_several", "measured", "told"})
"""Relations that are too large to keep, or read once; facts are kept of patients with an indication."""

_BOUND_TO_SEX = Fixed | Diagnosed | Pregnant | Undecided

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """A query in DuckDB's SQL (`text.for_spark` has Spark's): a row a patient, with the columns that `studies` name.

    `steps`: its relations, each of which reads facts and those before it; `last` reads them. `unsaid`: the keys of the
    leaves that columns can't say.
    """

    steps: tuple[Step, ...]
    last: str
    studies: tuple[Study, ...]
    unsaid: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it as one statement."""
        return f"WITH {', '.join(f'{each.name} AS ({each.text})' for each in self.steps)}\n{self.last}"


def compiled(
    bounds: Sequence[BoundDefinition],
    policy: Policy,
    as_of: datetime,
    codings: Sequence[Codings],
    *,
    indicated_only: bool = False,
    reasons: bool = True,
) -> Query:
    """The query for some definitions of one terminology, at an aware instant.

    `codings`: every row of the table `coded`. `indicated_only`: of patients who have, or may have, the index disease of
    one of the studies, without the facts on all others. `reasons`: false for nothing but truths.
    """
    whole = _Compiler(bounds, policy, as_of, codings, whole=True)
    return whole.query(indicated_only=indicated_only, reasons=reasons)


def indicated(bounds: Sequence[BoundDefinition], policy: Policy, as_of: datetime, codings: Sequence[Codings]) -> Query:
    """The query for nothing but who has an indication."""
    return _Compiler(bounds, policy, as_of, codings, whole=False).query()


class _Compiler:
    def __init__(
        self,
        bounds: Sequence[BoundDefinition],
        policy: Policy,
        as_of: datetime,
        codings: Sequence[Codings],
        *,
        whole: bool,
    ) -> None:
        self.bounds = bounds
        self.terminology = bounds[0].terminology
        moment = moment_at(as_of, policy.time_zone)
        self.policy = policy.in_force(moment.day)
        self.setting = Setting(self.terminology, self.policy, moment)
        self.now, self.day = literal(moment.as_of), literal(moment.day)
        self.codings = codings
        self.by_limits = self.policy.normal_limits == policy.normal_limits
        self.nothing = Nothing(self.terminology, self.policy, moment)
        self.leaves: dict[str, Question] = {}
        self.tops = [bound.criteria if whole else () for bound in bounds]
        for bound, top in zip(bounds, self.tops, strict=True):
            self.setting = self.setting._replace(names=bound.definition.names)
            for each in (*(criterion for _, criterion in top), *([bound.index] if bound.index else ())):
                self._add(each, bound)

    def _add(self, bound: BoundCriterion, study: BoundDefinition) -> None:
        for part in bound.parts:
            self._add(part, study)
        statement = bound.statement
        if not isinstance(statement, Leaf) or bound.evaluation is None or bound.key in self.leaves:
            return
        asked = kind_of(statement).columns(statement, self.setting) if self.by_limits else None
        self.leaves[bound.key] = Question(len(self.leaves), bound, asked, *self.nothing.cells(bound.evaluation))
        if isinstance(asked, Several):
            for each in (*asked.events, *asked.others):
                self._add(bind_leaf(each, study), study)
        if isinstance(asked, _BOUND_TO_SEX) and asked.exempt is not None:
            self._add(bind_leaf(asked.exempt.pregnancy, study), study)

    def of(self, kind: type[T]) -> dict[int, T]:
        """The leaves that ask something of that kind."""
        return {leaf.number: leaf.asked for leaf in self.leaves.values() if isinstance(leaf.asked, kind)}

    def query(self, *, indicated_only: bool = False, reasons: bool = True) -> Query:
        trees = Trees({key: leaf.number for key, leaf in self.leaves.items()}, reasons=reasons)
        tops = [[(role, trees.add(criterion)) for role, criterion in top] for top in self.tops]
        indexes = [trees.add(bound.index) if bound.index else None for bound in self.bounds]
        cells = self._cells() if self.leaves else ()
        parts = [*self._tables(indicated_only=indicated_only), *cells, *self._wide(trees.attested)]
        studies = []
        columns = []
        for place, (bound, top, index) in enumerate(zip(self.bounds, tops, indexes, strict=True)):
            studies.append(study_of(place, bound, top))
            columns.append(f"{self._indicated(place, index)} AS s{place}_indicated")
            columns.append(f"{decision(bound, top) if top and reasons else 'NULL'} AS s{place}_decision")
        wanted = sorted(
            {column for study in studies for _, column in study.nodes} | {c for s in studies for c in s.criteria}
        )
        last = f"SELECT patient, {', '.join([*wanted, *columns])}\nFROM ({trees.over('SELECT * FROM wide')})"
        unsaid = tuple(
            leaf.bound.key for leaf in self.leaves.values() if leaf.asked is None or isinstance(leaf.asked, Undecided)
        )
        steps = [step(each) for each in parts]
        passing = _PASSING.difference(TABLES) if any(each.name == _WANTED for each in steps) else _PASSING
        kept = tuple(each._replace(kept=each.name not in passing) for each in read_by(last, steps))
        return Query(kept, last, tuple(studies), unsaid)

    def _tables(self, *, indicated_only: bool) -> Iterator[str]:
        """The facts; where only patients with an indication are asked for, none of the others, and picked out once."""
        yield self._index_rows()
        some = indicated_only and by_diagnoses(self.bounds)
        where = f" WHERE patient IN (SELECT patient FROM {_WANTED})" if some else ""
        if some:
            yield f"""{_WANTED} AS (SELECT DISTINCT patient FROM facts_conditions c
    JOIN index_coded i ON c.coded = i.coded WHERE c.verification <> 'refuted'
    UNION SELECT patient FROM facts_patients WHERE {_LACKS})"""
        for name in TABLES:
            columns = "* EXCLUDE (version, unit, string, interpretation)" if name == "observations" else "*"
            yield f"{name} AS (SELECT {columns} FROM facts_{name}{where})"
        studies = numbers(range(len(self.bounds)))
        yield f"""indication AS (
    SELECT study, patient, MAX(known) AS known FROM (
        SELECT i.study, c.patient, i.known FROM conditions c JOIN index_coded i ON c.coded = i.coded
        WHERE c.verification <> 'refuted'
        UNION ALL SELECT UNNEST(LIST_VALUE({studies})), patient, 1 FROM patients WHERE {_LACKS})
    GROUP BY study, patient)"""

    def _index_rows(self) -> str:
        held: list[tuple[Value, ...]] = []
        for place, bound in enumerate(self.bounds):
            index = bound.definition.index
            if not isinstance(index, tuple):
                continue
            for each in self.codings:
                known, nobody_knows = bears_on(index, each.codes, self.terminology)
                if known or nobody_knows:
                    held.append((place, each.key, 2 if known else 1))
        return rows("index_coded", (("study", "INTEGER"), ("coded", "BIGINT"), ("known", "INTEGER")), held)

    def _indicated(self, place: int, index: Node | None) -> str:
        """0 no, 1 yes, 2 unclear, 3 undecided."""
        if isinstance(self.bounds[place].definition.index, tuple):
            return f"CASE i{place} WHEN 2 THEN 1 WHEN 1 THEN 2 ELSE 0 END"
        if index is None:
            return "1"
        none = "CASE WHEN lacks THEN 2 ELSE 0 END"
        return f"CASE WHEN {index.name} // 64 = 2 THEN 1 WHEN {index.name} // 64 = 0 THEN {none} ELSE 3 END"

    def _cells(self) -> Iterator[str]:
        """The cells of the leaves of whom anything bears on them: `told`, of which each leaf and patient has few."""
        now, day, coded, terms = self.now, self.day, self.codings, self.terminology
        latest, diagnosed, exposed = self.of(Latest), self.of(Diagnosed), self.of(Exposed)
        allergic, course, pregnant = self.of(Allergic), self.of(CourseOf), self.of(Pregnant)
        tables = [*(each.tested for each in diagnosed.values()), *(each.tested for each in pregnant.values())]
        tests = infections.all_tests(each for each in tables if each is not None)
        analytes = {*values.analytes(latest), *infections.doubted_analytes(diagnosed)}
        analytes.update(test.analyte for test in tests)
        analytes.update(name for each in course.values() for name in (*each.blasts, *each.outside))
        yield values.observed(analytes)
        yield cells.lacking()
        told: list[str] = []
        for name, parts in self._measured(latest):
            yield from parts
            told.append(name)
        if tests:
            yield from infections.results(tests, now, day)
        if entries := diagnosed | {leaf: each.diagnosed for leaf, each in pregnant.items()}:
            yield from conditions.entries(entries, coded, terms, now, day)
        if diagnosed:
            yield from conditions.offered(diagnosed, coded, terms, now, day)
            yield from infections.doubts(diagnosed, coded, now)
            yield from infections.settled(diagnosed, tests)
            yield from conditions.cells(diagnosed)
        if exposed:
            yield from exposures.exposed(exposed, coded, terms, now, day)
        if allergic:
            yield from allergies.allergic(allergic, coded, terms, now, day)
        for name, parts in self._words(course, pregnant, tests):
            yield from parts
            told.append(name)
        lists = [
            name for name, some in (("condition", diagnosed), ("exposure", exposed), ("allergy", allergic)) if some
        ]
        told += [f"{name}_said" for name in lists]
        if lists:
            yield cells.concepts(self._concepts(diagnosed, exposed, allergic))
            yield from cells.denied(lists)
            told.append("denied")
        if diagnosed:
            told[-1] = f"({conditions.unless_doubted()})"
        yield from cells.unsaid(self.leaves.values(), coded, self.policy, terms, now)
        yield from cells.named(self.leaves.values(), terms)
        told += ["unsaid", "named"]
        yield f"told AS ({' UNION ALL '.join(f'SELECT leaf, patient, code FROM {each}' for each in told)})"

    def _measured(self, latest: Mapping[int, Latest]) -> Iterator[tuple[str, Iterator[str]]]:
        """The relations of measured values, and of those that are reckoned, each with the name of its cells."""
        if latest:
            yield "measured", values.latest(latest, self.now, self.day)
        if derived := {leaf: each for leaf, each in latest.items() if each.reckoned_from}:
            empty = {each.number: each.default for each in self.leaves.values()}
            yield "derived", reckoned.reckoned(derived, empty, self.now, self.day)

    def _words(
        self, course: Mapping[int, CourseOf], pregnant: Mapping[int, Pregnant], tests: Sequence[infections.Test]
    ) -> Iterator[tuple[str, Iterator[str]]]:
        """The relations of what somebody has said or tested, with the name of the last one."""
        if pregnant:
            yield "pregnant_said", pregnancies.pregnant(pregnant, self.codings, tests, self.now, self.day)
        if course:
            yield "course_said", courses.courses(course, self.codings, self.terminology, self.now, self.day)
        if agreed := self.of(Consented):
            yield "consenting", person.consented(agreed, self.now)

    def _concepts(
        self, diagnosed: Mapping[int, Diagnosed], exposed: Mapping[int, Exposed], allergic: Mapping[int, Allergic]
    ) -> Iterator[tuple[int, int, str, bool, bool]]:
        asked: Iterable[tuple[int, Diagnosed | Exposed | Allergic]] = (
            *diagnosed.items(), *exposed.items(), *allergic.items(),
        )  # fmt: skip
        held = self.terminology.catalogue.exposures
        for leaf, each in asked:
            of = "condition" if isinstance(each, Diagnosed) else "allergy" if isinstance(each, Allergic) else "exposure"
            if of == "exposure" and any(held[name].vaccine for name in each.concepts):
                of = "vaccine"
            for place, name in enumerate(each.concepts):
                yield leaf, place, of, name in self.policy.assumed_absent, self.policy.waives(name)

    def _exempted(self) -> Iterator[tuple[Exempt, list[Question], list[str]]]:
        """Whom leaves don't concern: those of the same exemption, and its relations; the last is `exempted…`."""
        exempt: dict[Exempt, list[Question]] = {}
        for leaf in self.leaves.values():
            if isinstance(leaf.asked, _BOUND_TO_SEX) and leaf.asked.exempt is not None:
                exempt.setdefault(leaf.asked.exempt, []).append(leaf)
        for place, (asked, leaves) in enumerate(exempt.items()):
            by = holding(self.codings, asked.by)
            yield asked, leaves, list(person.exempt(asked, place, by, self.now, self.day))

    def _wide(self, attested: Sequence[str]) -> Iterator[str]:
        """A row a patient, with a column a leaf; of whom something could not be read, nothing is decided."""
        slots = [list(self.leaves.values())[n : n + TOGETHER] for n in range(0, len(self.leaves), TOGETHER)]
        joins: list[str] = []
        columns: list[str] = []
        if slots:
            bits = ", ".join(
                f"BIT_OR(CAST(code AS BIGINT) << (8 * (leaf % {TOGETHER}))) "
                f"FILTER (WHERE leaf // {TOGETHER} = {slot}) AS b{slot}"
                for slot in range(len(slots))
            )
            yield f"by_patient AS (SELECT patient, {bits} FROM told GROUP BY patient)"
            joins.append("LEFT JOIN by_patient b ON b.patient = p.patient")
        heeded = dict.fromkeys(leaf.heeds for leaf in self.leaves.values() if leaf.heeds)
        for slot, held in enumerate(slots):
            columns.append(f"{filled(f'COALESCE(b.b{slot}, 0)', defaults(held, tuple(heeded)))} AS b{slot}")
        if attested:
            yield from attesting(attested)
            joins.append("LEFT JOIN attested a ON a.patient = p.patient")
            columns += [f"COALESCE(a.t{n}, 0) AS t{n}" for n in range(-(-len(attested) // CODES))]
        cells = {leaf.number: self._cell(leaf) for leaf in self.leaves.values() if not isinstance(leaf.asked, Several)}
        for place, (asked, leaves, parts) in enumerate(self._exempted()):
            yield from parts
            joins.append(f"LEFT JOIN exempted{place} e{place} ON e{place}.patient = p.patient")
            columns.append(f"e{place}.code AS e{place}")
            pregnant = self._cell(self.leaves[repr(asked.pregnancy)])
            for leaf in leaves:
                cells[leaf.number] = person.unless_exempt(f"e{place}", pregnant, cells[leaf.number])
        indexes: list[str] = []
        for place, bound in enumerate(self.bounds):
            if isinstance(bound.definition.index, tuple):
                indexes.append(f"i{place}")
                columns.append(f"x{place}.known AS i{place}")
                on = f"x{place}.study = {place} AND x{place}.patient = p.patient"
                joins.append(f"LEFT JOIN indication x{place} ON {on}")
        told = "".join(f", CAST({said} AS UTINYINT) AS l{leaf}" for leaf, said in cells.items())
        kept = ["dead", "lacks", *(f"t{n}" for n in range(-(-len(attested) // CODES))), *indexes]
        more = "".join(f", CAST({said} AS UTINYINT) AS l{leaf}" for leaf, said in self._several())
        yield f"""wide AS (SELECT *{more} FROM (
    SELECT patient, {", ".join(kept)}{told} FROM (SELECT {", ".join(["p.*", *columns])}
        FROM (SELECT *, {"".join(f"{lost(types)} AS u{n}, " for n, types in enumerate(heeded))}
            deceased AND (death_start IS NULL OR death_start <= {self.now}) AS dead, {_LACKS} AS lacks FROM patients) p
        {" ".join(joins)})))"""

    def _several(self) -> Iterator[tuple[int, str]]:
        """The cells of events beside one another, by those of each sort of them."""
        for leaf in self.leaves.values():
            if isinstance(leaf.asked, Several):
                sorts = (leaf.asked.events, leaf.asked.others)
                events, others = ([f"l{self.leaves[repr(part)].number}" for part in parts] for parts in sorts)
                yield leaf.number, several.beside(leaf.asked.asks, events, others)

    def _cell(self, leaf: Question) -> str:
        """The cell of a leaf: what is told of the patient, else what it is of whom nothing bears on it."""
        slot, place = divmod(leaf.number, TOGETHER)
        byte = f"CAST((b{slot} >> {8 * place}) & 255 AS UTINYINT)"
        if isinstance(leaf.asked, OfPerson):
            return f"CASE WHEN {byte} = 0 THEN {person.of_person(leaf.asked, self.day)} ELSE {byte} END"
        if isinstance(leaf.asked, Scored) and leaf.bound.evaluation is not None:
            own = self.nothing.of_person(leaf.bound.evaluation, leaf.asked.births)
            return f"CASE WHEN {byte} = 0 THEN {own} ELSE {byte} END"
        return byte
