"""A kind of criterion: everything that is particular to it, as data and pure functions in one record.

The kinds themselves are in `adapter.kinds`, one room each. Nothing in the evaluator knows one by name: a statement's
class knows its kind. Generic interpreters read the record: the evaluator itself, and in `mappings.trial` the forms in
YAML, FHIR and CQL. Every part must be given; leaving one out is an error when the room is imported.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, NamedTuple, TypeVar

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression
from adapter.criteria.fields import Form, check_table
from adapter.criteria.join import Join
from adapter.criteria.model import Combinator, Finding, Leaf, parts_of
from adapter.criteria.quantity import Comparator, QuantityThreshold
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.truth import Truth
from adapter.criteria.value_set import Coding
from adapter.evaluator.chart import MOST_SITUATIONS, Chart, Situation
from adapter.evaluator.columns import Asked, Setting
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reads import Read

Statement = TypeVar("Statement", bound=Leaf)

Evaluation = Callable[[Chart, Moment], Outcome]
"""What a leaf comes to for a chart at a moment: pure."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a statement is bound to: the study that asks, and the terminology.

    `study`: the definition's id. `names`: that and its identifiers, as resources may name the study.
    """

    study: str
    names: frozenset[str]
    terminology: Terminology


class Phrase(NamedTuple):
    """A statement in words.

    `subject`: what it is about; empty if the criterion's label says it. `asked`: what it asks, to follow the subject.
    `sentence`: both, as a sentence of the plan. `leads`: the subject introduces the evidence, as in `Sodium: 140`.
    """

    subject: str
    asked: str
    sentence: str
    leads: bool = False


TraitValue = tuple[Comparator, Duration] | QuantityThreshold | Coding | Finding | bool | None
"""What a characteristic is."""


class Rule(NamedTuple):
    """A statement as a rule of CQL.

    `truth`: true, false, or null for unknown. `waits`: whether, while it is unknown, data could settle it, not only a
    person: always (True), never (False), or where an expression says so.
    """

    truth: Expression
    waits: Expression = True


class Outlook(Enum):
    """Whether a definite answer may change while nobody corrects the record.

    LASTING: never (sex, a drug ever given). OPEN: any day, by a new result, a treatment, somebody's word.
    """

    LASTING = auto()
    OPEN = auto()


class ByTime(NamedTuple):
    """A definite answer that only time changes: at the first of its outcome's changes that brings another truth.

    `within`: at the earliest that, and never later than so long from now, since whatever it is may end today. Without
    it, an answer with no such change lasts.
    """

    within: Length | None = None


Prospect = Outlook | ByTime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A characteristic of the people that a study looks for, as far as a FHIR Group can say it.

    `about`: what it is about: age, sex, a diagnosis; empty for an analyte's value. `concepts`: of several, any one
    counts. `value`: a code (sex), a bound of age or of an analyte, a finding, a boolean; None for a diagnosis.
    """

    about: str = ""
    concepts: tuple[str, ...] = ()
    value: TraitValue = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind(Generic[Statement]):
    """One kind of criterion.

    `name`: its key in a definition, and its code in FHIR.
    `statement`: the frozen dataclass of its statements, a subclass of Leaf, whose `kind` this becomes.
    `form`: what stands behind the key; its table of fields is the form in YAML, JSON Schema and FHIR, both ways.
    `contradiction`: what is wrong with a statement by itself, as words to the author; None if nothing is.
    `reads`: what it reads, in the order in which a plan lists it.
    `bind`: resolves a statement's concepts, thresholds and windows once, and gives its evaluation.
    `words`: what it asks, in words.
    `rule`: the call of CQL functions that says the same.
    `traits`: the same as characteristics of a FHIR Group that hold all together; none where a Group can't say it.
    `columns`: the same as rows to join with facts in columns; None where these can't say it.
    `outlook`: whether time, a test or a treatment may change what it came to, met or not met.
    `of_study`: its answer depends on the study that asks.

    All of these functions raise KeyError for a concept that the catalogue doesn't hold.
    Raises TypeError for a dataclass and a table that differ.
    """

    name: str
    statement: type[Statement]
    form: Form
    contradiction: Callable[[Statement], str | None]
    reads: Callable[[Statement, Catalogue], Iterable[Read]]
    bind: Callable[[Statement, Trial], Evaluation]
    words: Callable[[Statement, Catalogue], Phrase]
    rule: Callable[[Statement, Catalogue], Rule]
    traits: Callable[[Statement, Catalogue], tuple[Trait, ...]]
    columns: Callable[[Statement, Setting], Asked | None]
    outlook: Callable[[Statement, Truth, Catalogue], Prospect]
    of_study: bool

    def __post_init__(self) -> None:
        """Check the table, and make itself known to its statements."""
        check_table(self.statement, self.form.fields, f"the kind {self.name}")
        self.statement.kind = self


Kinds = tuple[Kind[Any] | Join, ...]
"""Kinds of statements that a reader knows, leaves and joins; `adapter.kinds.KINDS` are all of ours."""


def leaf_kinds(kinds: Kinds) -> tuple[Kind[Any], ...]:
    """The kinds of what reads data or asks a person."""
    return tuple(each for each in kinds if isinstance(each, Kind))


def joins(kinds: Kinds) -> tuple[Join, ...]:
    """The ways to join criteria."""
    return tuple(each for each in kinds if isinstance(each, Join))


def kind_of(statement: Leaf) -> Kind[Any]:
    """The kind of a statement. Raises TypeError if its class has none."""
    kind: Kind[Any] | None = getattr(statement, "kind", None)
    if kind is None:
        msg = f"{type(statement).__name__} has no kind; write its room in adapter.kinds"
        raise TypeError(msg)
    return kind


def reads_of(statement: Leaf | Combinator, catalogue: Catalogue) -> tuple[Read, ...]:
    """What a statement and its parts read, in order."""
    if isinstance(statement, Leaf):
        return tuple(kind_of(statement).reads(statement, catalogue))
    return tuple(read for part in parts_of(statement) for read in reads_of(part.statement, catalogue))


def known_without_data(evaluation: Evaluation, reads: frozenset[str] | None) -> Evaluation:
    """The same, but that what it comes to of a record that holds nothing it reads is found once a situation.

    `reads`: as `reads.only_coded` has them.
    """
    if reads is None:
        return evaluation
    blanks: dict[Situation, Outcome] = {}

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        if not chart.present.isdisjoint(reads):
            return evaluation(chart, moment)
        found = blanks.get(chart.situation)
        if found is None:
            answer = evaluation(chart.without_data(), moment)
            found = kept(blanks, chart.situation, answer, most=MOST_SITUATIONS)
        return found

    return evaluate


def untold(*_: object) -> tuple[Trait, ...]:
    """No characteristic: of a kind that a Group can't say."""
    return ()


def consistent(statement: Leaf) -> None:
    """No contradiction: of a kind whose fields can't contradict each other."""
    del statement
