"""What the entries of a diagnosis come to together."""

from adapter.criteria.truth import Truth
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.entries import Entry, evidence_of
from adapter.kinds.condition.standing import REASONS, Standing, settled
from adapter.kinds.condition.statement import Condition


def nothing(found: list[Entry], passed: Outcome) -> Outcome:
    """Without anything that counts: what lies outside the window, a statement that does not count, what is over."""
    outside = [entry for entry in found if entry.standing is Standing.OUTSIDE]
    if outside:
        return of_entry(outside[0])
    over = tuple(evidence_of(entry) for entry in found)
    return passed.also((), over)


def of_entry(entry: Entry) -> Outcome:
    """The outcome that an entry stands for."""
    return outcome(REASONS[entry.standing], (evidence_of(entry),))


_QUALIFIED = (
    (Truth.MET, Reason.RECORDED),
    (Truth.UNKNOWN, Reason.NEEDS_REVIEW),
    (Truth.NOT_MET, Reason.VALUE_FAILS),
)


def recorded(found: list[Entry], statement: Condition) -> Outcome:
    """What is on record, under the qualifier: settled by severity or stage where present, else a question."""
    on_record = [entry for entry in found if entry.standing is Standing.RECORDED]
    if statement.qualifier is None:
        return of_entry(on_record[0])
    grades = {id(entry): settled(entry.fact, statement.qualifier) for entry in on_record}
    for wanted, reason in _QUALIFIED:
        for entry in on_record:
            if grades[id(entry)] is wanted:
                return outcome(reason, (evidence_of(entry),), note=statement.qualifier.value)
    raise AssertionError
