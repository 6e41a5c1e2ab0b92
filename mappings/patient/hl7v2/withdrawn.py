"""Results that are taken back (D and W in OBX-11) under another number, service or code than they were sent under."""

from adapter.fhir.elements import Json
from mappings.patient.values import UNREAD


def takes_back(resource: Json) -> bool:
    """Whether a resource says nothing but that a result was none."""
    return bool(resource["resourceType"] == "Observation" and resource["status"] == "entered-in-error")


def measured(resource: Json) -> int:
    """What was measured of whom and when, under whatever number: a hash, since a feed has many."""
    code = resource.get("code", {})
    what = [(each.get("system"), each.get("code")) for each in code.get("coding", ())] or code.get("text")
    when = resource.get("effectiveDateTime") or resource.get("effectivePeriod")
    return hash((str(resource.get("subject")), str(what), str(when)))


def as_question(resource: Json) -> Json:
    """What takes back a result that stands under another number, as a result that can't be read.

    Whether it is that one, nobody knows: it may not decide, and neither may an older one in its place.
    """
    kept = {name: value for name, value in resource.items() if not name.startswith("value")}
    kept.pop("dataAbsentReason", None)
    return {**kept, "status": "final", "valueString": f"{UNREAD}: a result of this time was taken back"}
