"""Which data would settle an open leaf: type, concept, codes and window (CONFORMANCE: Evidence, missing, lifetime)."""

from collections.abc import Iterable

from adapter.criteria.catalogue import Catalogue, Effort
from adapter.criteria.model import Combinator, Leaf
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.evaluator.attestation import CLASS, SYSTEM
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ATTESTATION, Read, Role
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.tree import Node
from adapter.evaluator.verdict import ATTESTED, Codes, DataNeed

_BY_PERSON = (AWAITS_PERSON | {Reason.NEEDS_REVIEW, Reason.NOT_PUBLISHED}) - {Reason.AWAITS_CONSENT}


def settled_by_person(leaf: Node) -> bool:
    """Whether an attestation is what would settle an unknown leaf."""
    return leaf.outcome.reason in _BY_PERSON


def needs(
    statement: Leaf | Combinator,
    criterion: str,
    attestation: str | None,
    terminology: Terminology,
    policy: Policy,
    lacks: tuple[str, ...] = (),
) -> tuple[DataNeed, ...]:
    """The data needs of an unknown leaf, tests first; `lacks`: of what it reads beside, what would settle it, too.

    `criterion` is the id of the nearest criterion that has one, `attestation` the code of the attestation
    (`<study>.<criterion id>`) that would settle it, where a person can.
    """
    asked = [read for read in reads_of(statement, terminology.catalogue) if _is_asked(read)]
    ordered = [read for role in (Role.TEST, Role.ASKED) for read in asked if read.role is role]
    ordered += [read for name in lacks for read in asked if read.role is Role.BESIDE and read.name == name]
    found = tuple(dict.fromkeys(_need(read, criterion, terminology, policy) for read in ordered))
    if attestation is None:
        return found
    coding = Coding(SYSTEM, attestation)
    within = str(policy.freshness[CLASS])
    return (DataNeed("Observation", f"{ATTESTED}{attestation}", Codes([coding]), within, (criterion,)), *found)


def by_effort(found: Iterable[DataNeed], catalogue: Catalogue) -> tuple[DataNeed, ...]:
    """What would settle most criteria first, of the same number what takes the least effort; consent last."""

    def rank(need: DataNeed) -> tuple[bool, int, int]:
        if need.effort is None:
            effort = effort_of(need, catalogue)
            need.effort = effort is Effort.CONSENT, _EFFORTS[effort]
        late, place = need.effort
        return late, -len(need.criteria), place

    return tuple(sorted(found, key=rank))


_EFFORTS = {effort: place for place, effort in enumerate(Effort)}


def effort_of(need: DataNeed, catalogue: Catalogue) -> Effort:
    """What it takes to get the data: a look into the record, for all that is no Observation."""
    if need.concept.startswith(ATTESTED):
        return Effort.JUDGEMENT
    if need.type == "Consent":
        return Effort.CONSENT
    analyte = catalogue.analytes.get(need.concept) if need.type == "Observation" else None
    return Effort.RECORD if analyte is None else catalogue.efforts.get(analyte.freshness, Effort.LABORATORY)


def value_sets(statements: Iterable[Leaf | Combinator], terminology: Terminology) -> dict[str, Codes]:
    """The codes of every concept that data needs of these statements may name, but for attestations."""
    reads = {read.name for each in statements for read in reads_of(each, terminology.catalogue) if _is_asked(read)}
    found = {name: _codes(name, terminology) for name in sorted(reads)}
    return {name: codes for name, codes in found.items() if codes}


def _is_asked(read: Read) -> bool:
    return read.data is not ATTESTATION


def _need(read: Read, criterion: str, terminology: Terminology, policy: Policy) -> DataNeed:
    within = read.window or (policy.freshness[read.freshness] if read.freshness else None)
    codes = _codes(read.name, terminology)
    return DataNeed(read.data.places[0].type, read.name, codes, str(within) if within else None, (criterion,))


def _codes(name: str, terminology: Terminology) -> Codes:
    """A concept's codes, without their displays: a request for data needs no more."""
    known: dict[str, Codes] = terminology.memos.setdefault("needs", {})
    codes = known.get(name)
    if codes is None:
        codes = known[name] = Codes(Coding(each.system, each.code) for each in terminology.codes(name))
    return codes
