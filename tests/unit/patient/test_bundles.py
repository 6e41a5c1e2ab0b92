"""Bundles of converted resources: what they are called, how they are loaded, where they came from."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.setup import Setup
from mappings.patient import PatientKey, PatientPart, bundle_of, encode, made, provenance
from tests.unit.patient.converting import ANNA, ORIGIN, converted, haemoglobin


def bundle(*, leads: bool = False) -> Json:
    """Anna's Bundle."""
    return bundle_of([PatientPart(key=ANNA, elements={"gender": "female"}, leads=leads)], [haemoglobin()])


def test_the_same_source_gives_the_same_bytes() -> None:
    """Ids, identifiers and fullUrls are made of what names a resource in its source."""
    assert encode(bundle()) == encode(bundle())
    assert haemoglobin("10.5")["id"] == haemoglobin("11.0")["id"]
    assert haemoglobin()["id"] != haemoglobin(code="718-8")["id"]


def test_a_patient_is_created_only_where_there_is_none() -> None:
    """The search escapes what would end a token; a source that leads updates the Patient."""
    patient, result = bundle()["entry"]
    query = "identifier=http%3A%2F%2Fhospital.example.org%2Fpatients%7CA%5C%7C1%5C%2C%20n%C3%A9e"
    assert patient["request"] == {"method": "POST", "url": "Patient", "ifNoneExist": query}
    assert bundle(leads=True)["entry"][0]["request"] == {"method": "PUT", "url": f"Patient?{query}"}
    assert result["request"] == {"method": "PUT", "url": f"Observation/{result['resource']['id']}"}
    assert result["resource"]["subject"]["reference"] == patient["fullUrl"]


def test_a_bundle_is_read_as_it_is(strict: Setup) -> None:
    """What was converted can be evaluated from the file, before any server has it."""
    record = read_record(encode(bundle()), strict.terminology)
    (fact,) = record.observations["haemoglobin"]
    assert record.subject == f"Patient/{ANNA.id}"
    assert (record.issues, record.unmapped) == ((), ())
    assert fact.amount is not None
    assert (fact.amount.low, fact.amount.unit) == (Decimal("10.50"), "g/dL")


def test_digits_stay_as_they_were() -> None:
    """10.50 is not 10.5."""
    assert b'"value":10.50,' in encode(bundle())


def test_the_patients_own_identifier_comes_first_and_once() -> None:
    """Others that the source knows follow."""
    other = {"system": "urn:oid:1.2.3", "value": "9"}
    part = PatientPart(key=ANNA, elements={"identifier": [other, {**ANNA.identifier, "use": "usual"}]})
    resource = bundle_of([part], [])["entry"][0]["resource"]
    assert resource["identifier"] == [{**ANNA.identifier, "use": "usual"}, other]


def test_provenance_names_row_and_targets() -> None:
    """Its time is the source's, so that a second conversion says the same; another patient of the place has another."""
    said = provenance(converted(), [{"reference": "Observation/a1"}])
    assert said == provenance(converted(), [{"reference": "Observation/a1"}])
    bert = PatientKey(ANNA.system, "B")
    assert said["id"] != provenance(converted(key=bert), [{"reference": "Observation/a1"}])["id"]
    assert said["recorded"] == ORIGIN.recorded
    assert said["target"] == [{"reference": "Observation/a1"}]
    assert said["entity"][0]["what"]["identifier"]["value"] == "sheet.csv#row 2"


def test_elements_without_a_value_are_left_out() -> None:
    """FHIR has no empty elements; false and 0 are values."""
    resource = made("Observation", ("1",), {"a": None, "b": [], "c": {}, "d": False, "e": 0})
    assert resource.keys() == {"resourceType", "id", "meta", "identifier", "d", "e"}


@given(st.text(), st.text())
@pytest.mark.parametrize("leads", [True, False])
def test_any_identifier_makes_a_valid_id_and_search(leads: bool, system: str, value: str) -> None:  # noqa: FBT001  # pytest passes it by name
    """Whatever a sheet holds as a patient's number."""
    key = PatientKey(system.encode(errors="replace").decode(), value.encode(errors="replace").decode())
    made_of_it = msgspec.json.decode(encode(bundle_of([PatientPart(key=key, leads=leads)], [])))
    request = made_of_it["entry"][0]["request"]
    assert (request.get("ifNoneExist") or request["url"]).isascii()
    assert len(key.id) == 41
