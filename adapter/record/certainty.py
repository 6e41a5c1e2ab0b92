"""How certain an entry is by its own coding and words (CONFORMANCE: Conditions).

Germany codes an excluded and a suspected diagnosis with the code of the diagnosis itself, and says which it is in an
extension of the coding (de.basisprofil.r4, ICD-10-GM-Diagnosesicherheit). The letters are KBV's.
"""

import re
from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.extent import ListKind
from adapter.criteria.named import named_in
from adapter.criteria.terminology import Membership, Terminology, kept
from adapter.criteria.value_set import CONCEPTS, ICD_SYSTEMS
from adapter.criteria.value_set import Coding as Code
from adapter.criteria.written import plain
from adapter.record.facts import Verification
from adapter.record.listed import Readable
from adapter.record.resources import Annotation, CodeableConcept, Coding, Contained, Patient, Reference
from adapter.record.values import codes, note_texts, title

CERTAINTIES = {"G": Verification.CONFIRMED, "V": Verification.UNCONFIRMED, "A": Verification.REFUTED}
"""Assured, suspected, excluded."""

STATE_AFTER = "Z"
"""What it was has passed, and leaves no symptoms."""

_URLS = frozenset(
    f"{scheme}://fhir.de/StructureDefinition/{name}"
    for scheme in ("http", "https")
    for name in ("icd-10-gm-diagnosesicherheit", "icd-10-gm/diagnosesicherheit")
)


class _Letter(Struct, frozen=True, gc=False):
    code: str | None = None


class _Extension(Struct, frozen=True, gc=False, rename="camel"):
    url: str | None = None
    value_coding: _Letter | None = None
    value_code: str | None = None


_extensions = msgspec.json.Decoder(tuple[_Extension, ...])


def certainty(concept: CodeableConcept | None) -> str | None:
    """The letter of a concept's coding; None if there is none, "" if it can't be read or several differ."""
    found: set[str] = set()
    for coding in concept.coding if concept else ():
        if not coding.extension:
            continue
        try:
            extensions = _extensions.decode(coding.extension)
        except msgspec.DecodeError:
            continue
        found |= {_letter(each) for each in extensions if each.url in _URLS}
    return None if not found else found.pop() if len(found) == 1 else ""


def _letter(extension: _Extension) -> str:
    coded = extension.value_coding.code if extension.value_coding else None
    return (coded or extension.value_code or "").strip()


def is_revised(note: Raw, terminology: Terminology) -> bool:
    """Whether a note says that a diagnosis was none, or it can't be read."""
    try:
        said = note_texts(note)
    except msgspec.DecodeError:
        return True
    return any(terminology.writing.says("revised", text) for text in said)


def is_delabelled(notes: Iterable[Annotation], terminology: Terminology) -> bool:
    """Whether a note says that there is no such allergy."""
    said = terminology.writing.says
    return any(each.text and (said("revised", each.text) or said("delabelled", each.text)) for each in notes)


DOUBTFUL, PAST = "doubtful", "past"
"""What words make of a code: it is not sure, or not of today."""


def is_called_donor(reference: Reference | None, terminology: Terminology) -> bool:
    """Whether a reference calls somebody a donor, wherever it points: "Geschwisterspender"."""
    if reference is None or not reference.display:
        return False
    last: dict[str, bool] = terminology.memos.setdefault("called-donor", {})  # one for all of a patient
    found = last.get(reference.display)
    if found is None:
        found = terminology.writing.is_of_donor(reference.display) is not False
        last.clear()
        last[reference.display] = found
    return found


class _Name(Struct, frozen=True, gc=False):
    text: str | None = None
    family: str | None = None


_names = msgspec.json.Decoder(tuple[_Name, ...])


def donor_names(patient: Patient, terminology: Terminology) -> frozenset[str]:
    """The words of the patient's own name that are words for a donor: "Spender"."""
    try:
        names = _names.decode(patient.name) if patient.name else ()
    except msgspec.DecodeError:
        return frozenset()
    said = (word for each in names for name in (each.text, each.family) if name for word in _WORDS.split(plain(name)))
    return frozenset(word for word in said if terminology.writing.is_of_donor(word) is not False)


