"""A patient's rows: they are what was read, whoever came before, and nothing of one record is kept for the next."""

import gc
import weakref
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.columns.rows import Rows, decoded, encoded
from adapter.columns.schema import OBSERVATIONS, TABLES, Layout
from adapter.columns.values import Cells, nearest
from adapter.record import read_record
from adapter.record.contents import contents_of
from adapter.screening.setup import Setup
from demo.cohort import cohort
from tests import build
from tests.unit.screening.records import Json, bundle, of, patient

PATIENTS = 24


def test_what_nobody_reads_is_kept_by_name_only(strict: Setup) -> None:
    """A letter's text has no place in a folder of facts; that there is a letter is counted."""
    letter = {"resourceType": "DocumentReference", "id": "d1", "description": "secret"}
    kept = encoded(contents_of(bundle(patient(), letter)))
    assert b"secret" not in kept
    assert read_record(decoded(kept), strict.terminology).other_types == {"DocumentReference": 1}


numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.fractions(),
    st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-3)),
)


@given(numbers, numbers)
def test_doubles_decide_nothing_that_numbers_do_not(one: Decimal | Fraction, other: Decimal | Fraction) -> None:
    """Different doubles are in the numbers' order; equal ones that are both exact are equal numbers."""
    (first, exact), (second, other_exact) = nearest(one), nearest(other)
    if first != second:
        assert (first < second) == (one < other)
    elif exact and other_exact:
        assert one == other


def test_every_row_fits_its_table(strict: Setup) -> None:
    """A cell too few would move all others."""
    made = Rows(strict.terminology, strict.policy)
    for each in _tables(made, strict):
        assert each


def _tables(made: Rows, setup: Setup) -> Iterator[bool]:
    for name, _, content in cohort(PATIENTS, seed=5):
        contents = contents_of(content)
        _, found = made.of(read_record(contents, setup.terminology), contents, name, 0)
        for table, held in found.items():
            width = len(TABLES[table])
            yield all(_fits(held[first : first + width], TABLES[table]) for first in range(0, len(held), width))


def _fits(row: Cells, layout: Layout) -> bool:
    """Whether a row has a cell for each column, and a tuple of cells for columns that are shared."""
    return len(row) == len(layout) and all(
        isinstance(column, pa.Field) or len(cell) == len(column) for cell, column in zip(row, layout, strict=True)
    )


def test_what_is_remembered_is_what_is_worked_out(strict: Setup) -> None:
    """The cells of a value don't depend on whose records came before."""
    made = Rows(strict.terminology, strict.policy)
    for name, _, content in cohort(3 * PATIENTS, seed=8):
        contents = contents_of(content)
        record = read_record(contents, strict.terminology)
        alone = Rows(strict.terminology, strict.policy).of(record, contents, name, 0)
        assert made.of(record, contents, name, 0) == alone


def test_what_is_remembered_keeps_no_record(strict: Setup) -> None:
    """Ranges that only one record has would keep its bytes, of each of many records."""
    made = Rows(strict.terminology, strict.policy)

    def ranges_of(name: str) -> "weakref.ref[object]":
        value = build.observation(
            build.HAEMOGLOBIN,
            subject=of(name),
            effectiveDateTime="2026-02-20",
            valueQuantity=build.quantity(9, "g/dL"),
            note=[{"text": "after a walk"}],
            referenceRange=[{"low": build.quantity(12, "g/dL")}],
        )
        contents = contents_of(bundle(patient(name), value))
        record = read_record(contents, strict.terminology)
        (fact,) = record.observations["haemoglobin"]
        _, tables = made.of(record, contents, name, 0)
        assert tables["observations"]
        assert fact.ranges is not None
        return weakref.ref(fact.ranges)

    first, _ = ranges_of("p1"), ranges_of("p2")
    gc.collect()
    assert first() is None


@pytest.mark.parametrize("upper", [(50, 30), (30, 50)])
def test_each_has_the_limits_of_its_own_range(strict: Setup, upper: tuple[int, int]) -> None:
    """Two versions of one Observation that name none differ in their range, and so do the next patients'."""

    def of_range(high: int, name: str) -> Json:
        return build.observation(
            "1742-6",
            id="a",
            subject=of(name),
            effectiveDateTime="2026-02-20",
            valueQuantity=build.quantity(100, "U/L"),
            referenceRange=[{"high": build.quantity(high, "U/L")}],
        )

    place = [column.name for column in OBSERVATIONS[-1]].index("upper_high")
    made = Rows(strict.terminology, strict.policy)
    versions = bundle(patient("p1"), *(of_range(high, "p1") for high in upper))
    others = [bundle(patient(f"q{high}"), of_range(high, f"q{high}")) for high in upper]
    found = []
    for number, content in enumerate((versions, *others)):
        contents = contents_of(content)
        _, tables = made.of(read_record(contents, strict.terminology), contents, str(number), number)
        values = tables["observations"][len(OBSERVATIONS) - 1 :: len(OBSERVATIONS)]
        found.append([float(each[place]) for each in values])
    assert found == [[float(high) for high in upper], [float(upper[0])], [float(upper[1])]]
