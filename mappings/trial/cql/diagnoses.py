"""Diagnoses, the tests that settle them, and the course of a disease, as CQL expressions."""

from collections.abc import Iterable

from adapter.criteria.model import Condition, DiseaseCourse, Judgement, Occurrence, SettlingTest
from adapter.criteria.quantity import Duration
from adapter.criteria.terminology import Terminology
from mappings.trial.cql.codes import analyte, code_set
from mappings.trial.cql.names import CUTOFF, DIAGNOSES, NOW, PREGNANT, freshness, readings
from mappings.trial.cql.results import against
from mappings.trial.cql.text import NULL, boolean, call, duration, items, string


def window(held: Duration | None) -> str:
    """A window; null is none."""
    return NULL if held is None else duration(held)


def code_sets(concepts: Iterable[str]) -> str:
    """The value sets of concepts, each once."""
    return items(code_set(concept) for concept in dict.fromkeys(concepts))


def unless_male(answer: str, *, sex_bound: bool) -> str:
    """What doesn't apply to men."""
    return call('Pregnancy."UnlessNotApplicable"', answer, PREGNANT, "Patient") if sex_bound else answer


def entries(statement: Condition, terminology: Terminology) -> str:
    """The entries of a diagnosis with what they come to."""
    catalogue = terminology.catalogue.conditions
    concepts = [catalogue[concept] for concept in statement.concepts]
    own = [catalogue[concept] for concept in statement.other_than]
    return call(
        'Conditions."Of"',
        DIAGNOSES,
        code_sets(statement.concepts),
        code_sets(each for concept in concepts for each in concept.may_be),
        code_sets(each for concept in own for each in (concept.id, *concept.may_be)),
        boolean(value=statement.occurrence is Occurrence.EVER),
        window(statement.look_back),
        window(next((concept.transient for concept in concepts if concept.transient), None)),
        NOW,
    )


def condition(statement: Condition, terminology: Terminology) -> str:
    """A diagnosis; a pregnancy by its own rule."""
    catalogue = terminology.catalogue.conditions
    found = entries(statement, terminology)
    if any(catalogue[concept].pregnancy for concept in statement.concepts):
        return _pregnancy(found, statement.tests, terminology)
    absences = sorted(frozenset.intersection(*(frozenset(catalogue[each].absent) for each in statement.concepts)))
    arguments = [
        found,
        NULL if statement.qualifier is None else string(statement.qualifier.value),
        call('Conditions."ExplicitlyAbsent"', DIAGNOSES, code_sets(absences), window(statement.look_back), NOW)
        if absences
        else "false",
    ]
    if not statement.tests:
        return call('Conditions."Holds"', *arguments)
    return call('Conditions."HoldsByTests"', *arguments, items(_test(each, terminology) for each in statement.tests))


def _test(test: SettlingTest, terminology: Terminology) -> str:
    held = terminology.catalogue.analytes[test.analyte]
    result = call(
        'Measurements."TestResult"',
        readings(held.id),
        analyte(held.id),
        boolean(value=test.lifelong),
        NOW,
        freshness(held.freshness),
        CUTOFF,
    )
    return f"Tuple {{ confirms: {boolean(value=test.confirms)}, result: {result} }}"


def _pregnancy(found: str, tests: tuple[SettlingTest, ...], terminology: Terminology) -> str:
    """Every result counts for as long as those of its own class."""
    held = [terminology.catalogue.analytes[test.analyte] for test in tests]
    words = [
        call(
            'Pregnancy."Words"',
            call('Measurements."AgainstFinding"', readings(each.id), analyte(each.id), string("positive"), CUTOFF),
            NOW,
            freshness(each.freshness),
        )
        for each in held
    ]
    return call('Pregnancy."Pregnant"', found, items(words))


def course(statement: DiseaseCourse, terminology: Terminology) -> str:
    """The course of a disease; never met without an attestation where no data carry what went before."""
    catalogue = terminology.catalogue
    sets = [each for concept in statement.concepts for each in (concept, *catalogue.conditions[concept].may_be)]
    found = call('Course."Of"', DIAGNOSES, code_sets(sets), NOW)
    counted = []
    for blast in statement.blasts if statement.blast_threshold else ():
        held = catalogue.analytes[blast]
        results = against(held, statement.blast_threshold)
        counted.append(call('Course."ByBlasts"', found, results, NOW, freshness(held.freshness)))
    courses = items(string(each.value) for each in statement.courses)
    whole = call('Course."Holds"', found, courses, items(counted), NOW)
    return call('Course."NeverMet"', whole) if statement.after else whole


def gate(statement: Judgement, terminology: Terminology) -> str | None:
    """Whether a condition of a judgement's gate is on record; None without a gate."""
    if not statement.gate:
        return None
    return call('Conditions."AnyRecorded"', entries(Condition(concepts=statement.gate), terminology))
