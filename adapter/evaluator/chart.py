"""One patient's record as several definitions read it: what is worked out once and shared by all of them.

A chart is made for one record, terminology and policy; it is asked at several moments. It remembers what doesn't
depend on the moment: intervals in the site's time zone, numbers in canonical units, order in time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from adapter.criteria.catalogue import Analyte, Positivity, Scale
from adapter.criteria.extent import ListKind
from adapter.criteria.history import history_of
from adapter.criteria.model import Finding
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import SAME, Linear, Number
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.written import Written
from adapter.evaluator.lists import Listed, by_concept
from adapter.evaluator.moment import Span, span
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason
from adapter.record.facts import AllergyFact, Amount, ConditionFact, ExposureFact, ObservationFact, Verification
from adapter.record.patient_record import PatientRecord
from adapter.record.when import When

_NEVER = datetime.min.replace(tzinfo=UTC)

COUNTED = frozenset({"final", "amended", "corrected"})
"""Only such Observations count (CONFORMANCE: Observations)."""


class Interval(Struct, frozen=True, gc=False):
    """A number as an interval in the canonical unit; a bound of None is open-ended."""

    low: Number | None
    high: Number | None
    low_open: bool = False
    high_open: bool = False


class Reading(Struct, frozen=True, gc=False):
    """A measured value, and when it was measured. `counts`: whether its status lets it count."""

    fact: ObservationFact
    time: Span | None
    counts: bool


Outcomes = dict[tuple[str, datetime], Outcome]
"""What several criteria ask for alike (is she pregnant?), by its name and instant."""

Findings = dict[tuple[int, str], Finding | Reason]
"""What readings find, by their facts and analytes."""

Amounts = dict[tuple[int, str], tuple[Amount, Interval | Reason]]
"""Amounts in canonical units, by their ids and analytes: those that many records have in common are read once."""

_MOST_AMOUNTS = 16384


class OwnLimits(Struct, frozen=True, gc=False):
    """The limits of normal that an observation brings, in the canonical unit; `in_words`: a range is text only."""

    lower: tuple[Number, ...]
    upper: tuple[Number, ...]
    in_words: bool


Ranges = dict[tuple[int, str, str | tuple[object, ...] | None], tuple[Any, OwnLimits | Reason]]
"""The limits of reference ranges, by their ids, analytes, and which of them fit."""

Texts = dict[tuple[str, str], Written | None]
"""What words say of an analyte."""

_MOST_TEXTS = 2048
_LONGEST_TEXT = 40

Situation = tuple[str, frozenset[str], bool, frozenset[str], frozenset[str]]
"""What the answer without any data depends on: policy, what it assumes, types with unknown codes, unread types."""

MOST_SITUATIONS = 256
"""Of so many an answer is kept: a hospital has few, and whoever sends broken records has any number."""


def _situation(record: PatientRecord, policy: Policy) -> Situation:
    types = frozenset([entry.type for entry in record.unmapped])
    return policy.hash, policy.assumed_absent, policy.waive_unmapped, types, record.unread


class Chart:
    """The shared view of a record; see the module."""

    __slots__ = (
        "_amounts",
        "_histories",
        "_no_blasts",
        "_numbers",
        "_readings",
        "_spans",
        "_texts",
        "_usable",
        "allergies",
        "conditions",
        "exposures",
        "findings",
        "fresh",
        "last",
        "outcomes",
        "own_ranges",
        "policy",
        "present",
        "ranges",
        "record",
        "sex",
        "situation",
        "terminology",
    )

    def __init__(self, record: PatientRecord, terminology: Terminology, policy: Policy) -> None:
        """Nothing is worked out yet."""
        self.record = record
        self.terminology = terminology
        self.policy = policy
        self._readings: dict[str, tuple[Reading, ...]] = {}
        self._spans: dict[int, Span] = {}
        self._histories: dict[str, list[ConditionFact]] | None = None
        self._no_blasts: tuple[bool, ...] = ()
        self.conditions: dict[str, Listed[ConditionFact]] = by_concept(
            record.all_conditions, ListKind.CONDITIONS, terminology
        )
        self.exposures: dict[str, Listed[ExposureFact]] = by_concept(
            record.all_exposures, ListKind.EXPOSURES, terminology
        )
        for concept, vaccines in by_concept(record.immunizations, ListKind.EXPOSURES, terminology).items():
            if terminology.catalogue.exposures[concept].vaccine:
                self.exposures.setdefault(concept, Listed()).take(vaccines)
        self.allergies: dict[str, Listed[AllergyFact]] = by_concept(
            record.all_allergies, ListKind.SUBSTANCES, terminology
        )
        self.present = frozenset().union(
            record.observations,
            record.conditions,
            record.exposures,
            record.allergies,
            record.mentions,
            record.attestations,
            self.histories(),
            *(fact.value_sets for fact in record.not_taken),
            self._asked_of(self.conditions),
            self._asked_of(self.exposures),
            self._asked_of(self.allergies),
        )
        self.situation: Situation = _situation(record, policy)
        self._numbers: dict[tuple[int, str], Interval | Reason] = {}
        self._amounts: Amounts = terminology.memos.setdefault("amounts", {})
        self._usable: Amounts = terminology.memos.setdefault("usable", {})
        self.own_ranges: Ranges = {}
        self.ranges: Ranges = terminology.memos.setdefault("ranges", {})
        self._texts: Texts = terminology.memos.setdefault("texts", {})
        self.findings: Findings = {}
        self.outcomes: Outcomes = {}
        self.fresh: dict[tuple[str, int, datetime], Any] = {}  # what several criteria ask alike: name, window, instant
        self.last: dict[str, tuple[datetime, Any]] = {}  # the last values of analytes, and since when they are that
        self.sex = _sex(record)
        """The sex whose ranges of normal hold for the patient; None where that isn't known."""

    def _asked_of(
        self,
        listed: Mapping[str, Listed[ConditionFact]]
        | Mapping[str, Listed[ExposureFact]]
        | Mapping[str, Listed[AllergyFact]],
    ) -> Iterator[str]:
        """The concepts on which an entry bears that no value set of theirs holds."""
        for concept, entries in listed.items():
            if entries.may_be or (entries.unclassified and concept in self.policy.assumed_absent):
                yield concept

    def histories(self) -> Mapping[str, list[ConditionFact]]:
        """The diagnoses that say that one was, as codes of a personal history do: concept -> entries."""
        if self._histories is None:
            self._histories = {}
            for fact in self.record.all_conditions:
                for concept in history_of(fact.codes, self.terminology):
                    self._histories.setdefault(concept, []).append(fact)
        return self._histories

    def has_no_blasts(self) -> bool:
        """Whether the patient has a mature lymphoma, and no disease whose tumour cells may be blasts."""
        if not self._no_blasts:
            confirmed = (each for each in self.record.all_conditions if each.verification is Verification.CONFIRMED)
            sets = frozenset().union(*(each.value_sets for each in confirmed))
            self._no_blasts = (self.terminology.catalogue.has_no_blasts(sets),)
        return self._no_blasts[0]

    def is_of_blasts(self, fact: ObservationFact, analyte: Analyte) -> bool:
        """Whether a value was measured on blasts, and the patient's tumour has none."""
        if not analyte.of_blasts or not self.has_no_blasts():
            return False
        held = self.record.observations
        return any(each is fact for named in analyte.of_blasts for each in held.get(named, ()))

    def without_data(self) -> "Chart":
        """A chart of a record that holds nothing but what this one holds of unknown codes and unread types."""
        record = self.record
        nothing = PatientRecord(
            subject="", terminology=record.terminology, unread=record.unread, unmapped=record.unmapped
        )
        return Chart(nothing, self.terminology, self.policy)

    def span(self, when: When | None) -> Span | None:
        """The interval of a time in the policy's zone."""
        if when is None:
            return None
        found = self._spans.get(id(when))  # the record keeps it, so its id stays its own
        if found is None:
            found = self._spans[id(when)] = span(when, self.policy.time_zone)
        return found

    def readings(self, analyte: Analyte) -> tuple[Reading, ...]:
        """Every value of an analyte, oldest first, undated ones before all; the order of resources plays no part."""
        found = self._readings.get(analyte.id)
        if found is None:
            facts = self.record.observations.get(analyte.id, ())
            found = self._readings[analyte.id] = tuple(self.in_order(facts)) if facts else ()
        return found

    def reading(self, fact: ObservationFact) -> Reading:
        """A measured value with its time in the policy's zone."""
        return Reading(fact, self.span(fact.when), fact.status in COUNTED)

    def in_order(self, facts: Iterable[ObservationFact]) -> list[Reading]:
        """Measured values, oldest first, undated ones before all."""
        readings: list[Reading] = []
        spans, zone = self._spans, self.policy.time_zone
        for fact in facts:
            when, time = fact.when, None
            if when is not None:
                time = spans.get(id(when))
                if time is None:
                    time = spans[id(when)] = span(when, zone)
            readings.append(Reading(fact, time, fact.status in COUNTED))
        if len(readings) > 1:
            readings.sort(key=in_time)
        return readings

    def number(self, fact: ObservationFact, analyte: Analyte) -> Interval | Reason:
        """The fact's number in the analyte's canonical unit, or why there is none that can be used.

        An amount is the same for everybody, but for what is measured on blasts.
        """
        amount = fact.amount
        if amount is None or (analyte.of_blasts and self.has_no_blasts()):
            key = (id(fact), analyte.id)  # the record keeps it, so its id stays its own
            found = self._numbers.get(key)
            if found is None:
                found = self._numbers[key] = self._of_fact(fact, analyte)
            return found
        key = (id(amount), analyte.id)
        held = self._usable.get(key)
        if held is None or held[0] is not amount:
            found = _believed(self.canonical(amount, analyte), analyte)
            held = kept(self._usable, key, (amount, found), most=_MOST_AMOUNTS)  # with it, so its id stays its own
        return held[1]

    def _of_fact(self, fact: ObservationFact, analyte: Analyte) -> Interval | Reason:
        found = self._number(fact, analyte)
        if not isinstance(found, Reason) and self.is_of_blasts(fact, analyte):
            return Reason.NEEDS_REVIEW
        return _believed(found, analyte)

    def _number(self, fact: ObservationFact, analyte: Analyte) -> Interval | Reason:
        if fact.amount is not None:
            return self.canonical(fact.amount, analyte)
        written = self.written(fact, analyte)
        if fact.answer is not None and analyte.scale is Scale.SCORE:
            known = Interval(fact.answer, fact.answer)
            return known if written in (None, known) else Reason.CONFLICTING
        return Reason.VALUE_NOT_COMPARABLE if written is None else written

    def written(self, fact: ObservationFact, analyte: Analyte) -> Interval | Reason | None:
        """The number that the fact's words state, in the canonical unit; None if they state none."""
        said = self.said(fact, analyte)
        if said is None or (said.titre and analyte.scale is not Scale.FINDING):
            return None
        if said.titre:
            return Interval(said.low, said.high, said.low_open, said.high_open)
        return self.canonical(Amount(said.low, said.high, said.low_open, said.high_open, text=said.unit), analyte)

    def said(self, fact: ObservationFact, analyte: Analyte) -> Written | None:
        """The number that the fact's words state, as written; None if they state none."""
        return None if fact.string is None else self._said(fact.string, analyte)

    def _said(self, text: str, analyte: Analyte) -> Written | None:
        key = (text, analyte.id)
        try:
            return self._texts[key]
        except KeyError:
            found = self.terminology.writing.number(text, analyte.id)
        return kept(self._texts, key, found, text, most=_MOST_TEXTS, longest=_LONGEST_TEXT)

    def canonical(self, amount: Amount, analyte: Analyte) -> Interval | Reason:
        """An amount in the analyte's canonical unit; UNIT_MISSING or UNIT_INCOMPATIBLE where it can't be had.

        An annotation states no unit. A score has none; where people write it in per cent, 80 % is 80.
        """
        key = (id(amount), analyte.id)
        held = self._amounts.get(key)
        if held is not None and held[0] is amount:
            return held[1]
        found = self._canonical(amount, analyte)
        return kept(self._amounts, key, (amount, found), most=_MOST_AMOUNTS)[1]  # with it, so its id stays its own

    def _canonical(self, amount: Amount, analyte: Analyte) -> Interval | Reason:
        if analyte.scale is Scale.SCORE:
            return _scaled(amount, SAME) if self._is_plain(amount, analyte) else Reason.UNIT_INCOMPATIBLE
        unit = None if amount.unit is not None and _is_annotation(amount.unit) else amount.unit
        text = amount.text if amount.text != amount.unit else unit
        if not unit and (not text or (unit != amount.unit and self.terminology.unit_of(text) is None)):
            return Reason.UNIT_MISSING
        conversion = self.terminology.conversion(analyte, unit, text)
        return Reason.UNIT_INCOMPATIBLE if conversion is None else _scaled(amount, conversion)

    def _is_plain(self, amount: Amount, analyte: Analyte) -> bool:
        """Whether the unit of a score's amount says that it is the score's number."""
        unit = amount.unit or (amount.text and (self.terminology.unit_of(amount.text) or amount.text))
        if not unit or unit == "1" or (unit == "%" and analyte.percent):
            return True
        return _is_annotation(unit) and "log" not in unit.casefold()


