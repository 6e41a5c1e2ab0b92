"""What everything that reacts to changes shares."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from adapter.evaluator import Verdict
from adapter.fhir.client import FhirClient
from adapter.screening.react.interest import Interest, interest_of
from adapter.screening.react.judged import bases
from adapter.screening.react.metrics import Metrics
from adapter.screening.setup import Setup
from adapter.store import Database


class WriteBack(Protocol):
    """Writes verdicts on one patient to the research server."""

    async def __call__(self, verdicts: Sequence[Verdict], identifiers: tuple[tuple[str, str], ...], /) -> None:
        """`identifiers`: the patient's own, as (system, value).

        Raises ServerError where that fails; then it is done again, from the beginning.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient we are. Each is a time; `most_attempts`: how often a patient's evaluation may fail by itself."""

    settle: timedelta = timedelta(milliseconds=300)
    lease: timedelta = timedelta(seconds=90)
    poll: timedelta = timedelta(milliseconds=500)
    sweep: timedelta = timedelta(minutes=15)
    overlap: timedelta = timedelta(minutes=10)
    calendar: timedelta = timedelta(seconds=30)
    deliver: timedelta = timedelta(seconds=1)
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=10)
    server_wait: timedelta = timedelta(seconds=5)
    most_attempts: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is evaluated, and what each study's definition, policy and terminology are named by. Swapped as a whole."""

    setup: Setup
    interest: Interest
    basis: Mapping[str, str]

    @property
    def types(self) -> frozenset[str]:
        """The resource types of a patient that the studies read."""
        return frozenset().union(*(bound.types for bound in self.setup.bounds))


def rules_of(setup: Setup) -> Rules:
    """The definitions of a site, turned round."""
    return Rules(setup=setup, interest=interest_of(setup), basis=bases(setup))


@dataclass(slots=True, kw_only=True)
class Reacting:
    """A site that reacts to changes.

    `rules` are replaced where definitions change while we run. `record`: the patients' server; `research`: where
    ResearchSubjects stand; `urls`: where events go. `clock` is the only source of time.
    """

    database: Database
    rules: Rules
    record: FhirClient
    research: FhirClient
    write: WriteBack
    clock: Callable[[], datetime]
    urls: tuple[str, ...] = ()
    pace: Pace = field(default_factory=Pace)
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def interest(self) -> Interest:
        """What touches which study."""
        return self.rules.interest
