"""Results (D, W) and diagnoses (D) that are taken back under another name than they were sent under."""

from datetime import datetime

from adapter.fhir.elements import Json
from mappings.patient.values import UNREAD

_TAKEN_BACK = "a result of this time was taken back"
TAKES_BACK_NOTHING = (
    "takes back a result that stands under another order number, service or code; see which one is meant"
)

DELETES_ANOTHER = (
    "deletes a diagnosis that stands under another date or number; those of its code are taken as unconfirmed"
)


def takes_back(resource: Json) -> bool:
    """Whether a resource says nothing but that a result was none."""
    return bool(resource["resourceType"] == "Observation" and resource["status"] == "entered-in-error")


def measured(resource: Json) -> int:
    """What was measured of whom and when, under whatever number: a hash, since a feed has many."""
    code = resource["code"]
    first = code["coding"][0] if "coding" in code else {"code": code.get("text")}
    when = resource.get("effectiveDateTime") or str(resource.get("effectivePeriod"))
    return hash((resource["subject"]["reference"], first.get("system"), first.get("code"), when))


def as_question(resource: Json) -> Json:
    """What takes back a result that stands under another number, as a result that can't be read.

    Whether it is that one, nobody knows: it may not decide, and neither may an older one in its place.
    """
    kept = {name: value for name, value in resource.items() if not name.startswith("value")}
    kept.pop("dataAbsentReason", None)
    return {**kept, "status": "final", "valueString": f"{UNREAD}: {_TAKEN_BACK}"}


def is_question(resource: Json) -> bool:
    """Whether a result is such a question."""
    return str(resource.get("valueString", "")).startswith(f"{UNREAD}: {_TAKEN_BACK}")


def is_same_result(resource: Json, other: Json) -> bool:
    """Whether another result that stands may be the one that is taken back: of one code, and one time."""
    if other.get("status") == "entered-in-error" or resource["id"] == other.get("id"):
        return False
    return not _codes(resource).isdisjoint(_codes(other)) and _times(resource) == _times(other)


def _codes(resource: Json) -> set[tuple[str | None, str | None]]:
    code = resource.get("code", {})
    coded = {(each.get("system"), each.get("code")) for each in code.get("coding", ())}
    return coded or {(None, code.get("text"))}


def _times(resource: Json) -> tuple[object, ...]:
    period = resource.get("effectivePeriod", {})
    return tuple(_instant(each) for each in (resource.get("effectiveDateTime"), period.get("start"), period.get("end")))


def _instant(text: str | None) -> object:
    """A time whatever its zone; a day as it is written."""
    if text is None or "T" not in text:
        return text
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.timestamp()


def is_deleted(resource: Json) -> bool:
    """Whether a resource says nothing but that a diagnosis was none."""
    return resource["resourceType"] == "Condition" and _verified(resource) == "entered-in-error"


def has_number(resource: Json) -> bool:
    """Whether a diagnosis has a number of its sender's, which tells it apart from another one of its code."""
    return len(resource["identifier"]) > 1


def doubted(deleted: Json, id_: str) -> Json:
    """The diagnosis of an id, of the code of one that is deleted, as nobody has confirmed it."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "unconfirmed"}
    named = [{**deleted["identifier"][0], "value": id_}]
    return {**deleted, "id": id_, "identifier": named, "verificationStatus": {"coding": [coding]}}


def _verified(resource: Json) -> str | None:
    status = resource.get("verificationStatus")
    return str(status["coding"][0]["code"]) if status else None
