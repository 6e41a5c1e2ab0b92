"""SQL over facts says what the evaluator says, or leaves it undecided; and a slip in it would be found."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from adapter.columns.folder import Facts
from adapter.columns.sql.local import Local, open_local
from adapter.columns.sql.query import Query, compiled, indicated
from adapter.columns.sql.text import Step, for_spark
from adapter.criteria.model import Leaf
from adapter.criteria.policy import Policy
from adapter.evaluator import bind
from adapter.evaluator.extent import Relation
from adapter.evaluator.verdict import Verdict
from adapter.kinds.condition.statement import Condition, Grade
from adapter.kinds.entries.statement import AdverseEvent
from adapter.kinds.events.gathered import Events
from adapter.kinds.events.sequence import Order, Reference, Which
from adapter.record import PatientRecord
from demo.cohort import cohort
from tests.properties import core, patients
from tests.unit.columns import people
from tests.unit.columns.answers import Differences, differences, expected, write
from tests.unit.columns.people import AS_OF
from tests.unit.evaluator.small import trial

MADE, OF_COHORT, OF_SITE = 240, 60, 40
SITES = Path(__file__).parents[3] / "demo" / "sites"
MOST_UNDECIDED = 0.02  # hypothesis makes other patients, some of them stranger, when other modules are loaded
WORD = re.compile(r"\w+")


def made(count: int, number: int) -> list[tuple[str, bytes]]:
    """Patients about the criteria of the five trials, each of an id of its own; the same number makes the same ones."""
    found: list[tuple[str, bytes]] = []

    @seed(number)
    @settings(
        max_examples=count, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(patients.patients)
    def make(resources: list[core.Json]) -> None:
        name = f"made{len(found)}"
        found.append((name, bundle_of(name, resources)[1]))

    make()
    return found[:count]


def bundle_of(name: str, resources: list[core.Json]) -> tuple[str, bytes]:
    """A patient's name, and the Bundle of the resources of Patient/p1 under that name."""
    held = [{**each, "id": name} if each["resourceType"] == "Patient" else each for each in resources]
    made = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in held]}
    return name, core.written([made])[1:-1].replace(b'"Patient/p1"', f'"Patient/{name}"'.encode())


class Known(NamedTuple):
    """Patients' facts in a connection, and their records."""

    facts: Facts
    local: Local
    records: Mapping[int, PatientRecord]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Patients whose data lie where answers change, and some of the cohort."""
    folder = tmp_path_factory.mktemp("facts") / "facts"
    held = [
        *made(MADE, 1),
        *people.everybody(),
        *((name, held) for name, _, held in cohort(OF_COHORT, seed=5)),
    ]
    records = write(folder, core.TERMINOLOGY, core.STRICT, held)
    facts = Facts(folder)
    with open_local(facts) as local:
        yield Known(facts, local, records)


POLICIES = {
    "strict": core.STRICT,
    "problem-list": core.PROBLEM_LIST,
    "waiving": replace(core.PROBLEM_LIST, waive_unmapped=True),
    "expired": replace(core.PROBLEM_LIST, until=AS_OF.date() - timedelta(days=1)),
}


def compare(known: Known, policy: Policy, as_of: datetime = AS_OF) -> Differences:
    """What differs for the five trials."""
    query = compiled(core.BOUND, policy, as_of, known.local.codings)
    return differences(query, *known.local.rows(query), expected(known.records, core.BOUND, policy, as_of))


@pytest.mark.parametrize("name", POLICIES)
def test_sql_says_what_the_evaluator_says(known: Known, name: str) -> None:
    """Every criterion's truth and reason, and the decision, of every patient; few are left undecided."""
    found = compare(known, POLICIES[name])
    assert found.found == []
    assert found.answers == len(known.records) * sum(
        1 for bound in core.BOUND for each in bound.definition.walk() if each.id
    )
    assert found.undecided < MOST_UNDECIDED * found.answers


def test_whatever_the_instant(known: Known) -> None:
    """The last instant of a day, and a month later."""
    for as_of in (datetime(2026, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC), datetime(2026, 3, 30, 18, tzinfo=UTC)):
        assert compare(known, core.STRICT, as_of).found == []


