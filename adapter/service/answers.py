"""Responses: FHIR JSON, and every error as an OperationOutcome."""

from math import ceil
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adapter.errors import AdapterError, OverloadedError
from adapter.fhir import Issue, operation_outcome
from adapter.service.errors import BusyError, NotAllowedError, ParameterError, UnauthorizedError, answer_to
from adapter.service.media import FHIR_JSON, answer_type

RETRY_AFTER = "5"
"""Seconds after which a caller may come back."""

_INTERNAL = 500
_encoder = msgspec.json.Encoder(decimal_format="number")


def fhir_answer(request: Request, content: Any, status: int = 200) -> Response:  # noqa: ANN401  # JSON
    """JSON in the media type that the caller wants. Raises NotAcceptableError."""
    return json_response(content, media_type_of(request), status, pretty=request.query_params.get("_pretty") == "true")


def media_type_of(request: Request) -> str:
    """The media type to answer a request in. Raises NotAcceptableError."""
    return answer_type(request.headers.get("accept"), request.query_params.get("_format"))


def json_response(
    content: Any,  # noqa: ANN401  # JSON
    media_type: str = FHIR_JSON,
    status: int = 200,
    *,
    pretty: bool = False,
) -> Response:
    """JSON, not to be kept by anyone on the way: it may hold patient data."""
    body = _encoder.encode(content)
    if pretty:
        body = msgspec.json.format(body, indent=2)
    return Response(body, status, {"Cache-Control": "no-store"}, media_type)


def error_answer(error: AdapterError) -> Response:
    """What an error becomes, by the table of `adapter.service.errors`."""
    status, code = answer_to(error)
    text = "the server is set up wrongly; its log says more" if status == _INTERNAL else str(error)
    expression = error.expression if isinstance(error, ParameterError) else None
    response = json_response(operation_outcome([Issue(code=code, text=text, expression=expression)]), status=status)
    if isinstance(error, UnauthorizedError):
        response.headers["WWW-Authenticate"] = error.challenge
    if isinstance(error, NotAllowedError):
        response.headers["Allow"] = error.allow
    if isinstance(error, BusyError):
        response.headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, OverloadedError):
        response.headers["Retry-After"] = RETRY_AFTER if error.retry_after is None else str(ceil(error.retry_after))
    return response


def internal_error(place: str) -> Response:
    """The answer to an error that nobody expected: where it was, never what it was about (invariant 8)."""
    text = f"internal error, please report it with the X-Request-Id: {place}"
    return json_response(operation_outcome([Issue(code="exception", text=text)]), status=_INTERNAL)