def without(reference: Reference, names: frozenset[str]) -> Reference:
    """A reference whose display no longer holds these words: "Spender, Karl" is the patient, and no donor."""
    display = " ".join(word for word in _WORDS.split(plain(reference.display or "")) if word not in names)
    return msgspec.structs.replace(reference, display=display)


_WORDS = re.compile(r"[\s,;.()]+")


def turned(concept: CodeableConcept | None, terminology: Terminology, subject: Reference | None = None) -> str | None:
    """What the words of a concept make of its codes, if they turn them round, and those of whose it is.

    Not where the code says so itself, as the statuses of ICD (Z) do, and what the terminology calls by such words.
    """
    if is_called_donor(subject, terminology):
        return DOUBTFUL
    if concept is None or not concept.coding:
        return None
    found = None
    for word in (concept.text, *[each.display for each in concept.coding]):
        if word:
            said = turns(word, terminology)
            found = found if said is None or found == DOUBTFUL else said
    if found is None or any(_says_so(each, terminology) for each in concept.coding):
        return None
    return found


def turns(name: str, terminology: Terminology) -> str | None:
    """What the words around a name make of it (`Writing.turns`): found once, the names of diseases recur."""
    known: dict[str, str | None] = terminology.memos.setdefault("turned", {})
    try:
        return known[name]
    except KeyError:
        return kept(known, name, terminology.writing.turns(name), name)


def _says_so(coding: Coding, terminology: Terminology) -> bool:
    if coding.code and coding.code[:1] == "Z" and terminology.canonical_system(coding.system or "") in ICD_SYSTEMS:
        return True
    own = terminology.display(coding.system, coding.code)
    return own is not None and turns(own, terminology) is not None


def coded(concept: CodeableConcept | None, terminology: Terminology) -> tuple[tuple[Code, ...], str]:
    """The codes of a diagnosis, with what its words name in their place, and what a person reads."""
    said, shown = codes(concept), title(concept, terminology)
    if concept is None or not said:
        return said, shown
    own = {terminology.display(each.system, each.code) for each in concept.coding}
    words = {word for word in (concept.text, *(each.display for each in concept.coding)) if word and word not in own}
    others = _contradicting(said, words, terminology)
    if not others:
        return said, shown
    meant = min((each for each in own if each), default="") or ", ".join(each.code for each in said)
    return (*said, *others), f"{shown} (but coded as {meant})"


def _contradicting(said: tuple[Code, ...], texts: Iterable[str], terminology: Terminology) -> tuple[Code, ...]:
    """What words beside the codes of a diagnosis name in place of what these are, as codes of ours.

    Only what is not related to it: "B-ALL" beside the code of T-ALL. Nothing of words that name it as well, nor what it
    only may be, what it is of or after, the same disease elsewhere, what passes beside what lasts (a pneumonia in
    chronic lung disease), or what is treated in a pregnancy.
    """
    catalogue = terminology.catalogue.conditions
    meant = [each for each in terminology.classified(ListKind.CONDITIONS, said).is_ if not catalogue[each].pregnancy]
    if not meant:
        return ()
    found: set[str] = set()
    for text in texts:
        named = named_in(text, terminology)
        for id_ in meant if named else ():
            if any(id_ in each.concepts for each in named):
                continue
            family = (id_, *catalogue[id_].related)
            of_it = {site for each in family if each in catalogue for site in catalogue[each].sites}
            passes = catalogue[id_].transient is not None
            for each in (each for each in named if not each.led):
                other = (each.concepts - each.loosely - of_it) & terminology.extent(id_).elsewhere
                found |= each.apart & terminology.extent(id_).elsewhere
                found |= {
                    name
                    for name in other.intersection(catalogue)
                    if (catalogue[name].transient is not None) is passes
                    and terminology.membership(name, said) is Membership.NOT
                }
    return tuple(Code(CONCEPTS, each) for each in sorted(found))


MODIFIED = "changes what the rest says, nobody knows how; not believed"


def modified(resource: Readable | Contained) -> bool:
    """Whether a resource has a modifierExtension: none is known, and FHIR forbids to go on without knowing it."""
    return bytes(resource.modifierExtension) not in {b"", b"null", b"[]"}
