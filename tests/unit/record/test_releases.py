"""Data of another FHIR release are named as such, and what they may lack is not taken for absent."""

import pytest

from adapter.record.decoded import _READ
from adapter.record.listed import Readable
from adapter.record.patient_record import ANY_TYPE
from adapter.record.r4_types import RESOURCE_TYPES
from adapter.record.releases import _ELEMENTS, _TYPES
from tests.build import LOINC, Json, allergy, concept, condition, drug, observation, procedure, quantity
from tests.unit.record.conftest import Read

HAEMOGLOBIN = observation(code=concept(LOINC, "718-7"), valueQuantity=quantity(80, "g/L"))

OTHERS: list[tuple[Json, str, str, str]] = [
    (HAEMOGLOBIN | {"context": {"reference": "Encounter/e"}}, "context", "STU3", "Observation"),
    (HAEMOGLOBIN | {"comments": "x"}, "comments", "DSTU2", "Observation"),
    (condition(clinicalStatus="active"), "clinicalStatus", "DSTU2 or STU3", "Condition"),
    (drug("MedicationRequest", medication={"concept": {}}), "medication", "R5", "MedicationRequest"),
    (drug("MedicationStatement", taken="y"), "taken", "STU3", "MedicationStatement"),
    (procedure(occurrenceDateTime="2026-01-01"), "occurrenceDateTime", "R5", "Procedure"),
    (allergy(type=concept(None, "allergy")), "type", "R5", "AllergyIntolerance"),
    ({"resourceType": "Encounter", "id": "e", "class": []}, "class", "R5", "Encounter"),
    ({"resourceType": "Encounter", "id": "e", "class": "inpatient"}, "class", "DSTU2", "Encounter"),
    ({"resourceType": "MedicationOrder", "id": "m"}, "resourceType", "DSTU2", ANY_TYPE),
    ({"resourceType": "DeviceUsage", "id": "d"}, "resourceType", "R5", ANY_TYPE),
]


IDS = [f"{one['resourceType']}.{path}" for one, path, *_ in OTHERS]


@pytest.mark.parametrize(("resource", "path", "release", "missing"), OTHERS, ids=IDS)
def test_another_release_is_named(read_with: Read, resource: Json, path: str, release: str, missing: str) -> None:
    """The issue says which release has it so and what to do; no list of that type counts as whole."""
    record = read_with(resource)
    said = [each for each in record.issues if f"FHIR {release}" in each.message]
    assert [each.path for each in said] in ([path], [f"{resource['resourceType']}.{path}"])
    assert "converted to R4" in said[0].message
    assert missing in record.unread


def test_one_of_a_type_is_looked_at(read_with: Read) -> None:
    """A thousand results of one source are one issue."""
    many = [HAEMOGLOBIN | {"id": f"o{number}", "context": {"reference": "Encounter/e"}} for number in range(1000)]
    assert len(read_with(*many).issues) == 1


def test_what_no_release_has_may_be_anything(read_with: Read) -> None:
    """A misspelt type holds nobody knows what, so nothing is absent for sure."""
    assert read_with({"resourceType": "medicationrequest", "id": "m"}).unread == {ANY_TYPE}


def test_no_sign_is_one_of_r4() -> None:
    """No type or element of the table is one that is read as R4's."""
    fields = {each.__name__: set(each.__struct_encode_fields__) for each in Readable.__args__}
    assert _ELEMENTS.keys() - {"ResearchSubject"} <= _READ
    assert not RESOURCE_TYPES & _TYPES.keys()
    assert not [
        (type_, name)
        for type_, signs in _ELEMENTS.items()
        for name, forms in signs.items()
        if "" in forms and name in fields.get(type_, ())
    ]
