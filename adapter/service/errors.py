"""What the service can't answer, and the one table of what each error becomes over HTTP.

AdapterError
├── UsageError
│   └── ParameterError       400  a parameter is unknown, missing, of the wrong type or given twice
├── InputError
│   └── MalformedError       400  no JSON, not UTF-8, duplicate keys, too deep
├── UnauthorizedError        401  no token, or one that is not valid
├── ForbiddenError           403  a valid token without the scope that is needed
├── NotFoundError            404  no resource or route
│   └── UnknownPatientError  404  the asked patient is not in the data
├── NotAllowedError          405  a method that the route doesn't have
├── NotAcceptableError       406  a format other than FHIR R4 JSON asked for
├── LateBodyError            408  the body did not come in time
├── PreconditionError        412  a CDS Hooks call without the data that it needs
├── TooLargeError            413  a request over the limit
├── UnsupportedMediaError    415  a request in another format or encoding
├── NotSupportedError        422  what this server is not set up for
├── TooCostlyError           422  more patients than one request may ask for
├── TooManyError             429  more requests, or more failed tokens, than one caller may send
├── DefinitionError          500  the server is set up wrongly
├── StoreError               503  the webhook's database can't be used just now
├── ServerError              503  a FHIR server can't be reached, fails, or doesn't let us in
│   └── RejectedError        422  it does not accept what it was sent: once more it won't either
├── BusyError                503  too much to do just now, or the keys can't be had
├── LostWorkError            503  the process that worked on it ended by itself
└── TooSlowError             503  not done in time

A sender repeats what was answered with 503, at the time that Retry-After says, and takes other failures for final. So
what may go well once more is 503, whoever caused it: 502 and 504 are not answered here, and 500 is a mistake of ours.
"""

from adapter.errors import (
    AdapterError,
    BusyError,
    ConflictError,
    DefinitionError,
    InputError,
    OverloadedError,
    RejectedError,
    ServerError,
    StoreError,
    UnknownStudyError,
    UnreachableError,
    UsageError,
)
from adapter.errors import MalformedError as MalformedError  # noqa: PLC0414  # for those who answer with it


class ParameterError(UsageError):
    """A parameter of an operation or a search is wrong; `expression` says which, as FHIRPath."""

    def __init__(self, message: str, *, code: str = "invalid", expression: str | None = None) -> None:
        """A message, an issue-type code and the place."""
        super().__init__(message)
        self.code = code
        self.expression = expression


class UnauthorizedError(AdapterError):
    """No token, or one that is not valid; `challenge` is what WWW-Authenticate says."""

    def __init__(self, message: str, challenge: str = "Bearer") -> None:
        """A message and the challenge."""
        super().__init__(message)
        self.challenge = challenge


class ForbiddenError(AdapterError):
    """A valid token that doesn't allow this."""


class NotFoundError(AdapterError):
    """Nothing stands at this address."""


class UnknownPatientError(NotFoundError):
    """The asked patient or group is not in the data."""


class NotAllowedError(AdapterError):
    """The address has other methods; `allow` lists them."""

    def __init__(self, message: str, allow: str) -> None:
        """A message and the methods that there are."""
        super().__init__(message)
        self.allow = allow


class NotAcceptableError(AdapterError):
    """The answer is wanted in a format that the service doesn't write."""


class LateBodyError(AdapterError):
    """The body did not come to its end in time."""


class PreconditionError(AdapterError):
    """A CDS Hooks call lacks data, and they can't be fetched."""


class TooLargeError(AdapterError):
    """The request is larger than the limit."""


class UnsupportedMediaError(AdapterError):
    """The request is written in a format or encoding that the service doesn't read."""


class NotSupportedError(AdapterError):
    """Asked for what this server is not set up for."""


class TooCostlyError(AdapterError):
    """Asks for more than one request may."""


class TooManyError(AdapterError):
    """More than one caller may ask just now; `retry_after` in seconds."""

    def __init__(self, message: str, retry_after: float = 1) -> None:
        """A message, and when to come back."""
        super().__init__(message)
        self.retry_after = retry_after


class LostWorkError(AdapterError):
    """The process that worked on it ended by itself; once more it may go well, or not."""


class FaultError(Exception):
    """A fault of ours in another process: `place` says where, as `adapter.errors.place_of`."""

    def __init__(self, place: str) -> None:
        """The place."""
        super().__init__(place)
        self.place = place


class TooSlowError(AdapterError):
    """The answer was not ready in time."""


ANSWERS: dict[type[AdapterError], tuple[int, str]] = {
    UsageError: (400, "invalid"),
    MalformedError: (400, "structure"),
    UnauthorizedError: (401, "login"),
    ForbiddenError: (403, "forbidden"),
    UnknownStudyError: (404, "not-found"),
    NotFoundError: (404, "not-found"),
    NotAllowedError: (405, "not-supported"),
    NotAcceptableError: (406, "not-supported"),
    LateBodyError: (408, "timeout"),
    PreconditionError: (412, "required"),
    TooLargeError: (413, "too-long"),
    UnsupportedMediaError: (415, "not-supported"),
    InputError: (422, "invalid"),
    NotSupportedError: (422, "not-supported"),
    TooCostlyError: (422, "too-costly"),
    RejectedError: (422, "processing"),
    TooManyError: (429, "throttled"),
    DefinitionError: (500, "exception"),
    StoreError: (503, "transient"),
    ServerError: (503, "exception"),
    UnreachableError: (503, "transient"),
    ConflictError: (503, "conflict"),
    OverloadedError: (503, "throttled"),
    BusyError: (503, "transient"),
    LostWorkError: (503, "transient"),
    TooSlowError: (503, "timeout"),
}
"""HTTP status and issue-type code (FHIR R4) of each error; a subclass that isn't listed is its base class' kind."""


def answer_to(error: AdapterError) -> tuple[int, str]:
    """Status and issue-type of an error."""
    found = next((ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS), (500, "exception"))
    return (found[0], error.code) if isinstance(error, ParameterError) else found
