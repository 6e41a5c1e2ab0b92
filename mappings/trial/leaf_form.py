"""The YAML form of a kind's statement, made from its table of fields (`adapter.criteria.fields`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Tag, ValidationInfo, WithJsonSchema, model_validator
from pydantic import Field as Key

from adapter.criteria.fields import (
    AgeEnd,
    Amount,
    Bound,
    CodeOf,
    Comparison,
    ConceptOf,
    Count,
    Field,
    Flag,
    Holds,
    Keys,
    Nested,
    Text,
    Value,
    Window,
    defaults,
)
from adapter.criteria.model import AnswerRange, Answers, Done, Finding, Leaf
from adapter.criteria.quantity import AgeBound, Comparator, LimitThreshold, QuantityRange, QuantityThreshold
from adapter.evaluator.kind import Kind
from adapter.kinds.measurement.statement import Test
from mappings.terminology import yaml_file
from mappings.terminology.yaml_file import Form, key, refuse
from mappings.trial import form
from mappings.trial.form import (
    AMOUNT_KEYS,
    BOUNDS,
    AgeText,
    AmountBounds,
    Some,
    check_difference,
    concept_id,
    refuse_comparisons,
    thresholds,
    vocabulary,
)

AGES = {
    "at_least": (AgeEnd(upper=False), True, "From this birthday on."),
    "more_than": (AgeEnd(upper=False), False, "From the day after birth plus this age."),
    "less_than": (AgeEnd(upper=True), False, "Until the day before this birthday."),
    "at_most": (
        AgeEnd(upper=True),
        True,
        "Until the day before the next unit is completed: 75 a holds until the day before the 76th birthday.",
    ),
}
"""The keys of an age range: which end, whether it is inclusive, and what it says."""


class TableForm(Form):
    """The form of a dataclass that has a table of fields."""

    _table: ClassVar[tuple[Field, ...]]
    _statement: ClassVar[type[Any]]

    @model_validator(mode="after")
    def whole_statement(self, info: ValidationInfo) -> Self:
        """The comparisons are ones that the values allow, and nothing contradicts itself."""
        values = self._values()
        for field in self._table:
            if isinstance(field.holds, Bound) and field.holds.of:
                _fits(field, values[field.holds.of], values[field.name], info)
            if isinstance(field.holds, Amount | Comparison):
                named = values.get(field.holds.of, ())
                tests = self._tests(field)
                analytes = (named,) if isinstance(named, str) else named
                _allowed(field, analytes, tests, info)
        if issubclass(self._statement, Leaf):
            kind: Kind[Any] = self._statement.kind
            wrong = kind.contradiction(self._statement(**values))
            if wrong:
                raise ValueError(wrong)
        return self

    def _values(self) -> dict[str, Any]:
        """The dataclass's fields, save those that are left out."""
        found: dict[str, Any] = {}
        for field in self._table:
            value = self._value(field)
            if value is not None:
                found[field.name] = value
        return found

    def _value(self, field: Field) -> Any:  # noqa: ANN401  # what the field holds
        """What a field holds; None if it is left out."""
        match field.holds:
            case AgeEnd():
                return self._age(field.holds)
            case Amount():
                return next(iter(self._tests(field).values()), None)
            case Bound():
                return _bound(field, getattr(self, field.name))
            case Comparison():
                return _one_test(self._tests(field))
            case Nested():
                below = getattr(self, field.name)
                return tuple(each.to_statement() for each in below) if field.many else below and below.to_statement()
            case _:
                return getattr(self, field.name)

    @classmethod
    def stands_for(cls, statement: type[Any], table: tuple[Field, ...]) -> None:
        """Say which dataclass this is the form of."""
        cls._statement, cls._table = statement, table

    def to_statement(self) -> Any:  # noqa: ANN401  # an instance of the table's dataclass
        """The dataclass."""
        return self._statement(**self._values())

    def _tests(self, field: Field) -> dict[str, Test]:
        """The comparisons that are written for a field, by key; one that can't be read is refused at its place."""
        if isinstance(field.holds, Amount):
            below: AmountBounds | None = getattr(self, field.name)
            amounts: dict[str, Test] = {} if below is None else dict(thresholds(below))
            _not_negative(field, amounts.values())
            return amounts
        found: dict[str, Test] = dict(thresholds(self))
        for name in ("finding", "boolean"):
            if (value := getattr(self, name)) is not None:
                found[name] = value
        if (answer := getattr(self, "answer")) is not None:  # noqa: B009  # keys are data
            found["answer"] = (
                Answers(answer) if isinstance(answer, tuple) else AnswerRange(answer.at_least, answer.at_most)
            )
        if (measured := getattr(self, "measured")) is not None:  # noqa: B009  # keys are data
            if not measured:
                refuse([(("measured",), "false is never known; write `measured: true` below `not`, or leave it out")])
            found["measured"] = Done.MEASURED
        return found

    def _age(self, end: AgeEnd) -> AgeBound | None:
        found: dict[str, AgeBound] = {}
        for name, (which, inclusive, _) in AGES.items():
            age = getattr(self, name) if which == end else None
            if age is not None:
                found[key(name)] = AgeBound(age, inclusive=inclusive)
        if len(found) > 1:
            strict = next(name for name, bound in found.items() if not bound.inclusive)
            other = next(name for name in found if name != strict)
            refuse([((strict,), f"{other} stands beside it; keep one {'upper' if end.upper else 'lower'} bound")])
        return next(iter(found.values()), None)


