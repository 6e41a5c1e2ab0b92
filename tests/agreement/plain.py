"""The same patient and policy without what only the evaluator knows.

A difference between evaluator and libraries is listed for a reason. With what the reasons name taken away, the
evaluator has to say what CQL says; else the difference has another cause, and is not listed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from adapter.criteria.catalogue import Positivity
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS
from adapter.criteria.written import plain
from adapter.record import PatientRecord
from adapter.record.certainty import coded
from adapter.record.resources import CodeableConcept
from tests.agreement.site import TERMINOLOGY
from tests.build import ATTESTATION
from tests.properties.core import Json, written

_BOUNDS = frozenset({"expectedSupplyDuration", "boundsDuration", "boundsRange", "authorizingPrescription"})
_RESULTS = frozenset({"result", "hasMember"})
"""What a report or a panel names as its results, so that a donor's are not taken out."""
BOUNDING = tuple(name.encode() for name in sorted(_BOUNDS))
"""Elements that bound an order, and that the libraries don't read."""
LEVELS = 2
"""So many levels of provisions below a Consent's own the libraries read."""
_DIGIT = re.compile("[0-9]")
_BY_RANGE = (Positivity.ABOVE_RANGE, Positivity.ABOVE_RANGE_OR_NONE)


def without(bundle: bytes, terminology: Terminology, disputing: frozenset[str], renewed: Mapping[str, str]) -> bytes:
    """The Bundle without what the libraries don't read; several versions of a resource are several resources.

    `disputing`: resources in words, left out; `renewed`: attestations, each with the time that it is given.
    """
    kept = list(_alone(resources(bundle)))
    for place, each in enumerate(kept):
        if any(_name(each) == _name(other) for other in kept[:place]):
            each["id"] = f"{each['id']}-{place}"
    left = [_changed(each, terminology) for each in kept if _name(each) not in disputing]
    for each in left:
        if time := renewed.get(_name(each)):
            each["effectiveDateTime"] = time
    return written({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in left]})  # type: ignore[arg-type]  # any JSON


def unsaid(record: PatientRecord) -> PatientRecord:
    """The record without what only words name or tell: the libraries know codes, and read no sentence."""
    named = {name: tuple(each for each in many if each.codes) for name, many in record.mentions.items()}
    told = {name: tuple(each for each in many if each.test) for name, many in record.observations.items()}
    return msgspec.structs.replace(record, mentions=named, observations=told)


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource.get('id')}"


def resources(bundle: bytes) -> list[Json]:
    """What stands in a Bundle."""
    return [entry["resource"] for entry in msgspec.json.decode(bundle)["entry"]]


def _alone(held: Sequence[Json]) -> Iterator[Json]:
    """The Patient whom nobody replaced, as an engine is asked about one."""
    for each in held:
        links = each.get("link", ()) if each["resourceType"] == "Patient" else ()
        if not any(link.get("type") == "replaced-by" for link in links):
            yield each


def _changed(resource: Json, terminology: Terminology) -> Json:
    unbounded: Json = _dropped(resource, _BOUNDS | _RESULTS)
    if "provision" in unbounded:
        unbounded["provision"] = _shallow(unbounded["provision"], LEVELS)
    if unbounded["resourceType"] in ("DiagnosticReport", "Observation") and "contained" in unbounded:
        inside = [each for each in unbounded["contained"] if each.get("resourceType") != "Observation"]
        unbounded["contained"] = inside
    if unbounded["resourceType"] == "Condition":
        _unname(unbounded, terminology)
    if unbounded["resourceType"] == "Observation":
        for measured in (unbounded, *unbounded.get("component", ())):
            _make_unreadable(measured, terminology)
    return unbounded


def _unname(condition: Json, terminology: Terminology) -> None:
    """Without words that name another disease than the code beside them."""
    named = msgspec.json.decode(msgspec.json.encode(condition.get("code")), type=CodeableConcept | None)
    held, _ = coded(named, terminology)
    if any(each.system == CONCEPTS for each in held):
        condition["code"].pop("text", None)
        for coding in condition["code"]["coding"]:
            coding.pop("display", None)


def _dropped(said: Any, names: frozenset[str]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(said, dict):
        return {name: _dropped(each, names) for name, each in said.items() if name not in names}
    return [_dropped(each, names) for each in said] if isinstance(said, list) else said


def _shallow(provision: Json, levels: int) -> Json:
    inner = [_shallow(each, levels - 1) for each in provision.get("provision", ())] if levels else []
    kept = {name: said for name, said in provision.items() if name != "provision"}
    return kept | ({"provision": inner} if inner else {})


def _make_unreadable(observation: Json, terminology: Terminology) -> None:
    """With its words, and those of its limits, such as nobody reads; they may dispute what is flagged beside them."""
    for range_ in observation.get("referenceRange", ()):
        if "text" in range_:
            range_["text"] = "?"
    text = observation.get("valueString")
    if text and says_more(text, terminology):
        observation["valueString"] = "?"
        if not {"(", "["}.isdisjoint(text) or (_DIGIT.search(text) and not _is_by_range(observation, terminology)):
            observation.pop("interpretation", None)


def _is_by_range(observation: Json, terminology: Terminology) -> bool:
    """Whether a flag says where the result stands beside its range, which needs no words."""
    analytes = terminology.catalogue.analytes
    codings = observation.get("code", {}).get("coding", [])
    found = (terminology.value_sets_of(each.get("system"), each.get("code")) or () for each in codings)
    return any(analytes[name].positivity in _BY_RANGE for names in found for name in names if name in analytes)


def says_more(text: str, terminology: Terminology) -> bool:
    """Whether a result in words is neither one of the table nor a plain number."""
    return plain(text) not in terminology.writing.findings and not _is_number(text)


def _is_number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


def is_in_words(observation: Json) -> bool:
    """Whether a result, a component's, or a limit stands in words that are neither of the table nor a number."""
    return any(_is_said(each) for each in (observation, *observation.get("component", ())))


def _is_said(measured: Json) -> bool:
    value = measured.get("valueCodeableConcept", {})
    words = (measured.get("valueString"), value.get("text"), *(c.get("display") for c in value.get("coding", ())))
    limits = (each.get("text") for each in measured.get("referenceRange", ()))
    return any(limits) or any(each and says_more(each, TERMINOLOGY) for each in words)


def attested(resource: Json) -> list[str]:
    """The criteria that somebody attests in it, or in a component, as study and id."""
    said = [resource, *resource.get("component", [])]
    codings = [coding for each in said for coding in each.get("code", {}).get("coding", [])]
    return [each["code"] for each in codings if each.get("system") == ATTESTATION]


def depth(provision: Json) -> int:
    """How many levels of provisions lie below one."""
    return max((1 + depth(each) for each in provision.get("provision", [])), default=0)
