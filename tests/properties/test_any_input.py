"""Whatever comes in, reading gives a record or an InputError, and evaluating a record never fails."""

import contextlib
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.policy import Policy
from adapter.errors import InputError
from adapter.evaluator import evaluate_all, to_json
from adapter.record import PatientRecord, read_record
from tests.properties.core import BOUND, PROBLEM_LIST, STRICT, TERMINOLOGY, ZONES, in_zone
from tests.properties.strange import any_json, as_bytes, broken_bundles, broken_patients, scratched_bytes
from tests.properties.times import BASE

POLICIES = [in_zone(policy, zone) for policy in (STRICT, PROBLEM_LIST) for zone in ZONES]
policies = st.sampled_from(POLICIES)


def survives(data: bytes, policy: Policy, as_of: datetime = BASE) -> PatientRecord | None:
    """Read, evaluate and write everything; None if the input was refused."""
    record = None
    with contextlib.suppress(InputError):
        record = read_record(data, TERMINOLOGY)
    with contextlib.suppress(InputError):
        record = read_record(data, TERMINOLOGY, subject="p1")
    if record is None:
        return None
    for verdict in evaluate_all(BOUND, record, as_of, policy):
        assert json.dumps(to_json(verdict)).encode()
        assert verdict.valid_until is None or verdict.valid_until > as_of
    return record


@given(any_json, policies)
def test_any_json(content: Any, policy: Policy) -> None:  # noqa: ANN401  # any JSON
    """JSON of any shape is refused, or read as a record."""
    survives(as_bytes(content), policy)


@given(st.lists(st.dictionaries(st.just("resourceType"), st.just("Patient")) | any_json, max_size=4), policies)
def test_any_json_beside_a_patient(content: list[Any], policy: Policy) -> None:
    """Next to a Patient JSON of any shape is an issue at most."""
    record = survives(as_bytes([{"resourceType": "Patient", "id": "p1"}, *content]), policy)
    assert record is not None


@given(st.binary(max_size=200), policies)
def test_any_bytes(data: bytes, policy: Policy) -> None:
    """Bytes of any kind are refused, or read as a record."""
    survives(data, policy)


@given(broken_patients, policies)
def test_broken_resources(content: list[Any], policy: Policy) -> None:
    """Resources with nodes dropped, doubled, renamed, exchanged or replaced are read as far as they go."""
    survives(as_bytes(content), policy)


@given(broken_bundles, policies)
def test_broken_bundles(content: list[Any], policy: Policy) -> None:
    """So are Bundles whose own elements are broken."""
    survives(as_bytes(content), policy)
    survives(as_bytes(content[0] if content else None), policy)


@given(scratched_bytes, policies)
def test_scratched_bytes(data: bytes, policy: Policy) -> None:
    """Overwritten, missing and cut off bytes are refused, or change what is read."""
    survives(data, policy)


PATIENT = '{"resourceType":"Patient","id":"p1"'
CONSENT = '{"resourceType":"Consent","id":"k","status":"active","patient":{"reference":"Patient/p1"}'

# What stands before, what is repeated on the way down, and what closes each step again.
DEEP = {
    "lists": ("", "[", ""),
    "closed lists": ("", "[", "]"),
    "objects": ("", '{"a":', ""),
    "an unread element": (f'[{PATIENT},"x":', "[", "]"),
    "a Patient's extensions": (f"[{PATIENT}", ',"extension":[{"url":"u"', "}]"),
    "a Consent's extensions": (f"[{PATIENT}}},{CONSENT}", ',"extension":[{"url":"u"', "}]"),
    "a Consent's provisions": (f'[{PATIENT}}},{CONSENT},"provision":{{"type":"deny"', ',"provision":[{"data":[]', "}]"),
    "Bundles": ("", '{"resourceType":"Bundle","entry":[{"resource":', "}]}"),
}
ENDS = {"an unread element": "}]", "a Consent's provisions": "}}]", "Bundles": ""}


@pytest.mark.parametrize("depth", [50, 300, 480, 500, 900, 1100, 100_000])
@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting(name: str, depth: int) -> None:
    """Input nested deeper than anything real is refused or read, and never ends the process."""
    before, down, up = DEEP[name]
    middle = PATIENT + "}" if name == "Bundles" else ""
    data = before + down * depth + middle + up * depth + ENDS.get(name, "}]" if before else "")
    record = survives(data.encode(), STRICT)
    assert record is None or depth < 1000
    assert record is not None or depth > 50 or not before
