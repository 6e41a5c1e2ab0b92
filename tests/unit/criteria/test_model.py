"""The algebra as data: durations as text, and walking a definition's tree."""

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.join import AllOf, AnyKnown, AnyOf, As, AtLeast, IfThen, IfThenElse, Not
from adapter.criteria.model import Combinator, Criterion, parts_of
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.judgement import Judgement
from adapter.kinds.person import Sex, SexForClinicalUse

ONE = Criterion(id="I1.1", statement=Judgement())
TWO = Criterion(id="I1.2", statement=ResearchConsent())


@pytest.mark.parametrize(
    ("count", "unit", "expected"),
    [
        (30, CalendarUnit.DAY, "P30D"),
        (1, CalendarUnit.WEEK, "P1W"),
        (12, CalendarUnit.MONTH, "P12M"),
        (2, CalendarUnit.YEAR, "P2Y"),
    ],
)
def test_a_duration_reads_as_iso_8601(count: int, unit: CalendarUnit, expected: str) -> None:
    """A duration is written as ISO 8601 has it, one calendar unit each."""
    assert str(Duration(count, unit)) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (AllOf(parts=(ONE, TWO)), (ONE, TWO)),
        (AnyOf(parts=(ONE, TWO)), (ONE, TWO)),
        (AnyKnown(parts=(ONE, TWO)), (ONE, TWO)),
        (AtLeast(count=1, parts=(ONE, TWO)), (ONE, TWO)),
        (Not(part=ONE), (ONE,)),
        (IfThen(condition=ONE, consequence=TWO), (ONE, TWO)),
        (IfThenElse(condition=ONE, consequence=TWO, alternative=ONE), (ONE, TWO, ONE)),
        (As(part=ONE, qualifier=TWO), (ONE, TWO)),
    ],
)
def test_a_combinator_has_its_parts_in_order(statement: Combinator, expected: tuple[Criterion, ...]) -> None:
    """Every combinator lends its parts in the order in which they were written."""
    assert parts_of(statement) == expected


def test_a_leaf_has_no_parts() -> None:
    """What reads data or asks a person stands alone."""
    assert parts_of(Sex(sex=SexForClinicalUse.FEMALE)) == ()
    assert parts_of(Judgement()) == ()
