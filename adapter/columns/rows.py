"""A patient's facts -> rows of the tables (`adapter.columns.schema`).

What is worked out of a measured value is worked out by the evaluator's own functions: nothing here converts a unit or
reads a word.

A patient's resources as the bytes of one cell, from which the reader makes the same record again.

Of resources of which nothing is read, only their names are kept: they are counted, and nothing else of them is needed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, structs

from adapter.columns.manifest import Basis
from adapter.columns.values import Cells, Row, Values
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import Number
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.evaluator.moment import span
from adapter.kinds.person import SORTS, folded, homes_of, primary
from adapter.record.bundle import Resource
from adapter.record.contents import Contents
from adapter.record.facts import AllergyFact, ConditionFact, ConsentFact, EntryFact, ExposureFact, Issue, Source
from adapter.record.listed import Readable
from adapter.record.patient_record import PatientRecord, Person
from adapter.record.when import When

_READ = frozenset(kind.__name__ for kind in Readable.__args__)
_NOTHING = b"{}"
_PATIENT = "Patient"


class _Kept(Struct, frozen=True, array_like=True):
    """Contents, in an order that is always the same."""

    resources: tuple[Resource, ...]
    deleted: tuple[str, ...]
    problems: tuple[Issue, ...]
    lacking: tuple[str, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Kept)


def encoded(contents: Contents) -> bytes:
    """The contents as bytes; the same contents always give the same ones."""
    deleted, lacking = tuple(sorted(contents.deleted)), tuple(sorted(contents.lacking))
    return _encoder.encode(_Kept(_needed(contents.resources), deleted, contents.problems, lacking))


def decoded(data: bytes) -> Contents:
    """The contents of bytes that `encoded` made. Raises msgspec.DecodeError for others."""
    kept = _decoder.decode(data)
    return Contents(kept.resources, frozenset(kept.deleted), kept.problems, frozenset(kept.lacking))


def key_of(subject: str, place: str) -> int:
    """The key of a patient in every table: 63 bits of a hash of Patient/id; of the place too where there is no id."""
    named = subject if subject.startswith(f"{_PATIENT}/") else f"{place} {subject}"
    return int.from_bytes(hashlib.blake2b(named.encode(), digest_size=8).digest()) >> 1


def part_of(patient: int, parts: int) -> int:
    """The part in which a patient's rows are."""
    return patient % parts


