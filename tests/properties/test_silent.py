"""What a diagnosis' words name and tell is found once for its concept: the same as read for each diagnosis."""

from itertools import product
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given

from adapter.record import PatientRecord, read_record
from tests.build import patient
from tests.properties.core import TERMINOLOGY, written
from tests.properties.patients import patients

STATUSES: list[dict[str, Any]] = [
    {},
    {"verificationStatus": {"coding": [{"code": "refuted"}]}},
    {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
    {"abatementDateTime": "2025-01-01"},
    {"note": [{"text": "relapse of the leukaemia, ECOG 2"}]},
]
CODINGS: list[list[dict[str, str]]] = [
    [],
    [{"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "C91.00"}],
    [{"system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm", "code": "I50.14"}],
    [{"system": "http://example.org/own", "code": "x", "display": "ALL"}],
]
TEXTS = [None, "", "ALL", "B-ALL", "hepatitis B beside T-ALL", "heart failure NYHA III, LVEF 35 %", "Zustand nach ALL"]


def read(content: list[Any]) -> tuple[PatientRecord, PatientRecord]:
    """As it is read, and with each diagnosis read for itself."""
    data = written(content)
    quick = read_record(data, TERMINOLOGY, subject="p1")
    with patch("adapter.record.reader.is_silent", return_value=False):
        return quick, read_record(data, TERMINOLOGY, subject="p1")


def same(content: list[Any]) -> None:
    """Both say the same of mentions and numbers."""
    quick, whole = read(content)
    assert quick.mentions == whole.mentions
    assert quick.observations.keys() == whole.observations.keys()
    assert quick.issues == whole.issues
    assert quick.unread == whole.unread


@given(patients)
def test_patients(content: list[Any]) -> None:
    """Of any patient."""
    same(content)


@pytest.mark.parametrize("codings", CODINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_words(codings: list[dict[str, str]], text: str | None) -> None:
    """Of words beside a code, without one, and beside what is over, refuted or noted; one after the other."""
    code = {"coding": codings} if text is None else {"coding": codings, "text": text}
    for one, other in product(STATUSES, STATUSES):
        diagnoses = [
            {
                "resourceType": "Condition",
                "id": f"c{place}",
                "subject": {"reference": "Patient/p1"},
                "code": code,
                **each,
            }
            for place, each in enumerate((one, other))
        ]
        same([patient(), *diagnoses])


def test_some_are_not_silent() -> None:
    """Words that name what the code doesn't are read."""
    code = {"coding": CODINGS[2], "text": TEXTS[4]}
    diagnosis = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}, "code": code}
    assert read([patient(), diagnosis])[0].mentions
