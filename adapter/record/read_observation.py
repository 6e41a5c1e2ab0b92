"""Observation -> facts, one for its own value and one for each component (CONFORMANCE: Observations, Values)."""

from decimal import Decimal
from functools import partial

from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.told import called
from adapter.criteria.written import Written, plain
from adapter.record.facts import Amount, Issue, Limits, ObservationFact, Source
from adapter.record.resources import (
    CodeableConcept,
    Measured,
    Observation,
    Range,
    Reference,
    ReferenceRange,
)
from adapter.record.trust import Trust
from adapter.record.values import (
    NOTHING,
    IssueCollector,
    amount,
    decimal,
    is_of_another,
    is_venous,
    quantity_text,
    range_amount,
    result_sets,
    title,
    titre,
    union,
    value_sets,
)
from adapter.record.when import When

ATTESTATION = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"

STATUSES = frozenset(
    {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
)

_OTHER_VALUES = (
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueRange",
    "valueRatio",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
)


def effective(observation: Observation, collector: IssueCollector) -> When | None:
    """When it was measured: effectiveDateTime, -Instant, the end of effectivePeriod, issued, else the period's start.

    A period without an end says at least that the result is not older than its start.
    """
    if observation.effectiveDateTime is not None:
        return collector.when(observation.effectiveDateTime, "effectiveDateTime")
    if observation.effectiveInstant is not None:
        return collector.when(observation.effectiveInstant, "effectiveInstant")
    period = observation.effectivePeriod
    if period is not None and period.end is not None:
        return collector.when(period.end, "effectivePeriod.end")
    if period is not None and period.start is not None and observation.issued is None:
        return collector.when(period.start, "effectivePeriod.start")
    return collector.when(observation.issued, "issued")


def measured(
    observation: Observation, terminology: Terminology
) -> tuple[tuple[Measured, str, frozenset[str] | None], ...]:
    """The Observation and its components, each with the path it stands at and the value sets of its code.

    The components of a panel that is by its name somebody else's are, too.
    """
    own = (observation, "", result_sets(observation.code, terminology))
    if not observation.component or is_of_another(observation.code, terminology):
        return (own,)
    return (
        own,
        *[
            (component, f"component[{place}].", result_sets(component.code, terminology))
            for place, component in enumerate(observation.component)
        ],
    )


def sets_by_name(concept: CodeableConcept | None, terminology: Terminology) -> frozenset[str]:
    """The value sets of what a result may be by its name alone, where no value set holds its code.

    Every name that it has must say so, and a code of a system that is known must have one: creatinine in urine is
    called "creatinine" by people, and by its code something else.
    """
    if concept is None or is_of_another(concept, terminology):
        return NOTHING
    codings = [
        each for each in concept.coding if each.display or terminology.value_sets_of(each.system, each.code) is not None
    ]
    names = [concept.text, *(each.display or "" for each in codings)]
    found = [called(name, terminology) for name in names if name is not None]
    sets = frozenset.intersection(*found) if found else NOTHING
    return sets - terminology.writing.of_arteries if is_venous(concept, terminology) else sets


def _present(value: Measured) -> list[str]:
    """The names of the values that are there."""
    found = ["valueQuantity"] if value.valueQuantity is not None else []
    if value.valueInteger:
        found.append("valueInteger")
    if value.valueSampledData:
        found.append("valueSampledData")
    if found and _is_alone(value):
        return found
    found.extend([name for name in _OTHER_VALUES if getattr(value, name) is not None])
    return found


def _is_alone(value: Measured) -> bool:
    """Whether none of the other values is there: true of most results, and quicker than to ask for each by name."""
    return (
        value.valueCodeableConcept is None
        and value.valueString is None
        and value.valueBoolean is None
        and value.valueRange is None
        and value.valueRatio is None
        and value.valueTime is None
        and value.valueDateTime is None
        and value.valuePeriod is None
    )


def has_value(value: Measured) -> bool:
    """Whether something was measured: a value of its own, or nothing below it that could hold one."""
    if value.interpretation or _present(value):
        return True
    return not (isinstance(value, Observation) and (value.component or value.hasMember))


def fact(
    value: Measured,
    path: str,
    observation: Observation,
    source: Source,
    trust: Trust,
    terminology: Terminology,
    collector: IssueCollector,
) -> ObservationFact | None:
    """The fact of one measured value; None where there is no measurement.

    A value that can't be read is a fact that nothing can be compared with: an older result must not decide instead. A
    code that says the score itself (SNOMED CT's "ECOG performance status - grade 1") needs no value, and no other one.
    """
    present = _present(value)
    scored = score(value.code, terminology)
    if not present:
        grouper = isinstance(value, Observation) and (value.component or value.hasMember)
        if value.dataAbsentReason is not None or (grouper and not value.interpretation):
            return None
        element = "code" if scored is not None else "interpretation" if value.interpretation else "value"
    else:
        element = present[0]
    where = path + element
    told: Content | None = None
    if len(present) > 1:
        collector.report(f"{path}value[x]", "more than one value")
    elif present and value.dataAbsentReason is not None:
        collector.report(f"{path}dataAbsentReason", "says that there is no value, beside one")
    elif element == "code":
        told = Content(title(value.code), answer=scored)
    else:
        told = content(value, element, where, terminology, collector)
    if told is None or (scored is not None and told.answer != scored):
        told = UNREADABLE
    return ObservationFact(
        source=source,
        element=where,
        status=trust.status,
        when=effective(observation, collector),
        interpretation=union(value.interpretation, terminology) if value.interpretation else NOTHING,
        ranges=partial(limits_of, value.referenceRange, terminology) if value.referenceRange else None,
        performer=performer(observation.performer) if observation.performer else "",
        test=title(value.code, terminology),
        shown=told.shown,
        amount=told.amount,
        coded=told.coded,
        answer=told.answer,
        string=told.string,
        boolean=told.boolean,
        note=trust.note,
    )


def performer(performers: tuple[Reference, ...]) -> str:
    """The first performer by name, reference or identifier; empty if there is none."""
    for each in performers:
        own = each.identifier
        if named := each.display or each.reference or (own and (own.value or own.system or "an identifier")):
            return named
    return ""


class Content(Struct, frozen=True, gc=False):
    """What the value of an Observation says, as `ObservationFact` has it."""

    shown: str
    amount: Amount | None = None
    coded: frozenset[str] | None = None
    answer: Decimal | None = None
    string: str | None = None
    boolean: bool | None = None


UNREADABLE = Content("a value that can't be read")


def content(  # noqa: PLR0911  # one line a case
    value: Measured, element: str, where: str, terminology: Terminology, collector: IssueCollector
) -> Content | None:
    """What the value in an element says; None, and an issue at `where`, if it can't be read."""
    if value.valueQuantity is not None:
        found = amount(value.valueQuantity, collector, where)
        return None if found is None else Content(quantity_text(value.valueQuantity), amount=found)
    if value.valueInteger:
        number = decimal(value.valueInteger, collector, where)
        if number is not None and number != number.to_integral_value():
            collector.report(where, "not a whole number")
            return None
        return None if number is None else Content(str(number), amount=Amount(number, number))
    if value.valueCodeableConcept is not None:
        concept = value.valueCodeableConcept
        answer = score(concept, terminology)
        sets = value_sets(concept, terminology) or NOTHING
        return Content(title(concept), coded=sets, answer=answer, string=_words(concept, answer))
    if value.valueRange is not None:
        found = range_amount(value.valueRange, collector, where)
        return None if found is None else Content(_range_text(value.valueRange), amount=found)
    if value.valueRatio is not None:
        ratio = value.valueRatio
        ends = [quantity_text(q) if q else "?" for q in (ratio.numerator, ratio.denominator)]
        return Content(":".join(ends), amount=titre(ratio, collector, where))
    if value.valueString is not None:
        return Content(value.valueString, string=value.valueString)
    if value.valueBoolean is not None:
        return Content(str(value.valueBoolean).lower(), boolean=value.valueBoolean)
    if element == "interpretation":
        return Content(", ".join(title(concept) for concept in value.interpretation))
    return Content("no comparable value")


def attested(code: CodeableConcept | None) -> str | None:
    """What a person's word is on, where the code says that it is one: the code of the attestation."""
    for coding in code.coding if code is not None else ():
        if coding.system == ATTESTATION:
            return coding.code
    return None


def score(concept: CodeableConcept | None, terminology: Terminology) -> Decimal | None:
    """The number that a code stands for, as an answer of a score."""
    for coding in concept.coding if concept is not None else ():
        number = terminology.ordinal(coding.system, coding.code)
        if number is not None:
            return number
    return None


def _words(concept: CodeableConcept, answer: Decimal | None) -> str | None:
    """What a concept says in words: its text, else its first display; a code written there again says nothing."""
    words = concept.text or next((coding.display for coding in concept.coding if coding.display), None)
    return None if answer is not None and any(coding.code == words for coding in concept.coding) else words


def _range_text(values: Range) -> str:
    ends = [quantity_text(end) if end else "" for end in (values.low, values.high)]
    return " to ".join(end for end in ends if end)


_NORMAL = ("http://terminology.hl7.org/CodeSystem/referencerange-meaning",)


def limits_of(ranges: tuple[ReferenceRange, ...], terminology: Terminology) -> tuple[Limits, ...] | None:
    """Reference ranges, read; None if any of them can't be."""
    issues: list[Issue] = []
    collector = IssueCollector("", "Observation", issues)
    found: list[Limits] = []
    for n, item in enumerate(ranges):
        found += _by_sex(item, terminology) or [_limits(item, terminology, collector, f"referenceRange[{n}]")]
    return None if issues else tuple(found)


def _by_sex(item: ReferenceRange, terminology: Terminology) -> list[Limits]:
    """The ranges of both sexes of one text that holds them; none of any other."""
    if item.text is None or item.low or item.high or item.type or item.age or item.appliesTo:
        return []
    found = terminology.writing.ranges_by_sex(item.text) or {}
    return [Limits(*_ends(each), normal=True, applies_to=(frozenset({f"sex-{of}"}),)) for of, each in found.items()]


def _limits(item: ReferenceRange, terminology: Terminology, collector: IssueCollector, path: str) -> Limits:
    low = amount(item.low, collector, f"{path}.low") if item.low else None
    high = amount(item.high, collector, f"{path}.high") if item.high else None
    if low is None and high is None and item.text is not None:
        low, high = _in_words(item.text, terminology)
    kind = item.type
    if kind is None and item.age is None and not item.appliesTo:
        return Limits(low, high, normal=True)
    normal = kind is None or any(c.code == "normal" and (c.system is None or c.system in _NORMAL) for c in kind.coding)
    normal = normal or (kind is not None and plain(kind.text or "") in terminology.writing.normal)
    age_low = amount(item.age.low, collector, f"{path}.age.low") if item.age and item.age.low else None
    age_high = amount(item.age.high, collector, f"{path}.age.high") if item.age and item.age.high else None
    applies_to = tuple(_for_whom(concept, terminology) for concept in item.appliesTo)
    return Limits(low, high, normal, applies_to, age_low, age_high)


def _in_words(text: str, terminology: Terminology) -> tuple[Amount | None, Amount | None]:
    """The two ends of a range that is text only; none where its words are no range."""
    written = terminology.writing.range(text)
    return (None, None) if written is None else _ends(written)


def _ends(written: Written) -> tuple[Amount | None, Amount | None]:
    low, high = written.low, written.high
    return (
        None if low is None else Amount(low, low, text=written.unit),
        None if high is None else Amount(high, high, text=written.unit),
    )


def _for_whom(concept: CodeableConcept, terminology: Terminology) -> frozenset[str]:
    """The value sets of whom a range is for; `sex-…` also where words alone say it."""
    sets = value_sets(concept, terminology) or NOTHING
    sex = terminology.writing.sexes.get(plain(concept.text or "")) if not sets else None
    return frozenset({f"sex-{sex}"}) if sex else sets
