"""Which diagnoses ICD's codes of a personal history (Z85 to Z87) may be of (CONFORMANCE: Mentions).

A code of a history names a block of categories: it may be the history of each concept whose own codes lie in it.
"""

from collections.abc import Iterable

from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.value_set import ICD_SYSTEMS, Coding, plain_code

_Block = tuple[str, str]
"""Categories of ICD, from and to."""


def history_of(codes: Iterable[Coding], terminology: Terminology) -> frozenset[str]:
    """The diagnoses that some codes of ICD may be the personal history of."""
    blocks = frozenset(block for each in codes for block in _blocks(each, terminology))
    if not blocks:
        return frozenset()
    known: dict[frozenset[_Block], frozenset[str]] = terminology.memos.setdefault("histories", {})
    try:
        return known[blocks]
    except KeyError:
        found = frozenset(id_ for id_ in terminology.catalogue.conditions if _lies_in(id_, blocks, terminology))
    return kept(known, blocks, found)


def has_history(concept: str, terminology: Terminology) -> bool:
    """Whether ICD has a code of a personal history that may be the diagnosis'."""
    return _lies_in(concept, [block for blocks in terminology.histories.values() for block in blocks], terminology)


def _blocks(coding: Coding, terminology: Terminology) -> tuple[_Block, ...]:
    system = terminology.systems.get(coding.system, coding.system)
    if system not in ICD_SYSTEMS:
        return ()
    plain = plain_code(system, coding.code)
    return terminology.histories.get(plain[:4], ()) if plain.startswith("Z8") else ()


def _lies_in(concept: str, blocks: Iterable[_Block], terminology: Terminology) -> bool:
    """Whether a diagnosis, or what may be it, has a code of ICD in one of the blocks."""
    names = (concept, *terminology.catalogue.conditions[concept].may_be)
    held = [terminology.value_sets[name] for name in names if name in terminology.value_sets]
    codes = [each for one in held for each in (*one.codes, *one.prefixes) if each.system in ICD_SYSTEMS]
    starts = [plain_code(each.system, each.code) for each in codes]
    return any(first <= start[:3] <= last or first.startswith(start) for start in starts for first, last in blocks)
