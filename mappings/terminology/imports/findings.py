"""SNOMED CT's findings by their hierarchy -> which value sets hold them.

Below a root that a value set names stands what is a kind of it. What stands above a member is too coarse to tell
("Disease" may be an infection), and goes to the codes that only may be it. A value set that says that its roots are
complete holds nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from adapter.criteria.terminology import Coding, ReleasedCodes, Terminology

SNOMED = "http://snomed.info/sct"
_CLINICAL_FINDING = "404684003"
"""Whose descendants are told apart: situations ("history of …") say something else of a disease."""


def findings(parents: Mapping[str, Iterable[str]], terminology: Terminology) -> ReleasedCodes:
    """What a hierarchy (code -> what stands next above it) says of the value sets of conditions."""
    children: dict[str, list[str]] = defaultdict(list)
    for child, above in parents.items():
        for parent in above:
            children[parent].append(child)
    members: dict[str, list[Coding]] = {}
    complete: set[str] = set()
    for id_, concept in terminology.catalogue.conditions.items():
        held = terminology.value_sets[id_]
        roots = [root.code for root in held.roots if root.system == SNOMED]
        own = _closure(roots, children)
        members[id_] = [Coding(SNOMED, code) for code in own]
        if SNOMED in held.rooted and concept.may_be:
            listed = [code.code for code in held.codes if code.system == SNOMED]
            above_them = _closure([*own, *listed], parents) - own - set(listed)
            members.setdefault(concept.may_be[-1], []).extend(Coding(SNOMED, code) for code in above_them)
            complete.add(id_)
    known = frozenset(_closure([_CLINICAL_FINDING], children))
    held_by = {name: tuple(codes) for name, codes in members.items()}
    return ReleasedCodes(hash="", members=held_by, known={SNOMED: known}, complete={SNOMED: frozenset(complete)})


def _closure(start: Iterable[str], steps: Mapping[str, Iterable[str]]) -> set[str]:
    """The codes from which one starts, and all that can be reached."""
    found: set[str] = set()
    open_ = list(start)
    while open_:
        code = open_.pop()
        if code not in found:
            found.add(code)
            open_.extend(steps.get(code, ()))
    return found
