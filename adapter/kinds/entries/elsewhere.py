"""What other lists say of the same: a device among the diagnoses and operations, a plan among the orders."""

from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.standing import CLOSED
from adapter.kinds.entries.evaluate import Elsewhere, Placing
from adapter.kinds.exposure.standing import evidence_of
from adapter.record.facts import ConditionFact, Verification

Found = tuple[tuple[tuple[Reason, Evidence], ...], tuple[Change, ...]]


def nowhere(*_: object) -> Found:
    """Nothing: of a list that stands alone."""
    return (), ()


def recorded(concepts: tuple[str, ...]) -> Elsewhere:
    """Diagnoses ("presence of a pacemaker") and operations with a code of the concepts: a question."""

    def found(chart: Chart, moment: Moment) -> Found:
        shown: list[tuple[Reason, Evidence]] = []
        later: tuple[Change, ...] = ()
        for name in concepts:
            for entry in chart.record.conditions.get(name, ()):
                begun = chart.span(entry.onset or entry.recorded)
                if begun is not None and moment.is_future(begun):
                    later += (begun.start,)
                elif entry.verification is not Verification.REFUTED and entry.clinical not in CLOSED:
                    shown.append((Reason.NEEDS_REVIEW, _of_diagnosis(entry)))
            for fact in chart.record.exposures.get(name, ()):
                begun = chart.span(fact.start)
                if begun is not None and moment.is_future(begun):
                    later += (begun.start,)
                elif not fact.ordered:
                    shown.append((Reason.NEEDS_REVIEW, evidence_of(fact)))
        return tuple(dict.fromkeys(shown)), later

    return found


def ordered(concepts: tuple[str, ...], placing: Placing) -> Elsewhere:
    """Orders of drugs and procedures that lie ahead; what has begun may be under way already, and is a question."""

    def found(chart: Chart, moment: Moment) -> Found:
        shown: list[tuple[Reason, Evidence]] = []
        changes: tuple[Change, ...] = ()
        for name in concepts:
            listed = chart.exposures.get(name)
            for fact in listed.is_ if listed is not None else ():
                start = chart.span(fact.start)
                ahead = start is None or moment.is_future(start) or start.last >= moment.day
                reason, more = placing(fact, chart, moment)
                if fact.ordered and reason not in (None, Reason.STALE, Reason.OUTSIDE_WINDOW):
                    plain = ahead and not fact.open  # on hold, it may never come
                    shown.append((reason if plain else Reason.NEEDS_REVIEW, evidence_of(fact)))
                if fact.ordered:
                    changes += more
                    changes += (start.start,) if start is not None and moment.is_future(start) else ()
        return tuple(dict.fromkeys(shown)), changes

    return found


def _of_diagnosis(fact: ConditionFact) -> Evidence:
    when = fact.onset or fact.recorded
    return Evidence(fact.source.resource, fact.source.version, "code", fact.shown, when.text if when else None)
