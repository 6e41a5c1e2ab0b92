"""Releases of RxNorm and of the OMOP vocabulary -> which value sets hold which of their codes.

A release's files: where they are in its folder, and their rows, one at a time.

Three forms: RxNorm's RRF (`|`, no header, a `|` at the end of each line), SNOMED CT's RF2 and OMOP's CSV (tabs, a
header, nothing quoted).

Drugs by their ingredients, ATC classes and dose forms -> which value sets hold them.

An ingredient is in a value set that lists it, or holds one of its ATC codes. Where ATC knows the ingredient in other
groups too (dexamethasone as eye drops), the dose form decides: given for the whole body it is in, in one place it is
not. A drug is in what one of its ingredients is in. A drug of which no class is known is not told apart.

The OMOP vocabulary in CSV: SNOMED CT's hierarchy, drugs with ingredients, ATC and dose forms, and package codes.

CONCEPT names a code of a vocabulary, CONCEPT_ANCESTOR leads from classes and ingredients to drugs, CONCEPT_RELATIONSHIP
from a package (NDC, PZN) to its drug, from a drug to its dose form, and from a finding to what it is a kind of
(https://ohdsi.github.io/CommonDataModel/cdm54.html#vocabulary_tables).

RxNorm in RRF: its clinical drugs, packs and brands by ingredient, with ATC and NDC -> the value sets that hold them.

Read are RXNCONSO (names, and ATC codes at ingredients), RXNREL (from a drug to its ingredients) and RXNSAT (NDC). A row
of RXNREL says of its second concept what it is to the first
(https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib.resources import files
from pathlib import Path

from msgspec import Struct
from pydantic import BaseModel

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes, ValueSet
from adapter.errors import UsageError
from mappings.terminology.yaml_file import STRICT, read_yaml


def find_file(folder: Path, pattern: str) -> Path:
    """The one file below a folder whose name fits. Raises UsageError if there is none, or more than one."""
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if len(found) != 1:
        told = f"{len(found)} files" if found else "no file"
        msg = f"{told} {pattern} below {folder}; name the folder of one unpacked release"
        raise UsageError(msg)
    return found[0]


def rrf_rows(path: Path, width: int) -> Iterator[list[str]]:
    """The fields of each row. Raises UsageError, with the line, where one has another number of them."""
    for number, line in _lines(path):
        row = line.split("|")[:-1]
        if len(row) != width:
            msg = f"{path}:{number}: {len(row)} fields where RRF has {width}; is the file whole?"
            raise UsageError(msg)
        yield row


def tab_rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The named columns of each row. Raises UsageError, with the line, where a column or a field is missing."""
    lines = _lines(path)
    _, first = next(lines, (1, ""))
    header = first.split("\t")
    missing = [column for column in columns if column not in header]
    if missing:
        msg = f"{path}:1: no column {', '.join(missing)}; the header is {' '.join(header)[:100]!r}"
        raise UsageError(msg)
    places = [header.index(column) for column in columns]
    for number, line in lines:
        row = line.split("\t")
        if len(row) != len(header):
            msg = f"{path}:{number}: {len(row)} fields where the header has {len(header)}; is the file whole?"
            raise UsageError(msg)
        yield [row[place] for place in places]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                text = line.rstrip("\r\n")
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        msg = f"{path}:{number + 1}: not UTF-8; take the release's file as it was delivered"
        raise UsageError(msg) from error


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
    for id_, held in terminology.value_sets.items():
        if held.local:  # whatever it is a value set of: the filters are what its author asks for
            members[id_] = [Coding(SNOMED, code) for code in _found(held, children)]
    known = frozenset(_closure([_CLINICAL_FINDING], children))
    held_by = {name: tuple(codes) for name, codes in members.items()}
    return ReleasedCodes(hash="", members=held_by, known={SNOMED: known}, complete={SNOMED: frozenset(complete)})


def _found(held: ValueSet, children: Mapping[str, Iterable[str]]) -> set[str]:
    """The codes that a value set's filters find in the hierarchy."""
    found = _closure([root.code for root in held.roots if root.system == SNOMED], children)
    for each in held.filters:
        if (each.system, each.property, each.op) == (SNOMED, "concept", "descendent-of"):
            found |= _closure([each.value], children) - {each.value}
    return found


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


