"""RxNorm in RRF: its clinical drugs, packs and brands by ingredient, with ATC and NDC -> the value sets that hold them.

Read are RXNCONSO (names, and ATC codes at ingredients), RXNREL (from a drug to its ingredients) and RXNSAT (NDC). A row
of RXNREL says of its second concept what it is to the first
(https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes
from mappings.terminology.imports.drugs import NDC, RXNORM, Drug, drugs
from mappings.terminology.imports.table import find_file, rrf_rows

_CONSO_WIDTH, _REL_WIDTH, _SAT_WIDTH = 18, 16, 13
_INGREDIENT, _DOSE_FORM = "IN", "DF"
_DOWN = frozenset(
    {
        "consists_of", "contains", "form_of", "has_ingredient", "has_ingredients", "has_part", "has_precise_ingredient",
        "isa", "quantified_form_of", "tradename_of",
    }
)  # fmt: skip
"""Relations that lead from a drug to what it is made of, or to the same drug without brand or strength."""
_UP = frozenset(
    {
        "constitutes", "contained_in", "has_form", "ingredient_of", "ingredients_of", "part_of",
        "precise_ingredient_of", "inverse_isa", "has_quantified_form", "has_tradename",
    }
)  # fmt: skip


def read_rxnorm(folder: Path, terminology: Terminology) -> tuple[ReleasedCodes, tuple[Path, ...]]:
    """What the release says, and the files that were read. Raises UsageError where one is missing or not whole."""
    conso, rel, sat = (find_file(folder, name) for name in ("RXNCONSO.RRF", "RXNREL.RRF", "RXNSAT.RRF"))
    kinds: dict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    atc: dict[str, set[str]] = defaultdict(set)
    for row in rrf_rows(conso, _CONSO_WIDTH):
        cui, source, kind, code, text = row[0], row[11], row[12], row[13], row[14]
        if source == "RXNORM":
            kinds[cui].add(kind)
            if kind == _DOSE_FORM:
                names[cui] = text
        elif source == "ATC":
            atc[cui].add(code)
    made_of, form = _relations(rel, names)
    ndc: dict[str, list[str]] = defaultdict(list)
    for row in rrf_rows(sat, _SAT_WIDTH):
        if row[8] == "NDC" and row[9] == "RXNORM":
            ndc[row[0]].append(row[10])
    basic = {cui for cui, each in kinds.items() if _INGREDIENT in each}
    found = [
        Drug(
            codings=(Coding(RXNORM, cui), *(Coding(NDC, code) for code in ndc.get(cui, ()))),
            ingredients=_ingredients(cui, made_of, basic),
            form=form.get(cui),
        )
        for cui in kinds
        if cui not in names
    ]
    classes = {cui: frozenset(codes) for cui, codes in atc.items() if cui in basic}
    return drugs(found, classes, terminology), (conso, rel, sat)


def _relations(path: Path, forms: Mapping[str, str]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """What each drug is made of, and its dose form in words."""
    made_of: dict[str, set[str]] = defaultdict(set)
    form: dict[str, str] = {}
    for row in rrf_rows(path, _REL_WIDTH):
        first, second, relation, source = row[0], row[4], row[7], row[10]
        if source != "RXNORM" or not first or not second:
            continue
        if relation in _DOWN:
            made_of[second].add(first)
        elif relation in _UP:
            made_of[first].add(second)
        elif relation == "has_dose_form" and first in forms:
            form[second] = forms[first]
        elif relation == "dose_form_of" and second in forms:
            form[first] = forms[second]
    return made_of, form


def _ingredients(cui: str, made_of: Mapping[str, Iterable[str]], basic: set[str]) -> frozenset[str]:
    found, seen, open_ = set(), {cui}, [cui]
    while open_:
        each = open_.pop()
        if each in basic:
            found.add(each)
            continue
        further = set(made_of.get(each, ())) - seen
        seen |= further
        open_ += further
    return frozenset(found)
