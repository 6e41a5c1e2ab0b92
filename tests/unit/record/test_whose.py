"""Resources that name the patient by a number (Reference.identifier)."""

import json
from typing import Any

import pytest

from adapter.criteria.terminology import Terminology
from adapter.record import read_record

SYSTEM = "https://hospital.example/mrn"


@pytest.mark.parametrize(
    ("numbers", "said", "read", "unread"),
    [
        ([{"system": SYSTEM, "value": "7"}], {"system": SYSTEM, "value": "7"}, True, False),
        ([{"system": SYSTEM, "value": "7"}], {"system": SYSTEM, "value": "8"}, False, False),
        ([], {"system": SYSTEM, "value": "7"}, False, True),  # whose it is, nobody can tell
        ([{"system": "https://other.example", "value": "7"}], {"system": SYSTEM, "value": "7"}, False, True),
    ],
)
def test_a_number_names_the_patient_or_another(
    terminology: Terminology, numbers: list[Any], said: dict[str, str], *, read: bool, unread: bool
) -> None:
    """One of a system of which the patient has none may be theirs: nothing of that list is denied."""
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"identifier": said},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I48.91"}]},
    }
    patient = {"resourceType": "Patient", "id": "p", "identifier": numbers}
    entries = [{"resource": patient}, {"resource": condition}]
    record = read_record(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode(), terminology
    )
    assert bool(record.conditions.get("atrial-fibrillation")) is read
    assert ("Condition" in record.unread) is unread
