"""What the OpenAPI document says of each route: parameters, bodies, answers, and every status that can come."""

from typing import Final

from starlette.responses import HTMLResponse, Response

from adapter.service.access import table
from adapter.service.definitions import PARAMETERS
from adapter.service.http import AGAIN, FHIR_JSON, HL7V2, JSON
from adapter.service.operation_definitions import IN
from adapter.service.schemas import SCHEMAS, Json, ref
from mappings.trial.ccdl import MEDIA_TYPE

_TEXTS = {
    400: "Not parseable, or wrong parameters",
    401: "No valid token",
    403: "A token without the role or scope that is needed, or for another patient",
    404: "No such study, patient or resource",
    406: "Only FHIR R4 JSON is written",
    408: "The body did not come in time",
    412: "The prefetch lacks data, and they can't be fetched",
    413: "Larger than the limit",
    415: "Only FHIR R4 JSON is read",
    422: "Parseable, but not acceptable: no or several patients, or no server to ask",
    429: "Too many requests, or too many wrong tokens from one address; see Retry-After",
    500: "A mistake of ours",
    503: "Too much to do, not done in time, or a server that fails: repeat it when Retry-After says",
}
_EVERYWHERE = (401, 403, 429, 500, 503)
_AGAIN: Final[Json] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}}
_BOTH = (FHIR_JSON, JSON)

_SHOWN: Final[list[Json]] = [
    {"name": "_format", "in": "query", "schema": {"enum": ["json", FHIR_JSON, JSON]}},
    {"name": "_pretty", "in": "query", "schema": {"type": "boolean"}},
]
_TYPES = {"boolean": {"type": "boolean"}}


def evaluate_by_get() -> Json:
    """$evaluate with everything in the URL."""
    extra = {"parameters": [*_in_query(), *_SHOWN]}
    return _route("$evaluate", "Evaluate patients by reference", "EvaluateAnswer", (400, 404, 406, 422), extra)


def evaluate_by_post() -> Json:
    """$evaluate with a body."""
    either = {"schema": {"oneOf": [ref("EvaluateParameters"), ref("Record")]}}
    extra = {
        "parameters": [*_in_query(), *_SHOWN],
        "requestBody": {
            "description": "Parameters; or a Bundle with a patient's record, with all else in the query.",
            "content": dict.fromkeys(_BOTH, either),
        },
    }
    statuses = (400, 404, 406, 408, 413, 415, 422)
    return _route("$evaluate", "Evaluate patients by their data", "EvaluateAnswer", statuses, extra)


def match_by_parameters() -> Json:
    """CodeX's $match."""
    asked = {"schema": ref("MatchParameters")}
    extra = {"parameters": _SHOWN, "requestBody": {"required": True, "content": dict.fromkeys(_BOTH, asked)}}
    statuses = (400, 406, 408, 413, 415, 422)
    return _route("trial matching", "Which trials fit a patient's data (CodeX)", "MatchAnswer", statuses, extra)


def match_by_bundle() -> Json:
    """mCODE's matching service; it sends no token where the site opens it to a network."""
    extra = {"requestBody": {"required": True, "content": {JSON: {"schema": ref("MatchBundle")}}}}
    statuses = (400, 404, 408, 413, 415, 422)
    return _route("trial matching", "Which trials fit a patient's data (mCODE)", "Matches", statuses, extra)


def feasibility_route() -> Json:
    """$feasibility."""
    asked = {"schema": ref("FeasibilityParameters")}
    query = {"schema": {"type": "object", "description": "a structured query of the MII; the answer is an integer"}}
    content = {**dict.fromkeys(_BOTH, asked), MEDIA_TYPE: query}
    extra = {"parameters": _SHOWN, "requestBody": {"required": True, "content": content}}
    statuses = (400, 404, 406, 408, 413, 415, 422)
    made = _route("feasibility", "How many patients a study could find", "FeasibilityAnswer", statuses, extra)
    count = {"type": "integer", "minimum": 0, "description": "the answer to a structured query of the MII"}
    made["responses"][200]["content"][JSON] = {"schema": {"oneOf": [ref("FeasibilityAnswer"), count]}}
    return made


def metadata() -> Json:
    """The CapabilityStatement."""
    return _route("definitions", "What this server can do", "Resource", (406,), {"parameters": _SHOWN})


def smart_configuration() -> Json:
    """Where SMART apps get tokens."""
    made = _route("definitions", "Where SMART apps get tokens; needs none", "OperationOutcome", (404,), {})
    made["responses"][200] = {
        "description": "The configuration",
        "content": {JSON: {"schema": ref("SmartConfiguration")}},
    }
    return made


def search(type_: str) -> Json:
    """A search of one type."""
    asked = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in PARAMETERS]
    return _route("definitions", f"Search {type_}", "Found", (400, 406), {"parameters": [*asked, *_SHOWN]})


