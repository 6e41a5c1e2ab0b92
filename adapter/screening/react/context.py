"""What all parts of the webhook share: database, servers, definitions, timing and metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from anyio import to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from adapter.fhir.client import FhirClient
from adapter.fhir.research_subject import Proposal
from adapter.record.contents import Contents
from adapter.screening.react.changes import Relevance, relevance_of
from adapter.screening.react.forget import Eraser, Retire, leave
from adapter.screening.react.reevaluation import LastEvaluation, Reevaluation, bases, reevaluate
from adapter.screening.setup import Setup
from adapter.store import Database
from adapter.store.retention import Retention
from adapter.traces import Span, span

SWEEP = "sweep"
"""The name of the duty that looks for what no notification has told."""

UNAUTHORIZED = "unauthorized"
"""The kind of a message with a wrong secret."""

ALERTED = ("StoreError", "UnreachableError", "OverloadedError", "NoAccessError", "TimeoutError", "UnpublishedError")
"""Kinds of failures that somebody is told of (ops/prometheus/alerts.yaml); each is there from the start."""

_SECONDS = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)


@dataclass(frozen=True, slots=True)
class Metrics:
    """One process' metrics, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    messages: Counter = field(init=False)
    notifications: Counter = field(init=False)
    evaluations: Counter = field(init=False)
    verdicts: Counter = field(init=False)
    changes: Counter = field(init=False)
    errors: Counter = field(init=False)
    latency: Histogram = field(init=False)
    parts: Histogram = field(init=False)
    expired: Counter = field(init=False)
    rounds: Counter = field(init=False)
    waiting: Gauge = field(init=False)
    dead: Gauge = field(init=False)
    oldest: Gauge = field(init=False)
    undelivered: Gauge = field(init=False)
    broken_subscriptions: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Make them."""

        def put(name: str, made: Counter | Gauge | Histogram) -> None:
            object.__setattr__(self, name, made)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"trial_adapter_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"trial_adapter_{name}", text, registry=self.registry)

        put("messages", counter("messages", "Messages to the webhook, by kind", "kind"))
        put("notifications", counter("notifications", "Resources that notifications named, by outcome", "outcome"))
        put("evaluations", counter("evaluations", "Patients evaluated, by outcome", "outcome"))
        put("verdicts", counter("verdicts", "Verdicts made: a patient and a study each"))
        put("changes", counter("verdict_changes", "Verdicts that changed"))
        put("errors", counter("errors", "Failures, by kind", "kind"))
        put("rounds", counter("rounds", "Sweeps, looks at the calendar, deliveries; by outcome", "duty", "outcome"))
        put("expired", counter("expired", "Rows whose retention has ended, by what they were", "what"))
        put("waiting", gauge("queue_depth", "Patients that wait to be evaluated"))
        put("dead", gauge("queue_dead", "Patients given up until somebody asks again"))
        put("oldest", gauge("queue_oldest_seconds", "How long the oldest entry has waited"))
        put("undelivered", gauge("events_undelivered", "Events that a configured URL has not taken yet"))
        put("broken_subscriptions", gauge("subscriptions_broken", "Subscriptions not in order when last seen"))
        latency = "From the first notification to the written candidate"
        name = "trial_adapter_notification_to_candidate_seconds"
        put("latency", Histogram(name, latency, buckets=_SECONDS, registry=self.registry))
        parts = Histogram("trial_adapter_part_seconds", "Time by part of the work", ("part",), registry=self.registry)
        put("parts", parts)
        for kind in ALERTED:  # a counter that begins at 3 has not risen, as Prometheus sees it
            self.errors.labels(kind)
        self.messages.labels(UNAUTHORIZED)


class Reevaluate(Protocol):
    """Evaluates a patient elsewhere, as `reevaluation.reevaluate` does by the rules of now."""

    async def __call__(
        self, contents: Contents, patient: str, touched: frozenset[str], known: LastEvaluation, as_of: datetime, /
    ) -> Reevaluation:
        """Raises as `reevaluate`; BusyError where it can't be done now, other errors where it had to be ended."""


