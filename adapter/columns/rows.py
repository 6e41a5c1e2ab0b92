"""A patient's facts -> rows of the tables (`adapter.columns.schema`).

What is worked out of a measured value is worked out by the evaluator's own functions: nothing here converts a unit or
reads a word.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from adapter.columns.records import encoded, hash_of, key_of
from adapter.columns.values import OTHER, Row, Values
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import Number
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.moment import Span
from adapter.record.contents import Contents
from adapter.record.facts import (
    AllergyFact,
    ConditionFact,
    ConsentFact,
    EntryFact,
    ExposureFact,
    ObservationFact,
    PatientRecord,
    Source,
)
from adapter.record.when import When

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_MICRO = 1_000_000

NO_TIME = (None, None, None, None)


class Basis(Struct, frozen=True):
    """What of a policy goes into the facts; a policy that shares it can be asked of them."""

    time_zone: str
    antigen_cutoff: str
    normal_limits: dict[str, tuple[str | None, str | None]]


def basis_of(policy: Policy) -> Basis:
    """The basis that a policy gives."""
    limits = {name: (_text(each.lower), _text(each.upper)) for name, each in sorted(policy.normal_limits.items())}
    return Basis(policy.time_zone.key, str(policy.antigen_cutoff), limits)


def _text(number: Number | None) -> str | None:
    return None if number is None else str(number)


class _Managed(Struct, frozen=True):
    """Where a Patient is kept."""

    class Identifier(Struct, frozen=True):
        value: str | None = None

    class Reference(Struct, frozen=True):
        reference: str | None = None
        display: str | None = None
        identifier: "_Managed.Identifier | None" = None

    managingOrganization: Reference | None = None  # noqa: N815  # FHIR's name


_managed = msgspec.json.Decoder(_Managed)


class Rows:
    """Rows of patients, by table, until they are taken; and every combination of codings that they name, once.

    One lives as long as a run: what was worked out for one patient's codes and numbers is kept for the next.
    """

    def __init__(self, terminology: Terminology, policy: Policy) -> None:
        """Of records that are read with the terminology, under the basis of the policy."""
        self.coded: dict[int, Row] = {}
        self._terminology = terminology
        self._policy = policy
        self._analytes = terminology.catalogue.analytes
        self._keys: dict[tuple[tuple[Coding, ...], frozenset[str]], int] = {}
        self._sets: dict[frozenset[str], tuple[str, ...]] = {}
        self._values = Values()

    def of(
        self, record: PatientRecord, contents: Contents, place: str, number: int
    ) -> tuple[int, dict[str, list[Row]]]:
        """The key of a patient, and the rows of the tables in which the patient has some.

        `place`: of the patient in the source; `number`: how many came before.
        """
        key = key_of(record.subject, place)
        chart = Chart(_measured(record), self._terminology, self._policy)
        kept = encoded(contents)
        rows: dict[str, list[Row]] = {
            "patients": [(key, number, *self._patient(record, contents, place, chart), hash_of(kept))],
            "observations": list(self._observations(key, record, chart)),
            "attestations": list(_attestations(key, record, chart)),
            "conditions": [self._condition(key, *each, chart) for each in enumerate(record.all_conditions)],
            "exposures": list(self._exposures(key, record, chart)),
            "allergies": [self._allergy(key, *each, chart) for each in enumerate(record.all_allergies)],
            "consents": [self._consent(key, *each, chart) for each in enumerate(record.consents)],
            "entries": list(_entries(key, record, chart)),
            "unmapped": [
                (key, each.resource, each.type, each.system, each.code, each.text) for each in record.unmapped
            ],
            "records": [(key, place, kept)],
        }
        return key, {table: found for table, found in rows.items() if found}

    def _patient(self, record: PatientRecord, contents: Contents, place: str, chart: Chart) -> Row:
        birth = record.birth
        return (
            record.subject,
            place,
            record.gender,
            record.clinical_sex,
            record.birth_sex,
            birth.text if birth else None,
            birth.first if birth else None,
            birth.last if birth else None,
            record.deceased,
            *_times(record.death, chart),
            _site(record.subject, contents),
            self._listed(record.unread),
            bool(record.attestations),
            bool(record.issues),
            bool(record.mentions),
        )

    def _observations(self, key: int, record: PatientRecord, chart: Chart) -> Iterator[Row]:
        for value_set, facts in record.observations.items():
            analyte = self._analytes.get(value_set)
            readings = [chart.reading(fact) for fact in facts]
            for number, (fact, reading, reign) in enumerate(zip(facts, readings, _reigns(readings), strict=True)):
                yield (
                    key,
                    number,
                    value_set,
                    *_source(fact.source),
                    fact.element,
                    reading.counts,
                    *(NO_TIME if reading.time is None else _cells(reading.time)),
                    *reign,
                    *(OTHER if analyte is None else self._values.cells(reading, analyte, chart)),
                    None if fact.coded is None else self._listed(fact.coded),
                    self._listed(fact.interpretation),
                    fact.boolean,
                    fact.string,
                    fact.status,
                )

    def _condition(self, key: int, number: int, fact: ConditionFact, chart: Chart) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            fact.clinical,
            fact.verification,
            *_times(fact.onset, chart),
            *_times(fact.recorded, chart),
            fact.abated,
            *_times(fact.abatement, chart),
            fact.encounter,
            self._listed(fact.grades),
            self._listed(fact.levels),
            fact.links is not None,
        )

    def _exposures(self, key: int, record: PatientRecord, chart: Chart) -> Iterator[Row]:
        lists = (
            ("exposures", record.all_exposures),
            ("not-taken", record.not_taken),
            ("immunizations", record.immunizations),
        )
        for name, facts in lists:
            for number, fact in enumerate(facts):
                yield (key, number, name, *self._exposure(fact, chart))

    def _exposure(self, fact: ExposureFact, chart: Chart) -> Row:
        return (
            *_source(fact.source),
            fact.element,
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            *_times(fact.start, chart),
            *_times(fact.end, chart),
            fact.open_end,
            fact.ordered,
            fact.route,
            *_times(fact.asserted, chart),
            fact.open,
            fact.denied,
            fact.preventive,
            fact.on_demand,
            fact.dosing is not None,
            fact.links is not None,
        )

    def _allergy(self, key: int, number: int, fact: AllergyFact, chart: Chart) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            fact.clinical,
            fact.verification,
            *_times(fact.onset, chart),
            *_times(fact.recorded, chart),
            fact.severity,
        )

    def _consent(self, key: int, number: int, fact: ConsentFact, chart: Chart) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            fact.status,
            fact.denied,
            self._listed(fact.studies),
            fact.specific,
            fact.readable,
            *_times(fact.when, chart),
            *_times(fact.start, chart),
            *_times(fact.end, chart),
            fact.end is not None and fact.end.moment is not None,
        )

    def _listed(self, names: frozenset[str]) -> tuple[str, ...]:
        known = self._sets.get(names)
        if known is None:
            known = self._sets[names] = tuple(sorted(names))
        return known

    def _coded(self, codes: tuple[Coding, ...], value_sets: frozenset[str]) -> int:
        """The key of a row of `coded`, which is made where there is none yet."""
        both = codes, value_sets
        known = self._keys.get(both)
        if known is None:
            row = (tuple(each.system for each in codes), tuple(each.code for each in codes), self._listed(value_sets))
            digest = hashlib.blake2b(msgspec.msgpack.encode(row), digest_size=8).digest()
            known = self._keys[both] = int.from_bytes(digest) >> 1
            self.coded[known] = (known, *row)
        return known


_NO_REIGN = (None, False)


def _reigns(readings: Sequence[Reading]) -> list[tuple[int | None, bool]]:
    """Until when each value of a value set is among the latest ones, and whether it is beside another at any time."""
    found: list[tuple[int | None, bool]] = [_NO_REIGN] * len(readings)
    if len(readings) == 1:
        return found
    times = {n: _cells(each.time)[:2] for n, each in enumerate(readings) if each.counts and each.time is not None}
    starts = sorted(start for start, _ in times.values())
    reach: int | None = starts[0] if starts else 0  # until when some earlier value stands; None: for ever
    for n, (start, end) in sorted(times.items(), key=lambda item: item[1]):
        next_ = bisect_right(starts, end)
        until = starts[next_] if next_ < len(starts) else None
        before = bisect_left(starts, start)
        earlier = before > 0 and (reach is None or reach > start)
        found[n] = until, earlier or next_ - before > 1
        reach = None if reach is None or until is None else max(reach, until)
    return found


def _measured(record: PatientRecord) -> PatientRecord:
    """What of a record the values of its Observations are read beside."""
    return PatientRecord(
        subject=record.subject,
        terminology=record.terminology,
        gender=record.gender,
        clinical_sex=record.clinical_sex,
        birth_sex=record.birth_sex,
        birth=record.birth,
        observations=record.observations,
    )


def _attestations(key: int, record: PatientRecord, chart: Chart) -> Iterator[Row]:
    for code, facts in record.attestations.items():
        for number, fact in enumerate(facts):
            yield (key, number, code, *_source(fact.source), *_attested(fact), *_times(fact.when, chart), fact.boolean)


def _attested(fact: ObservationFact) -> Row:
    return fact.element, fact.status, fact.performer


def _entries(key: int, record: PatientRecord, chart: Chart) -> Iterator[Row]:
    for name, facts in record.entries.items():
        for number, fact in enumerate(facts):
            yield (key, number, name, *_source(fact.source), *_entry(fact, chart))


def _entry(fact: EntryFact, chart: Chart) -> Row:
    return (
        fact.element,
        fact.stands,
        fact.shown,
        *_times(fact.start, chart),
        *_times(fact.end, chart),
        fact.open_end,
        *_times(fact.asserted, chart),
    )


def _source(source: Source) -> Row:
    return source.resource, source.version


def _times(when: When | None, chart: Chart) -> Row:
    span = chart.span(when)
    return NO_TIME if span is None else _cells(span)


def _cells(span: Span) -> Row:
    """The columns of a time; instants as microseconds since 1970, which become columns ten times as fast."""
    start = _microseconds(span.start)
    end = start if span.end is span.start else _microseconds(span.end)
    return start, end, span.first, span.last


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * _DAY + since.seconds) * _MICRO + since.microseconds


def _site(subject: str, contents: Contents) -> str | None:
    """Where the patient is kept, as the Patient says it; None where that can't be told."""
    for each in contents.resources:
        if each.type == "Patient" and (each.key == subject or not each.id):
            try:
                named = _managed.decode(each.raw).managingOrganization
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                return None
            if named is None:
                return None
            return named.reference or (named.identifier and named.identifier.value) or named.display
    return None


def cells(rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    """The columns of some rows."""
    return zip(*rows, strict=True)
