"""Every kind of statement and its fields, as the sub-extensions of a criterion: the algebra in FHIR, both ways."""

from collections.abc import Sequence
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
from adapter.criteria.join import Join, count_of, join_of
from adapter.criteria.model import Combinator, Criterion, Leaf
from adapter.evaluator.kind import Kind, Kinds, joins, kind_of, leaf_kinds
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


COUNT = one("count", INTEGER).extension
"""How many parts a join asks for that counts them."""


def write_statement(statement: Leaf | Combinator) -> Json:
    """The criterion extension; the parts of a combinator are actions of their own."""
    written: list[Json] = []
    if isinstance(statement, Leaf):
        kind = kind_of(statement)
        name, written = kind.name, record_of(kind).write(statement)
    else:
        join = join_of(statement)
        name, written = join.name, COUNT.write(count_of(statement)) if join.counted else []
    return {"url": CRITERION, "extension": [{"url": KIND, "valueCode": name}, *written]}


def read_statement(extension: Element, parts: tuple[Criterion, ...], known: Kinds) -> Leaf | Combinator:
    """The statement of a criterion extension. Raises DefinitionError for what is not understood."""
    kinds = [each for each in extension.each("extension") if each.text("url") == KIND]
    if len(kinds) != 1:
        extension.refuse(f"a criterion has one `kind`, this one has {len(kinds)}; correct it")
    name = kinds[0].need("valueCode")
    kind = next((each for each in leaf_kinds(known) if each.name == name), None)
    if kind is not None:
        if parts:
            extension.refuse(f"{name} has no parts; take them out")
        statement: Leaf = record_of(kind).read(extension, besides=(KIND,))
        return statement
    return _joined([each for each in joins(known) if each.name == name], name, extension, parts)


def _joined(known: Sequence[Join], name: str, extension: Element, parts: tuple[Criterion, ...]) -> Combinator:
    """The statement of one of the joins of this name: the one for so many parts."""
    if not known:
        extension.refuse(f"the kind {name} is not understood")
    counted = known[0].counted
    for each in extension.each("extension"):
        if each.text("url") not in ((KIND, COUNT.url) if counted else (KIND,)):
            each.refuse(f"the extension {each.text('url')} is not understood")
    count = COUNT.need(extension) if counted else None
    if count is not None and not 1 <= count <= len(parts):
        extension.refuse(f"asks for {count} of {len(parts)} parts; correct the count")
    join = next((each for each in known if each.size in (None, len(parts))), None)
    if join is None or not parts:
        needed = " or ".join(str(each.size or "some") for each in known)
        extension.refuse(f"{name} needs {needed} parts, has {len(parts)}; correct it")
    return join.of(parts, count)
