"""`consent`: an active research consent to this study (CONFORMANCE: Consent)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from adapter.criteria.expression import Known
from adapter.criteria.fields import Word
from adapter.criteria.model import Leaf
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Consented
from adapter.evaluator.kind import Kind, Outlook, Phrase, Rule, consistent, untold
from adapter.evaluator.moment import TICK, Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONSENT as CONSENTS
from adapter.evaluator.reads import Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import ConsentFact

NO_WORD = frozenset({"draft", "proposed", "entered-in-error"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResearchConsent(Leaf):
    """An active research consent to this study."""


def bind_consent(names: frozenset[str]) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of the consent to one study, known by its id and its registry identifiers, `names`.

    Of several, the latest decides; of those signed at the same time, a refusal and a consent are `conflicting`. The
    latest word may be that nothing holds any more: then an older consent does not come back.
    """

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        said: list[tuple[Reason, ConsentFact]] = []
        open_ones = [fact for fact in chart.record.consents if not fact.studies]
        changes: tuple[Change, ...] = ()
        for fact in _about(chart.record.consents, names):
            reason, more = _reason(fact, chart, moment)
            changes += more
            if reason is not None:
                said.append((reason, fact))
            elif not more:
                open_ones.append(fact)
        if not said:
            return outcome(Reason.AWAITS_CONSENT, _evidence(open_ones), changes)
        last = _latest(said, chart)
        reasons = {reason for reason, _ in last}
        if reasons >= {Reason.CONSENTED, Reason.CONSENT_REFUSED}:
            return outcome(Reason.CONFLICTING, _evidence([fact for _, fact in last]), changes)
        reason = reasons.pop() if len(reasons) == 1 else Reason.AWAITS_CONSENT
        shown = [fact for _, fact in last]
        return outcome(reason, _evidence(shown if reason is not Reason.AWAITS_CONSENT else shown + open_ones), changes)

    return evaluate


def _about(consents: Iterable[ConsentFact], names: frozenset[str]) -> list[ConsentFact]:
    """The facts about the study; where a Consent has a provision for it, that one and not the general ones."""
    named = [fact for fact in consents if any(_names(name, names) for name in fact.studies)]
    specific = {fact.source.resource for fact in named if fact.specific}
    return [fact for fact in named if fact.specific or fact.source.resource not in specific]


def _latest(found: list[tuple[Reason, ConsentFact]], chart: Chart) -> list[tuple[Reason, ConsentFact]]:
    """Those that may be the latest: an undated one always may."""
    times = [chart.span(fact.when) for _, fact in found]
    newest = max((time.start for time in times if time is not None), default=None)
    return [
        pair for pair, time in zip(found, times, strict=True) if time is None or newest is None or time.end >= newest
    ]


def _reason(fact: ConsentFact, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
    """Consented, refused, or awaited where it held and no longer does or can't be read; None where it is no word yet.

    And when that changes.
    """
    signed, start, end = (chart.span(each) for each in (fact.when, fact.start, fact.end))
    for begins in (signed, start):
        if begins is not None and moment.is_future(begins):
            return None, (begins.start,)
    if fact.status in NO_WORD:
        return None, ()
    if not fact.readable or fact.status == "inactive" or (end is not None and end.end <= moment.as_of):
        return Reason.AWAITS_CONSENT, ()
    changes: tuple[Change, ...] = ()
    if end is not None and end.last < date.max:
        whole_days = fact.end is not None and fact.end.moment is None
        changes = (end.end + TICK if whole_days else end.end,)
    refused = fact.status == "rejected" or fact.denied
    return Reason.CONSENT_REFUSED if refused else Reason.CONSENTED, changes


def _names(reference: str, names: frozenset[str]) -> bool:
    """Whether a reference, a canonical (with or without version) or an identifier names the study."""
    plain = reference.partition("|")[0].rstrip("/")
    return plain in names or plain.rpartition("/")[2] in names


def _evidence(facts: Iterable[ConsentFact]) -> tuple[Evidence, ...]:
    """Each Consent once, in the order of their names."""
    found = {
        fact.source.resource: Evidence(
            fact.source.resource,
            fact.source.version,
            "status",
            f"Consent ({fact.status})",
            fact.when.text if fact.when else None,
        )
        for fact in facts
    }
    return tuple(found[resource] for resource in sorted(found))


CONSENT = Kind(
    name="consent",
    statement=ResearchConsent,
    form=Word("research"),
    contradiction=consistent,
    reads=lambda *_: (Read(data=CONSENTS, name="research-consent", value_set="consent-research"),),
    bind=lambda _, trial: bind_consent(trial.names),
    words=lambda *_: Phrase("consent to this study", "consent to this study", "consent to this study"),
    rule=lambda *_: Rule(Known.CONSENTED, waits=Known.CONSENTS_DIFFER),
    traits=untold,
    columns=lambda _, setting: Consented(names=setting.names),
    outlook=lambda *_: Outlook.OPEN,
    of_study=True,
)
