"""Data needs as DataRequirement."""

from adapter.criteria.value_set import Coding
from adapter.evaluator.verdict import Codes, DataNeed
from adapter.fhir.guidance_response import data_requirement

LOINC = Coding("http://loinc.org", "89243-0")


def need(type_: str, concept: str, *codes: Coding, within: str | None = None) -> DataNeed:
    """A need of one criterion."""
    return DataNeed(type_, concept, Codes(codes), within, ("I5",))


def test_an_observation_with_a_window() -> None:
    """A concept is its value set and its codes, a window a duration back from now."""
    assert data_requirement(need("Observation", "karnofsky", LOINC, within="P30D")) == {
        "type": "Observation",
        "codeFilter": [
            {
                "path": "code",
                "valueSet": "http://example.org/fhir-trial-adapter/ValueSet/karnofsky",
                "code": [{"system": "http://loinc.org", "code": "89243-0"}],
            }
        ],
        "dateFilter": [
            {
                "path": "effective",
                "valueDuration": {"value": 30, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
            }
        ],
    }


def test_windows_in_every_unit() -> None:
    """Days, weeks, months and years in their UCUM codes."""
    made = [data_requirement(need("Condition", "hiv", within=within)) for within in ("P1D", "P2W", "P12M", "P1Y")]
    units = [
        (each["dateFilter"][0]["valueDuration"]["value"], each["dateFilter"][0]["valueDuration"]["code"])
        for each in made
    ]
    assert units == [(1, "d"), (2, "wk"), (12, "mo"), (1, "a")]


def test_an_attestation_is_its_code() -> None:
    """An attestation's code stands in no value set."""
    code = Coding("http://example.org/fhir-trial-adapter/CodeSystem/attestation", "4scar7u.I2.2")
    (found,) = data_requirement(need("Observation", "attestation:4scar7u.I2.2", code))["codeFilter"]
    assert found == {"path": "code", "code": [{"system": code.system, "code": code.code}]}


def test_a_patients_element() -> None:
    """Of the Patient an element is needed, not a code."""
    assert data_requirement(need("Patient", "birthDate")) == {"type": "Patient", "mustSupport": ["birthDate"]}


def test_a_drug_is_found_by_its_medication() -> None:
    """A drug's code stands in another element than others'."""
    (found,) = data_requirement(need("MedicationAdministration", "fludarabine", LOINC))["codeFilter"]
    assert found["path"] == "medication"


def test_other_codes_are_not_mixed_up() -> None:
    """Equal needs share what was made, until the codes are others."""
    first = data_requirement(need("Observation", "ecog", LOINC))
    assert data_requirement(need("Observation", "ecog", LOINC)) is first
    changed = data_requirement(need("Observation", "ecog", Coding("http://loinc.org", "89247-1")))
    assert changed["codeFilter"][0]["code"] == [{"system": "http://loinc.org", "code": "89247-1"}]


def test_many_codes_are_left_to_their_value_set() -> None:
    """What is told again at every criterion lists a few codes only; the answer's own list has all of them."""
    many = need("Condition", "infection", *(Coding("http://snomed.info/sct", str(code)) for code in range(6)))
    (short,) = data_requirement(many, every_code=False)["codeFilter"]
    assert short == {"path": "code", "valueSet": "http://example.org/fhir-trial-adapter/ValueSet/infection"}
    assert len(data_requirement(many)["codeFilter"][0]["code"]) == 6