def in_time(reading: Reading) -> tuple[bool, datetime, datetime, str, str]:
    """The order of readings: undated ones first, then by time, then by their resources' names."""
    if reading.time is None:
        return (False, _NEVER, _NEVER, reading.fact.source.resource, reading.fact.element)
    return (True, reading.time.end, reading.time.start, reading.fact.source.resource, reading.fact.element)


def _scaled(amount: Amount, conversion: Linear) -> Interval:
    low = None if amount.low is None else conversion.of(amount.low)
    high = low if amount.high is amount.low else None if amount.high is None else conversion.of(amount.high)
    return Interval(low, high, amount.low_open, amount.high_open)


def _sex(record: PatientRecord) -> str | None:
    return record.clinical_sex or (record.gender if record.birth_sex in (None, record.gender) else None)


def _believed(found: Interval | Reason, analyte: Analyte) -> Interval | Reason:
    """A number, unless nobody alive can have it, or it may be a fraction where a percentage is meant."""
    if isinstance(found, Reason):
        return found
    if analyte.plausible is not None and not analyte.plausible.hold(found.low, found.high):
        return Reason.IMPLAUSIBLE
    if analyte.positivity is Positivity.CUTOFF and _may_be_fraction(found):
        return Reason.NEEDS_REVIEW
    return found


def _may_be_fraction(number: Interval) -> bool:
    """Whether a percentage may be a fraction that somebody has given the wrong unit: 0.92 "%"."""
    return number.low is not None and number.low == number.high and 0 < number.low <= 1


def _is_annotation(unit: str) -> bool:
    return unit.startswith("{") and unit.endswith("}") and unit.count("{") == 1
