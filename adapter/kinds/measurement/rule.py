"""What a `measurement` criterion is in CQL: the calls of the rule libraries, with the catalogue's data as arguments."""

import ast
from collections.abc import Mapping
from decimal import Decimal

from adapter.criteria.calendar import Duration, Hours
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.expression import (
    AnalyteFacts,
    Each,
    Expression,
    Freshness,
    Items,
    Known,
    Names,
    Part,
    Readings,
    Row,
    call,
)
from adapter.criteria.formula import AGE, Formula, Presence, Together
from adapter.criteria.model import AnswerRange, Answers, Done, Finding
from adapter.criteria.quantity import LimitThreshold, QuantityRange, QuantityThreshold
from adapter.kinds.condition.rule import truth as diagnosed
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.exposure.kind import truth as given
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.compare import Asked, answers_of
from adapter.kinds.measurement.statement import Measurement, Selection, Test


def against(held: Analyte, test: Test | None, readings: Expression) -> Expression:  # noqa: PLR0911  # one line a case
    """The results of an analyte's readings under a test."""
    facts = AnalyteFacts(held.id)
    match test:
        case QuantityThreshold():
            bound = test.comparator.value, test.value, test.unit
            return call("Measurements", "AgainstQuantity", readings, facts, *bound, Known.PATIENT, Known.CUTOFF)
        case LimitThreshold():
            limit = test.comparator.value, test.factor, test.limit.value
            return call("Measurements", "AgainstLimit", readings, facts, *limit, Known.PATIENT)
        case QuantityRange():
            return _within(test, readings, facts)
        case Answers() | AnswerRange():
            return _answers(test, held, readings)
        case Done():
            return call("Measurements", "Measured", readings)
        case Finding():
            return call("Measurements", "AgainstFinding", readings, facts, test.value, Known.CUTOFF, Known.PATIENT)
        case _:
            return call("Measurements", "AgainstBoolean", readings, bool(test))


def _within(test: QuantityRange, readings: Expression, facts: AnalyteFacts) -> Expression:
    """Two bounds, of one kind or a quantity and a limit of normal."""
    match test.low, test.high:
        case QuantityThreshold() as low, QuantityThreshold() as high:
            low_end, high_end = ((end.comparator.value, end.value, end.unit) for end in (low, high))
            ends = *low_end, *high_end, Known.PATIENT, Known.CUTOFF
            return call("Measurements", "AgainstRange", readings, facts, *ends)
        case LimitThreshold() as low, LimitThreshold() as high:
            low_end, high_end = ((end.comparator.value, end.factor, end.limit.value) for end in (low, high))
            return call("Measurements", "AgainstLimits", readings, facts, *low_end, *high_end, Known.PATIENT)
        case _:
            ((quantity, limit),) = (
                (one, other)
                for one, other in ((test.low, test.high), (test.high, test.low))
                if isinstance(one, QuantityThreshold) and isinstance(other, LimitThreshold)
            )
            bound = quantity.comparator.value, quantity.value, quantity.unit
            multiple = limit.comparator.value, limit.factor, limit.limit.value
            of = Known.PATIENT, Known.CUTOFF
            return call("Measurements", "AgainstBoth", readings, facts, *bound, *multiple, *of)


def _answers(test: Answers | AnswerRange, held: Analyte, readings: Expression) -> Expression:
    """What answers there are, what each is a part of, and what people write for it; of answers it has, no others."""
    named = test.any_of if isinstance(test, Answers) else tuple(filter(None, (test.low, test.high)))
    if not held.answers.keys() >= set(named):
        return None
    asked = Asked(test, held)
    rows = (
        Row(
            (
                ("id", name),
                ("broader", Names(tuple(sorted(broader)))),
                ("words", Names(tuple(sorted(word for word, answer in asked.words.items() if answer == name)))),
            )
        )
        for name, broader in sorted(asked.broader.items())
    )
    return call(
        "Measurements",
        "AgainstAnswers",
        readings,
        Items(tuple(rows)),
        Names(tuple(sorted(answers_of(test, held).any_of))),
    )


_FUNCTIONS = {Selection.LATEST: "Latest", Selection.ANY: "AnyInWindow", Selection.ALL: "AllInWindow"}


def truth(statement: Measurement, catalogue: Catalogue) -> Expression:
    """The latest value, or several inside the window, under the test."""
    held = catalogue.analytes[statement.analyte]
    formulas = catalogue.formulas.get(held.id, ())
    latest = statement.taken is Selection.LATEST
    derives = latest and statement.test is not Done.MEASURED and bool(formulas)
    if isinstance(statement.window, Hours) or isinstance(statement.apart, Hours) or not statement.is_plain:
        return Known.UNKNOWN
    window = Freshness(held.freshness) if statement.window is None else statement.window
    readings: Expression = Readings(held.id)
    if latest:
        readings = call("Measurements", "NewestReadings", readings, Known.NOW)
    if statement.times is not None or statement.share is not None:
        readings = call("Measurements", "Once", readings)
    results = against(held, statement.test, readings)
    if results is None:
        return Known.UNKNOWN
    if derives:
        rows = tuple(_reckoned(each, window, catalogue) for each in formulas)
        derived = against(held, statement.test, call("Formulas", "Derived", Items(rows)))
        return call("Formulas", "OrDerived", Readings(held.id), results, derived, Known.NOW, window)
    if statement.times is not None:
        return call(
            "Measurements", "TimesInWindow", results, Decimal(statement.times), statement.apart, Known.NOW, window
        )
    if statement.share is not None:
        share = statement.share.comparator.value, statement.share.value
        return call("Measurements", "ShareInWindow", results, *share, Known.NOW, window)
    return call("Measurements", _FUNCTIONS[statement.taken], results, Known.NOW, window)


