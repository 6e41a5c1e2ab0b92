"""The shapes of what is sent and answered, as JSON Schemas of the OpenAPI document.

They say what a client meets, element by element; what FHIR allows beside that is left open, since servers add to it.
"""

from typing import Any, Final

from adapter.criteria.model import CriterionRole
from adapter.criteria.truth import Truth
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Decision
from adapter.service.operation_definitions import IN

Json = dict[str, Any]

_STRING: Final[Json] = {"type": "string"}
_BOOLEAN: Final[Json] = {"type": "boolean"}
_INSTANT: Final[Json] = {"type": "string", "description": "A FHIR dateTime, as 2026-03-01T00:00:00Z."}


def ref(schema: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{schema}"}


def _array(items: Json, description: str = "") -> Json:
    return _said({"type": "array", "items": items}, description)


def _said(schema: Json, description: str) -> Json:
    return {**schema, "description": description} if description else schema


def _object(description: str, required: str = "", /, **properties: Json) -> Json:
    made: Json = {"type": "object", "description": description, "properties": properties}
    if required:
        made["required"] = required.split()
    return made


def _resource(type_: str, description: str, required: str = "", /, **properties: Json) -> Json:
    return _object(description, f"resourceType {required}".strip(), resourceType={"const": type_}, **properties)


def _codes(*codes: str) -> Json:
    return {"enum": list(codes)}


_VALUES: Final[dict[str, Json]] = {
    "valueBoolean": _BOOLEAN,
    "valueReference": ref("Reference"),
    "resource": ref("Record"),
}
"""What of the elements of Parameters is no text."""


def _named(name: str, description: str, /, **properties: Json) -> Json:
    """One of several parameters, or of parts of one, told apart by its name."""
    return _object(description, " ".join(["name", *properties]), name={"const": name}, **properties)


def _one_of(*kinds: Json) -> Json:
    return {"oneOf": list(kinds)}


_ASKED = _one_of(
    *(
        {
            **_object(each.text, "name", name={"const": each.name}),
            "oneOf": [
                _object("", value, **{value: _VALUES.get(value, {"type": "string", "minLength": 1})})
                for value in each.values
            ],
        }
        for each in IN
    )
)
_CRITERION_PARTS = _one_of(
    _named("id", "The criterion's id, as in the plan.", valueString=_STRING),
    _named("label", "The criterion in the definition's words.", valueString=_STRING),
    _named("kind", "Whether it is asked for, or excludes.", valueCode=_codes(*CriterionRole)),
    _named(
        "result",
        "The truth of its own statement: an exclusion that is met rules the patient out.",
        valueCode=_codes(*Truth),
    ),
    _named("reason", "Why; CONFORMANCE.md, section 13, explains each.", valueCode=_codes(*Reason)),
    _named("assumed", "Whether it rests on an assumption of the policy.", valueBoolean=_BOOLEAN),
    _named("explanation", "The reason as a sentence.", valueString=_STRING),
    _named(
        "lasting",
        "Only where it rules the patient out: true if neither time nor treatment can change that.",
        valueBoolean=_BOOLEAN,
    ),
    _named("until", "It can't be otherwise before this instant.", valueDateTime=_INSTANT),
    _named(
        "evidence",
        "An entry of the record that it stands on: resource, version, element, value, time.",
        part=_array(_object("One of these.", "name", name=_codes("resource", "version", "element", "value", "time"))),
    ),
    _named("missing", "Data that would settle it.", valueDataRequirement=ref("DataRequirement")),
    _named("criterion", "The same of a part of it.", part=ref("CriterionParts")),
)
_VERDICT = _one_of(
    _named("decision", "What the adapter proposes; people decide.", valueCode=_codes(*Decision)),
    _named("decisionReason", "Why: what rules the patient out, or is open.", valueString=_STRING),
    _named("validUntil", "Before this instant nothing changes without new data.", valueDateTime=_INSTANT),
    _named("asOf", "As of when the record was evaluated.", valueDateTime=_INSTANT),
    _named("policy", "The site's policy, by id and hash.", part=_array(_object("id or hash.", "name valueString"))),
    _named("terminology", "The terminology, by hash.", part=_array(_object("hash.", "name valueString"))),
    _named("recruiting", "Whether the registry says that the study takes patients.", valueBoolean=_BOOLEAN),
    _named("criterion", "A criterion's result; none with detail=decision.", part=ref("CriterionParts")),
)
_CARD_LINK = _object(
    "absolute: to the trial's public record; smart: to our page, to be launched with appContext.",
    "label url type",
    label=_STRING,
    url=_STRING,
    type=_codes("absolute", "smart"),
    appContext=_STRING,
)
_LOOKED_FOR: Final[dict[str, str]] = {
    "zipCode": "Where to look from.",
    "travelRadius": "How far, in miles.",
    "phase": "As phase-2 or Phase 2.",
    "recruitmentStatus": "In ClinicalTrials.gov's words (recruiting) or R4's (active).",
}
_NARROWED = [_named(name, text, valueString=_STRING) for name, text in _LOOKED_FOR.items()]

SCHEMAS: Final[Json] = {
    "Resource": _object("A FHIR R4 resource.", "resourceType", resourceType=_STRING),
    "Reference": _object("A FHIR Reference.", reference=_STRING, type=_STRING, display=_STRING),
    "Record": _resource(
        "Bundle",
        "A patient's record: a Bundle of any type, with one Patient and whatever else is known of them.",
        "type",
        type=_STRING,
        entry=_array(_object("One resource.", resource=ref("Resource"))),
    ),
    "EvaluateParameters": _resource(
        "Parameters",
        "What $evaluate is asked; the OperationDefinition ResearchStudy-evaluate says the same.",
        parameter=_array(_ASKED),
    ),
    "EvaluateAnswer": _resource(
        "Bundle",
        "For each subject and study a ResearchSubject and a GuidanceResponse, and an OperationOutcome for a subject "
        "that failed among others.",
        "type",
        type={"const": "collection"},
        entry=_array(
            _object(
                "One of them.",
                "fullUrl resource",
                fullUrl=_STRING,
                resource=_one_of(ref("ResearchSubject"), ref("GuidanceResponse"), ref("OperationOutcome")),
            )
        ),
    ),
    "ResearchSubject": _resource(
        "ResearchSubject",
        "The patient beside the study, with the proposed status.",
        "id status study individual",
        id=_STRING,
        status=_codes(*Decision),
        study=ref("Reference"),
        individual=ref("Reference"),
    ),
    "GuidanceResponse": _resource(
        "GuidanceResponse",
        "The verdict. With detail=decision it is tagged SUBSETTED and has neither criteria nor data requirements.",
        "id status subject moduleCanonical contained",
        id=_STRING,
        moduleCanonical=_said(_STRING, "The study's eligibility plan, with its version."),
        status=_said(
            _codes("success", "data-required", "failure"),
            "data-required where more data would settle more; failure where nothing could be evaluated.",
        ),
        subject=ref("Reference"),
        occurrenceDateTime=_INSTANT,
        contained=_array(_one_of(ref("Verdict"), ref("OperationOutcome"))),
        outputParameters=_said(ref("Reference"), "#output: the contained verdict."),
        evaluationMessage=_array(ref("Reference"), "#messages: what could not be read, and codes that no map knows."),
        dataRequirement=_array(ref("DataRequirement"), "What would settle the open criteria, most decisive first."),
    ),
    "Verdict": _resource(
        "Parameters", "The decision, and each criterion's result.", "parameter", parameter=_array(_VERDICT)
    ),
    "CriterionParts": _array(_CRITERION_PARTS, "What is told of a criterion."),
    "DataRequirement": _object(
        "A type of data, the codes that it may have, and how recent it must be.",
        "type",
        type=_STRING,
        codeFilter=_array(_object("A value set, or codes.")),
        dateFilter=_array(_object("How recent.")),
        mustSupport=_array(_STRING),
    ),
    "FeasibilityParameters": _resource(
        "Parameters",
        "What $feasibility is asked: study, vary, minCount, asOf, policy.",
        parameter=_array(
            _one_of(
                _named("study", "As of $evaluate; none: all.", valueString=_STRING),
                _named("vary", "STUDY:CRITERION=BOUND.", valueString=_STRING),
                _named("minCount", "Smaller counts are not told.", valueInteger={"type": "integer", "minimum": 1}),
                _named("asOf", "As of $evaluate.", valueDateTime=_INSTANT),
                _named("policy", "As of $evaluate.", valueString=_STRING),
            )
        ),
    ),
    "FeasibilityAnswer": _resource(
        "Parameters",
        "The counts: a `study` for each study and variant; a count that is not told is left out (docs/populations.md).",
        "parameter",
        parameter=_array(_object("One of them.", "name", name=_STRING)),
    ),
    "MatchParameters": _resource(
        "Parameters",
        "What $match is asked (CodeX).",
        "parameter",
        parameter=_array(
            _one_of(*_NARROWED, _named("trialMatchClinicalData", "The patient's data.", resource=ref("Record")))
        ),
    ),
    "MatchAnswer": _resource(
        "Parameters",
        "What $match answers (CodeX).",
        "parameter",
        parameter=_array(_named("trialMatchOutput", "The trials.", resource=ref("Matches"))),
    ),
    "Matches": _resource(
        "Bundle",
        "The trials, the best first.",
        "type total",
        type={"const": "searchset"},
        total={"type": "integer"},
        entry=_array(
            _object(
                "A trial, or an OperationOutcome that says what was not heeded.",
                "resource search",
                fullUrl=_STRING,
                resource=_one_of(ref("ResearchStudy"), ref("OperationOutcome")),
                search=_object(
                    "How well it fits: 1 a candidate, 0 ruled out (docs/matching.md).",
                    "mode",
                    mode=_codes("match", "outcome"),
                    score={"type": "number", "minimum": 0, "maximum": 1},
                ),
            )
        ),
    ),
    "MatchBundle": _resource(
        "Bundle",
        "The patient's data, with a Parameters resource among its entries: zipCode, travelRadius, phase, "
        "recruitmentStatus (mCODE).",
        type=_STRING,
        entry=_array(_object("One resource.", resource=ref("Resource"))),
    ),
    "ResearchStudy": _resource(
        "ResearchStudy",
        "A trial.",
        "id title status identifier",
        id=_STRING,
        identifier=_array(_object("The registry's number first (NCT).", "value", system=_STRING, value=_STRING)),
        title=_STRING,
        status=_STRING,
        phase=_object("As Phase 2.", text=_STRING),
        category=_array(_object("As Study Type: Interventional.", text=_STRING)),
        enrollment=_array(_object("The criteria, a line each, as display.", reference=_STRING, display=_STRING)),
        contained=_array(ref("Resource"), "Its sponsor, its sites, and what each arm receives."),
    ),
    "CdsServices": _object(
        "The services, and what to send along.",
        "services",
        services=_array(
            _object(
                "One service (CDS Hooks 2.0, Discovery).",
                "hook id description prefetch",
                hook=_STRING,
                id=_STRING,
                title=_STRING,
                description=_STRING,
                prefetch={"type": "object", "additionalProperties": _STRING},
                usageRequirements=_STRING,
            )
        ),
    ),
    "CdsRequest": _object(
        "A call (CDS Hooks 2.0).",
        "hook hookInstance context",
        hook=_STRING,
        hookInstance=_said(_STRING, "A UUID of this call."),
        context=_object("Whom it is about.", "patientId", patientId=_STRING, userId=_STRING, encounterId=_STRING),
        fhirServer=_said(_STRING, "The EHR's server, asked for what the prefetch lacks if it is a known one."),
        fhirAuthorization=_object("The token for it.", "access_token", access_token=_STRING, token_type=_STRING),
        prefetch={
            "type": "object",
            "description": "By the keys of the discovery: a resource, a searchset, or null for no data.",
        },
    ),
    "CdsCards": _object(
        "A card for each trial that the patient may take part in; none is an empty list.",
        "cards",
        cards=_array(
            _object(
                "One trial.",
                "uuid summary indicator source",
                uuid=_STRING,
                summary={"type": "string", "maxLength": 139},
                detail=_said(_STRING, "GitHub Flavored Markdown: what is open, and why."),
                indicator={"const": "info"},
                source=_object("The trial.", "label", label=_STRING, url=_STRING, topic={"type": "object"}),
                links=_array(_CARD_LINK),
                suggestions=_array(_object("A referral for screening.", "label actions", label=_STRING, uuid=_STRING)),
                selectionBehavior={"const": "any"},
                overrideReasons=_array(_object("Why a card may be dismissed.", "code system display")),
            )
        ),
    ),
    "CdsFeedback": _object(
        "What became of cards (CDS Hooks 2.0).",
        "feedback",
        feedback=_array(
            _object(
                "One card.",
                "card outcome",
                card=_said(_STRING, "Its uuid."),
                outcome=_codes("accepted", "overridden"),
                overrideReason=_object("Why it was dismissed.", reason=_object("A coding.", code=_STRING)),
            )
        ),
    ),
    "SmartConfiguration": _object(
        "Where SMART apps get tokens for this server (SMART App Launch 2.2, conformance).",
        "token_endpoint grant_types_supported code_challenge_methods_supported capabilities",
        issuer=_STRING,
        jwks_uri=_STRING,
        authorization_endpoint=_STRING,
        token_endpoint=_STRING,
        grant_types_supported=_array(_STRING),
        code_challenge_methods_supported=_array(_codes("S256")),
        scopes_supported=_array(_STRING),
        capabilities=_array(_STRING),
    ),
    "Nothing": {"type": "object", "description": "An empty object.", "additionalProperties": False},
    "Found": _resource(
        "Bundle",
        "The answer to a search: everything that matches, on one page.",
        "type total",
        type={"const": "searchset"},
        total={"type": "integer"},
        entry=_array(_object("One resource.", "fullUrl resource", fullUrl=_STRING, resource=ref("Resource"))),
    ),
    "Bundle": _resource("Bundle", "A FHIR R4 Bundle.", "type", type=_STRING, entry=_array({"type": "object"})),
    "OperationOutcome": _resource(
        "OperationOutcome",
        "What went wrong, and what to do.",
        "issue",
        issue={
            **_array(
                _object(
                    "One thing.",
                    "severity code",
                    severity=_STRING,
                    code=_STRING,
                    diagnostics=_STRING,
                    expression=_array(_STRING),
                )
            ),
            "minItems": 1,
        },
    ),
}
