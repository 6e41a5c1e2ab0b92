"""The Parameters (FHIR R4) that a GuidanceResponse contains: the decision, and a result for every criterion."""

from adapter.evaluator.verdict import CriterionResult, Evidence, Verdict, instant
from adapter.fhir.data_requirement import data_requirement
from adapter.fhir.elements import Json, date_time, reference, string
from adapter.fhir.names import conforms_to

OUTPUT = "output"
"""The id of the contained Parameters."""


def output_parameters(verdict: Verdict) -> Json:
    """The verdict as Parameters: `decision`, `validUntil`, `asOf`, a `criterion` each, and what it was made with."""
    made: list[Json] = [{"name": "decision", "valueCode": verdict.decision.value}]
    made += [{"name": "decisionReason", "valueString": reason} for reason in verdict.decision_reasons]
    if verdict.valid_until is not None:
        made.append({"name": "validUntil", "valueDateTime": instant(verdict.valid_until)})
    made += [
        {"name": "asOf", "valueDateTime": instant(verdict.as_of)},
        {
            "name": "policy",
            "part": [
                {"name": "id", "valueString": verdict.policy},
                {"name": "hash", "valueString": verdict.policy_hash},
            ],
        },
        {"name": "terminology", "part": [{"name": "hash", "valueString": verdict.terminology_hash}]},
        {"name": "recruiting", "valueBoolean": verdict.recruiting},
    ]
    made += [_criterion(result) for result in verdict.criteria]
    return {"resourceType": "Parameters", "id": OUTPUT, "meta": conforms_to("verdict"), "parameter": made}


def _criterion(result: CriterionResult) -> Json:
    parts: list[Json] = [
        {"name": "id", "valueString": result.id},
        {"name": "kind", "valueCode": result.role.value},
        {"name": "result", "valueCode": result.result.value},
        {"name": "reason", "valueCode": result.reason.value},
        {"name": "assumed", "valueBoolean": result.assumed},
    ]
    if explained := string(result.explanation):
        parts.append({"name": "explanation", "valueString": explained})
    parts += [{"name": "evidence", "part": _evidence(item)} for item in result.evidence]
    parts += [
        {"name": "missing", "valueDataRequirement": data_requirement(need, every_code=False)} for need in result.missing
    ]
    parts += [_criterion(part) for part in result.parts]
    return {"name": "criterion", "part": parts}


def _evidence(item: Evidence) -> list[Json]:
    parts: list[Json] = [{"name": "resource", "valueReference": reference(item.resource)}]
    texts = (("version", item.version), ("element", item.element), ("value", item.value))
    parts += [{"name": name, "valueString": shown} for name, text in texts if text and (shown := string(text))]
    if when := date_time(item.time):
        parts.append({"name": "time", "valueDateTime": when})
    return parts
