"""The service keeps what its OpenAPI document promises (schemathesis makes the requests)."""

from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapter.screening.setup import Setup
from tests.unit.service.calls import app_with

schemathesis.serializer.alias(["application/hl7-v2"], "text/plain")

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def operations(setup: Setup) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    """Each route and method of the document."""
    document = schemathesis.openapi.from_asgi("/openapi.json", app_with(setup, max_failures=1_000_000))
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def test_every_route(strict: Setup) -> None:
    """Status, media type and shape of every answer are those that the document names."""
    asked = 0
    for operation in operations(strict):

        @given(case=operation.as_strategy())
        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        def keeps_its_promise(case: Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=CHECKS)

        keeps_its_promise()
    assert asked > 300
