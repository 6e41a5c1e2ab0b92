"""An expression that calls a function of a rule library, as data: what a criterion's truth is in CQL.

A room builds it from its statement's fields; `mappings.trial.cql` writes it. The functions are written by hand, apart
from the evaluator: two independent ways to the same answer.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from adapter.criteria.calendar import Duration


class Known(Enum):
    """What every study's library defines, of the patient and of the evaluation."""

    PATIENT = auto()
    MEASURED = auto()
    NOW = auto()
    CUTOFF = auto()
    DIAGNOSES = auto()
    EXPOSURES = auto()
    ALLERGIES = auto()
    CONSENTED = auto()
    CONSENTS_DIFFER = auto()
    PREGNANT = auto()
    VACCINATED = auto()
    STUDY = auto()
    MENTIONS = auto()
    EVENTS = auto()
    PROCEDURES = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of an analyte."""

    analyte: str


@dataclass(frozen=True, slots=True)
class AnalyteFacts:
    """What is known of an analyte."""

    analyte: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long data of a class of the policy stand."""

    of_class: str


@dataclass(frozen=True, slots=True)
class Concepts:
    """What is known of concepts of the lists, each once: what is one, may be one, and is something else."""

    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a further list, by its name."""

    of: str


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names, each once: of value sets, of tests, of words."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A table of lines, as `key = value`, in one text."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """An element of what `Each` has named; the thing itself without one."""

    of: str
    element: str = ""


@dataclass(frozen=True, slots=True)
class Each:
    """For each of a list, under a name, another expression: a list again; `alone`: of the one thing, without a list."""

    name: str
    over: "Expression"
    then: "Expression"
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a library: `Call("Exposures", "Holds", …)`; of CQL's own if the library is empty."""

    library: str
    function: str
    arguments: "tuple[Expression, ...]" = ()


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    entries: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Row:
    """A tuple with named elements."""

    elements: "tuple[tuple[str, Expression], ...]"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator of the language between its operands, or before the one of `not`."""

    operator: str
    operands: "tuple[Expression, ...]"


Expression = (
    Known
    | Readings
    | AnalyteFacts
    | Freshness
    | Concepts
    | Entries
    | Names
    | Lines
    | Part
    | Each
    | Call
    | Items
    | Row
    | Operation
    | Duration
    | Decimal
    | int
    | str
    | bool
    | None
)
"""A literal, a name, or a call of other expressions; None is null."""


def call(library: str, function: str, *arguments: Expression) -> Call:
    """A call."""
    return Call(library, function, arguments)
