"""The family of errors, in one place. Each says what was wrong, where, and what to do.

AdapterError
├── UsageError          the caller asked for something that can't be asked
├── UnknownStudyError   no definition has this id
├── DefinitionError     a trial definition, policy or terminology file is wrong
├── InputError          patient data that can't be read at all
│   └── MalformedError      no JSON, not UTF-8, duplicate keys, too deep
├── StoreError          the database can't be used just now
├── BusyError           too much to do here just now, which no server and no record is to blame for
└── ServerError         a FHIR server did not do what was asked of it
    ├── UnreachableError    no connection, or none in time, after several tries
    ├── OverloadedError     429 or 503 after several tries; `retry_after` says when to come back
    ├── NoAccessError       401 or 403: credentials that are missing, wrong or not enough
    ├── AbsentError         404 or 410: the resource is not there, or not any more
    ├── ConflictError       409 or 412: another version stands there than the one that was changed
    ├── RejectedError       another 4xx: the server does not accept the request
    │   └── UnpublishedError    a study is not on the research server, or twice
    └── BadAnswerError      5xx, or an answer that is no FHIR JSON of the wanted kind
"""

from traceback import walk_tb

_OURS = ("adapter.", "mappings.")


class AdapterError(Exception):
    """What a caller can act on; its text holds no patient data but logical ids and element paths."""


class UsageError(AdapterError):
    """A parameter is missing, unknown or contradicts another."""


class UnknownStudyError(AdapterError):
    """No definition has the asked id."""


class DefinitionError(AdapterError):
    """A definition, policy or terminology file is wrong; the text names file, line and path.

    `file`, `line` (from 1; 0 where none is known) and `said`: the same apart. `others`: what else is wrong there.
    """

    def __init__(
        self, message: str, *, file: str = "", line: int = 0, said: str = "", others: "tuple[DefinitionError, ...]" = ()
    ) -> None:
        """A message, and its place where that is known."""
        super().__init__(message)
        self.file = file
        self.line = line
        self.said = said or message
        self.others = others


class InputError(AdapterError):
    """The input is no FHIR JSON, or doesn't hold exactly one patient."""


class MalformedError(InputError):
    """The input is not JSON as RFC 8259 and FHIR want it."""


class StoreError(AdapterError):
    """The database can't be reached, stays locked, or is of another version; the text holds no statement."""


class BusyError(AdapterError):
    """Come back later: too much is waiting here, or something that the service needs can't be reached."""


class ServerError(AdapterError):
    """A FHIR server did not do what was asked; the text names server, method and type, never a patient's address.

    `details`: what the server said of it, for the person who asked. It may hold patient data: never for a log.
    """

    details: str = ""


class UnreachableError(ServerError):
    """The server can't be reached, or does not answer in time."""


class OverloadedError(ServerError):
    """The server asks to come back later; `retry_after` in seconds, where it said."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """A message, and when to come back."""
        super().__init__(message)
        self.retry_after = retry_after


class NoAccessError(ServerError):
    """The server does not accept the credentials, or they do not allow this."""


class AbsentError(ServerError):
    """The resource is not on the server, or was deleted."""


class ConflictError(ServerError):
    """Another version stands there than the one that was to be changed."""


class RejectedError(ServerError):
    """The server finds the request wrong."""


class OtherReleaseError(RejectedError):
    """The server speaks another release of FHIR than R4."""


class UnpublishedError(RejectedError):
    """A study is not on the research server, or is there twice; the text names nobody."""


class BadAnswerError(ServerError):
    """The server failed, or its answer can't be used."""


EXIT_CODES: dict[type[AdapterError], int] = {
    UsageError: 2,
    UnknownStudyError: 2,
    DefinitionError: 1,
    InputError: 1,
    ServerError: 1,
}
"""The command line's exit code of each kind of error (docs/running.md); a subclass not listed is its base's kind."""


def exit_code(error: AdapterError) -> int:
    """The exit code of an error."""
    return next((EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES), 1)


def place_of(error: BaseException) -> str:
    """An unexpected error's type and the last place in our own code; never its text, which may hold patient data."""
    places = [
        f"{frame.f_globals['__name__']}:{line}"
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(_OURS)
    ]
    return f"{type(error).__name__} in {places[-1]}" if places else type(error).__name__
