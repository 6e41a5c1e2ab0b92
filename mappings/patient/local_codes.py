"""Codes that no map knows: they are found in converted resources, counted, listed as a ConceptMap, and mapped by it.

The list is an R4 ConceptMap whose elements have no target yet. Filled in, it is what a policy's `local-codes` and the
next conversion read (`mappings.terminology.concept_map`). A concept that has words and no code gets a local code of
those words, so that it can be mapped too.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json, string
from mappings.patient.identity import local_system

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_ATC = "http://www.whocc.no/atc"
_DRUG = "medicationCodeableConcept"
CODED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Observation": (("code", _LOINC), ("valueCodeableConcept", _SNOMED)),
    "Condition": (("code", _SNOMED),),
    "Procedure": (("code", _SNOMED),),
    "AllergyIntolerance": (("code", _SNOMED),),
    "MedicationStatement": ((_DRUG, _ATC),),
    "MedicationAdministration": ((_DRUG, _ATC),),
    "MedicationRequest": ((_DRUG, _ATC),),
    "MedicationDispense": ((_DRUG, _ATC),),
}
"""By type, the elements whose codes decide something, each with the code system that it would best be mapped to."""

WORDS = local_system("words")
"""The code system of concepts that have no code: the code is the words."""


class Unknown(Struct, frozen=True, order=True, gc=False):
    """A code that no map knows. `target`: the system to map it to. `sample`: what came with it, empty if nothing."""

    system: str
    code: str
    target: str
    display: str = ""
    sample: str = ""


def with_codes(resource: Json, terminology: Terminology) -> tuple[Json, tuple[Unknown, ...]]:
    """The resource with the codings that local maps add, and its codes that no map knows."""
    unknown: list[Unknown] = []
    changed = dict(resource)
    for element, target in CODED.get(resource["resourceType"], ()):
        if element in changed:
            changed[element] = _concept(changed[element], target, resource, element, terminology, unknown)
    if "component" in changed:
        changed["component"] = [
            {**each, "code": _concept(each["code"], _LOINC, each, "code", terminology, unknown)}
            if "code" in each
            else each
            for each in changed["component"]
        ]
    return changed, tuple(unknown)


def _concept(
    concept: Json, target: str, holder: Json, element: str, terminology: Terminology, unknown: list[Unknown]
) -> Json:
    codings = [coding for coding in concept.get("coding", ()) if coding.get("code")]
    if not codings:
        if element == "valueCodeableConcept" or not concept.get("text"):
            return concept  # words as a value are read by the table of findings
        codings = [{"system": WORDS, "code": " ".join(concept["text"].split())}]
    added = list(_targets(codings, terminology))
    if not added and not any(_known(coding, element, terminology) for coding in codings):
        first = codings[0]
        display = first.get("display") or concept.get("text") or ""
        sample = _sample(holder) if element == "code" else ""
        unknown.append(Unknown(first.get("system") or "", first["code"], target, display, sample))
    return {**concept, "coding": codings + added}


def _targets(codings: list[Json], terminology: Terminology) -> Iterator[Json]:
    """What the site's maps say of the codings, without what stands there already."""
    there = {(coding.get("system"), coding["code"]) for coding in codings}
    for coding in codings:
        for target in terminology.local_maps.get((coding.get("system") or "", coding["code"]), ()):
            if (target.system, target.code) not in there:
                there.add((target.system, target.code))
                yield {
                    "system": target.system,
                    "code": target.code,
                    **({"display": target.display} if target.display else {}),
                }


def _known(coding: Json, element: str, terminology: Terminology) -> bool:
    """Whether a map knows the code, by the rule of `adapter.record`: a drug must be listed or classified."""
    sets = terminology.value_sets_of(coding.get("system"), coding["code"])
    if element == _DRUG:
        return bool(sets) or terminology.classifies(coding.get("system"))
    return sets is not None


def _sample(holder: Json) -> str:
    """A value that came with the code, as people read it."""
    value = holder.get("valueQuantity")
    if value is not None:
        return f"{value.get('comparator', '')}{value['value']} {value.get('unit') or ''}".strip()
    concept = holder.get("valueCodeableConcept") or {}
    shown = concept.get("text") or next((c.get("display") or c["code"] for c in concept.get("coding", ())), "")
    return string(str(holder.get("valueString") or holder.get("valueInteger") or shown)) or ""
