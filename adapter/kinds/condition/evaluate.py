"""`condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions; Conditions with tests)."""

from collections.abc import Callable

from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.absence import CONDITIONS, absent
from adapter.evaluator.chart import Chart
from adapter.evaluator.latest import evidence, latest
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.entries import Entry, Standing, diagnosis, entries, evidence_of, facts_of, settled
from adapter.kinds.condition.pregnancy import bind_pregnancy, unless_not_applicable
from adapter.kinds.condition.statement import Condition
from adapter.kinds.condition.tests import Tests, bind_tests

Evaluation = Callable[[Chart, Moment], Outcome]

_REASONS = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.POSSIBLE: Reason.NEEDS_REVIEW,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.UNCONFIRMED: Reason.UNCONFIRMED,
    Standing.STALE: Reason.STALE,
    Standing.REFUTED: Reason.REFUTED,
    Standing.RESOLVED: Reason.RESOLVED,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
}


def bind_condition(statement: Condition, terminology: Terminology) -> Evaluation:
    """The evaluation of one condition criterion."""
    catalogue = terminology.catalogue
    if any(catalogue.conditions[name].pregnancy for name in statement.concepts):
        plain = bind_pregnancy(statement, terminology)
    else:
        plain = _bind_plain(statement, terminology)
    if statement.sex_bound:
        plain = unless_not_applicable(plain, terminology)
    shown = [catalogue.analytes[name] for name in statement.shown]
    if not shown:
        return plain

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = plain(chart, moment)
        for analyte in shown:
            newest = latest(chart.readings(analyte), moment)
            if newest is not None:
                found = found.also((), evidence(newest.readings))
        return found

    return evaluate


def _bind_plain(statement: Condition, terminology: Terminology) -> Evaluation:
    asked = diagnosis(statement, terminology)
    tests = bind_tests(statement.tests, terminology) if statement.tests else None

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = entries(asked, chart, moment)
        changes = later + tuple(change for entry in found for change in entry.changes)
        if found and found[0].standing is Standing.RECORDED:
            answer = _recorded(found, statement)
        elif tests is not None:
            answer = _with_tests(found, tests(chart, moment))
        else:
            answer = _of(found[0]) if found else outcome(Reason.NO_DATA)
        if answer.reason in (Reason.NO_DATA, Reason.OUTSIDE_WINDOW):
            said = facts_of(chart, asked.absent)
            answer = absent(statement.concepts, CONDITIONS, said, answer, chart, moment, statement.look_back)
        return answer.also(changes)

    return evaluate


def _of(entry: Entry) -> Outcome:
    return outcome(_REASONS[entry.standing], (evidence_of(entry),))


_QUALIFIED = (
    (Truth.MET, Reason.RECORDED),
    (Truth.UNKNOWN, Reason.NEEDS_REVIEW),
    (Truth.NOT_MET, Reason.VALUE_FAILS),
)


def _recorded(found: list[Entry], statement: Condition) -> Outcome:
    """What is on record, under the qualifier: settled by severity or stage where present, else a question."""
    recorded = [entry for entry in found if entry.standing is Standing.RECORDED]
    if statement.qualifier is None:
        return _of(recorded[0])
    grades = {id(entry): settled(entry.fact, statement.qualifier) for entry in recorded}
    for wanted, reason in _QUALIFIED:
        for entry in recorded:
            if grades[id(entry)] is wanted:
                return outcome(reason, (evidence_of(entry),), note=statement.qualifier.value)
    raise AssertionError


_AFTER_TESTS = (Standing.POSSIBLE, Standing.IMPRECISE, Standing.REFUTED, Standing.UNCONFIRMED, Standing.STALE)


def _with_tests(found: list[Entry], tests: Tests) -> Outcome:
    """A fresh test decides; else a question about a test; else what is on record; else what is wrong with the tests."""
    if tests.decided is not None:
        return tests.decided
    if tests.question is not None:
        return tests.question
    for standing in (*_AFTER_TESTS, Standing.RESOLVED):
        for entry in found:
            if entry.standing is standing:
                return _of(entry).also(tests.open.changes)
    return tests.open
