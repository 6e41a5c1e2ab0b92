"""The kind `measurement`: an analyte against a quantity, a range, a limit of normal, a finding or a boolean.

`measurement` as rows: an analyte, a bound in its canonical unit, and the first day of the window.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from adapter.criteria.calendar import CalendarUnit, Duration, Hours, Length
from adapter.criteria.catalogue import Analyte, Catalogue, Positivity
from adapter.criteria.fields import Bound, CodeOf, Comparison, ConceptOf, Count, Field, Keys, Section, Window
from adapter.criteria.formula import Formula
from adapter.criteria.model import AnswerRange, Answers, Done, Finding
from adapter.criteria.quantity import SAME, LimitThreshold, Linear, Number, QuantityRange, QuantityThreshold, times
from adapter.criteria.terminology import Terminology
from adapter.evaluator.columns import BASES, Basis, Latest, Measured, Reckoned, Scored, Setting
from adapter.evaluator.columns import Test as Tested
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trait, Trial
from adapter.evaluator.reads import CONDITION, DEVICE, EXPOSURE, MENTION, Read, Role, coded, observed
from adapter.evaluator.wording import COMPARATORS, titles
from adapter.kinds.events.gathered import event_reads, event_words
from adapter.kinds.events.sequence import REFERENCE
from adapter.kinds.measurement.derived import derived_reads
from adapter.kinds.measurement.evaluate import bind_before, bind_measurement
from adapter.kinds.measurement.rule import truth
from adapter.kinds.measurement.statement import Measurement, Selection, Test, contradiction


def columns(statement: Measurement, setting: Setting) -> Latest | Scored | None:
    """The latest value, where it is none of coded answers; one that only others give is for the evaluation."""
    terminology, policy, *_ = setting
    analyte = terminology.catalogue.analytes[statement.analyte]
    derived = not isinstance(statement.test, Done)
    formulas = terminology.catalogue.formulas.get(analyte.id, ()) if derived else ()
    if statement.taken is not Selection.LATEST or isinstance(statement.window, Hours) or not statement.is_plain:
        return None
    if isinstance(statement.test, Answers | AnswerRange):
        return None
    if not all(each.inputs for each in formulas):
        return _scored(formulas, setting)
    young = analyte.alternative_below if analyte.alternative else None
    tests = statement.test
    ends = (tests.low, tests.high) if isinstance(tests, QuantityRange) else (tests,)
    made = tuple(_tested(each, analyte, setting) for each in ends)
    since = setting.since(statement.window or policy.freshness[analyte.freshness])
    known = tuple(each for each in made if each is not None)
    if len(known) < len(made) or since is None:
        return None
    return Latest(
        analyte=analyte,
        tests=known,
        since=since,
        young_after=None if young is None else setting.born_until(young),
        reckoned_from=tuple(tuple(needed.analyte for needed in each.inputs.values()) for each in formulas),
        ages=tuple(
            setting.born_until(age) for each in formulas for age in (each.at_least, each.below) if age is not None
        ),
        reckoned=_reckoned(formulas, analyte, statement.window, setting),
    )


def _scored(formulas: Sequence[Formula], setting: Setting) -> Scored | None:
    """A score that has no measured value in it, and changes with few ages."""
    if any(each.inputs or each.ages is None for each in formulas):
        return None
    ages = {Duration(years, CalendarUnit.YEAR) for each in formulas for years in each.ages or ()}
    ages.update(age for each in formulas for age in (each.at_least, each.below) if age)
    return Scored(births=tuple(sorted(map(setting.born_until, ages))))


def _reckoned(
    formulas: Sequence[Formula], analyte: Analyte, window: Length | None, setting: Setting
) -> tuple[Reckoned, ...]:
    """The formulas, if all of them give a plain number of plain numbers; a value of the analyte stands by itself."""
    analytes = setting.terminology.catalogue.analytes
    alike = [analyte, *(analytes[each.analyte] for formula in formulas for each in formula.inputs.values())]
    if any(each.presence or each.together for each in formulas) or any(map(_is_read_beside, alike)):
        return ()
    if analyte.raised_by or analyte.conversions:
        return ()
    found = [_as_asked(each, analyte, window, setting) for each in formulas]
    return tuple(each for each in found if each is not None) if all(found) else ()


def _is_read_beside(analyte: Analyte) -> bool:
    """Whether more than its number says what a value of the analyte comes to."""
    return bool(analyte.of_blasts) or analyte.positivity in (Positivity.CUTOFF, Positivity.ABOVE_ZERO)


def _as_asked(formula: Formula, gives: Analyte, window: Length | None, setting: Setting) -> Reckoned | None:
    terminology, policy, *_ = setting
    own = _converted(formula.unit, gives, terminology)
    inputs: list[Measured] = []
    for name, each in formula.inputs.items():
        analyte = terminology.catalogue.analytes[each.analyte]
        asked = each.window or window or policy.freshness[analyte.freshness]
        since = None if isinstance(asked, Hours) else setting.since(asked)
        known = _converted(each.unit, analyte, terminology)
        if since is None or known is None:
            return None
        factor = 1 / Fraction(known.factor)
        inputs.append(Measured(name, analyte.id, since, factor, -Fraction(known.offset or 0) * factor))
    if own is None or own.factor != 1 or own.offset:
        return None
    return Reckoned(
        formula=formula,
        inputs=tuple(inputs),
        born_until=None if formula.at_least is None else setting.born_until(formula.at_least),
        born_after=None if formula.below is None else setting.born_until(formula.below),
    )


def _converted(unit: str, analyte: Analyte, terminology: Terminology) -> Linear | None:
    """What turns a number in a unit into one in the analyte's own."""
    plain = unit == "1" and analyte.unit in (None, "1")
    return SAME if plain else terminology.conversion(analyte, unit, None)


