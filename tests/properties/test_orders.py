"""A drug that is ordered and active, or said to be taken, is never absent, however it is asked for."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.truth import Truth
from adapter.evaluator import Reason
from adapter.kinds.exposure.statement import Exposure
from tests.build import concept
from tests.properties.core import BOUND, EVENTS, PROBLEM_LIST, TERMINOLOGY, Json, flat, verdicts
from tests.properties.measured import SUBJECT
from tests.properties.patients import patients
from tests.properties.times import BASE

BOUNDS = (*BOUND, EVENTS)
ASKED = {
    (bound.definition.id, each.id): each.statement
    for bound in BOUNDS
    for each in bound.definition.walk()
    if isinstance(each.statement, Exposure) and each.id
}
"""Every criterion about drugs and procedures."""
DRUGS = sorted(
    {
        name
        for statement in ASKED.values()
        for name in statement.concepts
        if any("atc" in each.system or "rxnorm" in each.system for each in TERMINOLOGY.value_sets[name].codes)
    }
)
TRUSTING = replace(PROBLEM_LIST, assumed_absent=frozenset(TERMINOLOGY.catalogue.exposures))
"""A site that takes every drug as absent that is not on its list."""
ABSENT = {Reason.EXPLICITLY_ABSENT, Reason.ASSUMED_ABSENT}


@given(
    patient=patients,
    drug=st.sampled_from(DRUGS),
    days=st.integers(0, 300),
    stated=st.booleans(),
    coded=st.integers(0, 50),
)
def test_what_is_on_the_list_is_never_absent(
    patient: list[Json], drug: str, days: int, coded: int, *, stated: bool
) -> None:
    """With an active order, or a statement asserted as active, no criterion that the drug is one of says absent."""
    codes = [each for each in TERMINOLOGY.value_sets[drug].codes if "atc" in each.system or "rxnorm" in each.system]
    code = codes[coded % len(codes)]
    day = (BASE - timedelta(days=days)).date().isoformat()
    listed: Json = {
        "resourceType": "MedicationStatement" if stated else "MedicationRequest",
        "id": "one-more",
        "status": "active",
        "subject": SUBJECT,
        "medicationCodeableConcept": concept(code.system, code.code),
        **(
            {"effectivePeriod": {"start": day}, "dateAsserted": day}
            if stated
            else {"intent": "order", "authoredOn": day}
        ),
    }
    found = verdicts([*patient, listed], BASE, TRUSTING, BOUNDS)
    absent = [
        (verdict.study, each.id)
        for verdict in found
        for each in flat(verdict.criteria)
        if each.result is Truth.NOT_MET and each.reason in ABSENT
    ]
    assert [key for key in absent if key in ASKED and drug in ASKED[key].concepts] == []
