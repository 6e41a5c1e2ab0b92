"""What a terminology server adds to the value sets: what their filters find, as descendants in SNOMED CT; RxNorm drugs.

Of an exposure's ingredients in RxNorm the clinical drugs: RxNorm knows
no subsumption, so they are found in two steps along its own relations, as FHIR names them in filters
(https://hl7.org/fhir/R4/rxnorm.html): what `has_ingredient` the ingredient, and what `consists_of` one of those.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, Filter, ValueSet
from adapter.errors import BadAnswerError
from adapter.fhir.client import FhirClient
from adapter.fhir.client.client import together
from adapter.fhir.elements import Json

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_DRUGS = ("has_ingredient", "consists_of")
_PAGE = 1000
_CHUNK = 100
"""How many codes one request names."""


class _Contains(Struct, frozen=True):
    system: str | None = None
    code: str | None = None
    abstract: bool = False


class _Expansion(Struct, frozen=True):
    total: int | None = None
    contains: tuple[_Contains, ...] = ()


class _ValueSet(Struct, frozen=True):
    expansion: _Expansion | None = None


async def expansions(client: FhirClient, terminology: Terminology) -> dict[str, list[Coding]]:
    """Further codes of the value sets, as the server knows them; nothing of value sets that name neither.

    Raises ServerError where the server can't expand one: a partial answer would look like a whole one.
    """
    exposures = terminology.catalogue.exposures
    sets = [each for each in terminology.value_sets.values() if each.roots or each.filters]
    drugs = [
        (each, named)
        for each in terminology.value_sets.values()
        if each.id in exposures and (named := [coding.code for coding in each.codes if coding.system == RXNORM])
    ]
    below = await together([_expanded(client, list(_filters(each))) for each in sets])
    made = await together([_made_of(client, codes) for _, codes in drugs])
    found: dict[str, list[Coding]] = {each.id: codes for each, codes in zip(sets, below, strict=True)}
    for (each, _), codes in zip(drugs, made, strict=True):
        found[each.id] = [*found.get(each.id, ()), *codes]
    return found


async def _made_of(client: FhirClient, ingredients: Sequence[str]) -> list[Coding]:
    found: list[Coding] = []
    step = list(ingredients)
    for relation in _DRUGS:
        chunks = [step[start : start + _CHUNK] for start in range(0, len(step), _CHUNK)]
        related = await together([_expanded(client, [_related(relation, code) for code in chunk]) for chunk in chunks])
        step = sorted({coding.code for codes in related for coding in codes})
        found += [Coding(RXNORM, code) for code in step]
    return found


def _filters(held: ValueSet) -> Iterator[Json]:
    for each in (*(Filter(root.system, "concept", "is-a", root.code) for root in held.roots), *held.filters):
        yield {"system": each.system, "filter": [{"property": each.property, "op": each.op, "value": each.value}]}


def _related(relation: str, code: str) -> Json:
    return {"system": RXNORM, "filter": [{"property": relation, "op": "=", "value": f"CUI:{code}"}]}


async def _expanded(client: FhirClient, include: Sequence[Json]) -> list[Coding]:
    """The codes of a value set that includes these, all pages of them."""
    value_set = {"resourceType": "ValueSet", "status": "active", "compose": {"include": list(include)}}
    found: list[Coding] = []
    while True:
        asked: list[Json] = [
            {"name": "valueSet", "resource": value_set},
            {"name": "count", "valueInteger": _PAGE},
            {"name": "offset", "valueInteger": len(found)},
        ]
        answer = await client.operation("ValueSet/$expand", {"resourceType": "Parameters", "parameter": asked})
        page = _page(answer.raw, client.url)
        contained = [each for each in page.contains if each.system and each.code]
        found += [Coding(str(each.system), str(each.code)) for each in contained]
        if page.total is None or len(found) >= page.total:
            return list(dict.fromkeys(found))
        if not contained:
            msg = f"FHIR server {client.url}: ValueSet/$expand found {page.total} codes and sent {len(found)}"
            raise BadAnswerError(msg)


def _page(answer: bytes, url: str) -> _Expansion:
    try:
        found = msgspec.json.decode(answer, type=_ValueSet).expansion
    except msgspec.ValidationError:
        found = None
    if found is None:
        msg = f"FHIR server {url}: ValueSet/$expand answered without an expansion; is it a terminology server?"
        raise BadAnswerError(msg)
    return found
