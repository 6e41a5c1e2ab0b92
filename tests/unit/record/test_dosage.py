"""Dosages as people send them -> how much, how often."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from adapter.record import read_record
from adapter.record.facts import Dosing
from mappings.terminology import load_terminology

TERMINOLOGY = load_terminology()


def read(**dosage: Any) -> Dosing:  # noqa: ANN401  # JSON
    """What a statement's dosage says."""
    drug = {"coding": [{"system": "http://www.whocc.no/atc", "code": "H02AB06"}]}
    about = {"resourceType": "MedicationStatement", "status": "active", "subject": {"reference": "Patient/p1"}}
    statement = about | {"id": "m1", "medicationCodeableConcept": drug, "dosage": [dosage]}
    record = read_record(json.dumps([{"resourceType": "Patient", "id": "p1"}, statement]).encode(), TERMINOLOGY)
    (fact,) = record.all_exposures
    assert fact.dosing is not None
    assert record.unread == frozenset()
    return fact.dosing()


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}, (2, 2)),
        ({"repeat": {"frequency": 1, "period": 8, "periodUnit": "h"}}, (3, 3)),
        ({"repeat": {"frequency": 1, "frequencyMax": 3, "period": 1, "periodUnit": "d"}}, (1, 3)),
        ({"repeat": {"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}}, (4, 6)),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}, (Fraction(1, 7), Fraction(1, 7))),
        ({"repeat": {"when": ["MORN", "EVE"]}}, (2, 2)),
        ({"repeat": {"timeOfDay": ["08:00:00"], "dayOfWeek": ["mon", "thu"]}}, (Fraction(2, 7), Fraction(2, 7))),
        ({"code": {"coding": [{"code": "BID"}]}}, (2, 2)),
        ({"code": {"text": "twice a day"}}, None),
        ({"repeat": {"frequency": 2}}, None),
        ({"repeat": {"frequency": "often", "period": 1, "periodUnit": "d"}}, None),
        ({"repeat": {"frequency": 1, "period": 0, "periodUnit": "d"}}, None),
        ({"repeat": {"boundsPeriod": {"start": "2026-01-01"}}}, None),
    ],
)
def test_how_often(timing: Any, times: tuple[Any, Any] | None) -> None:  # noqa: ANN401  # JSON
    """Times a day; what can't be read is none, and spoils nothing else."""
    (found,) = read(timing=timing).instructions
    assert found.times == times


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        (
            [{"doseQuantity": {"value": 20, "unit": "mg", "code": "mg", "system": "http://unitsofmeasure.org"}}],
            (20, 20),
        ),
        ([{"doseRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}}], (1, 2)),
        ([{"doseQuantity": {"value": 1}}, {"doseQuantity": {"value": 2}}], None),
        ([{"doseQuantity": "much"}], None),
        ([], None),
    ],
)
def test_how_much(given: Any, amount: Any) -> None:  # noqa: ANN401  # JSON
    """One amount each time; of two nobody knows which."""
    (found,) = read(doseAndRate=given).instructions
    assert (None if found.amount is None else (found.amount.low, found.amount.high)) == amount


@pytest.mark.parametrize("needed", [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "pain"}}])
def test_as_needed_is_anything_from_nothing_on(needed: Any) -> None:  # noqa: ANN401  # JSON
    """What is taken when needed may be none of it."""
    (found,) = read(timing={"code": {"coding": [{"code": "QID"}]}}, **needed).instructions
    assert found.as_needed
    assert found.times == (Fraction(0), Fraction(4))


def test_a_rate_is_an_amount_in_its_time() -> None:
    """100 mg over 2 h are 50 mg/h."""
    unit = {"system": "http://unitsofmeasure.org"}
    rate = {"numerator": {"value": 100, "code": "mg", **unit}, "denominator": {"value": 2, "code": "h", **unit}}
    (found,) = read(doseAndRate=[{"rateRatio": rate}]).instructions
    assert found.amount is not None
    assert (found.amount.low, found.amount.unit) == (Decimal(50), "mg/h")
