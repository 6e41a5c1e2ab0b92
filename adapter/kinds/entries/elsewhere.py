"""What other lists say of what is asked of one: a device among the diagnoses and operations, a plan among the orders.

It leaves the answer open, and shows why (CONFORMANCE: Entries of lists).
"""

from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.negatives import evidence_of as of_mention
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.entries.evaluate import Elsewhere, Placing
from adapter.kinds.exposure.statement import evidence_of as of_exposure
from adapter.record.facts import CLOSED, ConditionFact, Mention, Verification
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
            said += [(each.start, not each.ordered, of_exposure(each)) for each in record.exposures.get(name, ())]
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


def graded(levels: frozenset[str], concepts: tuple[str, ...], *, going_on: bool) -> Elsewhere:
    """Diagnoses of these grades: a question, since a grade may be a tumour's."""

    def found(chart: Chart, moment: Moment) -> Found:
        shown: list[tuple[Reason, Evidence]] = []
        later: tuple[Change, ...] = ()
        for each in chart.record.all_conditions:
            closed = each.verification is Verification.REFUTED or (going_on and each.clinical in CLOSED)
            if closed or levels.isdisjoint(each.levels) or (concepts and each.value_sets.isdisjoint(concepts)):
                continue
            begun = chart.span(each.onset or each.recorded)
            ahead = begun is not None and moment.is_future(begun)
            later += (begun.start,) if begun is not None and ahead else ()
            shown += [] if ahead else [(Reason.NEEDS_REVIEW, _of_diagnosis(each))]
        return tuple(shown), later

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
                    shown.append((reason if plain else Reason.NEEDS_REVIEW, of_exposure(fact)))
                if fact.ordered:
                    changes += more
                    changes += (start.start,) if start is not None and moment.is_future(start) else ()
        return tuple(dict.fromkeys(shown)), changes

    return found


def _of_diagnosis(fact: ConditionFact) -> Evidence:
    when = fact.onset or fact.recorded
    return Evidence(fact.source.resource, fact.source.version, "code", fact.shown, when.text if when else None)
