"""DataRequirement (FHIR R4): which data would settle an open criterion."""

import re

from adapter.criteria.terminology import Coding
from adapter.evaluator.verdict import DataNeed
from adapter.fhir.elements import Json
from adapter.fhir.names import UCUM, value_set

_CODED = {"MedicationAdministration": "medication"}
_DATED = {
    "Observation": "effective",
    "Condition": "onset",
    "MedicationAdministration": "effective",
    "Procedure": "performed",
}
_UNITS = {"D": "d", "W": "wk", "M": "mo", "Y": "a"}
_DURATION = re.compile(r"P(\d+)([DWMY])", re.ASCII)


_made: dict[tuple[str, str, str | None], tuple[tuple[Coding, ...], Json]] = {}
"""The last DataRequirement of each need, with the codes that it was made from: there are a few hundred."""


def data_requirement(need: DataNeed) -> Json:
    """The DataRequirement of a need; equal needs share one object, not to be changed."""
    key = (need.type, need.concept, need.within)
    codes, made = _made.get(key, (None, {}))
    if codes != need.codes:  # compared, not looked up: comparing the same codings is quick, hashing them is not
        made = _requirement(need.type, need.concept, need.codes, need.within)
        _made[key] = (need.codes, made)
    return made


def _requirement(type_: str, concept: str, codes: tuple[Coding, ...], within: str | None) -> Json:
    made: Json = {"type": type_}
    if type_ == "Patient":
        made["mustSupport"] = [concept]
    if codes:
        made["codeFilter"] = [_code_filter(type_, concept, codes)]
    if within is not None and type_ in _DATED:
        made["dateFilter"] = [{"path": _DATED[type_], "valueDuration": _duration(within)}]
    return made


def _code_filter(type_: str, concept: str, codes: tuple[Coding, ...]) -> Json:
    """A code of the value set, or one of the codes; an attestation's code stands in no value set."""
    made: Json = {"path": _CODED.get(type_, "code")}
    if not concept.startswith("attestation:"):
        made["valueSet"] = value_set(concept)
    made["code"] = [{"system": coding.system, "code": coding.code} for coding in codes]
    return made


def _duration(text: str) -> Json:
    found = _DURATION.fullmatch(text)
    if found is None:
        msg = f"a window of {text} is no whole number of days, weeks, months or years"
        raise ValueError(msg)
    unit = _UNITS[found[2]]
    return {"value": int(found[1]), "unit": unit, "system": UCUM, "code": unit}
