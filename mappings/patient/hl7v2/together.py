"""What a message says twice of one thing: an allergy with two reactions, a diagnosis at admission and at discharge."""

from adapter.fhir.elements import Json

_ERROR = "entered-in-error"
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


def _verified(resource: Json) -> str | None:
    status = resource.get("verificationStatus")
    return str(status["coding"][0]["code"]) if status else None
