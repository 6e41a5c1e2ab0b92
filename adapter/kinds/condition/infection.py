"""A condition that tests settle: what they say together, by table (CONFORMANCE: Conditions with tests)."""

from collections.abc import Callable, Mapping

from adapter.criteria.catalogue import Answer, Catalogue, InfectionRule, InfectionTable, InfectionTest, Seen
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Moment
from adapter.evaluator.negatives import SHOWN, denied
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import Entry, doubtful, entries, evidence_of, named_elsewhere
from adapter.kinds.condition.recorded import nothing, of_entry, recorded
from adapter.kinds.condition.standing import OPEN, Diagnosis, Standing, diagnosis, time_of
from adapter.kinds.condition.statement import Condition, SettlingTest
from adapter.kinds.condition.tests import Result, result

_REASONS = {
    Answer.MET: Reason.TEST_POSITIVE,
    Answer.NOT_MET: Reason.TEST_NEGATIVE,
    Answer.NEEDS_REVIEW: Reason.NEEDS_REVIEW,
}

Fitting = dict[tuple[frozenset[Seen], ...], tuple[InfectionRule, ...]]
"""The rules of a table that fit by what is seen of its tests, in its order; there are few words to be seen."""


def table_of(concepts: tuple[str, ...], tests: tuple[SettlingTest, ...], catalogue: Catalogue) -> InfectionTable:
    """The table of the condition; where the catalogue has none, one of the tests that the criterion names."""
    known = catalogue.infections
    return known[concepts[0]] if len(concepts) == 1 and concepts[0] in known else _plain_table(tests)


