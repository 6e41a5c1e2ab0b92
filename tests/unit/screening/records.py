"""Small records for the tests of screening: one patient with a disease, one criterion's worth of data."""

from tests import build
from tests.build import Json, lines, patient
from tests.build import collection as bundle

__all__ = ["ACUTE_MYELOID", "ECOG", "T_ALL", "Json", "bundle", "condition", "ecog", "lines", "of", "patient"]

T_ALL = {"system": build.CM, "code": "C91.00"}
ACUTE_MYELOID = {"system": build.CM, "code": "C92.00"}
ECOG = {"system": build.LOINC, "code": build.ECOG}


def of(name: str = "p1") -> Json:
    """A reference to a patient by id."""
    return build.of(name)


def condition(name: str, subject: Json, coding: Json = ACUTE_MYELOID) -> Json:
    """A confirmed Condition."""
    return build.condition({"coding": [coding]}, id=name, subject=subject)


def ecog(name: str, subject: Json, score: int, on: str = "2026-02-20") -> Json:
    """An ECOG score."""
    return build.ecog(score, id=name, subject=subject, effectiveDateTime=on)