_LOWER = (Comparator.AT_LEAST, Comparator.GREATER)


def _one_test(tests: Mapping[str, Test]) -> Test | None:
    """The one test that is written: a single comparison, or a lower and an upper bound; None if it is neither."""
    if len(tests) == 1:
        return next(iter(tests.values()))
    bounds = [test for test in tests.values() if isinstance(test, QuantityThreshold | LimitThreshold)]
    low = [test for test in bounds if test.comparator in _LOWER]
    high = [test for test in bounds if test.comparator not in _LOWER]
    if (len(tests), len(low), len(high)) != (2, 1, 1):
        return None
    return QuantityRange(low[0], high[0])


def _listed(written: object) -> object:
    return [written] if isinstance(written, str) else written


class _AnswerBounds(Form):
    """From one answer on, or up to one, of answers that have an order."""

    at_least: form.Text | None = None
    at_most: form.Text | None = None


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_OneOrSome = Annotated[Some[form.Text], BeforeValidator(_listed), WithJsonSchema(_TEXTS)]
"""One text, or a list of some."""


def _form_of_answers(written: object) -> str:
    return "range" if isinstance(written, dict | _AnswerBounds) else "some"


_AnswerKey = Annotated[
    Annotated[_OneOrSome, Tag("some")] | Annotated[_AnswerBounds, Tag("range")], Discriminator(_form_of_answers)
]
"""Some answers, or from one to another; told apart first, so that an error speaks of the one that is meant."""


def _bound(field: Field, written: AmountBounds | None) -> QuantityThreshold | None:
    """The one comparison of a quantity that is no analyte's."""
    if written is None:
        return None
    found = tuple(thresholds(written).values())
    if len(found) != 1 or not isinstance(found[0], QuantityThreshold):
        refuse([((key(field.name),), f"write one of {', '.join(BOUNDS)} with a number and its unit, as in 10 mg/d")])
    _not_negative(field, found)
    return found[0] if isinstance(found[0], QuantityThreshold) else None


def _not_negative(field: Field, bounds: Iterable[Test]) -> None:
    """Refuse a bound below zero of what is counted or given: only a result, as a T-score, may be negative."""
    if any(isinstance(each, QuantityThreshold) and each.value < 0 for each in bounds):
        refuse([((key(field.name),), "an amount below zero is of no use here; leave out the sign")])


def _fits(field: Field, analyte: str, by: QuantityThreshold, info: ValidationInfo) -> None:
    """Refuse a difference that values of the analyte can't have."""
    known = vocabulary(info)
    try:
        check_difference(known.catalogue.analytes[analyte], by, known)
    except ValueError as error:
        refuse([((key(field.name),), str(error))])


