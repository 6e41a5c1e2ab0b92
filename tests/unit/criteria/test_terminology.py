"""Which value sets a code belongs to, and how units convert, on a small terminology of its own."""

import tracemalloc
from decimal import Decimal
from fractions import Fraction

import pytest

from adapter.criteria.catalogue import Analyte, Catalogue, Scale
from adapter.criteria.quantity import Linear
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding, ValueSet

CM = "http://hl7.org/fhir/sid/icd-10-cm"
WHO = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"
LOCAL = "urn:oid:2.999.1"

CREATININE = Analyte(
    id="creatinine",
    title="Creatinine",
    scale=Scale.QUANTITY,
    unit="umol/L",
    molar_mass=Decimal("113.12"),
    freshness="l",
)
ALT = Analyte(id="alt", title="ALT", scale=Scale.QUANTITY, unit="U/L", enzyme=True, freshness="l")
HBV = Analyte(id="hbv-dna", title="HBV DNA", scale=Scale.QUANTITY, unit="[IU]/mL", freshness="l")

FACTORS = {
    ("g/L", "g/L"): Fraction(1),
    ("mg/dL", "g/L"): Fraction(1, 100),
    ("mol/L", "umol/L"): Fraction(1_000_000),
    ("mmol/L", "umol/L"): Fraction(1000),
    ("ukat/L", "U/L"): Fraction(60),
    ("[IU]/L", "[IU]/mL"): Fraction(1, 1000),
}


@pytest.fixture
def terminology() -> Terminology:
    """A few codes of each kind: listed ones, prefixes, and an exception to a prefix."""
    return Terminology(
        hash="h",
        catalogue=Catalogue(analytes={}, conditions={}, exposures={}, substances={}),
        value_sets={
            "mi": ValueSet(id="mi", prefixes=(Coding(CM, "I21"), Coding(WHO, "I21"))),
            "old": ValueSet(id="old", codes=(Coding(CM, "I25.2"),)),
            "infection": ValueSet(
                id="infection",
                codes=(Coding(SNOMED, "40733004"),),
                prefixes=(Coding(CM, "B"),),
                excluded_prefixes=(Coding(CM, "B20"),),
            ),
            "ecog": ValueSet(id="ecog", ordinals={("http://loinc.org", "LA9623-5"): Decimal(1)}),
        },
        systems={CM: CM, WHO: WHO, SNOMED: SNOMED, "urn:oid:2.16.840.1.113883.6.96": SNOMED, "http://loinc.org": "http://loinc.org"},
        unit_synonyms={"iu/l": "[IU]/L", "enzyme:iu/l": "U/L", "mg%": "mg/dL"},
        unit_factor=lambda unit, target: FACTORS.get((unit, target)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (CM, "I21", frozenset({"mi"})),
        (CM, "I21.4", frozenset({"mi"})),
        (CM, "I214", frozenset({"mi"})),
        (CM, "i21.4", frozenset({"mi"})),
        (CM, "I2", frozenset()),
        (CM, "I25.2", frozenset({"old"})),
        (CM, "I252", frozenset({"old"})),
        (CM, "I25.25", frozenset()),
        (CM, "B19.9", frozenset({"infection"})),
        (CM, "B20", frozenset()),
        (CM, "B20.1", frozenset()),
        (WHO, "B19.9", frozenset()),
        (WHO, "I21.4", frozenset({"mi"})),
        (SNOMED, "40733004", frozenset({"infection"})),
        (SNOMED, "407330041", frozenset()),
        ("urn:oid:2.16.840.1.113883.6.96", "40733004", frozenset({"infection"})),
        (LOCAL, "40733004", None),
        (None, "40733004", None),
        (SNOMED, None, None),
        (SNOMED, "", None),
        ("", "40733004", None),
    ],
)
def test_a_code_belongs_to_value_sets(
    terminology: Terminology, system: str | None, code: str | None, expected: frozenset[str] | None
) -> None:
    """Prefixes match at any depth but for their exceptions, other codes only as a whole, in their own system.

    An unknown system is no answer at all, which is different from a known code that is of no interest.
    """
    assert terminology.value_sets_of(system, code) == expected
    assert terminology.value_sets_of(system, code) == expected, "what has been looked up once stays the same"


