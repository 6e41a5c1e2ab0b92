"""The list of codes that no map knows, as an R4 ConceptMap to be filled in.

Each element has an extension `seen`: how often the code came, and samples of what came with it. Its target is
`unmatched` until someone writes a code and an equivalence (`equivalent`, or another that is taken:
`mappings.terminology.concept_map`). What was filled in, and what this conversion has not seen, stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from adapter.errors import DefinitionError
from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json
from mappings.patient.local_codes import Unknown

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
