"""How far an Observation can be relied on: quality control, specimens, notes (CONFORMANCE: Observations)."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from adapter.record.certainty import is_called_donor, modified
from adapter.record.references import Referable
from adapter.record.resources import FAILED, CodeableConcept, Contained, Observation, Reference, Specimen
from adapter.record.values import IssueCollector, by_id, is_called_otherwise, is_venous, named, title

NEVER = frozenset({"entered-in-error", "cancelled"})
"""Observation.status by which it says nothing."""

_REJECTED = frozenset({"unsatisfactory", "entered-in-error"})
"""Specimen.status by which a specimen can't be used."""

_SPOILT = frozenset({"CLOT", "CON", "HEM"})
"""Specimen.condition, HL7 table 0493: clotted, contaminated, haemolysed."""

_condition = msgspec.json.Decoder(tuple[CodeableConcept, ...])
_specimen = msgspec.json.Decoder(Reference | tuple[Reference, ...] | None)
_reference = msgspec.json.Decoder(Reference)
_concept = msgspec.json.Decoder(CodeableConcept)
_number = msgspec.json.Decoder(float)
D = TypeVar("D")


class Trust(Struct, frozen=True, gc=False):
    """How far an Observation can be relied on: its status, and the notes that stand beside its values.

    `bloodless`: it is of specimens none of which is blood: what is measured in blood was not measured in them.
    `venous`: it is of veins by the part of the body, or by a specimen: so with what is measured in arteries.
    """

    status: str
    note: str
    bloodless: bool = False
    venous: bool = False

    def of(self, sets: frozenset[str] | None, code: CodeableConcept | None, terminology: Terminology) -> "Trust":
        """The same for one value, whose code stands in these value sets."""
        writing = terminology.writing
        wrong = (
            (self.bloodless and sets and sets & writing.of_blood)
            or (self.venous and sets and sets & writing.of_arteries)
            or is_called_otherwise(sets, code, terminology)
        )
        return self.unsure() if wrong else self

    def unsure(self) -> "Trust":
        """The same for what can't be relied on."""
        return self if self.status in NEVER else Trust("preliminary", self.note)


def trust(
    observation: Observation,
    specimens: Referable[Specimen],
    owns: Callable[[Reference | None], bool | None],
    terminology: Terminology,
) -> Trust:
    """The status that an Observation has by its quality: a failed control, an unusable specimen, a note that says so.

    `specimens`: those of the input. `owns`: whether a reference points to the patient; another's specimen is unusable.
    """
    status = observation.status or ""
    site = _read(_concept, observation.bodySite)
    veins = is_venous(site, terminology)
    others = site is not None and terminology.writing.is_of_another(title(site))
    if (others or is_called_donor(observation.subject, terminology)) and status not in NEVER:
        status = "preliminary"
    if not observation.note and not observation.interpretation and observation.specimen is None:
        return Trust(status, "", venous=veins)
    note = "; ".join(note.text for note in observation.note if note.text)
    of = tuple(_specimens(observation, specimens))
    doubtful = (
        has_failed(observation.interpretation)
        or (note and terminology.writing.says("unusable", note))
        or (note and terminology.writing.says("explained", note) and not _is_no_share(observation))
        or any(_is_spoilt(each, owns, terminology) for each in of)
        or any(each.display and terminology.writing.is_of_another(each.display) for each in _references(observation))
    )
    types = [_type(each) for each in of] or [CodeableConcept(text=each.display) for each in _references(observation)]
    bloodless = bool(types) and all(_is_no_blood(each, terminology) for each in types)
    veins = veins or any(is_venous(each, terminology) for each in types)
    return Trust("preliminary" if doubtful and status not in NEVER else status, note, bloodless, veins)


def is_usable(
    raw: Raw | bytes,
    specimens: Referable[Specimen],
    owns: Callable[[Reference | None], bool | None],
    terminology: Terminology,
) -> bool:
    """Whether the specimens of an Observation that has nothing contained take nothing from its trust, whatever it is.

    Raises msgspec.DecodeError where they can't be read.
    """
    of = Observation(status="final", specimen=_specimen.decode(raw))
    return trust(of, specimens, owns, terminology) == Trust("final", "")


def _is_no_share(observation: Observation) -> bool:
    """Whether it is one quantity that is no share of cells, as in g/L, or a share that says nothing: up to 5 %."""
    said = observation.valueQuantity
    if said is None or observation.component or said.comparator not in {None, "<", "<="}:
        return False
    number, unit = _read(_number, said.value), said.code or said.unit or ""
    if unit == "%":
        return number is not None and number <= _SHARE
    return "/" in unit and "/100" not in unit


_SHARE = 5
"""In per cent: so many blasts a marrow in remission has."""


def derived(observation: Observation, look: Callable[[Reference | None], Any], t: IssueCollector) -> Observation:
    """The same; what is derived from something entered in error is not final. `look`: what a reference names."""
    if all(getattr(look(each), "status", None) != "entered-in-error" for each in observation.derivedFrom):
        return observation
    t.report("derivedFrom", "entered in error; what is derived from it is taken as preliminary")
    return msgspec.structs.replace(observation, status="preliminary")


def has_failed(interpretation: tuple[CodeableConcept, ...]) -> bool:
    """Whether an interpretation says that the result's quality control failed."""
    return any(coding.code in FAILED for concept in interpretation for coding in concept.coding)


def _specimens(observation: Observation, specimens: Referable[Specimen]) -> Iterator[Specimen | Contained]:
    contained = by_id(observation.contained)
    for each in _references(observation):
        specimen = named(each, contained, specimens)
        if specimen is not None:
            yield specimen


def _references(observation: Observation) -> Iterator[Reference]:
    found = observation.specimen
    return (each for each in (found if isinstance(found, tuple) else (found,)) if each is not None)


def _is_spoilt(
    specimen: Specimen | Contained, owns: Callable[[Reference | None], bool | None], terminology: Terminology
) -> bool:
    if specimen.status in _REJECTED or modified(specimen) or owns(_taken_from(specimen)) is False:
        return True
    taken, writing = _taken_from(specimen), terminology.writing
    if writing.is_of_another(title(_type(specimen))) or (
        taken and taken.display and writing.is_of_another(taken.display)
    ):
        return True
    concepts = _read(_condition, specimen.condition) or ()
    return any(
        terminology.writing.says("unusable", title(concept)) or any(coding.code in _SPOILT for coding in concept.coding)
        for concept in concepts
    )


def _is_no_blood(type_: CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether any word or code of a specimen's type says that it is no blood."""
    if type_ is None:
        return False
    said = (type_.text, *(each for coding in type_.coding for each in (coding.code, coding.display)))
    writing = terminology.writing
    return any(plain(each) in writing.not_blood or writing.is_bloodless(each) for each in said if each)


def _type(specimen: Specimen | Contained) -> CodeableConcept | None:
    return specimen.type if isinstance(specimen, Specimen) else _read(_concept, specimen.type)


def _taken_from(specimen: Specimen | Contained) -> Reference | None:
    """From whom; None where nobody says so."""
    return specimen.subject if isinstance(specimen, Specimen) else _read(_reference, specimen.subject)


def _read(decoder: msgspec.json.Decoder[D], raw: Raw) -> D | None:
    """What an element says; None where it says nothing that can be read."""
    try:
        return decoder.decode(raw) if raw else None
    except msgspec.DecodeError:
        return None
