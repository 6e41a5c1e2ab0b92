"""Every number of the five trials, exactly as strict as its source has it."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import Criterion, TrialDefinition
from adapter.criteria.quantity import AgeBound, Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold
from adapter.kinds.age import Age
from adapter.kinds.condition.statement import Condition
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.statement import Measurement

BOUNDS = {
    "nct07008872": """
        I3.1    blasts-blood    > 0 %
        I3.3    blasts-blood    <= 1 %
        I5      ecog            <= 2 1
        I7      haemoglobin     >= 70 g/L
        I8.1    creatinine      <= 1.5 ULN
        I8.2    lvef            >= 50 %
        I8.3    spo2            > 90 %
        I8.4.1  bilirubin-total <= 1.5 ULN
        I8.4.2  alt             <= 2.5 ULN
        I8.4.3  ast             <= 2.5 ULN
        E1.4.1  lvsf            < 30 %
        E1.4.2  lvef            < 50 %
        E1.6    nyha            >= 3 1
        E7.1.1  hbv-dna         >= 500 [IU]/mL
        E7.1.2.1 alt            > 1 ULN
        E7.1.2.2 ast            > 1 ULN
        E7.1.2.3 bilirubin-total > 1 ULN
        E7.2.3.1 alt            > 1 ULN
        E7.2.3.2 ast            > 1 ULN
        E7.2.3.3 bilirubin-total > 1 ULN
        """,
    "nct04785833": """
        I5      karnofsky       >= 60 1
        I6      ecog            <= 2 1
        I8      cd7-blasts      > 30 %
        """,
    "4scar7u": """
        I3.1    karnofsky       > 80 1
        I4.1    lvef            >= 50 %
        I4.2    spo2            >= 90 %
        I4.3    creatinine      <= 2.5 ULN
        I4.4.1  ast             <= 3 ULN
        I4.4.2  alt             <= 3 ULN
        I4.5    bilirubin-total <= 2.0 mg/dL
        I5      haemoglobin     >= 80 g/L
        """,
    "cd7-cart01": "",
    "senl-t7": "",
}

FINDINGS = {
    "nct07008872": """
        I2.1 cd7-blasts positive
        I2.2 cd7-tissue positive
        I3.2.1 cd4-blasts negative
        I3.2.2 cd8-blasts negative
        E7.2.1 hcv-antibody positive
        E7.2.2 hcv-rna positive
        """,
    "nct04785833": "I4.3 cd7-tumour positive",
    "4scar7u": "I2.1 cd7-tumour positive",
    "cd7-cart01": "I2.3 cd7-tumour positive",
    "senl-t7": "",
}

YEAR, MONTH, WEEK = CalendarUnit.YEAR, CalendarUnit.MONTH, CalendarUnit.WEEK

AGES = {
    ("nct07008872", "I6"): Age(lower=AgeBound(Duration(14, YEAR)), upper=AgeBound(Duration(75, YEAR))),
    ("nct04785833", "I1"): Age(lower=AgeBound(Duration(12, YEAR)), upper=AgeBound(Duration(65, YEAR))),
    ("4scar7u", "I1"): Age(lower=AgeBound(Duration(6, MONTH), inclusive=False)),
    ("cd7-cart01", "I1"): Age(lower=AgeBound(Duration(6, MONTH)), upper=AgeBound(Duration(25, YEAR))),
}

WINDOWS = {
    ("nct07008872", "E1.2"): Duration(12, MONTH),
    ("nct04785833", "I7"): Duration(3, MONTH),
    ("4scar7u", "E5"): Duration(1, WEEK),
}

COURSES_WITH_BLASTS = {
    ("nct07008872", "I1.2.2"),
    ("nct04785833", "I4.2"),
    ("cd7-cart01", "I2.2"),
    ("senl-t7", "I1.2"),
}


def written(found: Criterion) -> str:
    """A measurement as the tables above write it."""
    assert isinstance(found.statement, Measurement)
    test = found.statement.test
    match test:
        case QuantityThreshold():
            return f"{found.id} {found.statement.analyte} {test.comparator} {test.value} {test.unit}"
        case LimitThreshold():
            return f"{found.id} {found.statement.analyte} {test.comparator} {test.factor} {test.limit}"
        case _:
            return f"{found.id} {found.statement.analyte} {test}"


def rows(table: str) -> list[str]:
    """The rows of a table, their blanks made one."""
    return [" ".join(row.split()) for row in table.strip().splitlines()]


@pytest.mark.parametrize("study", BOUNDS)
def test_measurements(definitions: Mapping[str, TrialDefinition], study: str) -> None:
    """A definition compares exactly these analytes with exactly these values, strict where the source is."""
    found = [written(found) for found in definitions[study].walk() if isinstance(found.statement, Measurement)]
    assert sorted(found) == sorted(rows(BOUNDS[study]) + rows(FINDINGS[study]))


def test_ages(definitions: Mapping[str, TrialDefinition]) -> None:
    """Ages are bounded as the sources say; only `older than` is strict."""
    found = {
        (study, found.id): found.statement
        for study, definition in definitions.items()
        for found in definition.walk()
        if isinstance(found.statement, Age)
    }
    assert found == AGES


def test_windows(definitions: Mapping[str, TrialDefinition]) -> None:
    """Conditions and exposures look back exactly as far as the source says, all others without end."""
    found, number = {}, ""
    for study, definition in definitions.items():
        for below in definition.walk():
            number = below.id or number
            if isinstance(below.statement, Condition | Exposure) and below.statement.look_back:
                found[study, number] = below.statement.look_back
    assert found == WINDOWS


def test_blasts(definitions: Mapping[str, TrialDefinition]) -> None:
    """More than 5 % blasts, in marrow or blood, speak for a relapse wherever the disease is a leukaemia."""
    found = {
        (study, found.id): found.statement.blast_threshold
        for study, definition in definitions.items()
        for found in definition.walk()
        if isinstance(found.statement, DiseaseCourse) and found.statement.blasts == ("blasts-marrow", "blasts-blood")
    }
    assert found == dict.fromkeys(COURSES_WITH_BLASTS, QuantityThreshold(Comparator.GREATER, Decimal(5), "%"))


def test_a_multiple_is_of_the_upper_limit(definitions: Mapping[str, TrialDefinition]) -> None:
    """No source compares with a lower limit of normal."""
    limits = {
        leaf.test.limit
        for definition in definitions.values()
        for leaf in definition.leaves()
        if isinstance(leaf, Measurement) and isinstance(leaf.test, LimitThreshold)
    }
    assert limits == {LimitOfNormal.UPPER}
