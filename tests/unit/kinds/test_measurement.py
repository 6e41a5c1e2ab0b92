"""`measurement`: what is no question."""

from decimal import Decimal

import pytest

from adapter.criteria.quantity import Comparator, QuantityThreshold
from adapter.kinds.measurement.statement import Measurement, Selection, contradiction


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
