"""A definition as a tree: criteria that join others, and leaves, each of a kind that has its room in `adapter.kinds`.

Every field is data: concepts are ids of the terminology's catalogue, never codes. What each kind means for a patient
is in its room; the words are fixed in CONFORMANCE.md.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Finding(StrEnum):
    """A qualitative result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


class Done(StrEnum):
    """That something was measured, whatever came out."""

    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Answers:
    """Coded answers of an analyte, by their ids; any one of them."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerRange:
    """Coded answers of an analyte that has an order of them: from the lowest to the highest; None: no such end."""

    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A statement that reads data or asks a person. `kind`: its class's `adapter.evaluator.kind.Kind`."""

    kind: ClassVar[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """∧ of the parts."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """∨ of the parts."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyKnown:
    """∨ of those parts that are known: one finding alone suffices to clear."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """At least `count` of the parts."""

    count: int
    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """¬ of the part."""

    part: "Criterion"


@dataclass(frozen=True, slots=True, kw_only=True)
class IfThen:
    """condition → consequence; with an alternative, that one instead where the condition is not met."""

    condition: "Criterion"
    consequence: "Criterion"
    alternative: "Criterion | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class As:
    """The part, of the kind that the qualifier defines: heart failure, as an ejection fraction below 40 %.

    ∧ of both, told as one statement.
    """

    part: "Criterion"
    qualifier: "Criterion"


Combinator = AllOf | AnyOf | AnyKnown | AtLeast | Not | IfThen | As


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A statement with a label in our own words, and an id unless it only joins others.

    A criterion without an id lends its parts to the one above it in every output.
    """

    statement: Leaf | Combinator
    id: str | None = None
    label: str = ""


def parts_of(statement: Leaf | Combinator) -> tuple[Criterion, ...]:
    """The criteria directly below a statement, in order; none below a leaf."""
    match statement:
        case AllOf() | AnyOf() | AnyKnown() | AtLeast():
            return statement.parts
        case Not():
            return (statement.part,)
        case IfThen():
            one, two, other = statement.condition, statement.consequence, statement.alternative
            return (one, two) if other is None else (one, two, other)
        case As():
            return (statement.part, statement.qualifier)
        case _:
            return ()
