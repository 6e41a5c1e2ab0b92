"""What exporters share: how a record is read, and what could not be carried.

A loss is a reason of carried.yaml, with the value sets that criteria read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec import convert

from adapter.criteria.terminology import Terminology
from adapter.record.read_observation import sets_by_name
from adapter.record.resources import CodeableConcept

Json = dict[str, Any]


@dataclass(slots=True)
class Lost:
    """What one patient's export lost: reason -> what reads it."""

    by_reason: dict[str, set[str]] = field(default_factory=dict)

    def add(self, reason: str, reads: Iterable[str]) -> None:
        """Note a loss."""
        self.by_reason.setdefault(reason, set()).update(reads)

    def explains(self, reads: Iterable[str]) -> bool:
        """Whether something that is read was lost."""
        return any(lost & set(reads) for lost in self.by_reason.values())


class Exporter:
    """Gives each resource of a patient to the method for its type."""

    def resource(self, resource: Json) -> None:
        """Export one resource; types without a method carry nothing that is read."""
        type_ = resource["resourceType"]
        name = "Drug" if type_.startswith("Medication") and type_ != "Medication" else type_
        export = getattr(self, f"export_{name.lower()}", None)
        if export is not None:
            export(resource)


def sets_in(coding: Json, terminology: Terminology) -> frozenset[str]:
    """The value sets of one coding."""
    return terminology.value_sets_of(coding.get("system"), coding.get("code")) or frozenset()


def sets_of_any(concepts: Iterable[Json], terminology: Terminology) -> frozenset[str]:
    """The value sets of all concepts."""
    return frozenset().union(*(sets_of(each, terminology) or frozenset() for each in concepts))


def dosages(drug: Json) -> list[Json]:
    """The dosages of a drug, whatever its type calls them."""
    found = drug.get("dosage") or drug.get("dosageInstruction") or []
    return found if isinstance(found, list) else [found]


def sets_of(concept: Json | None, terminology: Terminology) -> frozenset[str] | None:
    """The value sets of all codings; None if no map knows any of them."""
    found: frozenset[str] | None = None
    for coding in (concept or {}).get("coding", ()):
        sets = terminology.value_sets_of(coding.get("system"), coding.get("code"))
        if sets is not None:
            found = sets if found is None else found | sets
    return found


def known_by_name(observation: Json, terminology: Terminology) -> frozenset[str]:
    """What a result of a code that no map knows is asked about, by its words."""
    return sets_by_name(convert(observation["code"], CodeableConcept), terminology)


def code_in(concept: Json | None, name: str) -> str | None:
    """The code of a coding whose system ends with the name."""
    codings = (concept or {}).get("coding", ())
    return next((coding["code"] for coding in codings if coding.get("system", "").endswith(name)), None)


def medications(bundle: Json) -> dict[str, Json]:
    """The Medications of a Bundle by their references."""
    resources = [entry["resource"] for entry in bundle["entry"]]
    return {f"Medication/{each['id']}": each for each in resources if each["resourceType"] == "Medication"}


def drug_concepts(drug: Json, known: dict[str, Json]) -> list[Json]:
    """The concepts of a drug: in place, of its Medication, and of the ingredients."""
    if "medicationCodeableConcept" in drug:
        return [drug["medicationCodeableConcept"]]
    target = drug.get("medicationReference", {}).get("reference", "")
    medication = known.get(target) or next((c for c in drug.get("contained", ()) if f"#{c['id']}" == target), {})
    ingredients = [each["itemCodeableConcept"] for each in medication.get("ingredient", ())]
    return [*([medication["code"]] if "code" in medication else []), *ingredients]


def drug_time(drug: Json) -> tuple[str | None, str | None, bool]:
    """When a drug was taken: first day, last day, and whether it goes on."""
    period = drug.get("effectivePeriod")
    if period is not None:
        return period.get("start"), period.get("end"), "end" not in period and drug["status"] not in ENDED
    when = drug.get("effectiveDateTime") or drug.get("whenHandedOver")
    return when, None, False


def measured(resource: Json) -> list[Json]:
    """An Observation and its components, each as an Observation of its own."""
    shared = {name: value for name, value in resource.items() if name.startswith(("effective", "issued", "status"))}
    return [resource, *({**shared, **component} for component in resource.get("component", ()))]


def time_of(observation: Json) -> str | None:
    """When it was measured, as the reader takes it."""
    period = observation.get("effectivePeriod", {}).get("end")
    named = (observation.get(name) for name in ("effectiveDateTime", "effectiveInstant"))
    return next(filter(None, (*named, period, observation.get("issued"))), None)


def simple_range(observation: Json) -> Json | None:
    """The only reference range, if it is for everyone and in the value's unit."""
    ranges = observation.get("referenceRange", [])
    if len(ranges) != 1 or {"appliesTo", "age"} & ranges[0].keys() or not {"low", "high"} & ranges[0].keys():
        return None
    value = observation.get("valueQuantity", {})
    ends = [ranges[0][end] for end in ("low", "high") if end in ranges[0]]
    same = all((end.get("unit"), end.get("code")) == (value.get("unit"), value.get("code")) for end in ends)
    found: Json = ranges[0]
    return found if same else None


VALUES = (
    "valueQuantity",
    "valueInteger",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueRange",
    "valueRatio",
)
COUNT = frozenset({"final", "amended", "corrected"})
NEVER = frozenset({"entered-in-error", "cancelled", "not-done", "not-taken", "declined", "draft"})
ENDED = frozenset({"completed", "stopped"})
