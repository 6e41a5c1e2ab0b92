"""`measurement`: what is no question, and what CQL says nothing of."""

from decimal import Decimal

import pytest

from adapter.criteria.expression import Known
from adapter.criteria.quantity import Comparator, QuantityThreshold
from adapter.evaluator.kind import Rule
from adapter.kinds.measurement.kind import MEASUREMENT
from adapter.kinds.measurement.statement import Measurement, Selection, contradiction
from mappings.terminology import load_terminology


def _share(value: str, unit: str = "%", selection: Selection = Selection.ANY, times: int | None = None) -> Measurement:
    return Measurement(
        analyte="haemoglobin",
        test=QuantityThreshold(Comparator.AT_LEAST, Decimal(100), "g/L"),
        selection=selection,
        times=times,
        share=QuantityThreshold(Comparator.AT_LEAST, Decimal(value), unit),
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (_share("120"), "from 0 to 100"),
        (_share("0.8", "1"), "in per cent"),
        (_share("80", selection=Selection.LATEST), "write `selection: any`"),
        (_share("80", times=2), "no `times`"),
    ],
)
def test_what_is_no_share_is_refused(statement: Measurement, said: str) -> None:
    """A share is of several values, and in per cent."""
    assert said in (contradiction(statement) or "")


def test_a_share_has_no_rule_in_cql() -> None:
    """Without a function for it the rule is unknown: any value that satisfies would be another question."""
    statement = _share("80")
    assert contradiction(statement) is None
    assert MEASUREMENT.rule(statement, load_terminology().catalogue) == Rule(Known.UNKNOWN)
