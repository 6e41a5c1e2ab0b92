"""A vaccine is known by its codes: who writes a concept need not say it, and Immunizations are never missed."""

import pytest

from adapter.criteria.value_set import Coding, ValueSet
from mappings.terminology.catalogue import read_catalogue
from mappings.terminology.yaml_file import read_yaml

ATC, CVX, SNOMED = "http://www.whocc.no/atc", "http://hl7.org/fhir/sid/cvx", "http://snomed.info/sct"
CONCEPT = "analytes: {}\nconditions: {}\nsubstances: {}\nexposures:\n  shot: {title: A shot}\n"


@pytest.mark.parametrize(
    ("codes", "is_vaccine"),
    [
        ([Coding(ATC, "J07BB")], True),
        ([Coding(CVX, "140"), Coding(SNOMED, "46233009")], True),
        ([Coding(ATC, "J06BA02")], False),
        ([Coding(ATC, "J07BB"), Coding(ATC, "J06BA02")], False),
        ([Coding(SNOMED, "46233009")], False),
    ],
)
def test_by_its_codes(codes: list[Coding], is_vaccine: bool) -> None:  # noqa: FBT001  # a column of the table
    """Every code of ATC and CVX that it has is a vaccine's, and it has one."""
    sets = {"shot": ValueSet(id="shot", codes=tuple(codes))}
    assert read_catalogue(read_yaml("concepts.yaml", CONCEPT), sets).exposures["shot"].vaccine is is_vaccine
