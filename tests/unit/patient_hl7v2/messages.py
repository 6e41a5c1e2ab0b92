"""Messages that tests build: a result, an admission, a merge."""

from decimal import Decimal
from typing import Any

from adapter.fhir.elements import Json
from mappings.patient import Converted, Rejected, Unit
from mappings.patient.hl7v2 import Series, Settings
from mappings.terminology import load_terminology

PID = "PID|1||123^^^HOSP^MR||Doe^Jane||19800101|F"


def message(
    *segments: str, kind: str = "ORU^R01", id_: str = "M1", sent: str = "20260228120000+0100", **msh: str
) -> str:
    """A message of the segments; `msh` gives further fields by number, as `f18`."""
    fields = ["LAB", "H", "EI", "H", sent, "", kind, id_, "P", "2.5.1", *[""] * 9]
    for name, text in msh.items():
        fields[int(name[1:]) - 3] = text
    return "\r".join(("|".join(["MSH", "^~\\&", *fields]).rstrip("|"), *segments)) + "\r"


def result(
    obx: str,
    *,
    id_: str = "M1",
    sent: str = "20260228120000+0100",
    obr: str = "OBR|1|P1|F1|CBC^CBC^L|||20260228",
    **msh: str,
) -> str:
    """A message with one OBR and the OBX after it."""
    return message(PID, obr, *obx.split("\r"), id_=id_, sent=sent, **msh)


def units(*messages: str | bytes, settings: Settings | None = None) -> list[Unit]:
    """What messages give one after another."""
    stream = b"".join(each.encode() if isinstance(each, str) else each for each in messages)
    return list(Series(settings or Settings(), load_terminology()).units("feed.hl7", [stream]))


def rejected(*messages: str | bytes, settings: Settings | None = None) -> list[Rejected]:
    """What of the messages could not be used."""
    return [unit for unit in units(*messages, settings=settings) if isinstance(unit, Rejected)]


def converted(*messages: str | bytes, settings: Settings | None = None) -> list[Converted]:
    """What the messages became."""
    return [unit for unit in units(*messages, settings=settings) if isinstance(unit, Converted)]


def resources(*messages: str | bytes, settings: Settings | None = None) -> dict[str, Json]:
    """The resources at the end of the messages, by id; a later one replaces an earlier one."""
    return {each["id"]: each for unit in converted(*messages, settings=settings) for each in unit.resources}


def observation(obx: str, settings: Settings | None = None, **msh: str) -> Json:
    """The one Observation of an OBX."""
    (found,) = resources(result(obx, **msh), settings=settings).values()
    return found


def value(obx: str, settings: Settings | None = None) -> Any:  # noqa: ANN401  # JSON
    """The value of an OBX's Observation; numbers as text."""
    found = observation(obx, settings)
    return next((_texts(found[name]) for name in found if name.startswith("value")), None)


def _texts(content: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(content, Decimal):
        return str(content)
    if isinstance(content, dict):
        return {name: _texts(each) for name, each in content.items() if name != "system"}
    return [_texts(each) for each in content] if isinstance(content, list) else content
