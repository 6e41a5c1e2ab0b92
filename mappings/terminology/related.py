"""Which concepts are related to others: a code of one then doesn't rule the other out (CONFORMANCE: Codes).

Whoever writes a concept of a site, or of the wider catalogue, doesn't know every other one. Two are taken for related
where their codes overlap, or where both overlap a family (breast cancer and a cancer without a site, both among
malignancies). Of the concepts in concepts.yaml among themselves that file says it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from adapter.criteria.catalogue import Breadth, ListedConcept
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import ValueSet, plain_code

_LISTS = ("conditions", "exposures", "substances")


def with_relations(terminology: Terminology) -> Terminology:
    """The terminology, the concepts of a site and of the wider catalogue related to those that they may mean too."""
    changed: dict[str, Any] = {}
    for section in _LISTS:
        held: Mapping[str, ListedConcept] = getattr(terminology.catalogue, section)
        own = [id_ for id_ in held if (found := terminology.value_sets.get(id_)) and (found.local or found.wide)]
        if own:
            changed[section] = _related(held, own, terminology.value_sets)
    if not changed:
        return terminology
    return replace(terminology, catalogue=replace(terminology.catalogue, **changed))


def _related(
    held: Mapping[str, ListedConcept], own: list[str], value_sets: Mapping[str, ValueSet]
) -> dict[str, ListedConcept]:
    touched = _overlaps(held, value_sets)
    of_family = defaultdict(set)
    for id_, others in touched.items():
        for other in others:
            if held[other].breadth is Breadth.FAMILY:
                of_family[other].add(id_)
    added: dict[str, set[str]] = defaultdict(set)
    for id_ in own:
        near = set(touched[id_]).union(*(of_family[other] for other in touched[id_]))
        for other in near - {id_}:
            added[id_].add(other)
            added[other].add(id_)
    return {
        id_: replace(each, related=tuple(sorted({*each.related, *added[id_]}))) if id_ in added else each
        for id_, each in held.items()
    }


def _overlaps(held: Mapping[str, ListedConcept], value_sets: Mapping[str, ValueSet]) -> dict[str, set[str]]:
    """Concept -> those, itself too, with which it shares a code, or a beginning of codes."""
    exact: dict[tuple[str, str], set[str]] = defaultdict(set)
    heads: dict[tuple[str, str], set[str]] = defaultdict(set)
    for id_, concept in held.items():
        for system, code, is_head in _codes(id_, concept, value_sets):
            (heads if is_head else exact)[system, code].add(id_)
    ordered = sorted({*exact, *heads})
    found: dict[str, set[str]] = {id_: set() for id_ in held}
    for id_, concept in held.items():
        for system, code, is_head in _codes(id_, concept, value_sets):
            found[id_] |= exact.get((system, code), set())
            for length in range(1, len(code) + 1):
                found[id_] |= heads.get((system, code[:length]), set())
            at = bisect_left(ordered, (system, code)) if is_head else len(ordered)
            while at < len(ordered) and ordered[at][0] == system and ordered[at][1].startswith(code):
                found[id_] |= exact.get(ordered[at], set()) | heads.get(ordered[at], set())
                at += 1
    for id_, others in found.items():
        for other in others - {id_}:
            found[other].add(id_)
    return found


def _codes(id_: str, concept: ListedConcept, value_sets: Mapping[str, ValueSet]) -> Iterator[tuple[str, str, bool]]:
    """The codes of a concept and of what may be it, as they are compared; whether each is a beginning."""
    for name in (id_, *concept.may_be):
        if (found := value_sets.get(name)) is not None:
            for each in found.codes:
                yield each.system, plain_code(each.system, each.code), False
            for each in found.prefixes:
                yield each.system, plain_code(each.system, each.code), True
