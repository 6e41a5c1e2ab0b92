"""One value held against what is asked for (CONFORMANCE: Values).

A coded answer held against those that are asked for (CONFORMANCE: Values, coded answers).
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from adapter.criteria.catalogue import Analyte, CodedAnswer
from adapter.criteria.model import AnswerRange, Answers, Done, Finding
from adapter.criteria.quantity import SAME, Comparator, LimitThreshold, Number, QuantityRange, QuantityThreshold, times
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.finding import amount_of, finding, supported
from adapter.evaluator.normal import contradicts_another, contradicts_own_range, limits_of_normal
from adapter.evaluator.reason import Reason, truth_of
from adapter.kinds.measurement.statement import Test


def answers_of(test: Answers | AnswerRange, analyte: Analyte) -> Answers:
    """The answers that are asked for; those of a range are every one whose finest answers all lie in it."""
    if isinstance(test, Answers):
        return test
    ranked = analyte.ranked()
    low = 0 if test.low is None else ranked.index(analyte.finest(test.low)[0])
    high = len(ranked) if test.high is None else ranked.index(analyte.finest(test.high)[-1]) + 1
    within = frozenset(ranked[low:high])
    return Answers(tuple(name for name in analyte.answers if within.issuperset(analyte.finest(name))))


class Asked:
    """What answers are asked for, and how they stand to the others that the analyte may have."""

    def __init__(self, test: Answers | AnswerRange, analyte: Analyte) -> None:
        """Work out once which answers are one of those asked for, and which are too coarse to tell.

        What nobody could determine may be any answer; so may, of a range, what has no place in the order.
        """
        asked = frozenset(answers_of(test, analyte).any_of)
        open_ = frozenset(name for name, each in analyte.answers.items() if each.undetermined) - asked
        if isinstance(test, AnswerRange):
            ranked = frozenset(analyte.ranked())
            open_ |= frozenset(name for name in analyte.answers if ranked.isdisjoint(analyte.finest(name))) - asked
        broader = {
            name: frozenset(_broader(name, analyte.answers)) | (frozenset() if name in open_ else open_)
            for name in analyte.answers
        }
        self.broader = broader
        self.holding = frozenset(name for name in analyte.answers if asked & (broader[name] | {name}))
        self.coarse = frozenset().union(*(broader[name] for name in asked)) - self.holding
        self.words = dict(_words(analyte.answers.values()))

    def compare(self, reading: Reading, chart: Chart) -> tuple[Reason, str]:
        """The reason of a reading's answer."""
        del chart
        coded = (reading.fact.coded or frozenset()).intersection(self.broader)
        worded = self.words.get(plain(reading.fact.string or ""))
        said = coded if worded is None else coded | {worded}
        if self._contradict(said):
            return Reason.CONFLICTING, ""
        if not said.isdisjoint(self.holding):
            return Reason.VALUE_SATISFIES, ""
        if said and not said.isdisjoint(self.coarse) and self._finest(said) <= self.coarse:
            return Reason.NEEDS_REVIEW, "the answer is too coarse to tell"
        if said:
            return Reason.VALUE_FAILS, ""
        return (Reason.VALUE_NOT_COMPARABLE if reading.fact.coded is None else Reason.UNMAPPED_CODE), ""

    def _finest(self, said: frozenset[str]) -> frozenset[str]:
        return frozenset(name for name in said if not any(name in self.broader[other] for other in said))

    def _contradict(self, said: frozenset[str]) -> bool:
        """Whether two answers are given of which neither is a part of the other."""
        return len(self._finest(said)) > 1


def _broader(name: str, answers: Mapping[str, CodedAnswer]) -> Iterable[str]:
    """Every answer that this one is a part of, at any depth."""
    for other in answers.values():
        if name in other.parts:
            yield other.id
            yield from _broader(other.id, answers)


def _words(answers: Iterable[CodedAnswer]) -> Iterable[tuple[str, str]]:
    for answer in answers:
        for text in (answer.title, *answer.words):
            yield plain(text), answer.id


