"""Codes that no map knows: they are found in converted resources, counted, listed as a ConceptMap, and mapped by it.

The list is an R4 ConceptMap. Each element has an extension `seen`, how often the code came and samples of what came
with it, and no target until someone writes a code and an equivalence; then it is what a policy's `local-codes` and the
next conversion read (`mappings.terminology.value_set`). What was filled in, and what this conversion has not seen,
stays as it is. A concept that has words and no code gets a local code of those words, so that it can be mapped too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.fhir.elements import BASE, Json, conforms_to, string
from mappings.patient.converted import local_system

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


_MOST_KNOWN = 20_000


class Coder:
    """Adds to resources the codings that local maps know; the same concept is looked up once."""

    def __init__(self, terminology: Terminology) -> None:
        """`terminology`: with the local maps."""
        self._terminology = terminology
        self._known: dict[tuple[str, str, bytes], tuple[Json, Unknown | None]] = {}

    def __call__(self, resource: Json) -> tuple[Json, tuple[Unknown, ...]]:
        """The resource with the codings that local maps add, and its codes that no map knows."""
        unknown: list[Unknown] = []
        changed = dict(resource)
        for element, target in CODED.get(resource["resourceType"], ()):
            if element in changed:
                changed[element] = self._concept(changed[element], target, resource, element, unknown)
        if "component" in changed:
            changed["component"] = [
                {**each, "code": self._concept(each["code"], _LOINC, each, "code", unknown)} if "code" in each else each
                for each in changed["component"]
            ]
        return changed, tuple(unknown)

    def _concept(self, concept: Json, target: str, holder: Json, element: str, unknown: list[Unknown]) -> Json:
        key = (element, target, _encoder.encode(concept))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = _looked_up(concept, target, element, self._terminology)
        coded, missing = found
        if missing is not None:
            unknown.append(msgspec.structs.replace(missing, sample=_sample(holder)) if element == "code" else missing)
        return coded


_encoder = msgspec.json.Encoder()


def _looked_up(concept: Json, target: str, element: str, terminology: Terminology) -> tuple[Json, Unknown | None]:
    """The concept with what the maps add, and its first code if no map knows any."""
    codings = [coding for coding in concept.get("coding", ()) if coding.get("code")]
    if not codings:
        if element == "valueCodeableConcept" or not concept.get("text"):
            return concept, None  # words as a value are read by the table of findings
        codings = [{"system": WORDS, "code": " ".join(concept["text"].split())}]
    added = list(_targets(codings, terminology))
    unknown = None
    if not added and not any(_known(coding, element, terminology) for coding in codings):
        first = codings[0]
        display = first.get("display") or concept.get("text") or ""
        unknown = Unknown(first.get("system") or "", first["code"], target, display)
    return {**concept, "coding": codings + added}, unknown


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


SEEN = f"{BASE}/StructureDefinition/seen"
"""Extension on ConceptMap.group.element: how often a code came, and samples."""

_URL = f"{BASE}/ConceptMap/local-codes"
_MOST_SAMPLES = 3


class Tally(Struct):
    """How often a code came, its name, and the first different samples."""

    count: int = 0
    display: str = ""
    samples: tuple[str, ...] = ()

    def add(self, unknown: Unknown) -> None:
        """Count one more."""
        self.count += 1
        self.display = self.display or unknown.display
        if unknown.sample and unknown.sample not in self.samples and len(self.samples) < _MOST_SAMPLES:
            self.samples += (unknown.sample,)


Key = tuple[str, str, str]
"""(system, target system, code)"""


def concept_map(seen: Mapping[Key, Tally], earlier: Json | None = None, *, name: str = "") -> Json:
    """The ConceptMap of what was seen, on top of an earlier one; `name` is what errors call that.

    Raises DefinitionError if the earlier one hasn't got the shape of a ConceptMap.
    """
    groups = {} if earlier is None else _groups(earlier, name)
    for (system, target, code), tally in sorted(seen.items()):
        elements = groups.setdefault((system, target), {"source": system, "target": target, "element": []})["element"]
        found = next((each for each in elements if each.get("code") == code), None)
        if found is None:
            found = {"code": code, "target": [{"equivalence": "unmatched"}]}
            elements.append(found)
        found["extension"] = [*(e for e in found.get("extension", ()) if e.get("url") != SEEN), _seen(tally)]
        if tally.display:
            found.setdefault("display", tally.display)
    made: Json = {
        "resourceType": "ConceptMap",
        "meta": conforms_to("local-codes"),
        "url": _URL,
        "name": "LocalCodes",
        "status": "draft",
        **(earlier or {}),
    }
    made["group"] = [{**group, "element": [_ordered(each) for each in group["element"]]} for group in groups.values()]
    return {key: value for key, value in made.items() if value != []}


def _groups(earlier: Json, name: str) -> dict[tuple[Any, Any], Json]:
    try:
        groups: dict[tuple[Any, Any], Json] = {}
        for each in earlier.get("group", ()):
            kept = groups.setdefault((each["source"], each["target"]), {**each, "element": []})
            kept["element"] += [dict(element) for element in each.get("element", ())]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        msg = f"{name}: not the ConceptMap that --unmapped writes; name another file"
        raise DefinitionError(msg) from error
    return groups


def _seen(tally: Tally) -> Json:
    samples = [{"url": "sample", "valueString": sample} for sample in tally.samples]
    return {"url": SEEN, "extension": [{"url": "count", "valueInteger": tally.count}, *samples]}


def _ordered(element: Json) -> Json:
    """What a person fills in comes last."""
    first = [key for key in ("code", "display", "extension") if key in element]
    return {key: element[key] for key in [*first, *(key for key in element if key not in first)]}
