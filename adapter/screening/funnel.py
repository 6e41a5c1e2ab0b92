"""Counts over many patients: decisions, and how many remain after each criterion. Memory doesn't grow with them."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from adapter.criteria.model import CriterionRole, EligibilityCriterion, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator.verdict import Decision, Identifier
from adapter.screening.screen import PatientOutcome, Row

MOST_SHOWN = 10
"""How many patients of a study are named at the end; all of them are in the verdicts."""


@dataclass(frozen=True, slots=True, order=True)
class Nearest:
    """A patient who may take part; ordered by how many criteria are open, then as they came."""

    still_open: int
    number: int
    subject: str
    decision: Decision
    open: tuple[str, ...]
    valid_until: datetime | None
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One criterion's counts among patients with an indication; `remaining`: alive, and ruled out by none so far."""

    criterion: EligibilityCriterion
    met: int
    not_met: int
    unknown: int
    remaining: int


def rules_out(role: CriterionRole, truth: Truth) -> bool:
    """Whether a criterion with this truth makes a patient ineligible (CONFORMANCE: Decision)."""
    return truth is (Truth.NOT_MET if role is CriterionRole.INCLUSION else Truth.MET)


class Funnel:
    """The counts of one study.

    `not_now`: how many of the ineligible are so only by what time or treatment can change.
    """

    def __init__(self, definition: TrialDefinition) -> None:
        """Begin at nothing; `unclear`: patients with a diagnosis that nobody has classified for the study's disease."""
        self.definition = definition
        self.decisions: Counter[Decision] = Counter()
        self.no_indication = 0
        self.unclear = 0
        self.deceased = 0
        self.not_now = 0
        self.nearest: list[Nearest] = []
        self._truths: list[Counter[Truth]] = [Counter() for _ in definition.criteria]
        self._remaining = [0] * len(definition.criteria)

    @property
    def indicated(self) -> int:
        """How many patients have the study's disease on record."""
        return self.decisions.total()

    def add(self, row: Row, subject: str) -> None:
        """Count one patient's row."""
        if row.decision is None:
            self.unclear += row.unclear
            self.no_indication += not row.unclear
            return
        self.decisions[row.decision] += 1
        self.deceased += row.deceased
        self.not_now += row.for_now
        remains = not row.deceased
        for number, (criterion, truth) in enumerate(zip(self.definition.criteria, row.truths, strict=True)):
            self._truths[number][truth] += 1
            remains = remains and not rules_out(criterion.role, truth)
            self._remaining[number] += remains
        if row.decision is not Decision.INELIGIBLE:
            insort(self.nearest, _nearest(row, row.decision, self.indicated, subject))
            del self.nearest[MOST_SHOWN:]

    def steps(self) -> list[Step]:
        """The criteria in the definition's order, with their counts."""
        counted = zip(self.definition.criteria, self._truths, self._remaining, strict=True)
        return [Step(c, t[Truth.MET], t[Truth.NOT_MET], t[Truth.UNKNOWN], remaining) for c, t, remaining in counted]


def _nearest(row: Row, decision: Decision, number: int, subject: str) -> Nearest:
    return Nearest(len(row.open), number, subject, decision, row.open, row.valid_until, row.identifiers)


class Summary:
    """The counts of a whole screening."""

    def __init__(self, definitions: Iterable[TrialDefinition]) -> None:
        """Begin at nothing, with a funnel for each study."""
        self.funnels = {definition.id: Funnel(definition) for definition in definitions}
        self.patients = 0
        self.failed = 0

    def skip(self, patients: int) -> None:
        """Count patients of whom a first search has found that none of the studies' diseases is on record."""
        self.patients += patients
        for funnel in self.funnels.values():
            funnel.no_indication += patients

    def add(self, outcome: PatientOutcome) -> None:
        """Count one patient."""
        if outcome.failure is not None:
            self.failed += 1
            return
        self.patients += 1
        for row in outcome.rows:
            self.funnels[row.study].add(row, outcome.subject or outcome.place)
