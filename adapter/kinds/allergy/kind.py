"""The kind `allergy`: an allergy or intolerance to a substance, of a severity where asked."""

from collections.abc import Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Concepts, Expression, Freshness, Known, Names, call
from adapter.criteria.extent import ListKind
from adapter.criteria.fields import ConceptOf, Field, Flag, Keys, Section
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import Kind, Outlook, Phrase, Prospect, Rule, consistent, untold
from adapter.evaluator.negatives import STATEMENT
from adapter.evaluator.reads import ALLERGY as ALLERGIES
from adapter.evaluator.reads import ANY_ALLERGY, CONDITION, MENTION, Read, Role, coded
from adapter.evaluator.wording import titles
from adapter.kinds.allergy.columns import columns
from adapter.kinds.allergy.evaluate import ANYTHING, NO_KNOWN, bind_allergy
from adapter.kinds.allergy.statement import Allergy
from adapter.kinds.condition.rule import common, unless_named

_FIELDS = (
    Field("concepts", ConceptOf(Section.SUBSTANCE), many=True, url="concept"),
    Field("severe", Flag()),
    Field("cross_reactive", Flag(), says="true: an allergy to a substance that cross-reacts is shown as a question."),
)


def _reads(statement: Allergy, catalogue: Catalogue) -> Iterator[Read]:
    if not statement.concepts:
        yield Read(data=ANY_ALLERGY, name=ANYTHING)
        for name in sorted(NO_KNOWN):
            yield coded(ALLERGIES, name, Role.ABSENT)
    for concept in statement.concepts:
        crossing = catalogue.substances[concept].cross_reacts if statement.cross_reactive else ()
        for each in crossing:
            yield coded(ALLERGIES, each, Role.BESIDE)
        yield coded(ALLERGIES, concept)
        for each in catalogue.substances[concept].absent:
            yield coded(ALLERGIES, each, Role.ABSENT)
        for each in (concept, *catalogue.substances[concept].may_be):
            yield coded(CONDITION, each, Role.BESIDE)
        yield coded(MENTION, concept, Role.NAMED)


def _words(statement: Allergy, catalogue: Catalogue) -> Phrase:
    about = titles(statement.concepts, catalogue.substances) or "anything"
    asked = "severe" if statement.severe else "any severity"
    if statement.cross_reactive:
        asked += ", or to what cross-reacts"
    return Phrase(about, asked, f"allergy to {about}, {asked}")


def _truth(statement: Allergy, catalogue: Catalogue) -> Expression:
    if not statement.concepts:
        return _anything(statement, catalogue)
    absences = common(catalogue.substances[concept].absent for concept in statement.concepts)
    truth = call(
        "Allergies",
        "Holds",
        Known.ALLERGIES,
        Known.DIAGNOSES,
        Concepts(statement.concepts),
        statement.severe,
        Names(absences),
        Freshness(STATEMENT),
        Known.NOW,
    )
    crossing = tuple(name for concept in statement.concepts for name in catalogue.substances[concept].cross_reacts)
    if not statement.cross_reactive or not crossing:
        return unless_named(truth, statement.concepts)
    named = unless_named(truth, statement.concepts)
    return call("Allergies", "UnlessCrossed", named, Known.ALLERGIES, Concepts(crossing), statement.severe, Known.NOW)


def _anything(statement: Allergy, catalogue: Catalogue) -> Expression:
    absent = sorted({name for each in catalogue.substances.values() for name in each.absent})
    return call(
        "Allergies",
        "HoldsAny",
        Known.ALLERGIES,
        Names((*sorted(catalogue.substances), ListKind.SUBSTANCES.value)),
        Names(tuple(absent)),
        statement.severe,
        Names(tuple(sorted(NO_KNOWN))),
        Freshness(STATEMENT),
        Known.NOW,
    )


def _outlook(_: Allergy, truth: Truth, __: Catalogue) -> Prospect:
    """An allergy stays; that there is none may change."""
    return Outlook.LASTING if truth is Truth.MET else Outlook.OPEN


ALLERGY = Kind(
    name="allergy",
    statement=Allergy,
    form=Keys(_FIELDS),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_allergy(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=columns,
    outlook=_outlook,
    of_study=False,
)
