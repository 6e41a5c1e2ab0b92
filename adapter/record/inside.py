"""The results that stand inside a report or a panel, as what they are in has them (CONFORMANCE: Observations).

Elements are taken over as they were sent; what a result says is decoded where any result's is.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from adapter.record.bundle import Resource, type_of
from adapter.record.resources import FAILED

_HOLDING = frozenset({"DiagnosticReport", "Observation"})
_IN_ERROR = frozenset({b'"entered-in-error"', b'"cancelled"'})
_SETTLED = frozenset({b'"final"', b'"amended"', b'"corrected"', b'"appended"'})
_EFFECTIVE = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")
_SHARED = ("subject", "focus", "specimen", "bodySite", "method", "device", "modifierExtension")
_NOTHING = frozenset({b"null", b"[]"})
_Parts = dict[str, Raw]
_parts = msgspec.json.Decoder(_Parts)
_inside = msgspec.json.Decoder(list[Raw])
_several = msgspec.json.Decoder(list[_Parts])
_DEEPEST = 8
"""Panels in panels that are followed."""
_MOST_REPEATED = 1 << 26
"""Bytes of notes and specimens, once a result; where there would be more, none of the results is believed."""


def results_inside(held: Resource) -> list[Resource]:
    """The Observations that a report or a panel contains: results as any, whose ids hold only inside it.

    What one doesn't say of whom, of what and when it is, what it is in says; and what disqualifies the whole (its
    status, notes, specimens, a modifierExtension) disqualifies each. A panel that is contained itself comes between.
    """
    if held.type not in _HOLDING or b'"contained"' not in held.raw:
        return []
    try:
        whole = _elements(held.raw)
        contained = [(type_of(raw), raw) for raw in _inside.decode(whole.get("contained", b"[]"))]
        parts = [_elements(raw) for type_, raw in contained if type_ == "Observation"]
    except msgspec.DecodeError:  # what is wrong with the whole its own reading says
        return []
    specimens = [raw for type_, raw in contained if type_ == "Specimen"]
    named = [(panel, members) for panel in parts if (members := _members(panel))]
    panels = {name: panel for panel, members in reversed(named) for name in members}  # of several the first counts
    notes = (each.get(name, b"") for each in (whole, *(panel for panel, _ in named)) for name in ("note", "conclusion"))
    if sum(map(len, (*specimens, *notes))) * len(parts) > _MOST_REPEATED:
        specimens, panels = [], {}
        whole = {name: whole[name] for name in whole.keys() - {"note", "conclusion"}} | {
            "status": Raw(b'"preliminary"')
        }
    return [_result(_within(each, panels, whole), specimens, held, place) for place, each in enumerate(parts)]


def _elements(raw: bytes | Raw) -> _Parts:
    return {name: said for name, said in _parts.decode(raw).items() if bytes(said) not in _NOTHING}


def _members(panel: _Parts) -> list[bytes]:
    """The ids, as they are written, of what a panel names inside the same whole."""
    try:
        named = _several.decode(panel.get("hasMember", b"[]"))
    except msgspec.DecodeError:
        return []
    references = [bytes(each.get("reference", b"")) for each in named]
    return [b'"' + each[2:] for each in references if each.startswith(b'"#')]


def _within(part: _Parts, panels: Mapping[bytes, _Parts], whole: _Parts) -> _Parts:
    """A part with what those say that it is in: the whole, and the panels of the same whole that name it as theirs."""
    line = [part]
    while len(line) < _DEEPEST and (panel := panels.get(bytes(line[-1].get("id", b"")))) is not None:
        if any(panel is each for each in line):
            break
        line.append(panel)
    for each in reversed(line):
        whole = _lent(each, whole)
    return whole


def _lent(own: _Parts, whole: _Parts) -> _Parts:
    """A part with what the whole says of all of its parts."""
    shared = {name: whole[name] for name in _SHARED if name in whole and name not in own}
    said = {name: each for name, each in own.items() if name not in {"note", "status"}}
    if not any(name in own for name in _EFFECTIVE):  # when it was, not when it was written, wherever that is said
        shared |= {name: whole[name] for name in _EFFECTIVE if name in whole}
        if any(name in whole for name in _EFFECTIVE):
            said.pop("issued", None)
        elif "issued" in whole:
            shared.setdefault("issued", whole["issued"])
    notes = [*_notes(own), *_notes(whole)]
    return {
        **shared,
        **said,
        **({"status": status} if (status := _weaker(own, whole)) else {}),
        **({"note": Raw(msgspec.json.encode(notes))} if notes else {}),
    }


def _weaker(own: _Parts, whole: _Parts) -> Raw | None:
    """The status of a part, if that of the whole is not weaker: so far the report, or its quality control failed."""
    said, around = bytes(own.get("status", b"")), bytes(whole.get("status", b""))
    if said in _IN_ERROR or (said not in _SETTLED and around not in _IN_ERROR):
        return own.get("status")
    if around in _IN_ERROR:
        return whole["status"]
    failed = any(f'"{code}"'.encode() in bytes(whole.get("interpretation", b"")) for code in FAILED)
    return own["status"] if around in _SETTLED and not failed else Raw(b'"preliminary"')


def _notes(parts: _Parts) -> list[Raw]:
    """The notes of a panel, or a report's conclusion, in which it says what a note would; one that is none stays so."""
    try:
        notes = _inside.decode(parts.get("note", b"[]"))
    except msgspec.DecodeError:
        notes = [parts["note"]]
    return [*notes, Raw(msgspec.json.encode({"text": parts["conclusion"]}))] if "conclusion" in parts else notes


def _result(said: _Parts, specimens: list[Raw], held: Resource, place: int) -> Resource:
    where = f"{held.key}.contained[{place}]"
    beside = {"contained": specimens} if specimens else {}
    raw = msgspec.json.encode({**{name: part for name, part in said.items() if name != "id"}, **beside})
    return Resource("Observation", "", held.version, held.last_updated, None, where, raw, where)
