"""`condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions; Conditions with tests)."""

from collections.abc import Callable

from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.latest import evidence, latest
from adapter.evaluator.moment import Moment
from adapter.evaluator.negatives import contradicting, denied, stated
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.doubts import bind_doubts
from adapter.kinds.condition.entries import Entry, doubtful, entries, negatives, statements
from adapter.kinds.condition.infection import bind_infection
from adapter.kinds.condition.pregnancy import bind_pregnancy
from adapter.kinds.condition.recorded import nothing, of_entry, recorded
from adapter.kinds.condition.sex_bound import unless_not_applicable
from adapter.kinds.condition.standing import OPEN, Diagnosis, Standing, diagnosis
from adapter.kinds.condition.statement import Condition

Evaluation = Callable[[Chart, Moment], Outcome]


def bind_condition(statement: Condition, terminology: Terminology) -> Evaluation:
    """The evaluation of one condition criterion."""
    catalogue = terminology.catalogue
    if any(catalogue.conditions[name].pregnancy for name in statement.concepts) and not statement.asks_of_entry:
        plain = bind_pregnancy(statement, terminology)
    elif statement.tests:
        plain = bind_infection(statement, terminology)
    else:
        plain = _bind_plain(statement, terminology)
    if statement.sex_bound:
        plain = unless_not_applicable(plain, statement.concepts, terminology)
    shown = [catalogue.analytes[name] for name in statement.shown]
    if not shown:
        return plain

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = plain(chart, moment)
        for analyte in shown:
            newest = latest(chart.readings(analyte), moment)
            if newest is not None:
                beside = evidence(newest.readings, named=True)
                found = found.also((), tuple([each for each in beside if each not in found.evidence]))
        return found

    return evaluate


def _bind_plain(statement: Condition, terminology: Terminology) -> Evaluation:
    """What is on record, else what may be, else what denies it and is not doubted.

    Where nothing denies it either, what would be a doubt is what there is to ask about.
    """
    asked = diagnosis(statement, terminology)
    doubts = bind_doubts(asked.concepts, terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = entries(asked, chart, moment)
        changes = later + tuple(change for entry in found for change in entry.changes)
        if found and found[0].standing is Standing.RECORDED:
            return _unless_contradicted(recorded(found, statement), found, asked, chart, moment).also(changes)
        if found and found[0].standing in OPEN:
            return of_entry(found[0]).also(changes)
        answer = _denied(found, asked, chart, moment)
        if answer.truth is Truth.NOT_MET or answer.reason is Reason.NO_DATA:
            answer = doubts(answer, chart, moment)
        return answer.also(changes)

    return evaluate


def _unless_contradicted(known: Outcome, found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment) -> Outcome:
    """CONFLICTING where "no known problems" was said after all that is on record of it."""
    if known.truth is not Truth.MET or not asked.present:
        return known
    said, _, changes = stated(statements(asked, chart), asked.names, chart, moment)
    entries_of_it = [entry.fact for entry in found if entry.standing is Standing.RECORDED]
    against = contradicting(said, [chart.span(fact.recorded or fact.onset) for fact in entries_of_it])
    if not against:
        return known.also(changes) if said else known
    return outcome(Reason.CONFLICTING, (*known.evidence, *against), known.changes).also(changes)


def _denied(found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment) -> Outcome:
    """What the lists deny; where they don't, what they show."""
    said, passed, changes = stated(statements(asked, chart), asked.names, chart, moment)
    possible, more = doubtful(found, asked, chart, moment)
    otherwise = nothing(found, passed)
    offered, until = negatives(found, asked, chart, moment)
    answer = denied(asked.names, CONDITION.types, [*offered, *said], possible, otherwise, chart)
    return answer.also(changes + more + until)
