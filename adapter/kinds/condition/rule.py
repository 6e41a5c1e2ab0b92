"""What a `condition` criterion is in CQL: the calls of the rule libraries, with the catalogue's data as arguments."""

from collections.abc import Iterable, Sequence

from adapter.criteria.calendar import Hours, calendar_length
from adapter.criteria.catalogue import Catalogue, ConditionConcept, Doubt
from adapter.criteria.expression import (
    AnalyteFacts,
    Concepts,
    Expression,
    Freshness,
    Items,
    Known,
    Names,
    Readings,
    Row,
    call,
)
from adapter.criteria.infection import InfectionRule, InfectionTable, InfectionTest
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.kinds.condition.infection import table_of
from adapter.kinds.condition.pregnancy import ENDS
from adapter.kinds.condition.statement import PREGNANCY, Condition, Occurrence, SettlingTest

ALWAYS = frozenset({LIST, STATEMENT, ENDS})
"""The policy's classes of data that lists and pregnancy are asked with."""


def entries(statement: Condition) -> Expression:
    """The entries of a diagnosis with what they come to."""
    asked = _asked_of_entry(statement)
    return call(
        "Conditions",
        "OfAsked" if asked else "Of",
        Known.DIAGNOSES,
        Concepts(statement.concepts),
        Concepts(statement.other_than),
        *asked,
        statement.when is Occurrence.EVER,
        calendar_length(statement.window),
        Freshness(LIST),
        Known.NOW,
    )


def _asked_of_entry(statement: Condition) -> tuple[Expression, ...]:
    """What only an entry itself can say of its severity, stage, grade and time, if that is asked."""
    if not statement.asks_of_entry:
        return ()
    levels = tuple(Names(tuple(sorted(each))) for each in statement.levels)
    lower = statement.at_age.lower if statement.at_age else None
    upper = statement.at_age.upper if statement.at_age else None
    return (
        call(
            "Conditions",
            "AskedOfEntry",
            Items(levels),
            calendar_length(statement.at_least_ago),
            statement.lasting,
            lower.age if lower else None,
            lower.inclusive if lower else None,
            upper.age if upper else None,
            upper.inclusive if upper else None,
            call("Time", "Birth", Known.PATIENT),
        ),
    )


def truth(statement: Condition, catalogue: Catalogue) -> Expression:
    """A diagnosis, not denied where it is named elsewhere; nothing where hours are asked."""
    if any(isinstance(each, Hours) for each in (statement.look_back, statement.at_least_ago)):
        return Known.UNKNOWN
    told = unless_named(_truth(statement, catalogue), statement.concepts, statement.other_than)
    lasting = any(catalogue.conditions[each].transient is None for each in statement.concepts)
    if statement.window is None or told is Known.UNKNOWN or not lasting:
        return told
    return call("Mentions", "UnlessHistory", told, Known.DIAGNOSES)


def unless_named(truth: Expression, concepts: tuple[str, ...], other_than: tuple[str, ...] = ()) -> Expression:
    """Nothing, instead of a denial of what is named outside its list; nothing at all where no function says it."""
    if truth is Known.UNKNOWN:
        return truth
    return call("Mentions", "Unless", truth, Known.MENTIONS, Concepts(concepts), Names(other_than), Known.NOW)


def _truth(statement: Condition, catalogue: Catalogue) -> Expression:
    """A diagnosis; one that tests settle by its table, a pregnancy by its own rule."""
    concepts = [catalogue.conditions[concept] for concept in statement.concepts]
    found = entries(statement)
    asked = _asked_of_entry(statement)
    if any(concept.pregnancy for concept in concepts) and not asked:
        return _pregnancy(found, concepts, statement.tests, catalogue)
    qualifier = None if statement.qualifier is None else statement.qualifier.value
    if statement.tests:
        told = _infection(found, qualifier, table_of(statement.concepts, statement.tests, catalogue), catalogue)
        doubt = doubts_of(concepts, catalogue)
        return call("Course", "Unless", told, doubt) if doubt else told
    return call(
        "Conditions",
        "HoldsAsked" if asked else "Holds",
        found,
        Known.DIAGNOSES,
        Concepts(statement.concepts),
        Names(common(concept.absent for concept in concepts)),
        qualifier,
        *asked,
        statement.when is Occurrence.EVER,
        calendar_length(statement.window),
        Freshness(LIST),
        Freshness(STATEMENT),
        doubts_of(concepts, catalogue),
        Known.NOW,
    )


