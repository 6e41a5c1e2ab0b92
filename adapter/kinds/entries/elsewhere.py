"""What other lists say of the same: a device among the diagnoses and operations, a plan among the orders."""

from adapter.evaluator.chart import Chart
from adapter.evaluator.mentions import evidence_of as of_mention
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.standing import CLOSED
from adapter.kinds.entries.evaluate import Elsewhere, Placing
from adapter.kinds.exposure.standing import evidence_of
from adapter.record.facts import ConditionFact, Mention, Verification
from adapter.record.when import When

AUTHORED = "authoredOn"
"""The element of an order that says when it was written."""

Found = tuple[tuple[tuple[Reason, Evidence], ...], tuple[Change, ...]]


Said = tuple[When | None, bool, Evidence]
"""When something was said to be, whether that counts, and what says it."""


def nowhere(*_: object) -> Found:
    """Nothing: of a list that stands alone."""
    return (), ()


def recorded(concepts: tuple[str, ...], operations: tuple[str, ...] = ()) -> Elsewhere:
    """Diagnoses ("presence of a pacemaker"), operations that put one in, and what names one elsewhere: a question."""

    def found(chart: Chart, moment: Moment) -> Found:
        record = chart.record
        said: list[Said] = []
        for name in concepts:
            said += [
                (each.onset or each.recorded, _stands(each), _of_diagnosis(each))
                for each in record.conditions.get(name, ())
            ]
            said += [(each.start, not _ahead(each), of_mention(each)) for each in record.mentions.get(name, ())]
        for name in (*concepts, *operations):
            said += [(each.start, not each.ordered, evidence_of(each)) for each in record.exposures.get(name, ())]
        shown: list[tuple[Reason, Evidence]] = []
        later: tuple[Change, ...] = ()
        for when, counts, evidence in said:
            begun = chart.span(when)
            if begun is not None and moment.is_future(begun):
                later += (begun.start,)
            elif counts:
                shown.append((Reason.NEEDS_REVIEW, evidence))
        return tuple(dict.fromkeys(shown)), later

    return found


def _stands(fact: ConditionFact) -> bool:
    return fact.verification is not Verification.REFUTED and fact.clinical not in CLOSED


def _ahead(mention: Mention) -> bool:
    """Whether it was only ordered, and nobody says that it was done."""
    return mention.ordered and mention.open_end


def ordered(concepts: tuple[str, ...], placing: Placing) -> Elsewhere:
    """Orders of drugs and procedures that lie ahead; what has begun may be under way already, and is a question."""

    def found(chart: Chart, moment: Moment) -> Found:
        shown: list[tuple[Reason, Evidence]] = []
        changes: tuple[Change, ...] = ()
        for name in concepts:
            listed = chart.exposures.get(name)
            for fact in listed.is_ if listed is not None else ():
                start = chart.span(fact.start)
                if fact.element == AUTHORED and start is not None and moment.is_future(start):
                    changes += (start.start,)  # it is not written yet
                    continue
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
