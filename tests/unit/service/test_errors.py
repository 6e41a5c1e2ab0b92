"""The one table of errors."""

from adapter import errors as family
from adapter.errors import AdapterError, DefinitionError
from adapter.service import errors
from adapter.service.errors import ANSWERS, answer_to
from adapter.service.http import error_answer

ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "login", "forbidden", "not-found", "not-supported", "too-long",
    "too-costly", "exception", "transient", "timeout", "conflict", "throttled",
}  # fmt: skip
"""FHIR R4's issue-type, as far as it is used."""


def test_every_error_has_its_answer() -> None:
    """Each class of error, but for the bare family, has a status and an issue-type of FHIR's."""
    kinds = [kind for module in (family, errors) for kind in vars(module).values() if isinstance(kind, type)]
    errors_ = {kind for kind in kinds if issubclass(kind, AdapterError)} - {AdapterError}
    assert len(errors_) >= 15
    for kind in errors_:
        assert any(base in ANSWERS for base in kind.__mro__), kind
    assert {code for _, code in ANSWERS.values()} <= ISSUE_TYPES


def test_an_error_that_is_not_in_the_table() -> None:
    """A kind of error that nobody entered is a mistake of ours, and its text stays with us."""

    class UnheardOfError(AdapterError):
        """New."""

    assert answer_to(UnheardOfError("x")) == (500, "exception")
    assert b"secret" not in error_answer(DefinitionError("secret")).body
