"""Is a result positive or negative (CONFORMANCE: Values, qualitative results; CD7 on tumour cells)."""

from decimal import Decimal

from adapter.criteria.catalogue import Analyte, Positivity
from adapter.criteria.model import Finding
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.reason import Reason


def finding(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason:
    """What a reading finds, or why it can't be said.

    The number decides where the analyte has a cut-off; else valueCodeableConcept, else interpretation, else
    valueString by the synonyms, else the number where any amount is a finding.
    """
    fact = reading.fact
    if analyte.positivity is Positivity.CUTOFF and fact.amount is not None:
        return _by_cutoff(chart.number(fact, analyte), chart)
    for sets in (fact.coded, fact.interpretation):
        coded = _coded(sets)
        if coded is not None:
            return coded
    if fact.string is not None:
        known = chart.terminology.finding_synonyms.get(fact.string.strip().casefold())
        if known is not None:
            return Finding(known)
        number = chart.number(fact, analyte)
        if isinstance(number, Reason):
            return number
    if fact.amount is not None and analyte.positivity is Positivity.ABOVE_ZERO:
        return _above_zero(fact.amount.low, fact.amount.high, low_open=fact.amount.low_open)
    return Reason.VALUE_NOT_COMPARABLE


def _coded(sets: frozenset[str] | None) -> Finding | Reason | None:
    if not sets:
        return None
    positive, negative = "result-positive" in sets, "result-negative" in sets
    if positive and negative:
        return Reason.CONFLICTING
    if positive:
        return Finding.POSITIVE
    return Finding.NEGATIVE if negative else None


def _by_cutoff(number: Interval | Reason, chart: Chart) -> Finding | Reason:
    if isinstance(number, Reason):
        return number
    cutoff = chart.policy.antigen_cutoff
    if number.low is not None and number.low >= cutoff:
        return Finding.POSITIVE
    if number.high is not None and number.high <= 0:
        return Finding.NEGATIVE
    below = number.high is not None and (number.high < cutoff or (number.high_open and number.high == cutoff))
    return Reason.NEEDS_REVIEW if below else Reason.VALUE_STRADDLES


def _above_zero(low: Decimal | None, high: Decimal | None, *, low_open: bool) -> Finding | Reason:
    if low is not None and (low > 0 or (low_open and low == 0)):
        return Finding.POSITIVE
    if high is not None and high <= 0:
        return Finding.NEGATIVE
    return Reason.VALUE_STRADDLES
