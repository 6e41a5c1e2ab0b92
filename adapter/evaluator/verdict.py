"""The answer for one patient and one study, and its JSON form (docs/running.md)."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from adapter.criteria.model import CriterionRole
from adapter.criteria.truth import Truth
from adapter.criteria.value_set import Coding
from adapter.evaluator.indication import Unclear
from adapter.evaluator.reason import Reason
from adapter.record.facts import Issue, Unmapped


class Decision(StrEnum):
    """What the adapter proposes; also the ResearchSubject.status."""

    INELIGIBLE = "ineligible"
    CANDIDATE = "candidate"
    POTENTIAL_CANDIDATE = "potential-candidate"


class Evidence(Struct, frozen=True, gc=False):
    """What an answer stands on: a resource, the element read, its value and time as text (FHIR date formats)."""

    resource: str
    version: str | None
    element: str
    value: str
    time: str | None


ATTESTED = "attestation:"
"""What the concept of a data need begins with that a person's word settles."""


class Codes(Collection[Coding]):
    """Codings that stand in many verdicts: a long list, that is made JSON once."""

    __slots__ = ("_codings", "_json")

    def __init__(self, codings: Iterable[Coding]) -> None:
        """In their order."""
        self._codings = tuple(codings)
        self._json: Raw | None = None

    def __contains__(self, coding: object) -> bool:
        """Whether a coding is one of them."""
        return coding in self._codings

    def __iter__(self) -> Iterator[Coding]:
        """Yield them in order."""
        return iter(self._codings)

    def __len__(self) -> int:
        """How many they are."""
        return len(self._codings)

    def __eq__(self, other: object) -> bool:
        """Whether the other are the same codings in the same order."""
        return self is other or (isinstance(other, Codes) and self._codings == other._codings)

    def __hash__(self) -> int:
        """By the codings."""
        return hash(self._codings)

    def __repr__(self) -> str:
        """As a tuple."""
        return repr(self._codings)

    def json(self) -> Raw:
        """The JSON array of them."""
        if self._json is None:
            self._json = Raw(msgspec.json.encode(self._codings))
        return self._json


_MOST_JOINED = 64
"""Of how many sets of criteria a need is kept."""


class DataNeed:
    """Data that would settle a criterion: a resource type, a concept and its codes, how recent (ISO 8601).

    It stands in many verdicts, and keeps its JSON, its `rank` among others (as `by_effort` orders them), and the same
    needs of more criteria. `data`: what two needs of the same data have in common. Not to be changed.
    """

    __slots__ = ("_joined", "codes", "concept", "criteria", "data", "named", "rank", "type", "within", "written")

    def __init__(self, type_: str, concept: str, codes: Codes, within: str | None, criteria: tuple[str, ...]) -> None:
        """The concept's codes, or the one code of an attestation."""
        self.type = type_
        self.concept = concept
        self.codes = codes
        self.within = within
        self.criteria = criteria
        self.data = type_, concept, within
        self.written: Raw | None = None
        self.named: Raw | None = None
        self.rank: tuple[bool, int, int] | None = None
        self._joined: dict[tuple[str, ...], DataNeed] = {}

    def __eq__(self, other: object) -> bool:
        """Whether the other asks for the same data, for the same criteria."""
        return self is other or (
            isinstance(other, DataNeed) and self._key() == other._key() and self.codes == other.codes
        )

    def __hash__(self) -> int:
        """By all but the codes, which are many."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Its fields."""
        return f"DataNeed{(*self._key(), self.codes)}"

    def _key(self) -> tuple[str, str, str | None, tuple[str, ...]]:
        return self.type, self.concept, self.within, self.criteria

    def of(self, criteria: tuple[str, ...]) -> "DataNeed":
        """The same need of these criteria."""
        found = self._joined.get(criteria)
        if found is None:
            if len(self._joined) >= _MOST_JOINED:
                self._joined.clear()
            found = self._joined[criteria] = DataNeed(self.type, self.concept, self.codes, self.within, criteria)
        return found

    def json(self) -> Raw:
        """The JSON object of it, with its codes."""
        if self.written is None:
            self.written = self._written({"codes": self.codes.json()})
        return self.written

    def json_by_name(self, value_set: Callable[[str], str]) -> Raw:
        """The same with the canonical of its value set in place of the codes, where it has one; always by one function.

        An attestation, which is one code of no value set, and what has no codes are as ever.
        """
        if self.named is None:
            has_one = self.codes and not self.concept.startswith(ATTESTED)
            self.named = self._written({"valueSet": value_set(self.concept)}) if has_one else self.json()
        return self.named

    def _written(self, codes: dict[str, Any]) -> Raw:
        made = {"type": self.type, "concept": self.concept, **codes, "within": self.within, "criteria": self.criteria}
        return Raw(msgspec.json.encode(made))