def test_spark_has_words_for_all_of_it(known: Known) -> None:
    """Spark's own tests need Java: here at least nothing of DuckDB's lists is left, which Spark writes otherwise."""
    codings = known.local.codings
    for query in (
        compiled(core.BOUND, core.STRICT, AS_OF, codings),
        indicated(core.BOUND, core.STRICT, AS_OF, codings),
    ):
        assert len({each.name for each in query.steps}) == len(query.steps)
        for text in (*(each.text for each in query.steps), query.last):
            assert re.findall(r"\[|\bLIST_\w+|\bUNNEST\b|::", re.sub("'[^']*'", "''", for_spark(text))) == []


ASKED_ALONE: dict[str, Leaf] = {
    "a pregnancy without tests": Condition(concepts=("pregnancy",)),
    "adverse events among the diagnoses": AdverseEvent(grade=(Grade.THREE,), unresolved=True),
    "what may be an event": Order(
        event=Events(exposures=("hsct",)),
        relation=Relation.AFTER,
        other=Reference(encounters=("hospital-stay",), which=Which.LAST, began=True),
    ),
}


@pytest.mark.parametrize("name", ASKED_ALONE)
def test_of_one_statement(known: Known, name: str) -> None:
    """What the shipped trials ask no one of, or not alone."""
    bounds = (bind(trial([ASKED_ALONE[name]]), core.TERMINOLOGY),)
    query = compiled(bounds, core.STRICT, AS_OF, known.local.codings)
    assert differences(query, *known.local.rows(query), expected(known.records, bounds, core.STRICT, AS_OF)).found == []


def test_only_those_with_an_indication(known: Known) -> None:
    """The index disease is asked first: the others are left out, and nothing changes for those who remain."""
    wanted = expected(known.records, core.BOUND, core.STRICT, AS_OF)
    query = compiled(core.BOUND, core.STRICT, AS_OF, known.local.codings, indicated_only=True)
    columns, rows = known.local.rows(query)
    asked = {key: said for key, said in wanted.items() if any(indicated for _, indicated in said)}
    assert {row[columns.index("patient")] for row in rows} == asked.keys()
    assert differences(query, columns, rows, asked).found == []


MUTANTS = {
    "at least for above": ("weighed_value", "low_to_low1 = 0 AND (NOT strict1", "low_to_low1 = 0 AND (strict1"),
    "up for down": ("weighed_value", "= up1 THEN", "<> up1 THEN"),
    "up for down of what is not plain": ("weighed_value", "WHEN up1 THEN", "WHEN NOT up1 THEN"),
    "below a limit for above": ("weighed_value", "(low > (limit_low1 * bound1))", "(low < (limit_low1 * bound1))"),
    "the other finding": ("weighed_value", "finding = expected1", "finding <> expected1"),
    "a window without its first day": ("placed", "d0 >= since", "d0 > since"),
    "a month that reaches into the window": ("placed", "d1 < since", "d0 < since"),
    "what is superseded": ("weighed_value", "superseded IS NULL OR", "superseded IS NOT NULL AND"),
    "a value that lies ahead": ("weighed_value", "counts AND t0 <=", "counts AND t1 >="),
    "no preliminary one beside it": ("disputing", "o.t0 > p.t1", "o.t0 < p.t1"),
    "an entry that stands too long": ("stood", "d1 < COALESCE(stands", "d1 > COALESCE(stands"),
    "active whatever its status": ("stood", "WHEN NOT abated THEN 1", "WHEN abated THEN 1"),
    "refuted as if confirmed": ("stood", "verification = 'refuted'", "verification = 'confirmed'"),
    "a negative of a family": ("condition_negative", "concepts & whole", "concepts"),
    "unclassified entries don't block": ("weighed", "COALESCE(a.open, FALSE)", "FALSE"),
    "a negative before what it denies": ("weighed", "o.said3 >= COALESCE(a.ended", "o.said3 <= COALESCE(a.ended"),
    "a stale test is fresh": ("last_result", "MAX(r.d0) >= k.fresh", "MAX(r.d0) <= k.fresh"),
    "tests that are left open against an entry": ("settled", " OR by_table = 255)", ")"),
    "no doubts": ("unsafe", "sure > 0", "sure > 9"),
    "an end before the window": ("given", "< a.since THEN", "> a.since THEN"),
    "an order as given": ("given", "WHEN e.ordered THEN", "WHEN NOT e.ordered THEN"),
    "not severe is severe": ("reacting", "e.severity = 'not-severe'", "e.severity = 'severe'"),
    "too young for too old": ("wide", "birth_first > CAST", "birth_first < CAST"),
    "a day too old": ("wide", "birth_last <= CAST", "birth_last >= CAST"),
    "a remission that is long ago": ("course_said", "w.last_first >= a.stated_since", "w.last_first <= a.stated_since"),
    "a word that nobody asked for": ("course_said", "NOT d.wanted AND", "d.wanted AND"),
    "a delivery that is long ago": ("pregnancy_ending", "d0 >= since AND", "d0 < since AND"),
    "a delivery before the pregnancy": ("pregnancy_open", "e.t0 > u.until", "e.t0 < u.until"),
    "a test of the pregnancy before": ("pregnancy_result", "r.d0 <= e.d1", "r.d0 > e.d1"),
    "the oldest word on a pregnancy": ("newest_word", "MAX(t0)", "MIN(t0)"),
    "a no beside a pregnancy": ("pregnant_said", "WHEN s.recorded THEN", "WHEN NOT s.recorded THEN"),
    "why nobody knows of a pregnancy": ("pregnant_said", "WHEN e.stale THEN", "WHEN NOT e.stale THEN"),
    "a man who is pregnant": ("wide", "// 64 <> 2 THEN e", "// 64 = 2 THEN e"),
    "a test of pregnancy turned round": ("seen", "l.finding = 'positive'", "l.finding = 'negative'"),
    "the disease that began first": ("course_newest", "MAX_BY(disease", "MIN_BY(disease"),
    "a remission before the relapse": ("course_word", "c.word_start > l.last_end", "c.word_start < l.last_end"),
    "a list that lacks nothing": ("weighed", "k.patient IS NOT NULL THEN NULL", "FALSE THEN NULL"),
    "nothing that a stay names": ("named", "n.concept = m.concept", "n.concept = ''"),
    "a consent that was refused": ("consent_word", "status = 'rejected'", "status <> 'rejected'"),
    "a consent that no longer holds": ("consent_word", "end_end <=", "end_end >"),
    "attested or not": ("attested", "CAST(1 AS", "CAST(0 AS"),
}