def _reckoned(formula: Formula, window: Duration | Freshness, catalogue: Catalogue) -> Row:
    """Whether a formula is for the patient, and what it gives."""
    concerned = call("Formulas", "Concerns", Known.PATIENT, formula.at_least, formula.below, Known.NOW)
    first = next(iter(formula.inputs), None)
    numbers: dict[str, Expression] = {name: Part(name, "number") for name in formula.inputs}
    numbers |= {name: Part(name) for name in (AGE, *formula.presence, *formula.where)}
    sexes = formula.female, formula.male
    numbers |= {name: call("Formulas", "BySex", Part("sex"), *(each[name] for each in sexes)) for name in sexes[0]}
    value = _parsed(formula.value, numbers)
    for name, said in reversed(tuple(formula.where.items())):
        value = Each(name, _parsed(said, numbers), value, alone=True)
    whole = call("Formulas", "Hull", Each("sex", call("Formulas", "Sexes", Known.PATIENT), value))
    number = call("Formulas", "Rounded", whole if formula.by_sex else value, formula.step)
    primary = None if first is None else Part(first)
    reading: Expression = call("Formulas", "Reading", primary, number, formula.unit)
    for name, held in formula.presence.items():
        reading = Each(name, call("Formulas", "OnRecord", _on_record(held, catalogue)), reading, alone=True)
    if AGE in formula.asked:
        asked = (primary, Known.PATIENT) if primary is not None else (Known.PATIENT, Known.NOW)
        years = call("Formulas", "Years" if primary is not None else "YearsNow", *asked)
        reading = Each(AGE, years, reading, alone=True)
    for name in reversed(tuple(formula.inputs)):
        reading = Each(name, _input(name, first or name, formula, window, catalogue), reading, alone=True)
    return Row((("concerned", concerned), ("reading", reading)))


def _on_record(held: Presence, catalogue: Catalogue) -> Expression:
    """Whether any of it is on record, or all of it denied."""
    asked: list[Expression] = []
    if held.conditions:
        occurrence = Occurrence.ACTIVE if held.active else Occurrence.EVER
        asked.append(diagnosed(Condition(concepts=held.conditions, occurrence=occurrence), catalogue))
    if held.exposures:
        asked.append(given(Exposure(concepts=held.exposures, look_back=held.window), catalogue))
    return call("Measurements", "AnyOf", Items(tuple(asked)))


def _input(name: str, first: str, formula: Formula, window: Duration | Freshness, catalogue: Catalogue) -> Expression:
    """What was measured: the latest value, or what belongs to the first input."""
    asked = formula.inputs[name]
    held = catalogue.analytes[asked.analyte]
    of = Readings(held.id), AnalyteFacts(held.id), asked.unit
    if formula.together is not None and name != first:
        return call("Formulas", "Beside", Part(first), *of, formula.together is Together.DAY)
    asked_of = Freshness(held.freshness) if isinstance(window, Freshness) else window
    return call("Formulas", "Latest", *of, Known.NOW, asked.window or asked_of)


_OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "Plus",
    ast.Sub: "Less",
    ast.Mult: "Product",
    ast.Div: "Quotient",
    ast.Pow: "Raised",
}
_CALLED = {
    "min": "Least",
    "max": "Most",
    "sqrt": "Root",
    "ln": "Logarithm",
    "exp": "Exponential",
    "at_least": "AtLeast",
    "above": "Above",
    "either": "Either",
}


def _parsed(expression: str, numbers: Mapping[str, Expression]) -> Expression:
    return _value(ast.parse(expression.strip(), mode="eval").body, numbers)


def _value(node: ast.expr, numbers: Mapping[str, Expression]) -> Expression:
    """A formula's expression, which `criteria.formula` has checked, as calls on ranges."""
    match node:
        case ast.Constant():
            return call("Formulas", "Exactly", Decimal(ast.unparse(node)))
        case ast.Name():
            return numbers[node.id]
        case ast.UnaryOp():
            return call("Formulas", "Less", call("Formulas", "Exactly", Decimal(0)), _value(node.operand, numbers))
        case ast.BinOp():
            return call("Formulas", _OPERATORS[type(node.op)], _value(node.left, numbers), _value(node.right, numbers))
        case ast.Call(func=ast.Name(id=called)):
            return call("Formulas", _CALLED[called], *(_value(each, numbers) for each in node.args))
    msg = f"{ast.unparse(node)!r} is no part of a formula"
    raise ValueError(msg)
