"""DataRequirement (FHIR R4): which data would settle an open criterion."""

import re
from functools import lru_cache

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


def data_requirement(need: DataNeed) -> Json:
    """The DataRequirement of a need; equal needs share one object."""
    return _requirement(need.type, need.concept, need.codes, need.within)


@lru_cache(maxsize=4096)
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
