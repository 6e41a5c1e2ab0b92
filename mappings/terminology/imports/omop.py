"""The OMOP vocabulary in CSV: SNOMED CT's hierarchy, drugs with ingredients, ATC and dose forms, and package codes.

CONCEPT names a code of a vocabulary, CONCEPT_ANCESTOR leads from classes and ingredients to drugs, CONCEPT_RELATIONSHIP
from a package (NDC, PZN) to its drug, from a drug to its dose form, and from a finding to what it is a kind of
(https://ohdsi.github.io/CommonDataModel/cdm54.html#vocabulary_tables).
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes
from mappings.terminology.imports.drugs import NDC, PZN, RXNORM, Drug, drugs
from mappings.terminology.imports.table import find_file, findings, tab_rows

_PACKAGES = {"NDC": NDC, "PZN": PZN}
_DRUGS = frozenset({"RxNorm", "RxNorm Extension"})
_INGREDIENT = "Ingredient"


class _Concept(Struct, frozen=True, gc=False):
    vocabulary: str
    kind: str
    code: str
    name: str


def read_omop(folder: Path, terminology: Terminology) -> tuple[ReleasedCodes, tuple[Path, ...]]:
    """What the vocabulary says, and the files that were read. Raises UsageError where one is missing or not whole."""
    names = ("CONCEPT.csv", "CONCEPT_RELATIONSHIP.csv", "CONCEPT_ANCESTOR.csv")
    concept, relationship, ancestor = (find_file(folder, name) for name in names)
    concepts = dict(_concepts(concept))
    parents: dict[str, list[str]] = defaultdict(list)
    form: dict[str, str] = {}
    atc, ingredients = _ancestry(ancestor, concepts)
    packages: dict[str, list[Coding]] = defaultdict(list)
    for one, other, relation, invalid in tab_rows(
        relationship, ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    ):
        first, second = concepts.get(one), concepts.get(other)
        if first is None or second is None or invalid:
            continue
        if relation == "Is a" and first.vocabulary == second.vocabulary == "SNOMED":
            parents[first.code].append(second.code)
        elif relation == "RxNorm has dose form":
            form[one] = second.name
        elif relation.startswith("RxNorm - ATC") and first.kind == _INGREDIENT:
            atc[first.code].add(second.code)
        elif relation == "Maps to" and first.vocabulary in _PACKAGES and second.vocabulary in _DRUGS:
            packages[other].append(Coding(_PACKAGES[first.vocabulary], first.code))
    found = [
        Drug(
            codings=(*([Coding(RXNORM, each.code)] if each.vocabulary == "RxNorm" else []), *packages.get(id_, ())),
            ingredients=frozenset({each.code} if each.kind == _INGREDIENT else ingredients.get(id_, ())),
            form=form.get(id_),
        )
        for id_, each in concepts.items()
        if each.vocabulary in _DRUGS and each.kind != "Dose Form"
    ]
    made = drugs(found, {key: frozenset(codes) for key, codes in atc.items()}, terminology)
    return made.joined(findings(parents, terminology)), (concept, relationship, ancestor)


def _concepts(path: Path) -> Iterator[tuple[str, _Concept]]:
    wanted = {"SNOMED", "ATC", *_DRUGS, *_PACKAGES}
    columns = ("concept_id", "vocabulary_id", "concept_class_id", "concept_code", "concept_name")
    for id_, vocabulary, kind, code, name in tab_rows(path, columns):
        if vocabulary in wanted:
            yield id_, _Concept(vocabulary, kind, code, name)


def _ancestry(path: Path, concepts: dict[str, _Concept]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """An ingredient's ATC codes, and a drug's ingredients, both by the ingredient's RxNorm code."""
    atc: dict[str, set[str]] = defaultdict(set)
    ingredients: dict[str, set[str]] = defaultdict(set)
    for above, below in tab_rows(path, ("ancestor_concept_id", "descendant_concept_id")):
        first, second = concepts.get(above), concepts.get(below)
        if first is None or second is None or second.vocabulary not in _DRUGS:
            continue
        if first.vocabulary == "ATC" and second.kind == _INGREDIENT and len(first.code) == len("H02AB06"):
            atc[second.code].add(first.code)
        elif first.vocabulary in _DRUGS and first.kind == _INGREDIENT:
            ingredients[below].add(first.code)
    return atc, ingredients
