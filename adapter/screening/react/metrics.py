"""What is counted and timed, for Prometheus. No label names a patient."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
