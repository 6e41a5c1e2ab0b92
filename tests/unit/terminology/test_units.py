"""Units convert exactly, or not at all."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.catalogue import Analyte, Conversion, Scale
from adapter.criteria.quantity import SAME, Linear
from adapter.criteria.terminology import Terminology
from adapter.criteria.unit import canonical_conversion
from mappings.terminology.ucum import unit_factor

FACTORS = [
    ("g/dL", "g/L", Fraction(10)),
    ("mg/dL", "g/L", Fraction(1, 100)),
    ("mmol/L", "umol/L", Fraction(1000)),
    ("U/L", "ukat/L", Fraction(1, 60)),
    ("nkat/L", "U/L", Fraction(3, 50)),
    ("%", "1", Fraction(1, 100)),
    ("s", "ms", Fraction(1000)),
    ("[IU]/mL", "[IU]/L", Fraction(1000)),
    ("10*3/uL", "10*9/L", Fraction(1)),
    ("10*9/L", "/uL", Fraction(1000)),
    ("mm[Hg]", "kPa", Fraction(133322, 1000000)),
    ("L/min/{1.73_m2}", "L/min", Fraction(1)),
]

NO_FACTOR = [
    ("[IU]/mL", "{copies}/mL", "an arbitrary unit is its own"),
    ("[IU]/L", "U/L", "an IU is no U, but for enzymes by the synonyms"),
    ("K/uL", "10*3/uL", "K is kelvin"),
    ("mmol/L", "/L", "an amount of substance is no number"),
    ("g/L", "mol/L", "needs a molar mass"),
    ("Cel", "K", "Celsius has an offset"),
    ("[pH]", "1", "a logarithm"),
    ("mg/dl?", "g/L", "no UCUM"),
    ("", "g/L", "no UCUM"),
    ("g/L" * 40, "g/L", "far too long"),
    ("10*999999999", "1", "a number without end"),
    ("g9999", "g", "a power without end"),
]

UNITS = ["g/L", "mg/dL", "mmol/L", "umol/L", "U/L", "ukat/L", "[IU]/mL", "{copies}/mL", "%", "1", "ms", "s", "10*9/L",
         "/uL", "m2", "cm2", "kg", "[lb_av]", "mm[Hg]", "kPa", "d", "h", "Cel", "junk"]  # fmt: skip

ANALYTES = [
    ("haemoglobin", None, "g/dl", Fraction(10)),
    ("haemoglobin", None, " G% ", Fraction(10)),
    ("haemoglobin", "mmol/L", None, Fraction(16114, 1000)),
    ("creatinine", None, "µmol/l", Fraction(1)),
    ("creatinine", None, "μmol/L", Fraction(1)),
    ("creatinine", None, "mg%", Fraction(1000000, 11312)),
    ("creatinine", "mg/dL", None, Fraction(1000000, 11312)),
    ("bilirubin-total", "mg/dL", None, Fraction(10000 * 100, 58466)),
    ("alt", None, "IU/L", Fraction(1)),
    ("alt", "[IU]/L", None, Fraction(1)),
    ("alt", "ukat/L", None, Fraction(60)),
    ("alt", None, "units/L", Fraction(1)),
    ("hbv-dna", None, "IU/mL", Fraction(1)),
    ("hbv-dna", None, "copies/mL", None),
    ("hbv-dna", None, "log10 IU/mL", None),
    ("lvef", None, "percent", Fraction(1)),
    ("lvef", "1", None, Fraction(100)),
    ("qtc", None, "msec", Fraction(1)),
    ("haemoglobin", None, "stone", None),
]


@pytest.mark.parametrize(("source", "target", "factor"), FACTORS)
def test_a_factor_is_exact(source: str, target: str, factor: Fraction) -> None:
    """Fractions, so that 10 mg/dL are 0.1 g/L and nothing beside it."""
    assert unit_factor(source, target) == factor


@pytest.mark.parametrize(("source", "target", "why"), NO_FACTOR)
def test_no_factor(source: str, target: str, why: str) -> None:
    """What can't be converted gives None, never a number."""
    assert unit_factor(source, target) is None, why


