"""`judgement`: what only a person can say (CONFORMANCE: Judgement and attestation)."""

from collections.abc import Callable

from adapter.criteria.model import Condition, Judgement
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Kind
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.entries import Standing, diagnosis, entries, evidence_of
from adapter.kinds.condition.pregnancy import unless_not_applicable


def bind_judgement(statement: Judgement, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """Unknown for its own reason; `needs-review` while a condition of its gate is on record."""
    why = Reason(statement.why.value)
    gate = diagnosis(Condition(concepts=statement.gate), terminology) if statement.gate else None

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        if gate is None:
            return outcome(why)
        found, changes = entries(gate, chart, moment)
        changes += tuple(change for entry in found for change in entry.changes)
        on_record = [entry for entry in found if entry.standing is Standing.RECORDED]
        if on_record:
            return outcome(Reason.NEEDS_REVIEW, (evidence_of(on_record[0]),), changes)
        return outcome(why, (), changes)

    return unless_not_applicable(evaluate, terminology) if statement.sex_bound else evaluate


JUDGEMENT = Kind(
    name="judgement",
    statement=Judgement,
    bind=lambda statement, trial: bind_judgement(statement, trial.terminology),
)
