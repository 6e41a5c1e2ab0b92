"""Every kind of statement and its fields, as the sub-extensions of a criterion: the algebra in FHIR, both ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapter.criteria.model import (
    Age,
    Allergy,
    AllOf,
    AnyKnown,
    AnyOf,
    AtLeast,
    Combinator,
    Condition,
    Course,
    Criterion,
    DiseaseCourse,
    Exposure,
    IfThen,
    Judgement,
    Leaf,
    Measurement,
    Not,
    Occurrence,
    Qualifier,
    ResearchConsent,
    Selection,
    SettlingTest,
    Sex,
    SexForClinicalUse,
    Why,
)
from mappings.trial.fhir.datatype import (
    BOOLEAN,
    CONCEPT,
    DURATION,
    INTEGER,
    LOWER_AGE,
    QUANTITY,
    STRING,
    TEST,
    UPPER_AGE,
    code_of,
)
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.json_text import Json
from mappings.trial.fhir.names import structure
from mappings.trial.fhir.record import Record, many, one

CRITERION = structure("criterion")
"""The extension on an action that holds its statement: `kind`, and the fields of that kind."""

KIND = "kind"

_CONCEPTS = many("concept", CONCEPT, "concepts")
_SEX_BOUND = one("sex-bound", BOOLEAN)

LEAVES: dict[str, Record[Any]] = {
    "age": Record(Age, one("lower", LOWER_AGE), one("upper", UPPER_AGE)),
    "sex": Record(Sex, one("sex", code_of(SexForClinicalUse))),
    "condition": Record(
        Condition,
        _CONCEPTS,
        one("occurrence", code_of(Occurrence)),
        one("look-back", DURATION),
        many(
            "settling-test",
            Record(SettlingTest, one("analyte", CONCEPT), one("confirms", BOOLEAN), one("lifelong", BOOLEAN)).datatype,
            "tests",
        ),
        one("qualifier", code_of(Qualifier)),
        many("other-than", CONCEPT),
        many("shown", CONCEPT),
        _SEX_BOUND,
    ),
    "disease-course": Record(
        DiseaseCourse,
        _CONCEPTS,
        many("course", code_of(Course), "courses"),
        many("blasts", CONCEPT),
        one("blast-threshold", QUANTITY),
        one("after", STRING),
    ),
    "measurement": Record(
        Measurement,
        one("analyte", CONCEPT),
        one("test", TEST),
        one("selection", code_of(Selection)),
        one("window", DURATION),
    ),
    "exposure": Record(Exposure, _CONCEPTS, one("look-back", DURATION), one("systemic", BOOLEAN)),
    "allergy": Record(Allergy, _CONCEPTS, one("severe", BOOLEAN)),
    "consent": Record(ResearchConsent),
    "judgement": Record(Judgement, one("why", code_of(Why)), many("gate", CONCEPT), _SEX_BOUND),
}
"""Kinds that read data or ask a person."""


@dataclass(frozen=True, slots=True)
class Join:
    """A kind that joins the criteria below it.

    `behavior`: FHIR's action-selection-behavior, as far as it can say the same; `size`: how many parts it must have.
    """

    kind: type[Combinator]
    of: Callable[[tuple[Criterion, ...]], Combinator]
    behavior: str | None = None
    size: int | None = None


COUNT = one("count", INTEGER).extension
"""How many parts an `at-least-n` asks for."""

JOINS: dict[str, Join] = {
    "all-of": Join(AllOf, lambda parts: AllOf(parts=parts), "all"),
    "any-of": Join(AnyOf, lambda parts: AnyOf(parts=parts), "one-or-more"),
    "any-known": Join(AnyKnown, lambda parts: AnyKnown(parts=parts), "one-or-more"),
    "not": Join(Not, lambda parts: Not(part=parts[0]), size=1),
    "if-then": Join(IfThen, lambda parts: IfThen(condition=parts[0], consequence=parts[1]), size=2),
}
"""Kinds that only join; `at-least-n` has its count besides."""

AT_LEAST = "at-least-n"

_LEAF_KINDS = {record.kind: name for name, record in LEAVES.items()}
_JOIN_KINDS: dict[type[Any], str] = {join.kind: name for name, join in JOINS.items()} | {AtLeast: AT_LEAST}


def write_statement(statement: Leaf | Combinator) -> Json:
    """The criterion extension; the parts of a combinator are actions of their own."""
    name = _JOIN_KINDS.get(type(statement)) or _LEAF_KINDS[type(statement)]
    fields = LEAVES[name].write(statement) if name in LEAVES else []
    if isinstance(statement, AtLeast):
        fields = COUNT.write(statement.count)
    return {"url": CRITERION, "extension": [{"url": KIND, "valueCode": name}, *fields]}


def read_statement(extension: Element, parts: tuple[Criterion, ...]) -> Leaf | Combinator:
    """The statement of a criterion extension. Raises DefinitionError for what is not understood."""
    kinds = [each for each in extension.each("extension") if each.text("url") == KIND]
    if len(kinds) != 1:
        extension.refuse(f"a criterion has one `kind`, this one has {len(kinds)}; correct it")
    name = kinds[0].need("valueCode")
    if name in LEAVES:
        if parts:
            extension.refuse(f"{name} has no parts; take them out")
        statement: Leaf = LEAVES[name].read(extension, besides=(KIND,))
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
    if not parts or join.size not in (None, len(parts)):
        extension.refuse(f"{name} needs {join.size or 'some'} parts, has {len(parts)}; correct it")
    return join.of(parts)
