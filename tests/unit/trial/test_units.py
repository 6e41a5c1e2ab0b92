"""Which units a definition may compare an analyte in."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest

from adapter.criteria.quantity import Comparator, QuantityThreshold
from adapter.criteria.terminology import Terminology
from mappings.trial.form import CONCENTRATION, Vocabulary, check_comparison

PREFIXES = ("", "m", "u", "n", "p")
CONCENTRATIONS = [f"{part}{of}/{volume}L" for part, of, volume in product(PREFIXES, ("g", "mol"), ("", "d", "m", "u"))]


@pytest.mark.parametrize("unit", CONCENTRATIONS)
def test_everyday_concentrations_need_no_parser(terminology: Terminology, unit: str) -> None:
    """What is let through as a concentration without the UCUM parser is one by the parser too."""
    found = CONCENTRATION.fullmatch(unit)
    assert found is not None
    assert terminology.unit_factor(unit, f"{found[1]}/L") is not None


@pytest.mark.parametrize(
    ("analyte", "unit"),
    [
        ("creatinine", "umol/L"),
        ("creatinine", "mg/dL"),
        ("bilirubin-total", "mg.L-1"),
        ("haemoglobin", "mmol/L"),
        ("alt", "ukat/L"),
        ("hbv-dna", "k[IU]/mL"),
        ("ecog", "1"),
        ("qtc", "s"),
    ],
)
def test_units_that_convert(terminology: Terminology, analyte: str, unit: str) -> None:
    """A unit of the analyte's dimension may be written; mass for amount of substance where a molar mass is known."""
    given = terminology.catalogue.analytes[analyte]
    test = QuantityThreshold(Comparator.AT_MOST, Decimal(1), unit)
    check_comparison(given, test, Vocabulary.of(terminology))


def test_mass_is_no_substance_without_a_molar_mass(terminology: Terminology) -> None:
    """g/L for an analyte in mol/L is refused where no molar mass is known."""
    unknown_mass = replace(terminology.catalogue.analytes["creatinine"], molar_mass=None)
    test = QuantityThreshold(Comparator.AT_MOST, Decimal(1), "mg/dL")
    with pytest.raises(ValueError, match="does not convert to umol/L"):
        check_comparison(unknown_mass, test, Vocabulary.of(terminology))


def test_own_unit_asks_nobody(terminology: Terminology) -> None:
    """The analyte's own unit is right as it stands: nothing is parsed for it."""

    def never(one: str, other: str) -> Fraction | None:
        msg = f"asked for {one} and {other}"
        raise AssertionError(msg)

    known = Vocabulary(terminology.catalogue, never)
    for analyte in terminology.catalogue.analytes.values():
        if analyte.unit is not None and analyte.scale != "finding":
            check_comparison(analyte, QuantityThreshold(Comparator.LESS, Decimal(1), analyte.unit), known)
