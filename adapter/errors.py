"""The family of errors, in one place. Each says what was wrong, where, and what to do.

AdapterError
├── UsageError          the caller asked for something that can't be asked
├── UnknownStudyError   no definition has this id
├── DefinitionError     a trial definition, policy or terminology file is wrong
└── InputError          patient data that can't be read at all
"""


class AdapterError(Exception):
    """What a caller can act on; its text holds no patient data but logical ids and element paths."""


class UsageError(AdapterError):
    """A parameter is missing, unknown or contradicts another."""


class UnknownStudyError(AdapterError):
    """No definition has the asked id."""


class DefinitionError(AdapterError):
    """A definition, policy or terminology file is wrong; the text names file, line and path."""


class InputError(AdapterError):
    """The input is no FHIR JSON, or doesn't hold exactly one patient."""


EXIT_CODES: dict[type[AdapterError], int] = {
    UsageError: 2,
    UnknownStudyError: 2,
    DefinitionError: 1,
    InputError: 1,
}
"""The command line's exit code for each kind of error (docs/running.md)."""
