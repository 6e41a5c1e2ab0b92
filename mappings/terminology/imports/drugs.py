"""Drugs by their ingredients, ATC classes and dose forms -> which value sets hold them.

An ingredient is in a value set that lists it, or holds one of its ATC codes. Where ATC knows the ingredient in other
groups too (dexamethasone as eye drops), the dose form decides: given for the whole body it is in, in one place it is
not. A drug is in what one of its ingredients is in. A drug of which no class is known is not told apart.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib.resources import files

from pydantic import BaseModel

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding, ReleasedCodes
from mappings.terminology.yaml_file import STRICT, read_yaml

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
    whole, by_form = _ingredients(keys, atc, names, terminology)
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


def _ingredients(
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