def _tested(test: Test, analyte: Analyte, setting: Setting) -> Tested | None:
    match test:
        case QuantityThreshold():
            return _quantity(test, analyte, setting.terminology)
        case LimitThreshold():
            plain = analyte.positivity not in (Positivity.CUTOFF, Positivity.ABOVE_ZERO)
            limit = Tested(basis=BASES[test.limit], comparator=test.comparator, bound=test.factor)
            return limit if plain else None
        case Finding():
            return Tested(basis=Basis.FINDING, expected=test.value)
        case Done():
            return Tested(basis=Basis.DONE)
        case bool():
            return Tested(basis=Basis.BOOLEAN, expected="true" if test else "false")
        case _:
            return None


def _quantity(test: QuantityThreshold, analyte: Analyte, terminology: Terminology) -> Tested | None:
    conversion = _converted(test.unit, analyte, terminology)
    if conversion is None:
        return None
    near = [_near(test.unit, analyte, unit) for unit in analyte.conversions]
    return Tested(
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


_FIELDS = (
    Field("analyte", ConceptOf(Section.ANALYTE)),
    Field("test", Comparison(of="analyte")),
    Field("selection", CodeOf(Selection)),
    Field(
        "window",
        Window(hours=True),
        says="How old a value may be, in hours and minutes too (PT4H30M); else the policy's freshness decides.",
    ),
    Field("times", Count(), says="With `selection: any`: how many values must satisfy it."),
    Field("apart", Window(hours=True), says="How far apart the first and the last of these must lie, in hours too."),
    Field("share", Bound(), says="With `selection: any`: what share of the values in the window, in per cent."),
    Field("body_site", ConceptOf(Section.BODY_SITE), many=True, says="Only what was measured at one of these."),
    Field("method", ConceptOf(Section.METHOD), many=True, says="Only what was measured by one of these."),
    Field("device", ConceptOf(Section.DEVICE), many=True, says="Only what was measured with one of these."),
    Field("before", REFERENCE, says="Only what stood when this event began; the window is counted back from it."),
)


def _reads(statement: Measurement, catalogue: Catalogue) -> Iterable[Read]:
    """What stood at an event may be of any time."""
    if statement.before is None:
        yield from _values(statement, catalogue)
        return
    for each in _values(statement, catalogue):
        yield replace(each, window=None, freshness=None)
    yield from event_reads(statement.before, catalogue)


def _values(statement: Measurement, catalogue: Catalogue) -> Iterator[Read]:
    beside = ("referenceRange",) if any(isinstance(each, LimitThreshold) for each in _bounds(statement.test)) else ()
    held = catalogue.analytes[statement.analyte]
    how = (name for name, asked in zip(_ELEMENTS, _circumstances(statement), strict=True) if asked)
    yield from observed(held, Role.ASKED, statement.window, *beside, *how)
    for name in held.raised_during:
        yield coded(EXPOSURE, name, Role.BESIDE)
        yield coded(MENTION, name, Role.NAMED)
        yield from (coded(CONDITION, each, Role.NAMED) for each in catalogue.exposures[name].told_by)
    for concept in statement.device:
        yield Read(data=DEVICE, name=concept, role=Role.SHOWN, value_set=concept)
    if held.of_blasts:
        for id_, disease in catalogue.conditions.items():
            if disease.mature or disease.blastic:
                yield from (coded(CONDITION, name, Role.BESIDE) for name in (id_, *disease.may_be))
    if statement.asks_how:
        return
    if statement.taken is Selection.LATEST and statement.test is not Done.MEASURED:
        yield from derived_reads(held, catalogue, statement.window)


_ELEMENTS = ("bodySite", "method", "device")


def _circumstances(statement: Measurement) -> tuple[tuple[str, ...], ...]:
    return statement.body_site, statement.method, statement.device


def _bounds(test: Test) -> tuple[Test, ...]:
    return (test.low, test.high) if isinstance(test, QuantityRange) else (test,)


def _words(statement: Measurement, catalogue: Catalogue) -> Phrase:
    about = catalogue.analytes[statement.analyte].title + "".join(_how(statement, catalogue))
    which = "" if statement.selection is Selection.LATEST else f"{statement.selection.value} "
    if statement.times is not None:
        apart = f", {statement.apart.words} apart," if statement.apart else ""
        which = f"at least {statement.times} times{apart} "
    if statement.share is not None:
        which = f"{_test(statement.share)} of the values "
    within = f" within {statement.window.words}" if statement.window else ""
    if statement.before is not None:
        within += f" before the {statement.before.which.value} {event_words(statement.before, catalogue)}"
    asked = f"{which}{_asked(statement.test, catalogue.analytes[statement.analyte])}{within}"
    return Phrase(about, asked, f"{about} {asked}", leads=True)


def _how(statement: Measurement, catalogue: Catalogue) -> Iterator[str]:
    held = catalogue.body_sites, catalogue.methods, catalogue.devices
    for word, named, known in zip(("of", "by", "with"), _circumstances(statement), held, strict=True):
        if named:
            yield f" {word} {titles(named, known)}"


def _asked(test: Test, analyte: Analyte) -> str:
    def title(name: str) -> str:
        return analyte.answers[name].title if name in analyte.answers else name

    match test:
        case Answers():
            return " or ".join(map(title, test.any_of))
        case AnswerRange(low, None) if low is not None:
            return f"{title(low)} or more"
        case AnswerRange(None, high) if high is not None:
            return f"{title(high)} or less"
        case AnswerRange(low, high) if low is not None and high is not None:
            return f"{title(low)} to {title(high)}"
        case _:
            return _test(test)


def _test(test: Test) -> str:
    match test:
        case QuantityThreshold():
            unit = "" if test.unit == "1" else f" {test.unit}"
            return f"{COMPARATORS[test.comparator]} {test.value.normalize():f}{unit}"
        case LimitThreshold():
            return f"{COMPARATORS[test.comparator]} {test.factor.normalize():f} x {test.limit.value}"
        case QuantityRange():
            return f"{_test(test.low)} and {_test(test.high)}"
        case Finding() | Done():
            return test.value
        case _:
            return "true" if test else "false"


def _traits(statement: Measurement, _: Catalogue) -> tuple[Trait, ...]:
    """The latest value; a Group has no windows and no multiples of a limit of normal."""
    tests = _bounds(statement.test)
    if statement.selection is not Selection.LATEST or statement.window or not statement.is_plain:
        return ()
    told = [
        each for each in tests if not isinstance(each, LimitThreshold | QuantityRange | Answers | AnswerRange | Done)
    ]
    if len(told) < len(tests):
        return ()
    return tuple(Trait(concepts=(statement.analyte,), value=each) for each in told)


def _bind(statement: Measurement, trial: Trial) -> Evaluation:
    if statement.before is None:
        return bind_measurement(statement, trial.terminology)
    return bind_before(statement, statement.before, trial.terminology)


MEASUREMENT = Kind(
    name="measurement",
    statement=Measurement,
    form=Keys(_FIELDS),
    contradiction=contradiction,
    reads=_reads,
    bind=_bind,
    words=_words,
    rule=lambda statement, catalogue: Rule(truth(statement, catalogue)),
    traits=_traits,
    columns=columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