Compare = Callable[[Reading, Chart], tuple[Reason, str]]
"""A reading's reason under the criterion's test, and a note for the explanation."""


Standing = Callable[[Interval], Reason]
"""How a number stands to a bound."""


_MOST_LIMITS = 1024
_UPWARDS = frozenset({Comparator.AT_LEAST, Comparator.GREATER})
_SATISFIES, _FAILS, _STRADDLES = Reason.VALUE_SATISFIES, Reason.VALUE_FAILS, Reason.VALUE_STRADDLES


def comparison(test: Test, analyte: Analyte, terminology: Terminology) -> Compare:  # noqa: PLR0911  # one line a case
    """What one value comes to under a test."""
    match test:
        case QuantityThreshold():
            return against_quantity(test, analyte, terminology)
        case LimitThreshold():
            return _against_limit(test, analyte)
        case QuantityRange():
            return _both(comparison(test.low, analyte, terminology), comparison(test.high, analyte, terminology))
        case Finding():
            return _against_finding(test, analyte)
        case Answers() | AnswerRange():
            return Asked(test, analyte).compare
        case Done():
            return lambda *_: (Reason.RECORDED, "")
        case _:
            return _against_boolean(expected=test)


_IN_WORDS = frozenset({Reason.VALUE_NOT_COMPARABLE, Reason.UNMAPPED_CODE})
_NO_VALUE = frozenset({"value", "interpretation"})


def may_be_anything(reading: Reading, reason: Reason, chart: Chart) -> bool:
    """Whether one that is not final, or undated, may have come to anything: its words say it elsewhere ("see report").

    Not where they say that it came to nothing: "folgt", "clotted".
    """
    fact = reading.fact
    if (reading.counts and reading.time is not None) or reason not in _IN_WORDS or fact.coded:
        return False
    if fact.amount is not None or fact.boolean is not None or fact.element.rpartition(".")[2] in _NO_VALUE:
        return False
    said, writing = fact.string or "", chart.terminology.writing
    return not (writing.says("no_result", said) or writing.says("unusable", said))


def _both(one: Compare, other: Compare) -> Compare:
    """∧ of two tests of the same value."""

    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        found = one(reading, chart), other(reading, chart)
        notes = ", ".join(dict.fromkeys(note for _, note in found if note))
        truths = [truth_of(reason) for reason, _ in found]
        decider = next((truths.index(each) for each in (Truth.NOT_MET, Truth.UNKNOWN) if each in truths), 0)
        return found[decider][0], notes

    return compare


def against_quantity(test: QuantityThreshold, analyte: Analyte, terminology: Terminology) -> Compare:
    """The comparison with a quantity, its bound turned into the analyte's canonical unit once."""
    plain = test.unit == "1" and analyte.unit in (None, "1")
    conversion = SAME if plain else terminology.conversion(analyte, test.unit, None)
    if conversion is None:
        msg = f"{test.unit} does not convert to {analyte.unit}, the unit of {analyte.id}"
        raise ValueError(msg)
    bound = conversion.of(test.value)
    near = _as_good_as(test, analyte)
    high = _SATISFIES if test.comparator in _UPWARDS else _FAILS
    standing = against(test.comparator, bound)
    at_bound = standing(Interval(bound, bound))
    believed = analyte.plausible_upper is None and analyte.above is None and analyte.below is None

    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        number = amount_of(reading, analyte, chart)
        if isinstance(number, Reason):
            return number, ""
        if not believed and (
            contradicts_own_range(reading, analyte, chart) or contradicts_another(reading, analyte, chart)
        ):
            return Reason.IMPLAUSIBLE, ""
        reason = standing(number)
        if near is not None and near(reading, number, bound) and reason is not at_bound:
            return Reason.VALUE_STRADDLES, "rounded as it is reported, it lies on the bound"
        if analyte.raised_by and reason is high and (support := supported(reading, analyte, chart)):
            return Reason.NEEDS_REVIEW, support
        return reason, ""

    return compare