def _needed(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """The resources, bare where nothing is read of them. Of two of one name it matters whether they are the same."""
    if _READ.issuperset([each.type for each in resources]):
        return resources
    times = Counter(each.key for each in resources if each.type not in _READ)
    return tuple(
        each if each.type in _READ or times[each.key] > 1 else structs.replace(each, raw=_NOTHING) for each in resources
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_MICRO = 1_000_000

NO_TIME = (None, None, None, None)

_MOST_TIMES = 1 << 14
"""Times whose cells are remembered: those of one patient, of a laboratory's last days, of the days of a few decades."""


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


class _Times(dict[When | None, Row]):
    """The columns of times; instants as microseconds since 1970, which become columns ten times as fast."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__({None: NO_TIME})
        self._zone = zone

    def __missing__(self, when: When | None) -> Row:
        if len(self) >= _MOST_TIMES:
            self.clear()
        if when is None:
            return self.setdefault(when, NO_TIME)
        found = span(when, self._zone)
        start = _microseconds(found.start)
        end = start if found.end is found.start else _microseconds(found.end)
        cells = self[when] = start, end, found.first, found.last
        return cells


class Rows:
    """Rows of patients, by table; and every combination of codings that they name, once.

    One lives as long as a run: what was worked out for one patient's codes, times and numbers is kept for the next, and
    cells that many rows share are one tuple.
    """

    def __init__(self, terminology: Terminology, policy: Policy) -> None:
        """Of records that are read with the terminology, under the basis of the policy."""
        self.coded: dict[int, Row] = {}
        self._keys: dict[tuple[tuple[Coding, ...], frozenset[str]], int] = {}
        self._sets: dict[frozenset[str], tuple[str, ...]] = {}
        self._times = _Times(policy.time_zone)
        self._values = Values(terminology, policy)

    def of(self, record: PatientRecord, contents: Contents, place: str, number: int) -> tuple[int, dict[str, Cells]]:
        """The key of a patient, and the rows of the tables in which the patient has some (`schema.Layout`).

        `place`: of the patient in the source; `number`: how many came before.
        """
        key = key_of(record.subject, place)
        conditions = (self._condition(key, *each) for each in enumerate(record.all_conditions))
        allergies = (self._allergy(key, *each) for each in enumerate(record.all_allergies))
        consents = (self._consent(key, *each) for each in enumerate(record.consents))
        unmapped = ((key, each.resource, each.type, each.system, each.code, each.text) for each in record.unmapped)
        cells: dict[str, Cells] = {
            "patients": [key, number, *self._patient(record, contents, place)],
            "observations": self._values.cells(key, record, self._times),
            "attestations": [*chain.from_iterable(self._attestations(key, record))],
            "conditions": [*chain.from_iterable(conditions)],
            "exposures": [*chain.from_iterable(self._exposures(key, record))],
            "allergies": [*chain.from_iterable(allergies)],
            "consents": [*chain.from_iterable(consents)],
            "entries": [*chain.from_iterable(self._entries(key, record))],
            "unmapped": [*chain.from_iterable(unmapped)],
            "records": [key, place, encoded(contents)],
        }
        return key, {table: found for table, found in cells.items() if found}

    def _patient(self, record: PatientRecord, contents: Contents, place: str) -> Row:
        birth, person = record.birth, record.person()
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
            self._times[record.death],
            _site(record.subject, contents),
            self._listed(record.unread),
            self._listed(frozenset(record.mentions)),
            bool(record.attestations),
            bool(record.issues),
            *_home(person),
            person.marital,
            tuple(sorted({primary(each.code) if each.code else "" for each in person.languages})),
        )

    def _condition(self, key: int, number: int, fact: ConditionFact) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            fact.clinical,
            fact.verification,
            self._times[fact.onset],
            self._times[fact.recorded],
            fact.abated,
            self._times[fact.abatement],
            fact.encounter,
            fact.at_age,
            self._listed(fact.grades),
            self._listed(fact.levels),
            fact.links is not None,
        )

    def _exposures(self, key: int, record: PatientRecord) -> Iterator[Row]:
        lists = (
            ("exposures", record.all_exposures),
            ("not-taken", record.not_taken),
            ("immunizations", record.immunizations),
        )
        for name, facts in lists:
            for number, fact in enumerate(facts):
                yield (key, number, name, *self._exposure(fact))

    def _exposure(self, fact: ExposureFact) -> Row:
        return (
            *_source(fact.source),
            fact.element,
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            self._times[fact.start],
            self._times[fact.end],
            fact.open_end,
            fact.ordered,
            fact.route,
            self._times[fact.asserted],
            fact.open,
            fact.denied,
            fact.preventive,
            fact.on_demand,
            fact.dosing is not None,
            fact.links is not None,
        )

    def _allergy(self, key: int, number: int, fact: AllergyFact) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            self._coded(fact.codes, fact.value_sets),
            fact.shown,
            fact.clinical,
            fact.verification,
            self._times[fact.onset],
            self._times[fact.recorded],
            fact.severity,
        )

    def _consent(self, key: int, number: int, fact: ConsentFact) -> Row:
        return (
            key,
            number,
            *_source(fact.source),
            fact.status,
            fact.denied,
            self._listed(fact.studies),
            fact.specific,
            fact.readable,
            self._times[fact.when],
            self._times[fact.start],
            self._times[fact.end],
            fact.end is not None and fact.end.moment is not None,
        )

    def _attestations(self, key: int, record: PatientRecord) -> Iterator[Row]:
        for code, facts in record.attestations.items():
            for number, fact in enumerate(facts):
                said = (fact.element, fact.status, fact.performer)
                yield (key, number, code, *_source(fact.source), *said, self._times[fact.when], fact.boolean)

    def _entries(self, key: int, record: PatientRecord) -> Iterator[Row]:
        for name, facts in record.entries.items():
            for number, fact in enumerate(facts):
                yield (key, number, name, *_source(fact.source), *self._entry(fact))

    def _entry(self, fact: EntryFact) -> Row:
        return (
            fact.element,
            fact.stands,
            fact.shown,
            self._times[fact.start],
            self._times[fact.end],
            fact.open_end,
            self._times[fact.asserted],
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


_NO_HOME = (None,) * len(SORTS)


def _home(person: Person) -> Row:
    """Whether there is a home, one without a period, or more; and what a single one says."""
    addresses = person.addresses
    if not addresses:
        return None if addresses is None else 0, *_NO_HOME
    homes = homes_of(addresses)
    if len(homes) > 1 or any(each.start or each.end for each in addresses):
        return 2, *_NO_HOME
    said = (getattr(homes[0], sort) for sort in SORTS)
    return 1, *(folded(each) if each else None for each in said)


def _source(source: Source) -> Row:
    return source.resource, source.version


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
