"""From the criteria to a decision (CONFORMANCE: Decision)."""

import pytest

from adapter.criteria.join import AllOf, AnyOf
from adapter.criteria.model import Combinator, Completeness, Leaf
from adapter.evaluator import Decision
from adapter.kinds.exposure.statement import Exposure
from tests.unit.evaluator.small import (
    IS_ADULT,
    IS_FEMALE,
    IS_MALE,
    OPEN,
    UNPUBLISHED,
    UNQUANTIFIED,
    WOMAN,
    parts,
    trial,
    verdict,
)

FULL, PARTIAL = Completeness
INELIGIBLE, CANDIDATE, POTENTIAL = Decision
NEVER_TREATED = Exposure(concepts=("gene-therapy",))
Statements = list[Leaf | Combinator]


@pytest.mark.parametrize(
    ("inclusions", "exclusions", "completeness", "expected"),
    [
        ([IS_FEMALE, IS_ADULT], [IS_MALE], FULL, CANDIDATE),
        ([IS_FEMALE, IS_ADULT], [IS_MALE], PARTIAL, POTENTIAL),
        ([IS_MALE, IS_ADULT], [], FULL, INELIGIBLE),
        ([IS_MALE, IS_ADULT], [], PARTIAL, INELIGIBLE),
        ([IS_ADULT], [IS_FEMALE], FULL, INELIGIBLE),
        ([IS_ADULT, OPEN], [UNQUANTIFIED], FULL, CANDIDATE),
        ([IS_ADULT, OPEN], [UNQUANTIFIED], PARTIAL, POTENTIAL),
        ([IS_ADULT, UNPUBLISHED], [], FULL, POTENTIAL),
        ([IS_ADULT], [NEVER_TREATED], FULL, POTENTIAL),
        ([OPEN, IS_MALE], [NEVER_TREATED], FULL, INELIGIBLE),
        ([AllOf(parts=parts(OPEN, NEVER_TREATED))], [], FULL, POTENTIAL),
        ([AnyOf(parts=parts(OPEN, NEVER_TREATED))], [], FULL, POTENTIAL),
        ([AnyOf(parts=parts(IS_ADULT, NEVER_TREATED))], [], FULL, CANDIDATE),
    ],
)
def test_the_decision(
    inclusions: Statements, exclusions: Statements, completeness: Completeness, expected: Decision
) -> None:
    """Ineligible by any criterion against; candidate if all that is open waits for a person; else potential."""
    found = verdict(trial(inclusions, exclusions, completeness))
    assert found.decision is expected
    assert found.decision_reasons or expected is CANDIDATE


@pytest.mark.parametrize(
    ("death", "expected"),
    [
        ({"deceasedBoolean": True}, INELIGIBLE),
        ({"deceasedBoolean": False}, CANDIDATE),
        ({"deceasedDateTime": "2026-03-01"}, INELIGIBLE),
        ({"deceasedDateTime": "2026-03"}, INELIGIBLE),
        ({"deceasedDateTime": "2026-03-01T11:59:59Z"}, INELIGIBLE),
        ({"deceasedDateTime": "2026-03-01T12:00:01Z"}, CANDIDATE),
        ({"deceasedDateTime": "2026-03-02"}, CANDIDATE),
        ({"deceasedDateTime": "unknown"}, INELIGIBLE),
    ],
)
def test_the_dead_are_ineligible(death: dict[str, object], expected: Decision) -> None:
    """Whatever the criteria say; a dated death counts from its date on."""
    found = verdict(trial([IS_FEMALE]), patient=WOMAN | death)
    assert found.decision is expected
    assert ("deceased" in found.decision_reasons) is (expected is INELIGIBLE)


def test_the_reasons_name_what_decided() -> None:
    """Every criterion against is named, in the definition's order; of a candidate, what awaits a person."""
    against = verdict(trial([IS_ADULT, IS_MALE], [IS_FEMALE]))
    assert [reason.split()[1] for reason in against.decision_reasons] == ["I2", "E1"]
    waiting = verdict(trial([IS_ADULT, OPEN]))
    assert len(waiting.decision_reasons) == 1
    assert "I2" in waiting.decision_reasons[0]
    assert waiting.open_criteria == 1
