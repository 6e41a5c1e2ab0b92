"""A change leaves alone every verdict of a study that it is not said to touch."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.policy import Policy
from adapter.evaluator.verdict import to_line
from adapter.screening.react.changes import Relevance, relevance_of, touched_by
from adapter.screening.setup import Setup
from tests.properties.core import BOUND, DEFINITIONS, PROBLEM_LIST, STRICT, TERMINOLOGY, Json, record_of, verdicts
from tests.properties.patients import patients
from tests.properties.patients import resource as made
from tests.properties.times import AS_OFS

RULED_OUT = replace(STRICT, pregnancy_ruled_out_by=("hysterectomy",))
POLICIES = {"strict": STRICT, "problem-list": PROBLEM_LIST, "ruled-out": RULED_OUT}
NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
UNCODED: list[Json] = [
    {"resourceType": "Condition", "code": {"text": "strange"}, "subject": {"reference": "Patient/p1"}},
    {"resourceType": "AllergyIntolerance", "code": {"text": "strange"}, "patient": {"reference": "Patient/p1"}},
    {"resourceType": "Procedure", "status": "completed", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"}},
    {"resourceType": "Condition", "onsetDateTime": "soon", "subject": {"reference": "Patient/p1"}},
]


def relevance(policy: Policy) -> Relevance:
    """What the shipped trials read under a policy."""
    return relevance_of(Setup(terminology=TERMINOLOGY, policy=policy, definitions=DEFINITIONS, bounds=BOUND))


INTERESTS = {name: relevance(policy) for name, policy in POLICIES.items()}
resources = st.one_of(st.builds(made, st.integers(0, 2**32)), st.sampled_from(UNCODED))


@pytest.mark.parametrize("policy", POLICIES)
@given(patients, st.integers(0, 60), st.none() | resources, AS_OFS)
def test_what_is_not_touched_stays(
    policy: str, patient: list[Json], place: int, change: Json | None, as_of: datetime
) -> None:
    """A resource that is added, replaced or deleted: no byte of an untouched study's verdict changes."""
    key = f"r{place % len(patient)}"
    after = [each for each in patient if each["id"] != key]
    if change is not None:
        after.append({**change, "id": key})
    said = [touched_by(record_of(resources)) for resources in (patient, after)]
    names = frozenset().union(*(names for each in said for name, names in each.items() if name.endswith(f"/{key}")))
    touched = INTERESTS[policy].studies(names)
    both = zip(*(verdicts(each, as_of, POLICIES[policy]) for each in (patient, after)), strict=True)
    for old, new in both:
        if old.study not in touched:
            assert to_line(old) == to_line(new)


@given(patients)
def test_only_conditions_indicate(patient: list[Json]) -> None:
    """A patient who has an indication has a resource that is said to indicate one."""
    record = record_of(patient)
    known = INTERESTS["strict"]
    indicated = any(verdict.has_indication for verdict in verdicts(patient, NO_TIME.replace(year=2026), STRICT))
    said = any(known.indicates(names) for names in touched_by(record).values())
    assert said or not indicated


def coded(type_: str, value_set: str, **elements: object) -> Json:
    """A resource with a code of a value set."""
    coding = TERMINOLOGY.codes(value_set)[0]
    code = {"coding": [{"system": coding.system, "code": coding.code}]}
    return {"resourceType": type_, "id": "r1", "code": code, "subject": {"reference": "Patient/p1"}, **elements}


BOUND_TO_SEX = [
    ("female", coded("Procedure", "hysterectomy", status="completed", performedDateTime="2020-01-01")),
    ("male", coded("Condition", "pregnancy", onsetDateTime="2026-02-01")),
    ("male", coded("Observation", "pregnancy-test", status="final", issued="2026-02-28", valueString="positive")),
]


@pytest.mark.parametrize(("gender", "change"), BOUND_TO_SEX)
def test_what_is_bound_to_sex(gender: str, change: Json) -> None:
    """What rules a pregnancy out, and what speaks for one in a man, touches every study that it moves."""
    before = [{"resourceType": "Patient", "id": "p1", "gender": gender, "birthDate": "1990-05-02"}]
    both = [verdicts(each, NO_TIME.replace(year=2026, month=3), RULED_OUT) for each in (before, [*before, change])]
    result_changes = {old.study for old, new in zip(*both, strict=True) if to_line(old) != to_line(new)}
    names = touched_by(record_of([*before, change]))[f"{change['resourceType']}/r1"]
    assert result_changes
    assert result_changes <= INTERESTS["ruled-out"].studies(names)
