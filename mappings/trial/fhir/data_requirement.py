"""Which data a statement reads, as FHIR DataRequirements: type, codes, and how far back.

A look-back stands only where the trial itself sets one; how long other data stand is the site's policy.
"""

from collections.abc import Iterator

from adapter.criteria.model import Combinator, Leaf
from adapter.criteria.terminology import Terminology
from adapter.evaluator.attestation import SYSTEM
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ATTESTATION, Place, Read, Role
from mappings.trial.fhir.datatype import duration
from mappings.trial.fhir.element import Json, present
from mappings.trial.fhir.names import value_set

FEW = 5
"""Up to so many codes are listed beside their value set."""

_REQUIRED = frozenset({Role.ASKED, Role.COARSE, Role.TEST, Role.BESIDE, Role.SHOWN})


def few_codes(concept: str, terminology: Terminology) -> list[Json]:
    """A concept's codes as Codings; none if there are more than a few, or only beginnings of codes."""
    codes = terminology.value_sets[concept].codes if concept in terminology.value_sets else ()
    if len(codes) > FEW:
        return []
    return [present({"system": each.system, "code": each.code, "display": each.display}) for each in codes]


def requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> list[Json]:
    """The data that a leaf reads; none for what only joins.

    `attestation` is the code of the attestation that settles a judgement, where it has one.
    """
    return list(_requirements(statement, attestation, terminology))


def _requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> Iterator[Json]:
    if not isinstance(statement, Leaf):
        return
    for read in reads_of(statement, terminology.catalogue):
        if read.data is ATTESTATION:
            if attestation and read.role is Role.ASKED:
                code = {"system": SYSTEM, "code": attestation}
                yield {"type": "Observation", "codeFilter": [{"path": "code", "code": [code]}]}
        elif read.role in _REQUIRED:
            yield from (_requirement(read, place, terminology) for place in read.data.places)


def _requirement(read: Read, place: Place, terminology: Terminology) -> Json:
    if read.value_set is None:
        return {"type": place.type, "mustSupport": [read.name]}
    codes = few_codes(read.value_set, terminology)
    filtered = present({"path": place.code, "valueSet": value_set(read.value_set), "code": codes})
    dated = {"path": place.time, "valueDuration": duration(read.window)} if read.window else None
    return present({"type": place.type, "codeFilter": [filtered], "dateFilter": [dated] if dated else None})
