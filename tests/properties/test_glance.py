"""What a first look at a Bundle finds is what it holds once it is opened: whose it is, and what is diagnosed."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from adapter.record.contents import contents_of
from adapter.record.glance import codes_of_conditions, glance
from adapter.record.subject import subject_of
from demo.cohort import cohort
from tests.build import condition, observation, patient
from tests.properties.patients import patients
from tests.properties.strange import ODD, as_bytes, broken_bundles, broken_patients

COHORT = [content for _, _, content in cohort(20, seed=6)]


def bundle(content: list[Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    """Resources as a Bundle."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in content], **more}


def same(data: bytes) -> bool:
    """Whether there is a first look; it then finds the Patient, and no code of a Condition is missing from it."""
    looked = glance(data)
    if looked is None:
        return False
    contents = contents_of(data)
    assert looked.contents == contents
    lists = [each for each in contents.resources if each.type in {"Patient", "Condition"}]
    opened = looked.lists
    held = tuple([each for each in opened.resources if each.type in {"Patient", "Condition"}])
    assert structs.replace(opened, resources=held) == structs.replace(contents, resources=tuple(lists))
    (sent,) = (each for each in contents.resources if each.type == "Patient")
    assert looked.sent == structs.replace(sent, place="", raw=b"")
    found, subject = looked.subject, subject_of(contents)
    assert (found.reference, found.numbers, found.is_whole) == (subject.reference, subject.numbers, subject.is_whole)
    codes = Counter(each for each in codes_of_conditions(contents.resources) if each is not None)
    assert codes <= Counter(looked.diagnoses)
    return True


@given(patients)
def test_patients(content: list[Any]) -> None:
    """Of any patient."""
    same(as_bytes(bundle(content)))


@given(broken_patients)
def test_broken_patients(content: list[Any]) -> None:
    """Of one with something wrong."""
    same(as_bytes(bundle(content)))


@given(broken_bundles)
def test_broken_bundles(content: Any) -> None:  # noqa: ANN401  # any JSON
    """The same where something is wrong with the Bundle."""
    same(as_bytes(content))


@given(st.sampled_from(["id", "meta", "code", "subject", "contained", "resourceType", "link"]), st.sampled_from(ODD))
def test_odd_elements(name: str, odd: Any) -> None:  # noqa: ANN401  # any JSON
    """Of a Condition, an Observation, or a Patient with something odd in one element."""
    for place in range(3):
        content = [patient(), condition(), observation()]
        content[place] = content[place] | {name: odd}
        same(as_bytes(bundle(content)))


@pytest.mark.parametrize("number", range(len(COHORT)))
def test_an_ordinary_record_is_looked_at(number: int) -> None:
    """The cohort's are."""
    assert same(COHORT[number])


ANOTHER = patient() | {"id": "p2"}
NOT_PLAIN: dict[str, Any] = {
    "two patients": bundle([patient(), ANOTHER]),
    "a patient without an id": bundle([{**patient(), "id": None}]),
    "nobody": bundle([condition()]),
    "a Bundle in the Bundle": bundle([patient(), bundle([condition()])]),
    "an error of the sender's": bundle([patient(), {"resourceType": "OperationOutcome"}]),
    "a deletion": bundle([], entry=[{"resource": patient()}, {"request": {"method": "DELETE", "url": "Condition/c1"}}]),
    "an answer that failed": bundle([], entry=[{"resource": patient(), "response": {"status": "500"}}]),
    "a type that doesn't exist": bundle([patient(), {"resourceType": "Nonsense"}]),
    "a Bundle whose id is none": bundle([patient()], id=5),
    "an object without a type": {"type": "collection", "entry": [{"resource": patient()}, {"resource": condition()}]},
    "an entry found in no way that is known": bundle([], entry=[{"resource": patient(), "search": 7}]),
    "an entry asked for in no way that is known": bundle([], entry=[{"resource": patient(), "request": 7}]),
    "a resource": patient(),
    "a list": [patient()],
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_be_opened(name: str) -> None:
    """There is no first look at it."""
    assert glance(json.dumps(NOT_PLAIN[name]).encode()) is None