def common(absences: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The statements of absence that speak of every one of several concepts."""
    return tuple(sorted(frozenset.intersection(*(frozenset(absent) for absent in absences))))


def unless_not_applicable(
    truth: Expression, concepts: Iterable[str], catalogue: Catalogue, *, sex_bound: bool
) -> Expression:
    """What doesn't apply to men, small children, and after an operation."""
    if not sex_bound:
        return truth
    pregnancy = catalogue.conditions[PREGNANCY.concepts[0]]
    asked = [catalogue.conditions[name] for name in concepts]
    return call(
        "Pregnancy",
        "UnlessNotApplicable",
        truth,
        Known.PREGNANT,
        Known.PATIENT,
        Known.DIAGNOSES,
        Known.EXPOSURES,
        pregnancy.ruled_out_below,
        Names(pregnancy.ruled_out_by),
        next((each.outlasts_womb for each in asked if each.outlasts_womb), None),
        Known.NOW,
    )


def doubts_of(concepts: Sequence[ConditionConcept], catalogue: Catalogue) -> Expression:
    """Whether anything makes a negative unsafe."""
    doubts = tuple(dict.fromkeys(doubt for concept in concepts for doubt in concept.doubts))
    return call("", "AnyTrue", Items(tuple(_doubt(each, catalogue) for each in doubts))) if doubts else False


def _doubt(doubt: Doubt, catalogue: Catalogue) -> Expression:
    if doubt.analyte is None:
        return call("Exposures", "IsRunning", Known.EXPOSURES, doubt.exposure, doubt.within, Known.NOW)
    held = catalogue.analytes[doubt.analyte]
    of = Readings(held.id), AnalyteFacts(held.id), doubt.above, Known.PATIENT
    return call("Conditions", "Measured", *of, Known.CUTOFF, Known.NOW, Freshness(held.freshness))


def _infection(found: Expression, qualifier: str | None, table: InfectionTable, catalogue: Catalogue) -> Expression:
    tests = tuple(_seen(name, test, catalogue) for name, test in table.tests.items())
    rules = tuple(_rule(each) for each in table.rules)
    return call("Infections", "Holds", found, qualifier, Items(tests), Names(table.contradict), Items(rules))


def _seen(name: str, test: InfectionTest, catalogue: Catalogue) -> Expression:
    held = catalogue.analytes[test.analyte]
    of = name, Readings(held.id), AnalyteFacts(held.id), test.from_age, Known.PATIENT
    return call("Infections", "Seen", *of, Known.NOW, Freshness(held.freshness), Known.CUTOFF)


def _rule(rule: InfectionRule) -> Expression:
    return Row(
        (
            ("needs", Names(tuple(f"{name} {word.value}" for name, words in rule.when.items() for word in words))),
            ("later", Names(tuple(f"{name} {other}" for name, other in rule.later.items()))),
            ("notBefore", Names(tuple(f"{name} {other}" for name, other in rule.not_before.items()))),
            ("withoutEntry", rule.without_entry),
            ("answer", rule.answer.value),
        )
    )


def _pregnancy(
    found: Expression, concepts: Sequence[ConditionConcept], tests: tuple[SettlingTest, ...], catalogue: Catalogue
) -> Expression:
    """Every result counts for as long as those of its own class."""
    ends = Names(tuple(name for concept in concepts for name in concept.ended_by))
    said = tuple(_word("Words", test, catalogue) for test in tests)
    waiting = tuple(_word("IsWaiting", test, catalogue) for test in tests)
    pregnant = call(
        "Pregnancy",
        "Pregnant",
        found,
        call("Pregnancy", "Ends", Known.DIAGNOSES, Known.EXPOSURES, ends, Known.NOW),
        Items(said),
        Known.NOW,
        Freshness(ENDS),
    )
    return call("Pregnancy", "Unless", pregnant, Items(waiting))


def _word(function: str, test: SettlingTest, catalogue: Catalogue) -> Expression:
    held = catalogue.analytes[test.analyte]
    of = Readings(held.id), AnalyteFacts(held.id), "positive", Known.CUTOFF, Known.PATIENT
    results = call("Measurements", "AgainstFinding", *of)
    return call("Pregnancy", function, results, Known.NOW, Freshness(held.freshness))
