"""What the demo cohort is for: every decision and every reason occurs in it, and each full trial has its candidates."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path

import pytest
import yaml

import demo
from adapter.criteria.model import Completeness
from adapter.evaluator import bind, evaluate_all
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import CriterionResult, Decision, Verdict
from adapter.record import read_record
from adapter.record.patient_record import PatientRecord
from demo.cohort import AS_OF, cohort
from mappings.policy import load_policy
from mappings.site import load_site
from mappings.terminology import load_terminology

POLICIES = ("strict", "problem-list")
DEFINITIONS = load_site(trials=Path(demo.__file__).parent / "trials").definitions
FULL = [definition.id for definition in DEFINITIONS if definition.completeness is Completeness.FULL]


EXAMPLES = [
    (story, study, criterion, Reason(reason))
    for story, studies in yaml.safe_load((Path(__file__).parent / "examples.yaml").read_text(encoding="utf-8")).items()
    for study, criteria in studies.items()
    for criterion, reason in criteria.items()
]


@cache
def records() -> tuple[tuple[str, PatientRecord], ...]:
    """Story and record of every patient."""
    terminology = load_terminology()
    return tuple((story.name, read_record(content, terminology)) for _, story, content in cohort())


@cache
def verdicts(policy_id: str) -> tuple[tuple[str, Verdict], ...]:
    """Story and verdict of every patient and study."""
    terminology, policy = load_terminology(), load_policy(policy_id)
    bounds = [bind(definition, terminology) for definition in DEFINITIONS]
    as_of = datetime.combine(AS_OF, time.max, UTC)
    return tuple(
        (story, verdict) for story, record in records() for verdict in evaluate_all(bounds, record, as_of, policy)
    )


def results(criteria: tuple[CriterionResult, ...]) -> Iterator[CriterionResult]:
    """Every result, with those of the parts."""
    for result in criteria:
        yield result
        yield from results(result.parts)


def studies_of(story: str, policy_id: str, decision: Decision) -> set[str]:
    """The studies for which some patient of the story has the decision."""
    return {v.study for name, v in verdicts(policy_id) if name == story and v.decision is decision}


@pytest.mark.parametrize("policy_id", POLICIES)
def test_every_decision(policy_id: str) -> None:
    """Each decision is made for some patient and study."""
    assert {verdict.decision for _, verdict in verdicts(policy_id)} == set(Decision)


def test_every_reason() -> None:
    """Each reason code is given for some patient, study and policy."""
    given = {r.reason for policy in POLICIES for _, verdict in verdicts(policy) for r in results(verdict.criteria)}
    assert set(Reason) - given == set()


@pytest.mark.parametrize(("policy_id", "at_least"), [("strict", 2), ("problem-list", 4)])
def test_candidates(policy_id: str, at_least: int) -> None:
    """Each full trial has a handful of candidates where a problem list is trusted, and some where nothing is."""
    decided = Counter((v.study, v.decision) for _, v in verdicts(policy_id))
    assert {study for study in FULL if decided[study, Decision.CANDIDATE] < at_least} == set()


@pytest.mark.parametrize("story", ["diabetes", "healthy", "asthma-child", "empty"])
def test_patients_without_the_disease(story: str) -> None:
    """Patients of the rest of the hospital give no indication, and are nobody's candidates."""
    own = [verdict for name, verdict in verdicts("problem-list") if name == story]
    assert own
    assert not any(verdict.has_indication for verdict in own)
    assert Decision.CANDIDATE not in {verdict.decision for verdict in own}


@pytest.mark.parametrize(
    ("story", "study"),
    [
        ("consent-refused", "nct07008872"),
        ("t-all-relapse-after-transplant-gvhd", "cd7-cart01"),
        ("gene-therapy-before", "4scar7u"),
        ("on-dexamethasone", "4scar7u"),
        ("recent-immunotherapy", "nct04785833"),
        ("aml-relapse-old", "nct04785833"),
        ("organ-failure", "nct07008872"),
        ("died-of-leukaemia", "senl-t7"),
    ],
)
def test_what_excludes(story: str, study: str) -> None:
    """A story that tells of something that a trial excludes makes its patients ineligible there."""
    decisions = {v.decision for name, v in verdicts("strict") if (name, v.study) == (story, study)}
    assert decisions == {Decision.INELIGIBLE}


def test_everything_asked_needs_no_assumption() -> None:
    """Where the investigator answered every question, the strict policy comes to a candidate for every full trial."""
    assert studies_of("t-all-relapse-everything-asked", "strict", Decision.CANDIDATE) >= set(FULL)


@pytest.mark.parametrize(("story", "study", "criterion", "reason"), EXAMPLES)
def test_what_a_story_is_an_example_of(story: str, study: str, criterion: str, reason: Reason) -> None:
    """Every patient of a story gets the reason that the story was written for."""
    given = {
        result.reason
        for name, verdict in verdicts("strict")
        if (name, verdict.study) == (story, study)
        for result in results(verdict.criteria)
        if result.id == criterion
    }
    assert given == {reason}


def test_uncoded_diagnoses_stand_against_an_assumption() -> None:
    """A problem list with an entry that nobody coded proves no absence."""
    given = {
        result.reason
        for name, verdict in verdicts("problem-list")
        if (name, verdict.study) == ("diagnosis-in-words", "cd7-cart01")
        for result in verdict.criteria
        if result.id == "E2"
    }
    assert given == {Reason.UNMAPPED_CODE}


def test_everything_can_be_read() -> None:
    """The reader finds nothing wrong with any record, and the unmapped codes are those that are meant to be."""
    assert {issue for _, record in records() for issue in record.issues} == set()
    known = {None, "http://hospital.example.org/CodeSystem/local"}
    assert {entry.system for _, record in records() for entry in record.unmapped} == known
