"""GuidanceResponse (FHIR R4): a verdict, or why there is none; each criterion's result, and what would settle it.

OperationOutcome (FHIR R4): what went wrong, or what to know beside an answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from adapter.criteria.calendar import Hours, duration_or_hours
from adapter.evaluator.reads import PLACES
from adapter.evaluator.verdict import POLICY, Codes, CriterionResult, DataNeed, Decision, Evidence, Verdict, instant
from adapter.fhir.elements import (
    UCUM,
    Json,
    conforms_to,
    date_time,
    eligibility_plan,
    reference,
    resource_id,
    string,
    value_set,
)

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue. `code`: of FHIR's issue-type; `expression`: a FHIRPath of the element concerned."""

    code: str
    text: str
    severity: Severity = "error"
    expression: str | None = None


def operation_outcome(issues: Iterable[Issue]) -> Json:
    """An OperationOutcome; FHIR asks for at least one issue."""
    return {
        "resourceType": "OperationOutcome",
        "meta": conforms_to("outcome"),
        "issue": [_issue(issue) for issue in issues],
    }


def _issue(issue: Issue) -> Json:
    made: Json = {
        "severity": issue.severity,
        "code": issue.code,
        "diagnostics": string(issue.text) or "no more is known",
    }
    if issue.expression and (path := string(issue.expression)):
        made["expression"] = [path]
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One patient, the studies that were asked for as (id, version), and why there is no verdict."""

    subject: str
    studies: tuple[tuple[str, str], ...]
    issue: Issue


MESSAGES = "messages"
"""The id of the contained OperationOutcome."""

MOST_MESSAGES = 200
"""Messages that one answer holds; a record with more has one fault many times, and each study would repeat them."""


def guidance_id(study: str, subject: str) -> str:
    """The id of the guidance on a patient and a study; a newer one replaces it, the server keeps its history."""
    return resource_id("GuidanceResponse", study, subject)


def guidance_response(verdict: Verdict, *, every_code: bool = True) -> Json:
    """A verdict as GuidanceResponse, with contained Parameters and, where something could not be read, messages.

    `every_code`: whoever reads it may not have the value sets, so that what is missing is asked for by all codes.
    """
    issues = _issues(verdict)
    contained = [output_parameters(verdict)]
    made: Json = {
        "resourceType": "GuidanceResponse",
        "id": guidance_id(verdict.study, verdict.subject),
        "meta": conforms_to("eligibility-guidance"),
        "contained": contained,
        "moduleCanonical": eligibility_plan(verdict.study, verdict.study_version),
        "status": _status(verdict),
        "subject": reference(verdict.subject),
        "occurrenceDateTime": instant(verdict.as_of),
    }
    if issues:
        contained.append({**operation_outcome(issues), "id": MESSAGES})
        made["evaluationMessage"] = [{"reference": f"#{MESSAGES}"}]
    made["outputParameters"] = {"reference": f"#{OUTPUT}"}
    if verdict.missing:
        made["dataRequirement"] = [data_requirement(need, every_code=every_code) for need in verdict.missing]
    return made


SUBSETTED: Json = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a resource that does not say all (FHIR R4, search.html: _summary)."""


def decision_only(verdict: Verdict) -> Json:
    """The guidance without what stands behind the decision: no criteria, no data requirements, no messages."""
    made = guidance_response(verdict)
    (output, *_) = made["contained"]
    told = {
        **output,
        "meta": {**output["meta"], "tag": [SUBSETTED]},
        "parameter": [each for each in output["parameter"] if each["name"] != "criterion"],
    }
    left_out = {"dataRequirement", "evaluationMessage"}
    kept = {name: value for name, value in made.items() if name not in left_out}
    return {**kept, "meta": {**made["meta"], "tag": [SUBSETTED]}, "contained": [told]}


def failed_guidance(failure: Failure, study: str, version: str) -> Json:
    """The guidance on a patient who could not be evaluated."""
    return {
        "resourceType": "GuidanceResponse",
        "id": guidance_id(study, failure.subject),
        "meta": conforms_to("eligibility-guidance"),
        "contained": [{**operation_outcome([failure.issue]), "id": MESSAGES}],
        "moduleCanonical": eligibility_plan(study, version),
        "status": "failure",
        "subject": reference(failure.subject),
        "evaluationMessage": [{"reference": f"#{MESSAGES}"}],
    }


def _status(verdict: Verdict) -> str:
    asks = verdict.decision is Decision.POTENTIAL_CANDIDATE and verdict.missing
    return "data-required" if asks else "success"


def _issues(verdict: Verdict) -> list[Issue]:
    """What could not be read, and the codes that no map knows."""
    unread = [
        Issue(
            code="business-rule" if issue.resource == POLICY else "structure",
            text=f"{issue.resource}: {issue.path}: {issue.message}",
            severity="warning",
            expression=None if issue.resource == POLICY else issue.path,
        )
        for issue in verdict.issues
    ]
    unmapped = [
        Issue(
            code="code-invalid",
            text=f"{entry.resource}: no map knows {_code(entry.system, entry.code, entry.text)}",
            severity="information",
        )
        for entry in verdict.unmapped
    ]
    found = unread + unmapped
    if len(found) <= MOST_MESSAGES:
        return found
    more = Issue(code="too-long", text=f"{len(found) - MOST_MESSAGES} more messages of these kinds", severity="warning")
    return [*found[:MOST_MESSAGES], more]


def _code(system: str | None, code: str | None, text: str | None) -> str:
    coded = "|".join(filter(None, (system, code))) or "an entry without code"
    return f"{coded} ({text})" if text else coded


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


_MOST_TOLD = 2000
_told: dict[int, tuple[CriterionResult, Json]] = {}
"""What was made of a result without evidence, by its identity: the evaluator tells many patients the same object.

Nothing of one patient is kept.
"""


def _criterion(result: CriterionResult) -> Json:
    """A result as a parameter; equal results may share one object, not to be changed."""
    if _shows(result):
        return _parameter(result)
    known = _told.get(id(result))
    if known is None or known[0] is not result:
        if len(_told) >= _MOST_TOLD:
            _told.clear()
        known = _told[id(result)] = result, _parameter(result)
    return known[1]


def _shows(result: CriterionResult) -> bool:
    """Whether it, or a part of it, has evidence, which is one patient's."""
    return bool(result.evidence) or any(map(_shows, result.parts))


def _parameter(result: CriterionResult) -> Json:
    parts: list[Json] = [
        {"name": "id", "valueString": result.id},
        *([{"name": "label", "valueString": label}] if (label := string(result.label)) else []),
        {"name": "kind", "valueCode": result.role.value},
        {"name": "result", "valueCode": result.result.value},
        {"name": "reason", "valueCode": result.reason.value},
        {"name": "assumed", "valueBoolean": result.assumed},
    ]
    if explained := string(result.explanation):
        parts.append({"name": "explanation", "valueString": explained})
    if result.is_against:
        parts.append({"name": "lasting", "valueBoolean": result.lasting})
    if result.until is not None:
        parts.append({"name": "until", "valueDateTime": instant(result.until)})
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


FEW = 5
"""Up to so many codes are listed beside their value set where a need is told again and again."""

_made: dict[tuple[str, str, str | None, bool], tuple[Codes, Json]] = {}
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
    length = duration_or_hours(text)
    if isinstance(length, Hours):
        whole = length.minutes % 60 == 0
        value, unit = (length.minutes // 60, "h") if whole else (length.minutes, "min")
        return {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return {"value": length.count, "unit": length.unit.value, "system": UCUM, "code": length.unit.value}
