"""Whether a record holds what makes a patient worth screening for a study (CONFORMANCE: Negatives; Decision)."""

from collections.abc import Iterable

from msgspec import Struct

from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.record.facts import ConditionFact, Verification


class Unclear(Struct, frozen=True, gc=False):
    """An entry that leaves it open whether a patient is worth screening, with its codes and words.

    A diagnosis that nobody has classified for a study's disease; or what an index that is a criterion could not decide.
    """

    resource: str
    codes: tuple[Coding, ...]
    text: str


UNREAD = Unclear("Condition", (), "a diagnosis that could not be read")
"""Where none of the diagnoses that could be read speaks for a disease, one of those that could not may."""


def may_indicate(
    diagnoses: Iterable[tuple[Coding, ...] | None], index: frozenset[str], terminology: Terminology
) -> tuple[bool, bool]:
    """Whether the codes of any diagnosis are, or may be, one of the diseases; if none, whether nobody knows of some.

    Only codes are looked at, whosever the diagnosis is and whatever else is said of it: where neither, `indication`
    finds none of the diseases in the record, and nothing unclear. Codes that can't be read (None) nobody knows.
    """
    unclear = False
    for codes in diagnoses:
        known, nobody_knows = (False, True) if codes is None else bears_on(index, codes, terminology)
        if known:
            return True, False
        unclear = unclear or nobody_knows
    return False, unclear


def bears_on(index: Iterable[str], codes: tuple[Coding, ...], terminology: Terminology) -> tuple[bool, bool]:
    """Whether a diagnosis of these codes is, or may be, one of the diseases, and whether nobody knows."""
    asked = frozenset(index)
    said = terminology.classified(ListKind.CONDITIONS, codes)
    known = not asked.isdisjoint(said.is_) or not asked.isdisjoint(said.may_be)
    return known, not known and not asked.isdisjoint(said.unclassified)


def indication(
    index: Iterable[str], conditions: Iterable[ConditionFact], terminology: Terminology
) -> tuple[bool, tuple[Unclear, ...]]:
    """Whether any diagnosis is evidence of the diseases, of any status and time; if none is, which of them may be."""
    unclear: list[Unclear] = []
    asked = frozenset(index)
    for fact in conditions:
        if fact.verification is Verification.REFUTED:
            continue
        known, nobody_knows = bears_on(asked, fact.codes, terminology)
        if known:
            return True, ()
        if nobody_knows:
            unclear.append(Unclear(fact.source.resource, fact.codes, fact.shown))
    return False, tuple(unclear)
