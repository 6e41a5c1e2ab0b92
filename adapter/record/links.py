"""What a resource says that it is because of: its reasons, its cause, its evidence (CONFORMANCE: Several events).

Read only when a criterion asks for it: what can't be read links nothing.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw, Struct

from adapter.record.facts import Links
from adapter.record.references import name_of
from adapter.record.resources import CodeableConcept, Reference
from adapter.record.values import codes

DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"


class _Extension(Struct, frozen=True, gc=False):
    url: str | None = None
    valueReference: Reference | None = None
    valueCodeableConcept: CodeableConcept | None = None


class _Evidence(Struct, frozen=True, gc=False):
    detail: tuple[Reference, ...] = ()


_references = msgspec.json.Decoder(tuple[Reference, ...])
_concepts = msgspec.json.Decoder(tuple[CodeableConcept, ...])
_extensions = msgspec.json.Decoder(tuple[_Extension, ...])
_evidence = msgspec.json.Decoder(tuple[_Evidence, ...])


def reasons(coded: tuple[CodeableConcept, ...] | Raw, referred: Raw, addresses: Mapping[str, str]) -> Links:
    """The reasons of a drug or procedure. `addresses`: what a URN in the input stands for."""
    try:
        concepts = _concepts.decode(coded) if isinstance(coded, Raw) and coded else coded or ()
        said = _references.decode(referred) if referred else ()
    except msgspec.DecodeError:
        return Links(frozenset(), ())
    return _links(said, concepts if isinstance(concepts, tuple) else (), addresses)


def causes(extension: Raw, evidence: Raw, addresses: Mapping[str, str]) -> Links:
    """The cause of a diagnosis, and the resources that are its evidence."""
    try:
        due = [each for each in _extensions.decode(extension) if each.url == DUE_TO] if extension else []
        details = [each for one in _evidence.decode(evidence) for each in one.detail] if evidence else []
    except msgspec.DecodeError:
        return Links(frozenset(), ())
    named = [each.valueReference for each in due if each.valueReference is not None]
    concepts = tuple(each.valueCodeableConcept for each in due if each.valueCodeableConcept is not None)
    return _links([*named, *details], concepts, addresses)


def _links(
    references: Iterable[Reference], concepts: tuple[CodeableConcept, ...], addresses: Mapping[str, str]
) -> Links:
    named = {addresses.get(each.reference, name_of(each.reference)) for each in references if each.reference}
    return Links(frozenset(named), tuple(codes(each) for each in concepts if each.coding))
