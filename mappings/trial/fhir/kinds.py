"""Every kind of statement and its fields, as the sub-extensions of a criterion: the algebra in FHIR, both ways."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from adapter.criteria import fields
from adapter.criteria.fields import (
    AgeEnd,
    Amount,
    Bound,
    CodeOf,
    Comparison,
    ConceptOf,
    Count,
    Flag,
    Holds,
    Nested,
    Text,
    Window,
)
from adapter.criteria.model import AllOf, AnyKnown, AnyOf, As, AtLeast, Combinator, Criterion, IfThen, Leaf, Not
from adapter.evaluator.kind import Kind, Kinds, kind_of
from mappings.trial.fhir.datatype import (
    BOOLEAN,
    CONCEPT,
    DURATION,
    DURATION_OR_HOURS,
    INTEGER,
    LOWER_AGE,
    QUANTITY,
    STRING,
    TEST,
    UPPER_AGE,
    Datatype,
    Extension,
    Field,
    Record,
    code_of,
    one,
)
from mappings.trial.fhir.element import Element, Json, structure

CRITERION = structure("criterion")
"""The extension on an action that holds its statement: `kind`, and the fields of that kind."""

KIND = "kind"

_SIMPLE: dict[type[Holds], Datatype[Any]] = {
    ConceptOf: CONCEPT,
    Flag: BOOLEAN,
    Text: STRING,
    Window: DURATION,
    Amount: QUANTITY,
    Bound: QUANTITY,
    Count: INTEGER,
    Comparison: TEST,
}
"""What stands in FHIR for a field, whatever else is known of it."""


def _datatype(holds: Holds) -> Datatype[Any]:
    match holds:
        case CodeOf():
            return code_of(holds.codes)
        case AgeEnd():
            return UPPER_AGE if holds.upper else LOWER_AGE
        case Window(hours=True):
            return DURATION_OR_HOURS
        case Nested():
            return _record(holds.statement, holds.fields).datatype
        case _:
            return _SIMPLE[type(holds)]


def _record(statement: type[Any], table: tuple[fields.Field, ...]) -> Record[Any]:
    return Record(statement, *(Field(Extension(f.extension, _datatype(f.holds)), f.name, f.many) for f in table))


@cache
def record_of(kind: Kind[Any]) -> Record[Any]:
    """The extensions of a kind's statement, from its table of fields."""
    return _record(kind.statement, kind.form.fields)


@dataclass(frozen=True, slots=True)
class Join:
    """A kind that joins the criteria below it.

    `behavior`: FHIR's action-selection-behavior, as far as it can say the same; `sizes`: how many parts it may have.
    """

    kind: type[Combinator]
    of: Callable[[tuple[Criterion, ...]], Combinator]
    behavior: str | None = None
    sizes: tuple[int, ...] = ()


def _if_then(condition: Criterion, consequence: Criterion, alternative: Criterion | None = None) -> IfThen:
    return IfThen(condition=condition, consequence=consequence, alternative=alternative)


COUNT = one("count", INTEGER).extension
"""How many parts an `at-least-n` asks for."""

JOINS: dict[str, Join] = {
    "all-of": Join(AllOf, lambda parts: AllOf(parts=parts), "all"),
    "any-of": Join(AnyOf, lambda parts: AnyOf(parts=parts), "one-or-more"),
    "any-known": Join(AnyKnown, lambda parts: AnyKnown(parts=parts), "one-or-more"),
    "not": Join(Not, lambda parts: Not(part=parts[0]), sizes=(1,)),
    "if-then": Join(IfThen, lambda parts: _if_then(*parts), sizes=(2, 3)),
    "as": Join(As, lambda parts: As(part=parts[0], qualifier=parts[1]), "all", sizes=(2,)),
}
"""Kinds that only join; `at-least-n` has its count besides."""

AT_LEAST = "at-least-n"

_JOIN_KINDS: dict[type[Any], str] = {join.kind: name for name, join in JOINS.items()} | {AtLeast: AT_LEAST}


def write_statement(statement: Leaf | Combinator) -> Json:
    """The criterion extension; the parts of a combinator are actions of their own."""
    written: list[Json] = []
    if isinstance(statement, Leaf):
        kind = kind_of(statement)
        name, written = kind.name, record_of(kind).write(statement)
    else:
        name = _JOIN_KINDS[type(statement)]
        written = COUNT.write(statement.count) if isinstance(statement, AtLeast) else []
    return {"url": CRITERION, "extension": [{"url": KIND, "valueCode": name}, *written]}


def read_statement(extension: Element, parts: tuple[Criterion, ...], known: Kinds) -> Leaf | Combinator:
    """The statement of a criterion extension. Raises DefinitionError for what is not understood."""
    kinds = [each for each in extension.each("extension") if each.text("url") == KIND]
    if len(kinds) != 1:
        extension.refuse(f"a criterion has one `kind`, this one has {len(kinds)}; correct it")
    name = kinds[0].need("valueCode")
    kind = next((each for each in known if each.name == name), None)
    if kind is not None:
        if parts:
            extension.refuse(f"{name} has no parts; take them out")
        statement: Leaf = record_of(kind).read(extension, besides=(KIND,))
        return statement
    return _join(name, extension, parts)


def _join(name: str, extension: Element, parts: tuple[Criterion, ...]) -> Combinator:
    if name not in JOINS and name != AT_LEAST:
        extension.refuse(f"the kind {name} is not understood")
    known = (KIND, COUNT.url) if name == AT_LEAST else (KIND,)
    for each in extension.each("extension"):
        if each.text("url") not in known:
            each.refuse(f"the extension {each.text('url')} is not understood")
    if name == AT_LEAST:
        count = COUNT.need(extension)
        if not 1 <= count <= len(parts):
            extension.refuse(f"asks for {count} of {len(parts)} parts; correct the count")
        return AtLeast(count=count, parts=parts)
    join = JOINS[name]
    if not parts or (join.sizes and len(parts) not in join.sizes):
        needed = " or ".join(map(str, join.sizes)) or "some"
        extension.refuse(f"{name} needs {needed} parts, has {len(parts)}; correct it")
    return join.of(parts)