ATC = "http://www.whocc.no/atc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
PZN = "http://fhir.de/CodeSystem/ifa/pzn"


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug: its codes in any system, its ingredients (itself, if it is one), and its dose form in words.

    An ingredient is named by its RxNorm code.
    """

    codings: tuple[Coding, ...]
    ingredients: frozenset[str]
    form: str | None = None


class _Form(Enum):
    SYSTEMIC = auto()
    LOCAL = auto()
    UNSAID = auto()
    UNKNOWN = auto()


class _Words(BaseModel):
    model_config = STRICT
    systemic: tuple[str, ...]
    local: tuple[str, ...]


def drugs(found: Collection[Drug], atc: Mapping[str, frozenset[str]], terminology: Terminology) -> ReleasedCodes:
    """What drugs are, for the value sets of exposures and substances. `atc`: an ingredient -> its ATC codes."""
    catalogue = terminology.catalogue
    listed = {**catalogue.exposures, **catalogue.substances}
    classes = {name: each.id for each in catalogue.exposures.values() for name in each.systemic_class}
    names = {name for each in listed.values() for name in (each.id, *each.may_be)}
    keys = {key for drug in found for key in drug.ingredients}
    whole, by_form = _by_ingredients(keys, atc, names, terminology)
    members: dict[str, set[Coding]] = {name: set() for name in names | set(classes)}
    known: dict[str, set[str]] = {}
    for drug in found:
        form = _form(drug.form)
        varies = any(by_form.get(each) for each in drug.ingredients)
        if form is _Form.UNKNOWN and varies:
            continue
        held = set().union(*(whole.get(each, ()) for each in drug.ingredients))
        if form is not _Form.LOCAL:
            held |= set().union(*(by_form.get(each, ()) for each in drug.ingredients))
        for name in held:
            members[name].update(drug.codings)
        if form is _Form.SYSTEMIC:
            for name, concept in classes.items():
                if concept in held:
                    members[name].update(drug.codings)
        if drug.ingredients and all(atc.get(each) or whole.get(each) for each in drug.ingredients):
            for coding in drug.codings:
                known.setdefault(coding.system, set()).add(coding.code)
    complete = frozenset(each for each in listed if ATC in terminology.value_sets[each].exhaustive)
    return ReleasedCodes(
        hash="",
        members={name: tuple(codes) for name, codes in members.items() if codes},
        known={system: frozenset(codes) for system, codes in known.items()},
        complete=dict.fromkeys(known, complete),
    )


def _by_ingredients(
    keys: Iterable[str], atc: Mapping[str, frozenset[str]], names: set[str], terminology: Terminology
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The value sets that hold an ingredient whatever its form, and those where the form decides."""
    whole: dict[str, set[str]] = {}
    by_form: dict[str, set[str]] = {}
    for key in keys:
        coded = [terminology.value_sets_of(ATC, code) or frozenset() for code in atc.get(key, ())]
        stated = terminology.value_sets_of(RXNORM, key) or frozenset()
        for name in names & stated.union(*coded):
            everywhere = all(name in sets for sets in coded)
            (whole if everywhere else by_form).setdefault(key, set()).add(name)
    return whole, by_form


def _form(text: str | None) -> _Form:
    if text is None:
        return _Form.UNSAID
    words = _form_words()
    said = text.casefold()
    for form, texts in ((_Form.LOCAL, words.local), (_Form.SYSTEMIC, words.systemic)):
        if any(word in said for word in texts):
            return form
    return _Form.UNKNOWN


@cache
def _form_words() -> _Words:
    text = (files("mappings.terminology") / "dose-forms.yaml").read_text(encoding="utf-8")
    return read_yaml("dose-forms.yaml", text).checked(_Words)


_PACKAGES = {"NDC": NDC, "PZN": PZN}
_DRUGS = frozenset({"RxNorm", "RxNorm Extension"})
_OMOP_INGREDIENT = "Ingredient"


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
        elif relation.startswith("RxNorm - ATC") and first.kind == _OMOP_INGREDIENT:
            atc[first.code].add(second.code)
        elif relation == "Maps to" and first.vocabulary in _PACKAGES and second.vocabulary in _DRUGS:
            packages[other].append(Coding(_PACKAGES[first.vocabulary], first.code))
    found = [
        Drug(
            codings=(*([Coding(RXNORM, each.code)] if each.vocabulary == "RxNorm" else []), *packages.get(id_, ())),
            ingredients=frozenset({each.code} if each.kind == _OMOP_INGREDIENT else ingredients.get(id_, ())),
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
        if first.vocabulary == "ATC" and second.kind == _OMOP_INGREDIENT and len(first.code) == len("H02AB06"):
            atc[second.code].add(first.code)
        elif first.vocabulary in _DRUGS and first.kind == _OMOP_INGREDIENT:
            ingredients[below].add(first.code)
    return atc, ingredients


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
