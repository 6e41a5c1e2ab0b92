"""What a message says twice of one thing: an allergy with two reactions, a diagnosis at admission and at discharge."""

from adapter.fhir.elements import Json

_ERROR = "entered-in-error"
_NOT_SEVERE = frozenset({"mild", "moderate"})
_UNCONFIRMED = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "unconfirmed"}
    ]
}
_SUSPICIONS = frozenset({"provisional", "unconfirmed"})


def together(earlier: Json | None, later: Json) -> Json:
    """The later one, with what the earlier one says beside it: each reaction, and that a diagnosis is no suspicion."""
    if earlier is None or _ERROR in {_verified(earlier), _verified(later)}:
        return later
    if later["resourceType"] == "AllergyIntolerance":
        reactions = [*earlier.get("reaction", ()), *later.get("reaction", ())]
        distinct = [each for place, each in enumerate(reactions) if each not in reactions[:place]]
        return {**later, **({"reaction": distinct} if distinct else {})}
    if later["resourceType"] == "Condition" and _verified(later) in _SUSPICIONS:
        return later if _verified(earlier) in _SUSPICIONS else earlier
    return later


MILDER = "milder than another message says of the same allergy; both reactions are kept, unconfirmed: see which holds"


def again(earlier: Json, later: Json) -> tuple[Json, bool]:
    """An allergy that a later message says again, with the reactions of both; and whether the later one is milder.

    Whether it was put right, or another reaction was told, nobody says: such a one is unconfirmed.
    """
    if _ERROR in {_verified(earlier), _verified(later)}:
        return later, False
    made = together(earlier, later)
    said, graded = ({each.get("severity") for each in one.get("reaction", ())} for one in (earlier, later))
    milder = bool(graded) and graded <= _NOT_SEVERE and not said <= _NOT_SEVERE
    return (made | {"verificationStatus": _UNCONFIRMED} if milder else made), milder


class Allergies:
    """What the messages of a series say of each allergy."""

    def __init__(self) -> None:
        """Of none so far."""
        self._known: dict[str, Json] = {}

    def with_others(self, resource: Json, *, late: bool) -> tuple[Json, bool]:
        """An allergy with what other messages say of it (`again`); `late`: one that was sent later has come before."""
        known = self._known.get(resource["id"])
        made, milder = resource, False
        if known is not None:
            made, milder = again(resource, known) if late else again(known, resource)
        self._known[resource["id"]] = made
        return made, milder


def _verified(resource: Json) -> str | None:
    status = resource.get("verificationStatus")
    return str(status["coding"][0]["code"]) if status else None