class CriterionResult(Struct, frozen=True, gc=False, omit_defaults=True):
    """The truth of one criterion's statement, its reason, and what it stands on.

    `role`: published as `kind`.
    `missing`: what would settle it; what would settle a part stands with the part.
    `lasting`: given where it rules the patient out, and with the parts that make it do so: whether neither time nor
    treatment can change that. `until`: it can't change before, where that is known.
    """

    id: str
    role: CriterionRole = msgspec.field(name="kind")
    label: str
    result: Truth
    reason: Reason
    assumed: bool
    explanation: str
    evidence: tuple[Evidence, ...]
    missing: tuple[DataNeed, ...]
    parts: "tuple[CriterionResult, ...]"
    lasting: bool | UnsetType = UNSET
    until: datetime | None = None

    @property
    def is_against(self) -> bool:
        """Whether it rules the patient out, or has a part in that."""
        return self.lasting is not UNSET


class Told(NamedTuple):
    """What is told of a verdict when somebody asks: one result a criterion, and what is missing, in order."""

    criteria: tuple[CriterionResult, ...]
    missing: tuple[DataNeed, ...]


class Identifier(Struct, frozen=True, gc=False):
    """The patient's own identifier, of a system that the site names."""

    system: str
    value: str


_PROMISE = {Decision.CANDIDATE: 0, Decision.POTENTIAL_CANDIDATE: 1, Decision.INELIGIBLE: 2}

DECEASED = "deceased"
"""The reason of a decision on who is dead."""

POLICY = "policy"
"""The `resource` of an issue about the policy that a verdict was made under; its `path` is the policy's id."""


class Verdict(Struct, frozen=True, kw_only=True, eq=False):
    """The decision for one patient and one study, with a reason for every criterion.

    `has_indication`: the record holds evidence of the study's index disease; `unclear`: where it doesn't, the diagnoses
    that nobody has classified for it. `valid_until`: the first instant at
    which a truth, a reason or the decision may change with no new data. `recruiting`: the study takes patients.
    `identifiers`: the patient's own, of the system that the policy names, for people; never for logs or addresses.
    Sentences, evidence and data needs are told when they are first asked for, and once: by `tell`.
    """

    study: str
    study_version: str
    subject: str
    as_of: datetime
    policy: str
    policy_hash: str
    terminology_hash: str
    decision: Decision
    decision_reasons: tuple[str, ...]
    valid_until: datetime | None
    has_indication: bool
    recruiting: bool
    issues: tuple[Issue, ...]
    unmapped: tuple[Unmapped, ...]
    tell: Callable[[], Told]
    unclear: tuple[Unclear, ...] = ()
    identifiers: tuple[Identifier, ...] = ()

    @property
    def told(self) -> Told:
        """Its sentences, evidence and data needs."""
        return self.tell()

    @property
    def criteria(self) -> tuple[CriterionResult, ...]:
        """One result a criterion, in the definition's order."""
        return self.tell().criteria

    @property
    def missing(self) -> tuple[DataNeed, ...]:
        """What would settle the open criteria: the most decisive and the cheapest first, a consent last."""
        return self.told.missing

    @property
    def for_now(self) -> bool:
        """Whether the patient is ruled out by nothing but what time or treatment can change."""
        return (
            self.decision is Decision.INELIGIBLE
            and DECEASED not in self.decision_reasons
            and not any(criterion.lasting is True for criterion in self.criteria)
        )

    @property
    def promise(self) -> tuple[int, int, str]:
        """What a list of verdicts on one patient is sorted by: candidates first, then those with the least open."""
        return _PROMISE[self.decision], self.open_criteria, self.study

    @property
    def open_criteria(self) -> int:
        """How many criteria are still unknown."""
        return sum(result.result is Truth.UNKNOWN for result in self.criteria)


