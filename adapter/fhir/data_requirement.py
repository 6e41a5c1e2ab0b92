"""DataRequirement (FHIR R4): which data would settle an open criterion."""

from adapter.criteria.calendar import duration
from adapter.criteria.terminology import Coding
from adapter.evaluator.reads import PLACES
from adapter.evaluator.verdict import DataNeed
from adapter.fhir.canonicals import UCUM, value_set
from adapter.fhir.elements import Json

FEW = 5
"""Up to so many codes are listed beside their value set where a need is told again and again."""

_made: dict[tuple[str, str, str | None, bool], tuple[tuple[Coding, ...], Json]] = {}
"""The last DataRequirement of each need, with the codes that it was made from: there are a few hundred."""


def data_requirement(need: DataNeed, *, every_code: bool = True) -> Json:
    """The DataRequirement of a need; equal needs share one object, not to be changed.

    Unless `every_code` is asked for, more than a few codes are left to their value set.
    """
    key = (need.type, need.concept, need.within, every_code)
    codes, made = _made.get(key, (None, {}))
    if codes != need.codes:  # compared, not looked up: comparing the same codings is quick, hashing them is not
        made = _requirement(need, every_code=every_code)
        _made[key] = (need.codes, made)
    return made


def _requirement(need: DataNeed, *, every_code: bool) -> Json:
    made: Json = {"type": need.type}
    if need.type == "Patient":
        made["mustSupport"] = [need.concept]
    if need.codes:
        made["codeFilter"] = [_code_filter(need, every_code=every_code)]
    place = PLACES.get(need.type)
    if need.within is not None and place is not None and place.time:
        made["dateFilter"] = [{"path": place.time, "valueDuration": _duration(need.within)}]
    return made


def _code_filter(need: DataNeed, *, every_code: bool) -> Json:
    """A code of the value set, or one of the codes; an attestation's code stands in no value set."""
    made: Json = {"path": PLACES[need.type].code}
    is_attestation = need.concept.startswith("attestation:")
    if not is_attestation:
        made["valueSet"] = value_set(need.concept)
    if every_code or is_attestation or len(need.codes) <= FEW:
        made["code"] = [{"system": coding.system, "code": coding.code} for coding in need.codes]
    return made


def _duration(text: str) -> Json:
    length = duration(text)
    return {"value": length.count, "unit": length.unit.value, "system": UCUM, "code": length.unit.value}