MOST = tuple(bound for bound in core.BOUND if bound.definition.id in {"4scar7u", "nct04785833", "nct07008872"})


class Plain(NamedTuple):
    """A query, with its steps worked out in a connection of its own; its rows by patient; and the verdicts."""

    query: Query
    local: Local
    rows: Mapping[int, tuple[Any, ...]]
    verdicts: Mapping[int, tuple[tuple[Verdict, int], ...]]

    def slipped(self, where: str, old: str, new: str) -> Iterator[Step]:
        """The step with a slip in it, and after it those that read it, or read one of these."""
        changed = {where}
        for each in self.query.steps:
            if each.name == where:
                yield each._replace(text=each.text.replace(old, new))
            elif not changed.isdisjoint(WORD.findall(each.text)):
                changed.add(each.name)
                yield each


@pytest.fixture(scope="module")
def plain(known: Known) -> Iterator[Plain]:
    """The policy that assumes most, for the trials that ask most: what it says without any slip."""
    with open_local(known.facts) as local:
        query = compiled(MOST, core.PROBLEM_LIST, AS_OF, local.codings)
        columns, rows = local.rows(query)
        at = columns.index("patient")
        yield Plain(
            query, local, {row[at]: row for row in rows}, expected(known.records, MOST, core.PROBLEM_LIST, AS_OF)
        )


def slip_is_found(plain: Plain, where: str, old: str, new: str) -> bool:
    """Whether a slip in a step gives some patient another answer, which is wrong."""
    assert any(each.name == where and old in each.text for each in plain.query.steps)
    steps = tuple(plain.slipped(where, old, new))
    plain.local.connection.begin()
    try:
        columns, rows = plain.local.rows(replace(plain.query, steps=steps))
    finally:
        plain.local.connection.rollback()
    at = columns.index("patient")
    assert sorted(row[at] for row in rows) == sorted(plain.rows)
    others = [row for row in rows if row != plain.rows[row[at]]]
    found = differences(plain.query, columns, others, {row[at]: plain.verdicts[row[at]] for row in others})
    return found.found != []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_slip_is_found(plain: Plain, name: str) -> None:
    """A comparator, an edge, an order turned round."""
    assert slip_is_found(plain, *MUTANTS[name])
