"""A kind of criterion, as the evaluator knows it: a statement's class and how it is evaluated.

The kinds themselves are in `adapter.kinds`, one room each; nothing in the evaluator knows one by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[Statement]):
    """One kind of criterion.

    `name`: its key in a definition. `statement`: the dataclass of its statements, whose `kind` it becomes. `bind`:
    resolves a statement's concepts, thresholds and windows once, and gives its evaluation; raises KeyError for a
    concept that the catalogue doesn't hold. `of_study`: its answer depends on the study that asks.
    """

    name: str
    statement: type[Statement]
    bind: Callable[[Statement, Trial], Evaluation]
    of_study: bool = False

    def __post_init__(self) -> None:
        """Make itself known to its statements."""
        self.statement.kind = self


def kind_of(statement: Leaf) -> Kind[Any]:
    """The kind of a statement."""
    kind: Kind[Any] = statement.kind
    return kind