@given(st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_there_and_back(one: str, other: str) -> None:
    """A conversion and its reverse cancel out exactly, and exist together."""
    there, back = unit_factor(one, other), unit_factor(other, one)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there * back == 1


_CONCENTRATIONS = [
    f"{prefix}{what}/{volume}"
    for prefix in ("", "k", "m", "u", "n", "p", "f", "d", "c")
    for what in ("g", "mol")
    for volume in ("L", "dL", "mL", "uL", "fL")
]


@given(st.sampled_from(_CONCENTRATIONS), st.sampled_from(_CONCENTRATIONS))
def test_concentrations_without_the_parser(source: str, target: str) -> None:
    """What is reckoned without UCUM's parser is what its parser says, which an annotation asks for."""
    assert unit_factor(source, target) == unit_factor(f"{source}{{x}}", target)


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    """Units come from records: whatever they say, there is a factor or none."""
    factor = unit_factor(text, "g/L")
    assert factor is None or factor > 0


@pytest.mark.parametrize(("analyte", "unit", "text", "factor"), ANALYTES)
def test_into_an_analytes_unit(
    terminology: Terminology, analyte: str, unit: str | None, text: str | None, factor: Fraction | None
) -> None:
    """Synonyms, enzymes and molar masses, as they come from laboratories."""
    found = terminology.conversion(terminology.catalogue.analytes[analyte], unit, text)
    assert found == (None if factor is None else Linear(factor))


HBA1C = Analyte(
    id="hba1c",
    title="HbA1c",
    scale=Scale.QUANTITY,
    unit="%",
    freshness="laboratory",
    conversions={"mmol/mol": Conversion(Linear(Decimal("0.09148"), Decimal("2.152")), (Decimal(1), Decimal("0.1")))},
)
"""The master equation of IFCC and NGSP: NGSP = 0.09148 x IFCC + 2.152 (ngsp.org/ifcc.asp)."""


def _measured(unit: str, **known: object) -> Analyte:
    return Analyte(id="x", title="X", scale=Scale.QUANTITY, freshness="laboratory", unit=unit, **known)  # type: ignore[arg-type]  # its fields


KINDS_OF_UNIT: list[tuple[Analyte, str, str, str | None]] = [
    (HBA1C, "mmol/mol", "48", "6.54304"),
    (HBA1C, "%", "6.5", "6.5"),
    (HBA1C, "1", "0.065", "6.5"),
    (_measured("Cel"), "[degF]", "98.6", "37"),
    (_measured("Cel"), "[degF]", "100.4", "38"),
    (_measured("Cel"), "K", "310.15", "37"),
    (_measured("[degF]"), "Cel", "37", "98.6"),
    (_measured("K"), "Cel", "-273.15", "0"),
    (_measured("mL/min/{1.73_m2}"), "mL/min/1.73 m2", "60", "60"),
    (_measured("mL/min/{1.73_m2}"), "mL/min/{1.73m2}", "60", "60"),
    (_measured("mL/min/{1.73_m2}"), "L/min/1.73m²", "0.06", "60"),
    (_measured("mL/min/{1.73_m2}"), "mL/min", "60", None),
    (_measured("mL/min"), "mL/min/{1.73_m2}", "60", None),
    (_measured("%"), "mmol/mol", "48", None),
    (_measured("%"), "10*9/L", "2", None),
    (_measured("10*9/L"), "%", "60", None),
    (_measured("mmol/L", charge=1), "meq/L", "140", "140"),
    (_measured("mmol/L", charge=2), "meq/L", "2.4", "1.2"),
    (_measured("meq/L", charge=2), "mmol/L", "1.2", "2.4"),
    (_measured("mmol/L"), "meq/L", "2.4", None),
    (_measured("Cel"), "%", "37", None),
]


@pytest.mark.parametrize(("analyte", "unit", "number", "canonical"), KINDS_OF_UNIT)
def test_one_kind_of_unit_is_never_taken_for_another(
    analyte: Analyte, unit: str, number: str, canonical: str | None
) -> None:
    """With an offset, per body surface, ratios of substance, equivalents: converted right, or not at all."""
    found = canonical_conversion(analyte, unit, unit_factor)
    assert (found and found.of(Decimal(number))) == (None if canonical is None else Decimal(canonical))


def test_every_analyte_knows_its_own_unit(terminology: Terminology) -> None:
    """A canonical unit is UCUM; one with an offset has no multiples."""
    for analyte in terminology.catalogue.analytes.values():
        if analyte.unit is not None:
            thousand = f"10*3{'' if analyte.unit.startswith('/') else '.'}{analyte.unit}"
            assert unit_factor(thousand, analyte.unit) == (None if analyte.unit == "Cel" else 1000)
            assert terminology.conversion(analyte, analyte.unit, None) == SAME


def test_every_synonym_is_of_ucum(terminology: Terminology) -> None:
    """A synonym that isn't UCUM would make results unreadable; the logarithms are annotations, without a factor.

    So are temperatures: they have an offset.
    """
    for ucum in set(terminology.unit_synonyms.values()) - {"Cel", "[degF]"}:
        assert unit_factor(ucum, f"10*3.{ucum}") == Fraction(1, 1000) or ucum.startswith("/"), ucum
