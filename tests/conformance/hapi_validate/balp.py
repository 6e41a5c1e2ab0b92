"""IHE's Basic Audit Log Patterns as StructureDefinitions, made of their rules as we have written them down (balp.yaml).

A validator of FHIR then says of an AuditEvent what our own test of those rules says, by an implementation of others.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
RULES = yaml.safe_load(
    (Path(__file__).parents[2] / "unit" / "service" / "balp.yaml").read_text(encoding="utf-8"),
)
CANONICAL = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_INTERACTION = "http://hl7.org/fhir/restful-interaction"


def profiles() -> Iterator[Json]:
    """A profile of AuditEvent for each pattern."""
    for name, rule in RULES["patterns"].items():
        yield {
            "resourceType": "StructureDefinition",
            "id": f"IHE.BasicAudit.{name}",
            "url": f"{CANONICAL}{name}",
            "name": name,
            "status": "active",
            "fhirVersion": "4.0.1",
            "kind": "resource",
            "abstract": False,
            "type": "AuditEvent",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/AuditEvent",
            "derivation": "constraint",
            "differential": {"element": list(_elements(rule))},
        }


def _elements(rule: Json) -> Iterator[Json]:
    yield _element("AuditEvent")
    yield _element("AuditEvent.type", patternCoding={"code": "rest"})
    yield _element("AuditEvent.subtype", min=1)
    yield _element("AuditEvent.action", min=1, patternCode=rule["action"])
    yield _element("AuditEvent.outcome", min=1, patternCode="0")
    yield from _sliced("agent", list(RULES["agents"].values()), 2, codeable=True)
    yield from _sliced("entity", rule["entities"], 1, codeable=False)


def _sliced(name: str, rules: list[Json], least: int, *, codeable: bool) -> Iterator[Json]:
    slicing = {"discriminator": [{"type": "pattern", "path": "type"}], "rules": "open"}
    yield _element(f"AuditEvent.{name}", min=least, slicing=slicing)
    for rule in rules:
        system, code = rule["type"]
        slice_ = f"{name}-{code}"
        coding = {"system": RULES["systems"][system], "code": code}
        pattern = {"patternCodeableConcept": {"coding": [coding]}} if codeable else {"patternCoding": coding}
        path, id_ = f"AuditEvent.{name}", f"AuditEvent.{name}:{slice_}"
        yield _element(path, id_, sliceName=slice_, min=rule.get("min", 0), max=str(rule["max"]))
        said: dict[str, Json] = {"type": {"min": 1, **pattern}}
        said |= {each.partition(".")[0]: {"min": 1} for each in rule.get("have", ())}
        said |= {each: {"max": "0"} for each in rule.get("lack", ())}
        if len(rule.get("role", ())) == 1:
            said["role"] |= {"patternCoding": {"system": RULES["systems"]["role"], "code": rule["role"][0]}}
        for element in sorted(said, key=_ORDER[name].index):
            yield _element(f"{path}.{element}", f"{id_}.{element}", **said[element])


_ORDER = {
    "agent": ["type", "who", "media", "network"],
    "entity": ["what", "type", "role", "lifecycle", "query", "detail"],
}
"""Elements in the order in which R4 has them: a snapshot is made of no other."""


def _element(path: str, id_: str | None = None, /, **said: Any) -> Json:  # noqa: ANN401  # JSON
    return {"id": id_ or path, "path": path, **said}