def read(type_: str) -> Json:
    """A read of one resource."""
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return _route("definitions", f"Read a {type_}", "Resource", (404, 406), {"parameters": [name, *_SHOWN]})


def hl7v2() -> Json:
    """One HL7 v2 message; what went wrong with the message is an ACK, what went wrong before it an OperationOutcome."""
    message = {"schema": {"type": "string", "description": "ER7, segments end in CR"}}
    body = {"required": True, "content": {HL7V2: message}}
    route = _route("hl7v2", "Take one HL7 v2 message", "Resource", (400, 408, 413, 415, 422), {"requestBody": body})
    route["responses"][200] = {"description": "The ACK: AA", "content": {HL7V2: message}}
    for status in (400, 422, 503):
        route["responses"][status]["content"] = {**route["responses"][status]["content"], HL7V2: message}
    return route


def hook_route(summary: str, body: str | None, answer: str = "OperationOutcome") -> Json:
    """A route of the webhook."""
    extra: Json = {"security": [{"hook": []}]}
    if body is not None:
        extra["requestBody"] = {"content": {FHIR_JSON: {"schema": ref(body)}}}
    return _route("webhook", summary, answer, (400, 408, 413, 415, 422), extra)


def cds_route(summary: str, answer: str, body: str | None = None) -> Json:
    """A route of CDS Hooks; `answer`, `body`: the schemas of what is answered and sent."""
    extra: Json = {"requestBody": {"required": True, "content": {JSON: {"schema": ref(body)}}}} if body else {}
    made = _route("CDS Hooks", summary, "OperationOutcome", (400, 404, 408, 412, 413, 415, 422) if body else (), extra)
    made["responses"][200] = {"description": "The answer", "content": {JSON: {"schema": ref(answer)}}}
    return made


def page_route(summary: str) -> Json:
    """A page of the app that an EHR launches, for people."""
    text = {"schema": {"type": "string"}}
    page: Json = {"text/html": text, "text/css": text}
    refusal = {"text/html": text, FHIR_JSON: {"schema": ref("OperationOutcome")}}  # ours, or before it was asked for
    responses: dict[int | str, Json] = {
        200: {"description": "The page, or its style", "content": page},
        302: {"description": "To the EHR's login", "content": page},
        303: {"description": "To the page", "content": page},
        **{status: _refusal(status, refusal) for status in (400, *_EVERYWHERE, 404, 422)},
    }
    return {
        "tags": ["SMART App Launch"],
        "summary": summary,
        "response_class": HTMLResponse,
        "responses": responses,
    }


def landing_route() -> Json:
    """The page for people, and a line for who asks for no HTML."""
    text = {"schema": {"type": "string"}}
    made = page_route("What is here, for people")
    answer = {"description": "The page, or a line of text", "content": {"text/html": text, "text/plain": text}}
    kept = {status: said for status, said in made["responses"].items() if status in _EVERYWHERE}
    return {**made, "tags": ["landing page"], "responses": {200: answer, **kept}}


def metrics_route(media_type: str) -> Json:
    """The metrics, which are no JSON."""
    made = _route("health", "What is counted, for Prometheus", "OperationOutcome", (), {})
    made["responses"][200] = {"description": "The metrics", "content": {media_type: {"schema": {"type": "string"}}}}
    return made


def finished(document: Json, *, secured: bool) -> Json:
    """The document with our schemas and, where callers need a token, with that."""
    components = document.setdefault("components", {})
    components["schemas"] = SCHEMAS
    components["securitySchemes"] = {"hook": {"type": "http", "scheme": "bearer"}}
    if secured:
        components["securitySchemes"]["bearer"] = {"type": "http", "scheme": "bearer"}
        document["security"] = [{"bearer": []}]
        for path in table().public & document["paths"].keys():
            document["paths"][path]["get"]["security"] = []
    return document


def _route(tag: str, summary: str, schema: str, statuses: tuple[int, ...], extra: Json) -> Json:
    responses: dict[int | str, Json] = {
        200: {"description": "The answer", "content": {media_type: {"schema": ref(schema)} for media_type in _BOTH}},
    }
    outcome = {FHIR_JSON: {"schema": ref("OperationOutcome")}}
    for status in sorted((*statuses, *_EVERYWHERE)):
        responses[status] = _refusal(status, outcome)
    return {
        "tags": [tag],
        "summary": summary,
        "response_class": Response,
        "responses": responses,
        "openapi_extra": extra,
    }


def _refusal(status: int, content: Json) -> Json:
    made: Json = {"description": _TEXTS[status], "content": content}
    return {**made, "headers": _AGAIN} if status in AGAIN else made


def _in_query() -> list[Json]:
    return [
        {
            "name": each.name,
            "in": "query",
            "description": each.text,
            "schema": {"type": "array", "items": {"type": "string"}} if each.max == "*" else _type(each.type),
        }
        for each in IN
        if each.in_query
    ]


def _type(type_: str) -> Json:
    return _TYPES.get(type_, {"type": "string"})
