"""Reading with the shipped terminology."""

import json
from collections.abc import Callable

import pytest

from adapter.criteria.terminology import Terminology
from adapter.record import PatientRecord, read_record
from mappings.terminology import load_terminology
from tests.build import P1, Json

Read = Callable[..., PatientRecord]


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """The shipped terminology."""
    return load_terminology()


@pytest.fixture(scope="session")
def read(terminology: Terminology) -> Read:
    """Read a Bundle, a list, or bytes as they are."""

    def reading(content: Json | list[Json] | bytes, subject: str | None = None) -> PatientRecord:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return read_record(data, terminology, subject=subject)

    return reading


@pytest.fixture(scope="session")
def read_with(read: Read) -> Read:
    """Read resources beside Patient/p1."""
    return lambda *resources: read([P1, *resources])