def _allowed(field: Field, analytes: tuple[str, ...], tests: Mapping[str, Test], info: ValidationInfo) -> None:
    """Refuse, each at its own key, the comparisons that the analytes' values don't allow."""
    below: tuple[str, ...] = ()
    if isinstance(field.holds, Comparison) and _one_test(tests) is None:
        known = ", ".join((*BOUNDS, "finding", "answer", "boolean", "measured"))
        msg = f"needs one comparison, has {len(tests)}; write one of {known}, or a lower and an upper bound"
        raise ValueError(msg)
    if isinstance(field.holds, Amount):
        below = (key(field.name),)
        if len(tests) != min(len(analytes), 1):
            of = key(field.holds.of)
            msg = f"{of} need one threshold, and a threshold needs {of}; write both or neither"
            raise ValueError(msg)
        if any(isinstance(test, LimitThreshold) for test in tests.values()):
            refuse([(below, f"{key(field.holds.of)} have no limit of normal; write a fraction, as in 5 %")])
    for analyte in analytes:
        refuse_comparisons(analyte, tests, vocabulary(info), below)


_ANSWER = "Coded answers, any one of them; or `at-least` and `at-most` of answers that have an order."


def _form(name: str, says: str, statement: type[Any], table: tuple[Field, ...]) -> type[TableForm]:
    left_out = defaults(statement)
    keys = {word: held for field in table for word, held in _keys(field, left_out[field.name])}
    made = yaml_file.form_of(name, TableForm, says, keys)
    made.stands_for(statement, table)
    form_type: type[TableForm] = made
    return form_type


def _keys(field: Field, default: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:  # noqa: ANN401  # any field's default
    """The keys of a field."""
    match field.holds:
        case AgeEnd():
            for name, (which, _, says) in AGES.items():
                if which == field.holds:
                    yield name, (AgeText | None, Key(default=None, description=says))
        case Comparison():
            yield from AMOUNT_KEYS.items()
            yield "finding", (Finding | None, None)
            yield "boolean", (yaml_file.Flag | None, None)
            yield "answer", (_AnswerKey | None, Key(default=None, description=_ANSWER))
            yield (
                "measured",
                (yaml_file.Flag | None, Key(default=None, description="It was measured, whatever came out.")),
            )
        case Amount() | Bound():
            yield field.name, (AmountBounds | None, _key(field, None))
        case _:
            held: Any = _type(field.holds)
            if field.many:
                held = Some[held] if default is MISSING else tuple[held, ...]
            elif default is None:
                held = held | None
            yield field.name, (held, _key(field, default))


def _key(field: Field, default: Any) -> Any:  # noqa: ANN401  # pydantic's own type
    says = field.says or None
    return Key(description=says) if default is MISSING else Key(default=default, description=says)


def _type(holds: Holds) -> Any:  # noqa: ANN401, PLR0911  # a type, annotated or not; one line a sort of field
    """What a key holds in YAML."""
    match holds:
        case ConceptOf():
            return concept_id(holds.section)
        case CodeOf():
            return holds.codes
        case Flag():
            return yaml_file.Flag
        case Text():
            return form.Text
        case Count():
            return Annotated[int, Key(ge=1)]
        case Window():
            return form.WindowOrHours if holds.hours else form.Window
        case Nested():
            says = (holds.statement.__doc__ or "").splitlines()[0]
            return _form(f"{holds.statement.__name__}Form", says, holds.statement, holds.fields)
        case _:
            msg = f"{holds} has keys of its own"
            raise TypeError(msg)


@cache
def key_of(kind: Kind[Any]) -> tuple[Any, Any]:
    """The type and pydantic field of a kind's key."""
    says = (kind.statement.__doc__ or "").splitlines()[0]
    match kind.form:
        case Keys():
            return _form(f"{kind.statement.__name__}Form", says, kind.statement, kind.form.fields) | None, None
        case Value():
            return _type(kind.form.field.holds) | None, None
        case word:
            return Literal[word.word] | None, Key(default=None, description=says)


def statement_of(kind: Kind[Any], written: Any) -> Leaf:  # noqa: ANN401  # what stands behind its key
    """The statement that stands behind a kind's key."""
    match kind.form:
        case Keys():
            found: Leaf = written.to_statement()
        case Value():
            found = kind.statement(**{kind.form.field.name: written})
        case _:
            found = kind.statement()
    return found
