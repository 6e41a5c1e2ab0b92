"""Observations and attestations of the cases' shorthand -> FHIR."""

from tests.cases.words import SUBJECT, Json, codes, concept, known, period, quantity, reference_range, text, value


def observation(said: Json) -> Json:
    """An Observation: its time (`on`, `instant`, `period`, `issued`), `status`, and what `measured` reads."""
    timed = {
        "effectiveDateTime": text(said.pop("on", None)),
        "effectiveInstant": said.pop("instant", None),
        "effectivePeriod": period(said.pop("period", None)),
        "issued": said.pop("issued", None),
    }
    components = [measured(dict(part)) for part in said.pop("components", [])]
    return known(
        {
            "resourceType": "Observation",
            "status": said.pop("status", "final"),
            "subject": SUBJECT,
            **timed,
            **measured(said),
            "component": components or None,
        }
    )


def measured(said: Json) -> Json:
    """What an Observation and a component have in common.

    `code`; the value as `value`, `text`, `between` (two quantities) or `titre` (n of 1:n); `unit-text`, `absent` (why
    there is no value), `interpretation`, `range` (one or several). Other keys are FHIR elements as they are.
    """
    ranges = said.pop("range", [])
    made = {
        "code": concept(said.pop("code")),
        "valueString": text(said.pop("text", None)),
        "dataAbsentReason": said.pop("absent", None),
        "interpretation": [concept(said.pop("interpretation"))] if "interpretation" in said else None,
        "referenceRange": [reference_range(r) for r in (ranges if isinstance(ranges, list) else [ranges])] or None,
    }
    if "between" in said:
        made["valueRange"] = dict(zip(("low", "high"), map(quantity, said.pop("between")), strict=True))
    if "titre" in said:
        made["valueRatio"] = {"numerator": {"value": 1}, "denominator": {"value": said.pop("titre")}}
    if "value" in said:
        made |= value(said.pop("value"), said.pop("unit-text", None))
    return known(made | said)


def attestation(said: Json) -> Json:
    """A person's word on `of` (`<study>.<criterion id>`): `is`, `on`, `status`, `by` (`nobody`: no performer)."""
    performer = said.get("by", "doctor")
    return known(
        {
            "resourceType": "Observation",
            "status": said.get("status", "final"),
            "subject": SUBJECT,
            "code": {"coding": [{"system": codes()["systems"]["attestation"], "code": said["of"]}]},
            "performer": None if performer == "nobody" else [{"reference": f"Practitioner/{performer}"}],
            "effectiveDateTime": text(said.get("on")),
            "valueBoolean": said.get("is"),
        }
    )