def bind_infection(statement: Condition, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """What is on record and what the tests say; where they contradict each other, both are shown.

    Only tests deny: neither a closed nor a refuted entry does, nor a statement of absence; the policy may assume.
    """
    asked = diagnosis(statement, terminology)
    table = table_of(statement.concepts, statement.tests, terminology.catalogue)
    analytes = {name: terminology.catalogue.analytes[test.analyte] for name, test in table.tests.items()}
    fitting: Fitting = {}

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = entries(asked, chart, moment)
        seen = {name: result(test, analytes[name], chart, moment) for name, test in table.tests.items()}
        changes = later + tuple(change for entry in found for change in entry.changes)
        changes += tuple(change for each in seen.values() for change in each.changes)
        by_tests = _by_table(table, fitting, seen, has_entry=bool(found))
        if found and found[0].standing is Standing.RECORDED:
            against = _against(table, seen, found, chart)
            if against and (by_tests is None or by_tests.truth is not Truth.MET):
                return outcome(Reason.CONFLICTING, (evidence_of(found[0]), *against), changes)
            return recorded(found, statement).also(changes)
        if by_tests is None:
            by_tests = of_entry(found[0]) if found and found[0].standing in OPEN else _unsettled(seen)
        if by_tests.reason is Reason.NO_DATA:
            possible, more = doubtful(found, asked, chart, moment)
            by_tests = denied(asked.names, CONDITION.types, [], possible, nothing(found, by_tests), chart).also(more)
        elif by_tests.truth is Truth.NOT_MET:
            by_tests = _unless_named(by_tests, seen, asked, chart, moment)
        return by_tests.also(changes)

    return evaluate


def _unless_named(
    negative: Outcome, seen: Mapping[str, Result], asked: Diagnosis, chart: Chart, moment: Moment
) -> Outcome:
    """Tests deny what was named elsewhere before them; not what was named since, nor ever what lasts for life."""
    named, changes = named_elsewhere(asked, chart, moment)
    measured = [each.at[1] for each in seen.values() if each.at is not None and Seen.NEGATIVE in each.seen]
    lifelong = any(concept.lifelong for concept in asked.concepts)
    against = [
        each.evidence
        for each in named
        if lifelong or each.ended is None or not measured or each.ended.start > max(measured)
    ]
    if not against:
        return negative.also(changes)
    return outcome(Reason.NEEDS_REVIEW, (*against[:SHOWN], *negative.evidence), negative.changes).also(changes)


def _by_table(
    table: InfectionTable, fitting: Fitting, seen: Mapping[str, Result], *, has_entry: bool
) -> Outcome | None:
    """What the first rule that fits says; a negative that a later result may overturn waits for it."""
    words = tuple([each.seen for each in seen.values()])
    rules = fitting.get(words)
    if rules is None:
        rules = fitting[words] = tuple(rule for rule in table.rules if _is_seen(rule, seen))
    for rule in rules:
        if _stands(rule, seen, has_entry=has_entry):
            shown = tuple([item for name in rule.when for item in seen[name].evidence])
            tentative = tuple([item for each in seen.values() for item in each.tentative])
            if rule.answer is Answer.NOT_MET and tentative:
                return outcome(Reason.PRELIMINARY, (*tentative, *shown))
            return outcome(_REASONS[rule.answer], shown)
    return None


def _is_seen(rule: InfectionRule, seen: Mapping[str, Result]) -> bool:
    return all(seen[name].seen.issuperset(words) for name, words in rule.when.items())


def _stands(rule: InfectionRule, seen: Mapping[str, Result], *, has_entry: bool) -> bool:
    """Whether a rule whose words are seen fits by the order of the results and what is on record."""
    return (
        not (rule.without_entry and has_entry)
        and all(_is_later(seen[name], seen[other], same=False) for name, other in rule.later.items())
        and all(_is_later(seen[name], seen[other], same=True) for name, other in rule.not_before.items())
    )


def _is_later(one: Result, other: Result, *, same: bool) -> bool:
    """Whether a result was measured after the other, or, with `same`, at least not before it."""
    if one.at is None or other.at is None:
        return False
    return one.at[1] >= other.at[0] if same else one.at[0] > other.at[1]


def _against(
    table: InfectionTable, seen: Mapping[str, Result], found: list[Entry], chart: Chart
) -> tuple[Evidence, ...]:
    """The fresh negative tests that contradict the entry: those measured no earlier than what it speaks of."""
    begun = time_of(found[0].fact, chart)
    return tuple(
        item
        for name in table.contradict
        if Seen.FRESH_NEGATIVE in seen[name].seen
        and (begun is None or (measured := seen[name].at) is None or measured[1] >= begun.start)
        for item in seen[name].evidence
    )


def _unsettled(seen: Mapping[str, Result]) -> Outcome:
    """Why the tests leave it open: the first of them that has a result says so."""
    opened = [each.open for each in seen.values() if each.open is not None]
    return next((each for each in opened if each.reason is not Reason.NO_DATA), outcome(Reason.NO_DATA))


def _plain_table(tests: tuple[SettlingTest, ...]) -> InfectionTable:
    """Each test by itself: a positive one that confirms decides before a negative one."""
    names = {test.analyte: test for test in tests}

    def rule(name: str, word: Seen, answer: Answer) -> InfectionRule:
        return InfectionRule(when={name: (word,)}, later={}, not_before={}, without_entry=False, answer=answer)

    confirming = [name for name, test in names.items() if test.confirms]
    asking = [name for name, test in names.items() if not test.confirms]
    positive = [
        rule(name, Seen.POSITIVE if names[name].lifelong else Seen.FRESH_POSITIVE, Answer.MET) for name in confirming
    ]
    return InfectionTable(
        tests={name: InfectionTest(name) for name in names},
        contradict=tuple(names),
        rules=(
            *positive,
            *(rule(name, Seen.FRESH_NEGATIVE, Answer.NOT_MET) for name in confirming),
            *(rule(name, Seen.FRESH_POSITIVE, Answer.NEEDS_REVIEW) for name in asking),
            *(rule(name, Seen.FRESH_NEGATIVE, Answer.NOT_MET) for name in asking),
        ),
    )
