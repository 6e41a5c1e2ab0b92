"""A server's refusal or failure -> the error that says so, without what it says of a patient."""

import msgspec
from msgspec import Struct

from adapter.errors import (
    AbsentError,
    BadAnswerError,
    ConflictError,
    NoAccessError,
    OverloadedError,
    RejectedError,
    ServerError,
)
from adapter.fhir.client.retry import AGAIN, PassingError

_BAD_REQUEST, _SERVER_FAULT = 400, 500
_MOST_SAID = 500


class _Text(Struct, frozen=True):
    text: str | None = None


class _Issue(Struct, frozen=True):
    severity: str | None = None
    code: str | None = None
    diagnostics: str | None = None
    details: _Text | None = None


class _Outcome(Struct, frozen=True, rename="camel"):
    resource_type: str
    issue: tuple[_Issue, ...] = ()


_outcome = msgspec.json.Decoder(_Outcome)

_KINDS: dict[int, tuple[type[ServerError], str]] = {
    401: (NoAccessError, "the credentials are missing or not valid; check them"),
    403: (NoAccessError, "the credentials don't allow this; ask the server's operator for the right"),
    404: (AbsentError, "not found"),
    409: (ConflictError, "something else changed there meanwhile"),
    410: (AbsentError, "deleted"),
    412: (ConflictError, "something else changed there meanwhile"),
    429: (OverloadedError, "it is too busy; try again later"),
    503: (OverloadedError, "it is too busy; try again later"),
}


def error_of(status: int, body: bytes, what: str, retry_after: float | None = None) -> ServerError:
    """The error of an answer that is no success. `what`: server, method and type of the request."""
    said = _said(body)
    kind, advice = _KINDS.get(status) or _other(status)
    message = f"{what}: {status}: {advice}"
    error = OverloadedError(message, retry_after) if kind is OverloadedError else kind(message)
    error.details = said
    return error


def _other(status: int) -> tuple[type[ServerError], str]:
    if status in AGAIN:
        return PassingError, "the server failed; its log says why"
    if _BAD_REQUEST <= status < _SERVER_FAULT:
        return RejectedError, "the server doesn't accept the request"
    return BadAnswerError, "no answer that can be used; is this address a FHIR server's base?"


def _said(body: bytes) -> str:
    """What an OperationOutcome says; it may hold patient data, so it is for the person who asked, never for a log."""
    try:
        outcome = _outcome.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if outcome.resource_type != "OperationOutcome":
        return ""
    texts = (
        issue.diagnostics or (issue.details.text if issue.details else None) or issue.code
        for issue in outcome.issue
        if issue.severity in {"error", "fatal"}
    )
    return "; ".join(filter(None, texts))[:_MOST_SAID]
