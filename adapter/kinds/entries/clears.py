"""Which report says that nothing of what is asked was found."""

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.terminology import Membership
from adapter.criteria.value_set import Coding
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Trial
from adapter.evaluator.lists import said_of
from adapter.evaluator.moment import Moment
from adapter.kinds.entries.evaluate import Clears, clears_nothing
from adapter.kinds.entries.statement import Report
from adapter.record.facts import EntryFact
from adapter.record.read_entry import CONCLUSION, WORDS

NORMAL = "report-normal"
"""The value set of conclusions that nothing was found, whatever the examination."""


def found_nothing(statement: Report, trial: Trial) -> Clears:
    """Whether a report of the examination concludes, in every code and word, that nothing was found, all the time.

    It speaks for its own time: for `ever`, and for a window that reaches outside that, it says too little.
    """
    terminology, window = trial.terminology, statement.look_back
    if not statement.concepts or window is None:
        return clears_nothing
    held = terminology.value_sets.get(NORMAL)
    words = {plain(terminology.display(each.system, each.code) or "") for each in held.codes} if held else set()

    def is_normal(code: Coding) -> bool:
        return NORMAL in (terminology.value_sets_of(code.system, code.code) or ())

    def clears(fact: EntryFact, chart: Chart, moment: Moment) -> bool:
        said = fact.beside.get(CONCLUSION, ())
        return (
            bool(said)
            and said_of(statement.concepts, fact.what, terminology) is Membership.IS
            and all(each.codes and all(map(is_normal, each.codes)) for each in said)
            and all(plain(each.shown) in words for each in fact.beside.get(WORDS, ()))
            and _covers(fact, window, chart, moment)
        )

    return clears


def _covers(fact: EntryFact, window: Length, chart: Chart, moment: Moment) -> bool:
    """Whether an entry's own time holds the whole window, from its beginning until now."""
    start, end = chart.span(fact.start), chart.span(fact.end)
    if start is None or end is None:
        return False
    if isinstance(window, Duration):
        return start.last <= moment.window_start(window) and end.first >= moment.day
    return start.end <= moment.as_of - window.back and end.start >= moment.as_of
