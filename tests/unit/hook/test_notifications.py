"""What a message to the webhook says."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.errors import InputError, UsageError
from adapter.record.references import key_of
from adapter.screening.react.changes import ResourceChange, change_of
from adapter.screening.setup import Setup
from adapter.service.hook_routes import changed, deleted, posted
from tests.unit.react.hospital import creatinine

CASES = yaml.safe_load((Path(__file__).parent / "notifications.yaml").read_text(encoding="utf-8"))
TYPES = frozenset({"Observation", "Patient"})


def shown(change: ResourceChange) -> str:
    """A resource change in short."""
    mark = "~" if change.deleted else "?" if change.touches is None else ""
    return mark + change.resource


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_a_message(case: dict[str, Any], strict: Setup) -> None:
    """Which resources it names, and whether there is more to find."""
    body = b"" if case["body"] is None else json.dumps(case["body"]).encode()
    if "refused" in case:
        with pytest.raises(InputError, match=case["refused"]):
            posted(body, strict.terminology)
        return
    notification = posted(body, strict.terminology)
    assert [shown(change) for change in notification.changes] == case.get("changes", [])
    assert notification.sweep == case.get("sweep", False)


def test_a_resource_in_full(strict: Setup) -> None:
    """Whose it is, what it touches, and which version it is of."""
    body = json.dumps({**creatinine("o", 90, "p7"), "meta": {"versionId": "3"}}).encode()
    (change,) = changed("Observation", "o", body, strict.terminology, TYPES).changes
    assert (change.patient, change.version) == ("Patient/p7", "3")
    assert change.touches == frozenset({"creatinine"})


def test_a_resource_without_content(strict: Setup) -> None:
    """It is looked up."""
    (change,) = changed("Observation", "o", b"", strict.terminology, TYPES).changes
    assert shown(change) == "?Observation/o"


def test_a_resource_at_another_address(strict: Setup) -> None:
    """One of the two is wrong, and nobody knows which."""
    body = json.dumps(creatinine("o", 90)).encode()
    with pytest.raises(UsageError, match="another resource"):
        changed("Observation", "x", body, strict.terminology, TYPES)


@pytest.mark.parametrize(("type_", "id_"), [("observation", "x"), ("Observation", "a b"), ("Observation", "x" * 65)])
def test_an_address_that_is_none(type_: str, id_: str) -> None:
    """Nothing that can't be an id gets any further."""
    with pytest.raises(UsageError, match="not /hook/Type/id"):
        deleted(type_, id_)


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ({"reference": "Patient/p"}, "Patient/p"),
        ({"reference": "Patient/p/_history/2"}, "Patient/p"),
        ({"reference": "https://elsewhere.example/fhir/Patient/p"}, "Patient/p"),
        ({"reference": "Group/g"}, None),
        ({"identifier": {"system": "s", "value": "v"}}, None),
        ({"reference": "urn:uuid:0dc56a0c-6cfa-4a4c-8e9b-8a3a5b3f1c11"}, None),
        (None, None),
    ],
)
def test_whose_it_is(strict: Setup, reference: dict[str, Any] | None, patient: str | None) -> None:
    """By reference of any form; otherwise it is looked up, unless it is nobody's."""
    body = json.dumps({**creatinine("o", 90), "subject": reference}).encode()
    change = change_of(body, strict.terminology)
    assert change.patient == patient
    is_known = patient is not None or reference == {"reference": "Group/g"}
    assert (change.touches is not None) == is_known
    assert change.identifier == ("s|v" if reference and "identifier" in reference else None)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Patient/p", "Patient/p"),
        ("http://h/fhir/Patient/p/_history/3", "Patient/p"),
        ("Patient?identifier=x", None),
        ("#contained", None),
        ("urn:uuid:0dc56a0c-6cfa-4a4c-8e9b-8a3a5b3f1c11", None),
        ("Patient/p\u0000", None),
        ("", None),
    ],
)
def test_what_a_reference_names(text: str, key: str | None) -> None:
    """Type/id, or nothing."""
    assert key_of(text) == key


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"resourceType": "Patient"}', b"\xff", b"7"])
def test_what_is_no_resource(strict: Setup, body: bytes) -> None:
    """It is refused, and its text says nothing of it."""
    with pytest.raises(InputError, match=r"resource|id"):
        change_of(body, strict.terminology)
