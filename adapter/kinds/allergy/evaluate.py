"""`allergy`: an allergy or intolerance to a substance, of a severity where asked."""

from collections.abc import Callable

from adapter.criteria.terminology import Terminology
from adapter.evaluator.absence import ALLERGIES, absent
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.allergy.statement import Allergy
from adapter.kinds.condition.entries import CLOSED
from adapter.record.facts import AllergyFact, Verification

_ORDER = (
    Reason.RECORDED,
    Reason.NEEDS_REVIEW,
    Reason.UNCONFIRMED,
    Reason.REFUTED,
    Reason.VALUE_FAILS,
    Reason.RESOLVED,
)
_ELEMENTS = {
    Reason.REFUTED: "verificationStatus",
    Reason.UNCONFIRMED: "verificationStatus",
    Reason.RESOLVED: "clinicalStatus",
    Reason.VALUE_FAILS: "reaction.severity",
}


def bind_allergy(statement: Allergy, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one allergy criterion; the strongest word among the entries decides."""
    concepts = [terminology.catalogue.substances[name] for name in statement.concepts]
    absences = frozenset.intersection(*(frozenset(concept.absent) for concept in concepts))

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found: list[tuple[Reason, AllergyFact]] = []
        changes: tuple[Change, ...] = ()
        for fact in _facts(chart, statement.concepts):
            time = chart.span(fact.onset or fact.recorded)
            if time is not None and moment.is_future(time):
                changes += (time.start,)
            else:
                found.append((_reason(fact, severe=statement.severe), fact))
        if not found:
            nothing = outcome(Reason.NO_DATA, (), changes)
            return absent(statement.concepts, ALLERGIES, _facts(chart, absences), nothing, chart, moment)
        reason, fact = min(found, key=lambda pair: (_ORDER.index(pair[0]), pair[1].source.resource))
        note = "severe" if statement.severe else ""
        return outcome(reason, (_evidence(reason, fact),), changes, note)

    return evaluate


def _facts(chart: Chart, value_sets: tuple[str, ...] | frozenset[str]) -> list[AllergyFact]:
    allergies = chart.record.allergies
    by_source = {fact.source: fact for name in value_sets for fact in allergies.get(name, ())}
    return [by_source[source] for source in sorted(by_source, key=lambda source: source.resource)]


def _reason(fact: AllergyFact, *, severe: bool) -> Reason:
    if fact.verification is Verification.REFUTED:
        return Reason.REFUTED
    if fact.clinical in CLOSED:
        return Reason.RESOLVED
    if fact.verification is Verification.UNCONFIRMED:
        return Reason.UNCONFIRMED
    if not severe or "severe" in fact.severities:
        return Reason.RECORDED
    return Reason.VALUE_FAILS if fact.severities and fact.criticality != "high" else Reason.NEEDS_REVIEW


def _evidence(reason: Reason, fact: AllergyFact) -> Evidence:
    when = fact.onset or fact.recorded
    element = _ELEMENTS.get(reason, "code")
    return Evidence(fact.source.resource, fact.source.version, element, fact.shown, when.text if when else None)
