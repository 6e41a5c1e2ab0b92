"""The one table of errors."""

import pytest

from adapter import errors as family
from adapter.errors import AdapterError, DefinitionError, OverloadedError
from adapter.service import errors
from adapter.service.errors import ANSWERS, NotAllowedError, TooManyError, answer_to
from adapter.service.http import RETRY_AFTER, error_answer

ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "login", "forbidden", "not-found", "not-supported", "too-long",
    "too-costly", "exception", "transient", "timeout", "conflict", "throttled",
    "processing",
}  # fmt: skip
"""FHIR R4's issue-type, as far as it is used."""


def test_every_error_has_its_answer() -> None:
    """Each class of error, but for the bare family, has a status and an issue-type of FHIR's."""
    assert len(kinds_of_error()) >= 15
    for kind in kinds_of_error():
        assert any(base in ANSWERS for base in kind.__mro__), kind
    assert {code for _, code in ANSWERS.values()} <= ISSUE_TYPES


def kinds_of_error() -> set[type[AdapterError]]:
    """Every kind that there is, but for the bare family."""
    kinds = [kind for module in (family, errors) for kind in vars(module).values() if isinstance(kind, type)]
    return {kind for kind in kinds if issubclass(kind, AdapterError)} - {AdapterError}


def test_what_may_be_repeated_says_when() -> None:
    """Of 5xx only 503 is ever answered, with Retry-After; 500 is left for what is wrong with the server itself."""
    for kind in kinds_of_error():
        answer = error_answer(NotAllowedError("x", "GET") if kind is NotAllowedError else kind("x"))
        assert answer.status_code < 500 or answer.status_code == 503 or kind is DefinitionError, kind
        assert ("retry-after" in answer.headers) == (answer.status_code in {429, 503}), kind


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (OverloadedError("x", 59.2), "60"),
        (OverloadedError("x"), RETRY_AFTER),
        (TooManyError("x", 0.3), "1"),
    ],
)
def test_who_knows_when_says_it(error: AdapterError, after: str) -> None:
    """In whole seconds, and never too early."""
    assert error_answer(error).headers["retry-after"] == after


def test_an_error_that_is_not_in_the_table() -> None:
    """A kind of error that nobody entered is a mistake of ours, and its text stays with us."""

    class UnheardOfError(AdapterError):
        """New."""

    assert answer_to(UnheardOfError("x")) == (500, "exception")
    assert b"secret" not in error_answer(DefinitionError("secret")).body
