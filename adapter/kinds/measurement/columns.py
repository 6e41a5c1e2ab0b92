"""`measurement` as rows: an analyte, a bound in its canonical unit, and the first day of the window."""

from fractions import Fraction

from adapter.criteria.calendar import Hours
from adapter.criteria.catalogue import Analyte, Positivity
from adapter.criteria.model import AnswerRange, Answers, Done, Finding
from adapter.criteria.quantity import (
    SAME,
    LimitThreshold,
    Number,
    QuantityRange,
    QuantityThreshold,
    times,
)
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import BASES, Basis, Latest, Setting, Test
from adapter.kinds.measurement import statement as said
from adapter.kinds.measurement.statement import Measurement, Selection


def columns(statement: Measurement, setting: Setting) -> Latest | None:
    """The latest value, where it is neither reckoned nor one of coded answers."""
    terminology, policy, *_ = setting
    analyte = terminology.catalogue.analytes[statement.analyte]
    derived = analyte.id in terminology.catalogue.formulas and not isinstance(statement.test, Done)
    if statement.taken is not Selection.LATEST or derived or statement.asks_how or isinstance(statement.window, Hours):
        return None
    if isinstance(statement.test, Answers | AnswerRange):
        return None
    young = analyte.alternative_below if analyte.alternative else None
    tests = statement.test
    ends = (tests.low, tests.high) if isinstance(tests, QuantityRange) else (tests,)
    made = tuple(_test(each, analyte, setting) for each in ends)
    since = setting.since(statement.window or policy.freshness[analyte.freshness])
    known = tuple(each for each in made if each is not None)
    if len(known) < len(made) or since is None:
        return None
    return Latest(
        analyte=analyte,
        tests=known,
        since=since,
        young_after=None if young is None else setting.born_until(young),
    )


def _test(test: said.Test, analyte: Analyte, setting: Setting) -> Test | None:
    match test:
        case QuantityThreshold():
            return _quantity(test, analyte, setting.terminology)
        case LimitThreshold():
            plain = analyte.positivity not in (Positivity.CUTOFF, Positivity.ABOVE_ZERO)
            limit = Test(basis=BASES[test.limit], comparator=test.comparator, bound=test.factor)
            return limit if plain else None
        case Finding():
            return Test(basis=Basis.FINDING, expected=test.value)
        case Done():
            return Test(basis=Basis.DONE)
        case bool():
            return Test(basis=Basis.BOOLEAN, expected="true" if test else "false")
        case _:
            return None


def _quantity(test: QuantityThreshold, analyte: Analyte, terminology: Terminology) -> Test | None:
    plain = test.unit == "1" and analyte.unit in (None, "1")
    conversion = SAME if plain else terminology.conversion(analyte, test.unit, None)
    if conversion is None:
        return None
    near = [_near(test.unit, analyte, unit) for unit in analyte.conversions]
    return Test(
        basis=Basis.NUMBER,
        comparator=test.comparator,
        bound=conversion.of(test.value),
        near=max(near, default=None),
    )


def _near(asked: str, analyte: Analyte, unit: str) -> Number:
    """Half of the step in which people report a number, of which only the evaluation knows the unit."""
    held = analyte.conversions[unit]
    own, canonical = held.steps
    return Fraction(times(own, held.linear.factor) if asked in analyte.conversions else canonical) / 2
