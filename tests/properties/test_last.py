"""What is decided from the last value of an analyte alone is decided as it is from all of its values."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from unittest.mock import patch

import pytest
from hypothesis import given

from adapter.evaluator import evaluate_all, latest
from adapter.kinds.measurement import evaluate
from adapter.record import read_record
from demo.cohort import cohort
from tests.properties.core import BOUND, STRICT, TERMINOLOGY, Json, encoded, verdicts
from tests.properties.patients import patients
from tests.properties.times import AS_OF_INSTANTS, AS_OFS

COHORT = [content for _, _, content in cohort(30, seed=5)]


@contextmanager
def from_all() -> Iterator[None]:
    """No value is taken for the latest before all are looked at."""
    with patch.object(latest, "last_of", return_value=None), patch.object(evaluate, "last_of", return_value=None):
        yield


@given(patients, AS_OFS)
def test_of_any_patient(patient: list[Json], as_of: datetime) -> None:
    """Of values of any status and time."""
    quick = encoded(verdicts(patient, as_of, STRICT))
    with from_all():
        assert encoded(verdicts(patient, as_of, STRICT)) == quick


@pytest.mark.parametrize("content", COHORT)
def test_of_the_cohort(content: bytes) -> None:
    """Of whole charts."""
    record = read_record(content, TERMINOLOGY)
    quick = encoded(evaluate_all(BOUND, record, AS_OF_INSTANTS[0], STRICT))
    with from_all():
        assert encoded(evaluate_all(BOUND, record, AS_OF_INSTANTS[0], STRICT)) == quick