class NoteEvaluation(Protocol):
    """Notes durably that a patient's record was evaluated, before anything comes of it, and what was then written."""

    async def __call__(self, patient: str, studies: tuple[str, ...], /, *, written: bool = False) -> None:
        """`patient`: Patient/id; `studies`: ids; `written`: their candidates were put on the research server.

        Raises StoreError where it can't be noted; it is evaluated later.
        """


class WriteBack(Protocol):
    """Writes proposals on one patient to the research server."""

    async def __call__(self, proposals: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...], /) -> None:
        """`identifiers`: the patient's own, as (system, value).

        Raises ServerError where that fails; then it is done again, from the beginning.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Waits, intervals and leases; `most_attempts`: how often a patient's evaluation may fail by itself."""

    settle: timedelta = timedelta(milliseconds=300)
    lease: timedelta = timedelta(seconds=90)
    poll: timedelta = timedelta(milliseconds=500)
    sweep: timedelta = timedelta(minutes=15)
    overlap: timedelta = timedelta(minutes=10)
    calendar: timedelta = timedelta(seconds=30)
    deliver: timedelta = timedelta(seconds=1)
    expire: timedelta = timedelta(minutes=10)
    first_wait: timedelta = timedelta(seconds=1)
    longest_wait: timedelta = timedelta(minutes=10)
    server_wait: timedelta = timedelta(seconds=5)
    most_attempts: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is evaluated, and what each study's definition, policy and terminology are named by. Swapped as a whole."""

    setup: Setup
    relevance: Relevance
    basis: Mapping[str, str]

    @property
    def types(self) -> frozenset[str]:
        """The resource types of a patient that the studies read."""
        return self.setup.types


def rules_of(setup: Setup) -> Rules:
    """Rules of the loaded definitions."""
    return Rules(setup=setup, relevance=relevance_of(setup), basis=bases(setup))


@dataclass(slots=True, kw_only=True)
class Context:
    """What the parts of the webhook share.

    `rules` are replaced where definitions change while we run. `record`: the patients' server; `research`: where
    ResearchSubjects stand, which `write` writes and `retire` retires; `urls`: where events go; `retention`: how long
    data stay; `elsewhere`: evaluates in processes that can be ended; `audit`: says whose record
    was. `clock` is the only source of time.
    """

    database: Database
    rules: Rules
    record: FhirClient
    research: FhirClient
    write: WriteBack
    clock: Callable[[], datetime]
    retire: Retire = leave
    urls: tuple[str, ...] = ()
    retention: Retention = field(default_factory=Retention)
    timing: Timing = field(default_factory=Timing)
    metrics: Metrics = field(default_factory=Metrics)
    elsewhere: Reevaluate | None = None
    audit: NoteEvaluation | None = None

    async def reevaluate(
        self, contents: Contents, patient: str, touched: frozenset[str], known: LastEvaluation
    ) -> Reevaluation:
        """Evaluate what a change touches, by the rules of now: elsewhere, or in a thread of this process."""
        rules, as_of = self.rules, self.clock()
        if self.elsewhere is not None:
            return await self.elsewhere(contents, patient, touched, known, as_of)
        return await to_thread.run_sync(
            reevaluate, contents, patient, touched, known, rules.setup, rules.relevance, rules.basis, as_of
        )

    @contextmanager
    def part(self, name: str) -> Iterator[Span]:
        """Time a part of the work."""
        with self.metrics.parts.labels(name).time(), span(name) as timed:
            yield timed

    @property
    def erase(self) -> Eraser:
        """Erases the patient of a claim."""
        return Eraser(database=self.database, record=self.record, clock=self.clock, retire=self.retire, urls=self.urls)

    @property
    def relevance(self) -> Relevance:
        """What touches which study."""
        return self.rules.relevance