def each_once(needs: Iterable[DataNeed]) -> tuple[DataNeed, ...]:
    """Data needs, each once, with all of the criteria that it would settle."""
    found: dict[tuple[str, str, str | None], DataNeed] = {}
    several: dict[tuple[str, str, str | None], dict[str, None]] = {}
    for need in needs:
        data = need.data
        first = found.setdefault(data, need)
        if first is not need:
            several.setdefault(data, dict.fromkeys(first.criteria)).update(dict.fromkeys(need.criteria))
    for data, criteria in several.items():
        found[data] = found[data].of(tuple(criteria))
    return tuple(found.values())


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC, with milliseconds where there are any."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


class _Named(Struct, frozen=True, gc=False, omit_defaults=True):
    """A policy or terminology by what names its content."""

    hash: str
    id: str = ""


class _Document(Struct, frozen=True, gc=False, rename="camel"):
    """A verdict as the contract's JSON object; what stands in it is encoded as it is."""

    study: str
    study_version: str
    subject: str
    identifiers: tuple[Identifier, ...]
    as_of: str
    policy: _Named
    terminology: _Named
    decision: Decision
    decision_reasons: tuple[str, ...]
    valid_until: str | None
    criteria: tuple[CriterionResult, ...]
    missing: tuple[DataNeed, ...]
    issues: tuple[Issue, ...]
    unmapped: tuple[Unmapped, ...]


def _document(verdict: Verdict) -> _Document:
    return _Document(
        study=verdict.study,
        study_version=verdict.study_version,
        subject=verdict.subject,
        identifiers=verdict.identifiers,
        as_of=instant(verdict.as_of),
        policy=_Named(id=verdict.policy, hash=verdict.policy_hash),
        terminology=_Named(hash=verdict.terminology_hash),
        decision=verdict.decision,
        decision_reasons=verdict.decision_reasons,
        valid_until=None if verdict.valid_until is None else instant(verdict.valid_until),
        criteria=verdict.criteria,
        missing=verdict.missing,
        issues=verdict.issues,
        unmapped=verdict.unmapped,
    )


def to_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as the contract's JSON object, in plain Python: the form of `--format json`."""
    found: dict[str, Any] = msgspec.json.decode(to_line(verdict))
    return found


def to_line(verdict: Verdict) -> bytes:
    """The same object as JSON text, without an end of the line."""
    return _encoder.encode(_document(verdict))


def line_encoder(value_set: Callable[[str], str]) -> Callable[[Verdict], bytes]:
    """As `to_line`, but that a data need names its value set in place of the codes; `value_set`: a concept's canonical.

    `value_sets` has the codes, once for all lines (docs/adr/0031).
    """

    def named(value: object) -> Raw:
        if isinstance(value, DataNeed):
            return value.json_by_name(value_set)
        return _written(value)

    encode = msgspec.json.Encoder(enc_hook=named).encode
    return lambda verdict: encode(_document(verdict))


def _written(value: object) -> Raw:
    if isinstance(value, DataNeed):
        return value.json()
    msg = f"{type(value).__name__} has no JSON"
    raise NotImplementedError(msg)


_encoder = msgspec.json.Encoder(enc_hook=_written)
