"""Is a result positive or negative (CONFORMANCE: Values, qualitative results; CD7 on tumour cells)."""

import re
from collections.abc import Iterator
from decimal import Decimal

from adapter.criteria.catalogue import Analyte, Positivity
from adapter.criteria.model import Finding
from adapter.criteria.quantity import LimitOfNormal, Number
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.written import Written, plain
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.negatives import may_go_on
from adapter.evaluator.normal import fitting, limits_of_normal
from adapter.evaluator.reason import Reason
from adapter.record.facts import Amount, ConditionFact, ExposureFact, Mention, ObservationFact, Verification

_NONE, _CUTOFF, _ABOVE_ZERO = Decimal(0), Positivity.CUTOFF, Positivity.ABOVE_ZERO
_MOST_TEXTS = 2048
_LONGEST_TEXT = 40


def finding(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason:
    """What a reading finds, or why it can't be said; worked out once for a reading.

    The number decides where the analyte has a cut-off. Else code, interpretation, words and number must agree, as far
    as they say anything; codes and words say the same for everybody.
    """
    fact = reading.fact
    text = fact.string
    if fact.amount is None and not analyte.of_blasts and (text is None or analyte.positivity not in _BY_RANGE):
        held: Said = chart.terminology.memos.setdefault("said", {})
        said = analyte.id, text, fact.boolean, fact.coded, fact.interpretation
        try:
            return held[said]
        except KeyError:
            return kept(held, said, _finding(reading, analyte, chart), text, most=_MOST_TEXTS, longest=_LONGEST_TEXT)
    key = (id(fact), analyte.id)  # the record keeps it, so its id stays its own
    found = chart.findings.get(key)
    if found is None:
        found = chart.findings[key] = _finding(reading, analyte, chart)
    return found


_OWN_RANGE = (Positivity.OWN_RANGE, Positivity.OWN_RANGE_OR_ZERO)
_BY_RANGE = (Positivity.ABOVE_RANGE, Positivity.ABOVE_RANGE_OR_NONE, *_OWN_RANGE)

Said = dict[tuple[str, str | None, bool | None, frozenset[str] | None, frozenset[str]], Finding | Reason]
"""What is found of an analyte by words, yes or no, value sets of the answer and of the interpretations."""


def _finding(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason:
    fact = reading.fact
    if chart.is_of_blasts(fact, analyte):
        return Reason.NEEDS_REVIEW
    if analyte.positivity is Positivity.CUTOFF and fact.amount is not None:
        return _by_cutoff(antigen(reading, analyte, chart), chart)
    number = _counted(reading, analyte, chart)
    words = (
        _coded(fact.coded),
        _coded(fact.interpretation),
        _worded(fact.string, chart),
        _answered(fact, analyte, chart),
    )
    said = {each for each in (*words, number) if each is not None and (each is not number or isinstance(each, Finding))}
    if len(said) > 1 or (said == {Finding.NEGATIVE} and _is_flagged(fact, analyte, chart)):
        return Reason.CONFLICTING
    if (
        not said
        and number is Reason.VALUE_STRADDLES
        and (_is_flagged(fact, analyte, chart) or not _is_little(fact, analyte, chart))
    ):
        return Reason.NEEDS_REVIEW
    return said.pop() if said else number or Reason.VALUE_NOT_COMPARABLE


def _is_flagged(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    """Whether a test for an infection is flagged as abnormal: of others (immunity, a receptor) a negative may be."""
    return "result-abnormal" in fact.interpretation and chart.terminology.catalogue.tests_infection(analyte.id)


def _worded(text: str | None, chart: Chart) -> Finding | None:
    if text is None:
        return None
    held: dict[str, Finding | None] = chart.terminology.memos.setdefault("findings", {})
    try:
        return held[text]
    except KeyError:
        said = chart.terminology.writing.finding(text)
        found = None if said is None else Finding(said)
    return kept(held, text, found, text, most=_MOST_TEXTS, longest=_LONGEST_TEXT)


def _answered(fact: ObservationFact, analyte: Analyte, chart: Chart) -> Finding | None:
    """Yes and no, where the analyte's name is a question that they answer; a type, where it asks for one."""
    if analyte.positivity is Positivity.TYPED:
        number = None if fact.amount is None else fact.amount.low
        typed = fact.string is not None and chart.terminology.writing.is_type(fact.string, analyte.id)
        return Finding.POSITIVE if typed or (number is not None and number > 0) else None
    if analyte.positivity is not Positivity.YES:
        return None
    said = chart.terminology.writing.answers.get(plain(fact.string)) if fact.string else None
    if said is not None:
        return Finding(said)
    sets = fact.coded or frozenset()
    if fact.boolean is True or "answer-yes" in sets:
        return Finding.POSITIVE
    return Finding.NEGATIVE if fact.boolean is False or "answer-no" in sets else None


def _counted(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason | None:
    """What a number alone says, where the analyte lets it say anything."""
    fact = reading.fact
    number = chart.written(fact, analyte) if fact.amount is None else None
    if fact.amount is not None:
        number = Interval(fact.amount.low, fact.amount.high, fact.amount.low_open, fact.amount.high_open)
    elif isinstance(number, Reason) and _is_bound(fact, analyte, chart):
        number = Interval(None, None)
    if analyte.positivity in _OWN_RANGE:
        own = _beside_range(reading, analyte, chart)
        if own is Finding.NEGATIVE or (own is not None and analyte.positivity is Positivity.OWN_RANGE):
            return own
    match analyte.positivity:
        case Positivity.TYPED:
            said = chart.terminology.writing.too_little
            return Reason.VALUE_STRADDLES if fact.string and plain(fact.string) in said else None
        case Positivity.ABOVE_ZERO | Positivity.OWN_RANGE_OR_ZERO if isinstance(number, Interval):
            found = _above_zero(number.low, number.high, low_open=number.low_open)
            normal = found is Reason.VALUE_STRADDLES and "result-normal" in fact.interpretation
            return Finding.NEGATIVE if normal else found
        case Positivity.TITRE if isinstance(number, Interval) and _is_titre(fact, analyte, chart):
            return _above_zero(number.low, number.high, low_open=number.low_open)
        case Positivity.ABOVE_RANGE | Positivity.ABOVE_RANGE_OR_NONE:
            return _above_range(reading, number, analyte, chart)
        case _:
            return number if isinstance(number, Reason) else None


_LITTLE = Decimal(1000)
"""Copies or IU per mL: where what the tests of a virus can measure begins, at the most."""


def _is_little(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    """Whether what is less than something is too little to matter: of a volume, or by a word.

    Without a unit it may be a number of cycles (Ct), which falls with what there is.
    """
    if analyte.positivity in (Positivity.TITRE, Positivity.TYPED):
        return True
    amount = fact.amount or _amount_said(chart.said(fact, analyte))
    if amount is None or amount.high is None:
        return amount is not None and fact.amount is None
    return "/" in (amount.unit or amount.text or "") and amount.high <= _LITTLE


def _is_bound(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    """Whether words say only that there is less than something (`<34/ml`): no unit changes on which side of 0 that is.

    What is no unit may be a finding: `<34 IU/mL, detected`.
    """
    said = chart.said(fact, analyte)
    if said is None or said.titre or said.low is not None:
        return False
    return said.high is None or (said.unit is not None and _RATE.fullmatch(said.unit) is not None)


_RATE = re.compile(r"[^\s,;]+/[^\s,;]+")
"""One thing per another in a word: `Kopien/ml`."""


def _beside_range(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason | None:
    """The number held against its own range in the unit that both have, whatever that is: an index, pg/mL.

    A range that begins above 0 may be one of a test whose index falls with what it finds; an index at the limit itself
    is reactive by most of them.
    """
    fact = reading.fact
    value = fact.amount or _amount_said(chart.said(fact, analyte))
    if value is None or fact.limits is None:
        return None
    highs = []
    for each in fitting(fact.limits, reading, chart):
        low, high = each.low, each.high
        if high is None or high.high is None or not _is_same_unit(high, value):
            return None
        if low is not None and (low.low is None or low.low > 0):
            return None
        highs.append(high.high)
    if highs and value.high is not None and (value.high, not value.high_open) < (min(highs), True):
        return Finding.NEGATIVE
    return Reason.NEEDS_REVIEW if highs and value.low is not None and value.low > max(highs) else None


def _amount_said(said: Written | None) -> Amount | None:
    return None if said is None or said.titre else Amount(said.low, said.high, text=said.unit)


def _is_same_unit(limit: Amount, value: Amount) -> bool:
    """Whether a limit has no unit, or the value's, by its code or as it is written."""
    if not limit.unit and not limit.text:
        return True
    same = limit.unit is not None and limit.unit == value.unit
    return same or plain(limit.text or limit.unit or "") == plain(value.text or value.unit or "")


def _is_titre(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    if fact.amount is not None:
        return fact.element.endswith("valueRatio")
    said = chart.said(fact, analyte)
    return said is not None and said.titre


def _above_range(
    reading: Reading, counted: Interval | Reason | None, analyte: Analyte, chart: Chart
) -> Finding | Reason | None:
    """Not above its own range, or flagged as normal: negative. Above it: a question, since many things raise it.

    `counted`: the number alone. Of what healthy people have none of, one above 0 is not normal by a flag alone; nor is
    one above its own range.
    """
    fact = reading.fact
    if fact.amount is None and fact.string is None:
        return None
    normal, found = "result-normal" in fact.interpretation, isinstance(counted, Interval) and counted.high != 0
    by_flag = normal and not (found and analyte.positivity is Positivity.ABOVE_RANGE_OR_NONE)
    number, limits = chart.number(fact, analyte), limits_of_normal(reading, analyte, LimitOfNormal.UPPER, chart)
    if isinstance(number, Reason) or isinstance(limits, Reason):
        own = _beside_range(reading, analyte, chart)
        if own is not None or _is_low(number, reading, analyte):
            return own or Finding.NEGATIVE
        if by_flag or normal:
            return Finding.NEGATIVE if by_flag else Reason.NEEDS_REVIEW
        little = isinstance(counted, Interval) and counted.low is None
        return Reason.VALUE_STRADDLES if little and analyte.positivity is Positivity.ABOVE_RANGE_OR_NONE else None
    if number.low is not None and number.low > limits[-1]:
        return Reason.NEEDS_REVIEW
    return Finding.NEGATIVE if by_flag or (number.high is not None and number.high <= limits[0]) else None


def _is_low(number: Interval | Reason, reading: Reading, analyte: Analyte) -> bool:
    """Whether a number without any range is surely negative, and nothing flags it."""
    below, fact = analyte.negative_below, reading.fact
    if below is None or fact.ranges is not None or isinstance(number, Reason) or number.high is None:
        return False
    return (number.high < below or (number.high_open and number.high == below)) and (
        "result-abnormal" not in fact.interpretation
    )


def amount_of(reading: Reading, analyte: Analyte, chart: Chart) -> Interval | Reason:
    """The number to compare: of an antigen by `antigen`; where any amount is a finding, a negative one is none."""
    if analyte.positivity is _CUTOFF:
        return antigen(reading, analyte, chart)
    number = chart.number(reading.fact, analyte)
    if analyte.positivity is not _ABOVE_ZERO or number is not Reason.VALUE_NOT_COMPARABLE:
        return number
    match finding(reading, analyte, chart):
        case Finding.NEGATIVE:
            return Interval(_NONE, _NONE)
        case Finding.POSITIVE:
            return Interval(_NONE, None, low_open=True)
        case _:
            return number


def supported(reading: Reading, analyte: Analyte, chart: Chart) -> str:
    """The treatment on record for the time or day of a reading that raises the analyte, in words; else no words.

    Also one that its name or a note beside it names, and one that is measured nowhere, but given, done or ordered. What
    the name or note says was measured without any, was.
    """
    analytes = chart.terminology.catalogue.analytes
    without, told = _told_of(reading.fact, analyte, chart.terminology)
    for support in analyte.raised_by:
        if support.analyte in told:
            return "the name or a note names a treatment"
        for other in _beside(reading, analytes[support.analyte], chart):
            if without and other.fact.source != reading.fact.source:
                continue
            number = chart.number(other.fact, analytes[support.analyte])
            if isinstance(number, Reason) and _says_none(other.fact, support.analyte, analyte, chart):
                continue
            if isinstance(number, Reason) or number.high is None or number.high > support.above:
                return f"with {analytes[support.analyte].title.lower()} {other.fact.shown}"
    during = () if without else analyte.raised_during
    return next((said for name in during if (said := _during(reading, name, chart))), "")


def _told_of(fact: ObservationFact, analyte: Analyte, terminology: Terminology) -> tuple[bool, frozenset[str]]:
    """Whether name and note say that none was given, and which treatments they name; of a name found once."""
    known: dict[tuple[str, str], tuple[bool, frozenset[str]]] = terminology.memos.setdefault("treatments", {})
    said, writing = fact.called, terminology.writing
    found = known.get((said, analyte.id))
    if found is None:
        names = [each.analyte for each in analyte.raised_by if writing.tells_of(each.analyte, said, analyte.id)]
        found = writing.is_unsupported(said), frozenset(names)
        if not fact.note:
            kept(known, (said, analyte.id), found, said, most=_MOST_TEXTS)
    return found


def _says_none(fact: ObservationFact, treatment: str, analyte: Analyte, chart: Chart) -> bool:
    """Whether a value in words, or a no, says that a treatment was not given: `Supplemental oxygen: no`, `room air`."""
    writing, text = chart.terminology.writing, fact.string or ""
    said_no = fact.boolean is False or "answer-no" in (fact.coded or ())
    said_no = said_no or writing.answers.get(plain(text)) == Finding.NEGATIVE
    return said_no or (writing.is_unsupported(text) and not writing.tells_of(treatment, text, analyte.id))


def _during(reading: Reading, treatment: str, chart: Chart) -> str:
    """What on record says that a treatment may have gone on at the time of a reading, in words; else no words."""
    for fact in entries_of(treatment, chart):
        if may_go_on(fact, reading.time, chart):
            return f"with {fact.shown} ({fact.source.resource})"
    return ""


def entries_of(treatment: str, chart: Chart) -> Iterator[ExposureFact | Mention | ConditionFact]:
    """What on record is a treatment or may be it, names it elsewhere, or says as a diagnosis that it is given."""
    record, listed = chart.record, chart.exposures.get(treatment)
    if listed is not None:
        yield from (*listed.is_, *listed.may_be)
    yield from record.mentions.get(treatment, ())
    for name in chart.terminology.catalogue.exposures[treatment].told_by:
        yield from (each for each in record.conditions.get(name, ()) if each.verification is not Verification.REFUTED)


def _beside(reading: Reading, other: Analyte, chart: Chart) -> list[Reading]:
    """The values of another analyte that count, of the same resource or the same day."""
    time = reading.time
    return [
        each
        for each in chart.readings(other)
        if each.counts
        and (
            each.fact.source == reading.fact.source
            or (time and each.time and each.time.first <= time.last and each.time.last >= time.first)
        )
    ]


_CLEAR = Decimal(5)
"""In per cent: the bound of complete remission."""


def antigen(reading: Reading, analyte: Analyte, chart: Chart) -> Interval | Reason:
    """The number of an antigen; NEEDS_REVIEW where it is 0 and the sample held no more blasts than a healthy one.

    That there are no blasts says nothing of the cells of a tumour that has none.
    """
    number = chart.number(reading.fact, analyte)
    if isinstance(number, Reason) or number.high != 0 or chart.has_no_blasts():
        return number
    analytes = chart.terminology.catalogue.analytes
    counts = [
        count
        for named in analyte.tumour_cells
        for other in _beside(reading, analytes[named], chart)
        if isinstance(count := chart.number(other.fact, analytes[named]), Interval)
    ]
    return Reason.NEEDS_REVIEW if counts and all(_is_clear(count) for count in counts) else number


def _is_clear(count: Interval) -> bool:
    """No more blasts than a healthy marrow has: those need not be the tumour's."""
    return count.high is not None and count.high <= _CLEAR


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


def _above_zero(low: Number | None, high: Number | None, *, low_open: bool) -> Finding | Reason:
    if low is not None and (low > 0 or (low_open and low == 0)):
        return Finding.POSITIVE
    if high is not None and high <= 0:
        return Finding.NEGATIVE
    return Reason.VALUE_STRADDLES
