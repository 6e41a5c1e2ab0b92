from datetime import UTC, datetime

from adapter.criteria.truth import Truth
from adapter.evaluator import Decision
from adapter.screening.funnel import MOST_SHOWN, Funnel, Summary
from adapter.screening.screen import PatientOutcome, Row
from adapter.screening.setup import Setup, choose

MET, NOT_MET, UNKNOWN = Truth.MET, Truth.NOT_MET, Truth.UNKNOWN


def funnel(setup: Setup) -> Funnel:
    """An empty funnel of cd7-cart01: inclusions I1 to I3, exclusions E1 and E2."""
    return Funnel(choose(setup.definitions, ["cd7-cart01"])[0])


def row(
    *truths: Truth,
    decision: Decision = Decision.POTENTIAL_CANDIDATE,
    deceased: bool = False,
    has_indication: bool = True,
    unclear: bool = False,
) -> Row:
    """A row with as many open criteria as unknown truths."""
    return Row(
        study="cd7-cart01",
        decision=decision if has_indication else None,
        unclear=unclear,
        deceased=deceased,
        truths=truths,
        open=tuple(f"C{number}" for number, truth in enumerate(truths) if truth is UNKNOWN),
        valid_until=datetime(2026, 4, 1, tzinfo=UTC),
        line=None,
        research_subject=None,
    )


def test_each_criterion_takes_out_those_whom_it_rules_out(strict: Setup) -> None:
    """An inclusion that is not met and an exclusion that is met end it; unknown ones stay in."""
    counts = funnel(strict)
    counts.add(row(MET, MET, UNKNOWN, NOT_MET, UNKNOWN), "a")
    counts.add(row(NOT_MET, MET, MET, MET, NOT_MET, decision=Decision.INELIGIBLE), "b")
    counts.add(row(MET, MET, MET, MET, NOT_MET, decision=Decision.INELIGIBLE), "c")
    assert [step.remaining for step in counts.steps()] == [2, 2, 2, 1, 1]
    assert [(step.met, step.not_met, step.unknown) for step in counts.steps()] == [
        (2, 1, 0),
        (3, 0, 0),
        (2, 0, 1),
        (2, 1, 0),
        (0, 2, 1),
    ]


def test_the_dead_are_counted_and_remain_nowhere(strict: Setup) -> None:
    """A patient who died is out before the first criterion."""
    counts = funnel(strict)
    counts.add(row(MET, MET, MET, NOT_MET, NOT_MET, decision=Decision.INELIGIBLE, deceased=True), "a")
    assert counts.deceased == 1
    assert {step.remaining for step in counts.steps()} == {0}


def test_the_nearest_are_sorted_by_what_is_open_then_by_their_order(strict: Setup) -> None:
    """Who needs least comes first; no more are kept than are shown, however many come."""
    counts = funnel(strict)
    for number in range(50):
        counts.add(row(MET, MET, MET, NOT_MET, UNKNOWN), f"one-{number}")
    counts.add(row(MET, MET, MET, NOT_MET, NOT_MET), "none")
    counts.add(row(NOT_MET, MET, MET, NOT_MET, NOT_MET, decision=Decision.INELIGIBLE), "out")
    assert [patient.subject for patient in counts.nearest] == ["none", *(f"one-{n}" for n in range(MOST_SHOWN - 1))]


def test_patients_without_indication_are_only_counted(strict: Setup) -> None:
    """Who doesn't have the disease says nothing about the criteria."""
    counts = funnel(strict)
    counts.add(row(has_indication=False), "a")
    counts.add(row(has_indication=False, unclear=True), "b")
    assert (counts.no_indication, counts.unclear, counts.indicated) == (1, 1, 0)
    assert all(step.met + step.not_met + step.unknown == 0 for step in counts.steps())


def test_failures_are_counted_apart(strict: Setup) -> None:
    """A patient who could not be read is no patient screened."""
    summary = Summary(strict.definitions)
    summary.add(PatientOutcome("p1.json", failure="broken"))
    summary.add(PatientOutcome("p2.json", "Patient/p2"))
    assert (summary.patients, summary.failed) == (1, 1)
