"""Most Observations quickly: one code, one value, one time, one status; all others are left to `read_observation`.

A laboratory says few things over and over, so what an element says is kept by its bytes, with the terminology that it
depends on. What is not plain, or can't be read without an issue, is left: the reader then decodes it whole, and says
what is to be said. So nothing is read otherwise here, only sooner (`tests/properties/test_plain_observation.py`).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache, partial
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.named import may_name
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.told import may_tell
from adapter.record import read_observation as observation
from adapter.record.bundle import PlainObservation, Resource
from adapter.record.certainty import is_called_donor
from adapter.record.copies import REPLACING
from adapter.record.decoded import Line
from adapter.record.facts import Circumstances, Issue, Limits, ObservationFact, Source, Unmapped
from adapter.record.links import manner_of
from adapter.record.read_observation import STATUSES, UNREADABLE, Content
from adapter.record.references import Referable
from adapter.record.resources import ABSENT, CodeableConcept, Observation, Quantity, Reference, ReferenceRange, Specimen
from adapter.record.subject import Subject
from adapter.record.trust import NEVER, has_failed, is_usable
from adapter.record.values import (
    NOTHING,
    IssueCollector,
    codes,
    is_called_otherwise,
    result_sets,
    title,
    union,
    unmapped,
)
from adapter.record.when import When, quick, readable

_MOST = 4096
"""How many elements of a sort are kept."""

_MOST_BYTES = 2048
"""How long an element is at most that is kept."""


class _Code(Struct, frozen=True, gc=False):
    """What Observation.code says; `sets` is None where no map knows it, `concept` is what then is to be noted."""

    sets: frozenset[str] | None
    attested: str | None
    score: Decimal | None
    test: str
    concept: CodeableConcept


class _Beside(Struct, frozen=True, gc=False):
    """What interpretation, referenceRange and performer say, as `ObservationFact` has it. `failed`: the control did."""

    interpretation: frozenset[str] = NOTHING
    failed: bool = False
    ranges: Callable[[], tuple[Limits, ...] | None] | None = None
    performer: str = ""


_Value = tuple[str, Content]
"""The element that holds a value, and what it says."""

K = TypeVar("K", bytes, tuple[bytes, bytes, bytes])
V = TypeVar("V")


class _Kept(dict[K, V | None]):
    """What elements say, by their bytes: found by `read` once, of a few thousand; None for what is to be read whole."""

    def __init__(self, read: Callable[[K], V | None]) -> None:
        super().__init__()
        self.read: Callable[[K], V | None] = read

    def __missing__(self, raw: K) -> V | None:
        try:
            found = self.read(raw)
        except _UNREADABLE:
            found = None
        return kept(self, raw, found, *((raw,) if isinstance(raw, bytes) else raw), most=_MOST, longest=_MOST_BYTES)


_concept = msgspec.json.Decoder(CodeableConcept)
_concepts = msgspec.json.Decoder(tuple[CodeableConcept, ...])
_quantity = msgspec.json.Decoder(Quantity)
_references = msgspec.json.Decoder(tuple[Reference, ...])
_ranges = msgspec.json.Decoder(tuple[ReferenceRange, ...])
_reference = msgspec.json.Decoder(Reference)
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError)
_NO_MORE = _Beside()


class _Said:
    """What elements say: pure functions of their bytes and of the terminology."""

    __slots__ = ("beside", "codes", "concepts", "integers", "quantities", "terminology")

    def __init__(self, terminology: Terminology) -> None:
        self.terminology = terminology
        self.codes = _Kept(self.read_code)
        self.quantities = _Kept(self.read_quantity)
        self.integers = _Kept(self.read_integer)
        self.concepts = _Kept(self.read_concept)
        self.beside = _Kept(self.read_beside)

    def read_code(self, raw: bytes) -> _Code | None:
        concept = _concept.decode(raw)
        sets = result_sets(concept, self.terminology)
        if not sets and (
            _may_say(title(concept), self.terminology) or observation.sets_by_name(concept, self.terminology)
        ):
            return None  # so is what a result is called, or says, in words
        if is_called_otherwise(sets, concept, self.terminology):
            return None
        return _Code(
            sets=sets,
            attested=observation.attested(concept),
            score=observation.score(concept, self.terminology),
            test=title(concept, self.terminology),
            concept=concept,
        )

    def read_quantity(self, raw: bytes) -> _Value | None:
        return self._value(Observation(valueQuantity=_quantity.decode(raw)), "valueQuantity")

    def read_integer(self, raw: bytes) -> _Value | None:
        return self._value(Observation(valueInteger=Raw(raw)), "valueInteger")

    def read_concept(self, raw: bytes) -> _Value | None:
        concept = _concept.decode(raw)
        if self.terminology.named_by(codes(concept)) or _may_say(title(concept, self.terminology), self.terminology):
            return None  # a diagnosis as a result is a mention too
        return self._value(Observation(valueCodeableConcept=concept), "valueCodeableConcept")

    def _value(self, value: Observation, element: str) -> _Value | None:
        issues: list[Issue] = []
        found = observation.content(value, element, "", self.terminology, IssueCollector("", "", issues))
        return None if issues or found is None else (element, found)

    def read_beside(self, raws: tuple[bytes, bytes, bytes]) -> _Beside:
        interpretation, ranges, performers = raws
        flags = _concepts.decode(interpretation) if interpretation else ()
        found = _ranges.decode(ranges) if ranges else ()
        return _Beside(
            interpretation=union(flags, self.terminology),
            failed=has_failed(flags),
            ranges=cache(partial(observation.limits_of, found, self.terminology)) if found else None,
            performer=observation.performer(_references.decode(performers)) if performers else "",
        )


def _may_say(text: str, terminology: Terminology) -> bool:
    return may_name(text, terminology) or may_tell(text, terminology)


class PlainObservations:
    """Reads the plain Observations of one record into the lists that it is given."""

    __slots__ = (
        "_attestations",
        "_observations",
        "_owned",
        "_said",
        "_specimens",
        "_subject",
        "_times",
        "_unmapped",
        "_usable",
    )

    def __init__(
        self,
        terminology: Terminology,
        subject: Subject,
        specimens: Referable[Specimen],
        observations: dict[str, list[ObservationFact]],
        attestations: dict[str, list[ObservationFact]],
        unmapped: list[Unmapped],
    ) -> None:
        """`observations` and `attestations` have a list for every name that they are asked for."""
        said = terminology.memos.get("observations")
        if said is None:
            said = terminology.memos["observations"] = _Said(terminology)
        self._said: _Said = said
        self._subject = subject
        self._specimens = specimens
        self._observations = observations
        self._attestations = attestations
        self._unmapped = unmapped
        self._owned: dict[bytes, bool] = {}
        self._usable: dict[bytes, bool] = {}
        self._times: dict[str, When] = {}

    def take(self, lines: Iterable[Line]) -> Line | None:
        """Read one after another, up to the first that must be read whole: that one, of which nothing is done yet.

        None where all were plain. An absent element is known by its identity, the quickest way: of each, most are.
        """
        codes, quantities, besides = self._said.codes, self._said.quantities, self._said.beside
        owned: Raw | None = None
        for line in lines:
            sent, found, _ = line
            if found is None or not (found.subject == owned or self._owns(found.subject)):
                return line
            owned, status, code, quantity = found.subject, found.status, codes[bytes(found.code)], found.valueQuantity
            if (
                quantity is not ABSENT
                and found.valueCodeableConcept is ABSENT
                and found.valueString is None
                and found.valueBoolean is None
                and found.valueInteger is ABSENT
            ):
                value = quantities[bytes(quantity)]
            else:
                value = self._value(found)
            beside: _Beside | None = _NO_MORE
            flags, ranges, performers = found.interpretation, found.referenceRange, found.performer
            if ranges is not ABSENT or flags is not ABSENT or performers is not ABSENT:
                beside = besides[bytes(flags), bytes(ranges), bytes(performers)]
            if (
                (code is None or value is None or beside is None or status not in STATUSES)
                or (found.identifier is not ABSENT and status in REPLACING)  # it may replace another result
                or (found.bodySite is not ABSENT and code.sets)  # by where it was measured it may be something else,
                or (found.specimen is not ABSENT and not self._is_usable(bytes(found.specimen)))  # or somebody else's
            ):
                return line
            if status in NEVER:
                continue
            if code.sets or code.attested is not None:
                if not self._add(sent, found, code, value, beside):
                    return line
            elif code.sets is None:
                self._unmapped.append(unmapped(sent.key, code.concept))
        return None

    def _add(self, sent: Resource, found: PlainObservation, code: _Code, value: _Value, beside: _Beside) -> bool:
        time = found.effectiveDateTime
        when = None if time is None else self._times.get(time) or quick(time) or readable(time)
        if when is None or time is None:
            return False
        self._times[time] = when  # many are of one drawing of blood
        element, content = value
        if code.score is not None and content.answer != code.score:
            content = UNREADABLE
        fact = ObservationFact(
            Source(sent.key, sent.version),
            element,
            content.shown,
            "preliminary" if beside.failed else found.status or "",
            when,
            content.amount,
            content.coded,
            content.answer,
            content.string,
            content.boolean,
            beside.interpretation,
            beside.ranges,
            beside.performer,
            code.test,
        )
        if found.bodySite or found.method:
            where = Circumstances(bytes(found.bodySite), bytes(found.method), manner_of(found.method))
            fact = msgspec.structs.replace(fact, circumstances=where)
        if code.attested is not None:
            self._attestations[code.attested].append(fact)
        for value_set in code.sets or ():
            self._observations[value_set].append(fact)
        return True

    def _value(self, found: PlainObservation) -> _Value | None:
        """The one value, with its element; None where there is none, or another one too."""
        said, quantity, concept = self._said, found.valueQuantity, found.valueCodeableConcept
        integer, text, boolean = found.valueInteger, found.valueString, found.valueBoolean
        if quantity:
            several = concept or integer or text is not None or boolean is not None
            return None if several else said.quantities[bytes(quantity)]
        if concept:
            several = integer or text is not None or boolean is not None
            return None if several else said.concepts[bytes(concept)]
        if integer:
            return said.integers[bytes(integer)] if text is None and boolean is None else None
        if (text is None) is (boolean is None):
            return None
        if text is not None:
            return None if _may_say(text, said.terminology) else ("valueString", Content(text, string=text))
        return "valueBoolean", Content("true" if boolean else "false", boolean=boolean)

    def _owns(self, sent: Raw) -> bool:
        raw = bytes(sent)
        owned = self._owned.get(raw)
        if owned is None:
            try:
                whose = _reference.decode(raw)
                owned = self._subject.owns(whose) is True and not is_called_donor(whose, self._said.terminology)
            except _UNREADABLE:
                owned = False
            self._owned[raw] = owned
        return owned

    def _is_usable(self, raw: bytes) -> bool:
        usable = self._usable.get(raw)
        if usable is None:
            try:
                usable = is_usable(raw, self._specimens, self._subject.owns, self._said.terminology)
            except _UNREADABLE:
                usable = False
            self._usable[raw] = usable
        return usable
