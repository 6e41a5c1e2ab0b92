"""A folder of facts by Spark: its tables as views, and queries over them in Spark's SQL.

All of Spark's machines reach the folder under the same path.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from adapter.columns.folder import Facts
from adapter.columns.sql.cells import codings_of
from adapter.columns.sql.query import TABLES, Query, indicated
from adapter.columns.sql.text import for_spark
from adapter.criteria.policy import Policy
from adapter.evaluator.bound import BoundDefinition
from adapter.screening.feasibility import Counted, Question
from adapter.screening.feasibility_columns import ANSWERED, answers, asked, counts, evaluated
from adapter.screening.spark.session import Session, open_session, plain

Frame = Any
"""A DataFrame."""

_RECORDS = "records"


class SparkFacts:
    """The tables of a folder as views of a session of their own."""

    def __init__(self, session: Session, facts: Facts) -> None:
        """Name every table of the folder in the session."""
        self._session = session.newSession()
        # With it Spark 4.0 stumbles over unions of unions ("key not found"), and plans longer.
        self._session.conf.set("spark.sql.constraintPropagation.enabled", "false")
        self._facts = facts
        self.codings = codings_of(facts)
        self.ask_parts(range(facts.manifest.parts))

    def ask_parts(self, parts: Sequence[int]) -> None:
        """Ask nothing but some parts of the tables from now on."""
        for name in (*TABLES, _RECORDS):
            files = [plain(f"file:{self._facts.file(name, part).resolve()}") for part in parts]
            self._session.read.parquet(*files).createOrReplaceTempView(f"facts_{name}")

    def frame(self, query: Query) -> Frame:
        """What a query says, a row a patient.

        A relation that several others read is worked out once and cut off from its plan, which would else be in each.
        """
        texts = [*(each.text for each in query.steps), query.last]
        for place, each in enumerate(query.steps, 1):
            made = self._session.sql(for_spark(each.text))
            if each.kept and _is_read_again(each.name, texts[place:]):
                made = made.localCheckpoint()
            made.createOrReplaceTempView(each.name)
        return self._session.sql(for_spark(query.last))

    def ask(self, text: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement in DuckDB's SQL."""
        for row in self._session.sql(for_spark(text)).toLocalIterator():
            yield tuple(row)

    def records(self, bounds: Sequence[BoundDefinition], policy: Policy, as_of: datetime, *, settle: bool) -> Frame:
        """Every patient: number, place, subject, whether to be evaluated, and then the record.

        `settle`: leave out those of whom SQL says that they have no indication.
        """
        wanted = "SELECT patient FROM facts_patients"
        if settle:
            query = indicated(bounds, policy, as_of, self.codings)
            self.frame(query).createOrReplaceTempView("answered")
            said = " OR ".join(f"{study.indicated} <> 0" for study in query.studies)
            wanted = f"SELECT patient FROM answered WHERE {said}"  # noqa: S608  # our own names
        self._session.sql(wanted).createOrReplaceTempView("unsettled")
        return self._session.sql("""SELECT p.number, p.place, p.subject, u.patient IS NOT NULL AS wanted, r.contents
            FROM facts_patients p LEFT JOIN unsettled u ON u.patient = p.patient
            LEFT JOIN (SELECT * FROM facts_records LEFT SEMI JOIN unsettled USING (patient)) r
                ON r.patient = p.patient""")


def by_spark(
    facts: Facts, question: Question, *, master: str | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Counted]:
    """A `feasibility.Engine`: as `by_columns`, with Spark's SQL; whom it leaves undecided are evaluated here."""
    waiting: set[int] = set()
    with open_session(master, settings) as session:
        held = SparkFacts(session, facts)
        query = asked(question, held.codings)
        held.frame(replace(query, last=answers(query))).localCheckpoint().createOrReplaceTempView(ANSWERED)
        yield from counts(query, question, held.ask, waiting)
    yield from evaluated(facts, waiting, question)


def _is_read_again(name: str, texts: Iterable[str]) -> bool:
    """Whether more than one of the texts reads a relation."""
    word = re.compile(rf"\b{name}\b")
    return sum(word.search(text) is not None for text in texts) > 1
