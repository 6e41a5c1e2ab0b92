"""`consent`: an active research consent to this study (CONFORMANCE: Consent)."""

from collections.abc import Callable
from datetime import date, timedelta

from adapter.criteria.model import ResearchConsent
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Kind
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import ConsentFact

_TICK = timedelta(microseconds=1)


def bind_consent(names: frozenset[str]) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of the consent to one study, known by its id and its registry identifiers, `names`.

    Of several, the latest decides; of those signed at the same time, a refusal and a consent are `conflicting`.
    """

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found: list[tuple[Reason, ConsentFact]] = []
        open_ones: list[ConsentFact] = []
        changes: tuple[Change, ...] = ()
        for fact in chart.record.consents:
            signed = chart.span(fact.when)
            if signed is not None and moment.is_future(signed):
                changes += (signed.start,)
                continue
            if not fact.studies:
                open_ones.append(fact)
            elif any(_names(name, names) for name in fact.studies):
                reason, more = _reason(fact, chart, moment)
                changes += more
                if reason is None:
                    open_ones.append(fact)
                else:
                    found.append((reason, fact))
        if not found:
            return outcome(Reason.AWAITS_CONSENT, tuple(_evidence(fact) for fact in _ordered(open_ones)), changes)
        last = _latest(found, chart)
        shown = tuple(_evidence(fact) for fact in _ordered([fact for _, fact in last]))
        reasons = {reason for reason, _ in last}
        return outcome(reasons.pop() if len(reasons) == 1 else Reason.CONFLICTING, shown, changes)

    return evaluate


def _latest(found: list[tuple[Reason, ConsentFact]], chart: Chart) -> list[tuple[Reason, ConsentFact]]:
    """Those that may be the latest: an undated one always may."""
    times = [chart.span(fact.when) for _, fact in found]
    newest = max((time.start for time in times if time is not None), default=None)
    return [
        pair for pair, time in zip(found, times, strict=True) if time is None or newest is None or time.end >= newest
    ]


def _reason(fact: ConsentFact, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
    """Consented, refused, or None while it isn't in force; and when that changes."""
    if not fact.readable:
        return None, ()
    start, end = chart.span(fact.start), chart.span(fact.end)
    if start is not None and moment.is_future(start):
        return None, (start.start,)
    if end is not None and end.end <= moment.as_of:
        return None, ()
    changes: tuple[Change, ...] = ()
    if end is not None and end.last < date.max:
        whole_days = fact.end is not None and fact.end.moment is None
        changes = (end.end + _TICK if whole_days else end.end,)
    if fact.status == "rejected" or (fact.status == "active" and fact.denied):
        return Reason.CONSENT_REFUSED, changes
    return (Reason.CONSENTED if fact.status == "active" else None), changes


def _names(reference: str, names: frozenset[str]) -> bool:
    """Whether a reference, a canonical (with or without version) or an identifier names the study."""
    plain = reference.partition("|")[0].rstrip("/")
    return plain in names or plain.rpartition("/")[2] in names


def _ordered(facts: list[ConsentFact]) -> list[ConsentFact]:
    return sorted(facts, key=lambda fact: fact.source.resource)


def _evidence(fact: ConsentFact) -> Evidence:
    source = fact.source
    return Evidence(source.resource, source.version, "status", fact.status, fact.when.text if fact.when else None)


CONSENT = Kind(
    name="consent",
    statement=ResearchConsent,
    bind=lambda _, trial: bind_consent(trial.names),
    of_study=True,
)