def test_local_codes_go_through_the_sites_map(terminology: Terminology) -> None:
    """A mapped code stands for all of its targets; the terminology's hash then names the map too."""
    mapped = terminology.with_local_maps({(LOCAL, "MI"): (Coding(CM, "I21.9"), Coding(CM, "I25.2"))})
    assert mapped.value_sets_of(LOCAL, "MI") == frozenset({"mi", "old"})
    assert mapped.value_sets_of(LOCAL, "other") is None
    assert mapped.hash != terminology.hash
    assert terminology.with_local_maps({(LOCAL, "MI"): (Coding(CM, "I21.9"),)}).hash != mapped.hash
    assert terminology.value_sets_of(LOCAL, "MI") is None
    assert terminology.with_local_maps({}) is terminology


def test_a_map_goes_before_the_code_itself(terminology: Terminology) -> None:
    """A site may say that a code of a known system means something else, or nothing."""
    mapped = terminology.with_local_maps({(CM, "I21.9"): (), (CM, "I25.2"): (Coding(CM, "I21"),)})
    assert mapped.value_sets_of(CM, "I21.9") == frozenset()
    assert mapped.value_sets_of(CM, "I25.2") == frozenset({"mi"})


def test_a_code_of_our_concepts_is_the_concept(terminology: Terminology) -> None:
    """And in nothing wider; an id that no concept has is unmapped. A site's map may name it as its target."""
    assert terminology.value_sets_of(CONCEPTS, "mi") == frozenset({"mi"})
    assert terminology.value_sets_of(CONCEPTS, "mj") is None
    site = terminology.with_local_maps({(LOCAL, "HI"): (Coding(CONCEPTS, "mi"),)})
    assert site.value_sets_of(LOCAL, "HI") == frozenset({"mi"})


def test_answer_codes_carry_numbers(terminology: Terminology) -> None:
    """A score's answer code stands for its number; any other code for none."""
    assert terminology.ordinal("http://loinc.org", "LA9623-5") == 1
    assert terminology.ordinal("http://loinc.org", "LA9622-7") is None
    assert terminology.ordinal(None, "LA9623-5") is None


@pytest.mark.parametrize(
    ("analyte", "unit", "text", "expected"),
    [
        (CREATININE, "umol/L", None, Fraction(1)),
        (CREATININE, "mmol/L", None, Fraction(1000)),
        (CREATININE, "mg/dL", None, Fraction(1_000_000) / 100 / Fraction("113.12")),
        (CREATININE, None, "mg%", Fraction(1_000_000) / 100 / Fraction("113.12")),
        (CREATININE, None, " MG% ", Fraction(1_000_000) / 100 / Fraction("113.12")),
        (CREATININE, None, "mmol/L", Fraction(1000)),
        (CREATININE, "U/L", None, None),
        (CREATININE, "furlong", "mmol/L", None),
        (ALT, "ukat/L", None, Fraction(60)),
        (ALT, None, "IU/L", Fraction(1)),
        (HBV, None, "IU/L", Fraction(1, 1000)),
        (HBV, "mg/dL", None, None),
    ],
)
def test_units_convert_to_the_analytes_own(
    terminology: Terminology, analyte: Analyte, unit: str | None, text: str | None, expected: Fraction | None
) -> None:
    """UCUM codes convert exactly, mass and amount by the molar mass, written units by the synonyms; else there is none.

    A UCUM code that is there decides, not the text beside it; an enzyme's IU is its U.
    """
    conversion = None if expected is None else Linear(expected)
    assert terminology.conversion(analyte, unit, text) == conversion
    assert terminology.conversion(analyte, unit, text) == conversion, "what has been converted once stays the same"


def test_data_needs_name_codes_and_prefixes(terminology: Terminology) -> None:
    """A request for data of a concept names all of its codes and prefixes; of an unknown one, none."""
    assert terminology.codes("infection") == (Coding(SNOMED, "40733004"), Coding(CM, "B"))
    assert terminology.codes("unheard-of") == ()
    assert terminology.canonical_system("urn:oid:2.16.840.1.113883.6.96") == SNOMED
    assert terminology.canonical_system(LOCAL) is None


def test_a_code_of_a_megabyte_costs_no_more_than_reading_it(terminology: Terminology) -> None:
    """It is told by its head, as any code of a classification, and nothing of it stays."""
    tracemalloc.start()
    try:
        for number in range(3):
            long = f"I21{number}" + "9" * 1_000_000
            assert terminology.value_sets_of(CM, long) == frozenset({"mi"})
            assert not terminology.value_sets_of(SNOMED, long)
            del long
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 1_000_000
    assert peak < 10_000_000


def test_no_more_codes_are_remembered_than_some(terminology: Terminology) -> None:
    """Whoever sends new codes for ever doesn't fill the memory; each is still told."""
    tracemalloc.start()
    try:
        for number in range(60_000):
            assert terminology.value_sets_of(CM, f"I21{number}") == frozenset({"mi"})
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 10_000_000