def _as_good_as(test: QuantityThreshold, analyte: Analyte) -> Callable[[Reading, Interval, Number], bool] | None:
    """Whether a number in one unit and a bound in another are the same as people report them; None if units say no.

    Only where the analyte converts by a formula of its own: 48 mmol/mol and 6.5 % of HbA1c are one and the same.
    """
    if not analyte.conversions:
        return None

    def near(reading: Reading, number: Interval, bound: Number) -> bool:
        amount = reading.fact.amount
        units = {test.unit, (amount.unit or amount.text or "") if amount else ""}
        held = next((analyte.conversions[unit] for unit in units if unit in analyte.conversions), None)
        if held is None or len(units) == 1 or number.low is None or number.low != number.high:
            return False
        own, canonical = held.steps
        step = times(own, held.linear.factor) if test.unit in analyte.conversions else canonical
        return abs(Fraction(number.low) - Fraction(bound)) * 2 < step

    return near


def _against_limit(test: LimitThreshold, analyte: Analyte) -> Compare:
    told: dict[int, tuple[tuple[Number, ...], list[Standing], str]] = {}

    def of(limits: tuple[Number, ...]) -> tuple[tuple[Number, ...], list[Standing], str]:
        """The limits, how numbers stand to the bounds that they make, and how they are told."""
        held = told.get(id(limits))
        if held is None or held[0] is not limits:
            note = f"{test.limit.value} {' or '.join(f'{float(limit):.4g}' for limit in limits)} {analyte.unit}"
            if len(told) >= _MOST_LIMITS:
                told.clear()
            standings = [against(test.comparator, times(limit, test.factor)) for limit in limits]
            held = told[id(limits)] = limits, standings, note  # they are kept, so their id stays their own
        return held

    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        number = chart.number(reading.fact, analyte)
        if isinstance(number, Reason):
            return number, ""
        limits = limits_of_normal(reading, analyte, test.limit, chart)
        if isinstance(limits, Reason):
            return limits, ""
        _, standings, note = of(limits)
        if len(standings) == 1:
            return standings[0](number), note
        reasons = {standing(number) for standing in standings}
        return (reasons.pop() if len(reasons) == 1 else Reason.REFERENCE_RANGE_MISSING), note

    return compare


def _against_finding(test: Finding, analyte: Analyte) -> Compare:
    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        found = finding(reading, analyte, chart)
        if isinstance(found, Reason):
            return found, ""
        return (Reason.VALUE_SATISFIES if found is test else Reason.VALUE_FAILS), ""

    return compare


def _against_boolean(*, expected: bool) -> Compare:
    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        del chart
        if reading.fact.boolean is None:
            return Reason.VALUE_NOT_COMPARABLE, ""
        return (Reason.VALUE_SATISFIES if reading.fact.boolean is expected else Reason.VALUE_FAILS), ""

    return compare


def stands(number: Interval, comparator: Comparator, bound: Number) -> Reason:
    """Whether every number of the interval satisfies, none does, or it straddles the bound."""
    return against(comparator, bound)(number)


def against(comparator: Comparator, bound: Number) -> Standing:
    """The same of one bound: >= holds from the bound on, > beyond it.

    All numbers are above if the low end is, and below if the high end is.
    """

    def is_from(number: Interval) -> bool:
        return number.low is not None and number.low >= bound

    def is_beyond(number: Interval) -> bool:
        low = number.low
        return low is not None and (low > bound or (low == bound and number.low_open))

    def is_below(number: Interval) -> bool:
        high = number.high
        return high is not None and (high < bound or (high == bound and number.high_open))

    def is_until(number: Interval) -> bool:
        return number.high is not None and number.high <= bound

    holds, fails = {
        Comparator.AT_LEAST: (is_from, is_below),
        Comparator.GREATER: (is_beyond, is_until),
        Comparator.LESS: (is_below, is_from),
        Comparator.AT_MOST: (is_until, is_beyond),
    }[comparator]

    def standing(number: Interval) -> Reason:
        if holds(number):
            return _SATISFIES
        return _FAILS if fails(number) else _STRADDLES

    return standing
