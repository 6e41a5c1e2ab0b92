"""Observation -> facts, one for its own value and one for each component (CONFORMANCE: Observations, Values)."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.record.facts import Amount, Issue, Limits, ObservationFact, Source
from adapter.record.resources import Measured, Observation, Range, ReferenceRange
from adapter.record.values import (
    NOTHING,
    Trouble,
    amount,
    decimal,
    quantity_text,
    range_amount,
    title,
    titre,
    union,
    value_sets,
)
from adapter.record.when import When

STATUSES = frozenset(
    {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
)
NEVER = frozenset({"entered-in-error", "cancelled"})

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


def effective(observation: Observation, trouble: Trouble) -> When | None:
    """When it was measured: effectiveDateTime, -Instant, the end of effectivePeriod, else issued."""
    if observation.effectiveDateTime is not None:
        return trouble.when(observation.effectiveDateTime, "effectiveDateTime")
    if observation.effectiveInstant is not None:
        return trouble.when(observation.effectiveInstant, "effectiveInstant")
    if observation.effectivePeriod is not None and observation.effectivePeriod.end is not None:
        return trouble.when(observation.effectivePeriod.end, "effectivePeriod.end")
    return trouble.when(observation.issued, "issued")


def measured(
    observation: Observation, terminology: Terminology
) -> Iterator[tuple[Measured, str, frozenset[str] | None]]:
    """The Observation and its components, each with the path it stands at and the value sets of its code."""
    yield observation, "", value_sets(observation.code, terminology)
    for place, component in enumerate(observation.component):
        yield component, f"component[{place}].", value_sets(component.code, terminology)


def _present(value: Measured) -> list[str]:
    """The names of the values that are there."""
    found = ["valueQuantity"] if value.valueQuantity is not None else []
    if value.valueInteger:
        found.append("valueInteger")
    if value.valueSampledData:
        found.append("valueSampledData")
    found.extend([name for name in _OTHER_VALUES if getattr(value, name) is not None])
    return found


def has_value(value: Measured) -> bool:
    """Whether something was measured: a value of its own, or nothing below it that could hold one."""
    if value.interpretation or _present(value):
        return True
    return not (isinstance(value, Observation) and (value.component or value.hasMember))


def fact(
    value: Measured, path: str, observation: Observation, source: Source, terminology: Terminology, trouble: Trouble
) -> ObservationFact | None:
    """The fact of one measured value; None where there is no measurement."""
    present = _present(value)
    if not present:
        grouper = isinstance(value, Observation) and (value.component or value.hasMember)
        if value.dataAbsentReason is not None or (grouper and not value.interpretation):
            return None
        element = "interpretation" if value.interpretation else "value"
    else:
        element = present[0]
        if len(present) > 1:
            trouble.report(f"{path}value[x]", "more than one value")
            return None
    where = path + element
    content = _content(value, element, where, terminology, trouble)
    if content is None:
        return None
    return ObservationFact(
        source=source,
        element=where,
        status=observation.status or "",
        when=effective(observation, trouble),
        interpretation=union(value.interpretation, terminology) if value.interpretation else NOTHING,
        ranges=value.referenceRange,
        has_performer=bool(observation.performer) and _is_named(observation),
        shown=content.shown,
        amount=content.amount,
        coded=content.coded,
        answer=content.answer,
        string=content.string,
        boolean=content.boolean,
    )


def _is_named(observation: Observation) -> bool:
    return any(p.reference or p.identifier or p.display for p in observation.performer)


class _Content(Struct, frozen=True, gc=False):
    shown: str
    amount: Amount | None = None
    coded: frozenset[str] | None = None
    answer: Decimal | None = None
    string: str | None = None
    boolean: bool | None = None


def _content(value: Measured, element: str, where: str, terminology: Terminology, trouble: Trouble) -> _Content | None:  # noqa: PLR0911  # one line a case
    if value.valueQuantity is not None:
        found = amount(value.valueQuantity, trouble, where)
        return None if found is None else _Content(quantity_text(value.valueQuantity), amount=found)
    if value.valueInteger:
        number = decimal(value.valueInteger, trouble, where)
        if number is not None and number != number.to_integral_value():
            trouble.report(where, "not a whole number")
            return None
        return None if number is None else _Content(str(number), amount=Amount(number, number))
    if value.valueCodeableConcept is not None:
        concept = value.valueCodeableConcept
        answers = (terminology.ordinal(coding.system, coding.code) for coding in concept.coding)
        answer = next((answer for answer in answers if answer is not None), None)
        return _Content(title(concept), coded=value_sets(concept, terminology) or NOTHING, answer=answer)
    if value.valueRange is not None:
        found = range_amount(value.valueRange, trouble, where)
        return None if found is None else _Content(_range_text(value.valueRange), amount=found)
    if value.valueRatio is not None:
        ratio = value.valueRatio
        ends = [quantity_text(q) if q else "?" for q in (ratio.numerator, ratio.denominator)]
        return _Content(":".join(ends), amount=titre(ratio, trouble, where))
    if value.valueString is not None:
        return _Content(value.valueString, string=value.valueString)
    if value.valueBoolean is not None:
        return _Content(str(value.valueBoolean).lower(), boolean=value.valueBoolean)
    if element == "interpretation":
        return _Content(", ".join(title(concept) for concept in value.interpretation))
    return _Content("no comparable value")


def _range_text(values: Range) -> str:
    ends = [quantity_text(end) if end else "" for end in (values.low, values.high)]
    return " to ".join(end for end in ends if end)


_NORMAL = ("http://terminology.hl7.org/CodeSystem/referencerange-meaning",)


def limits_of(ranges: tuple[ReferenceRange, ...], terminology: Terminology) -> tuple[Limits, ...] | None:
    """An observation's reference ranges; None if any of them can't be read, since it might be the one that fits."""
    issues: list[Issue] = []
    trouble = Trouble("", "Observation", issues)
    found = tuple(_limits(item, terminology, trouble, f"referenceRange[{n}]") for n, item in enumerate(ranges))
    return None if issues else found


def _limits(item: ReferenceRange, terminology: Terminology, trouble: Trouble, path: str) -> Limits:
    low = amount(item.low, trouble, f"{path}.low") if item.low else None
    high = amount(item.high, trouble, f"{path}.high") if item.high else None
    kind = item.type
    if kind is None and item.age is None and not item.appliesTo:
        return Limits(low, high, normal=True)
    normal = kind is None or any(c.code == "normal" and (c.system in (None, *_NORMAL)) for c in kind.coding)
    age_low = amount(item.age.low, trouble, f"{path}.age.low") if item.age and item.age.low else None
    age_high = amount(item.age.high, trouble, f"{path}.age.high") if item.age and item.age.high else None
    applies_to = tuple(value_sets(concept, terminology) or NOTHING for concept in item.appliesTo)
    return Limits(low, high, normal, applies_to, age_low, age_high)
