"""The kind `condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions)."""

from collections.abc import Collection, Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Flag, Keys, Nested, Section, Window
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import ByTime, Kind, Outlook, Prospect, Rule, Said, Trait, consistent
from adapter.evaluator.reads import ATTESTATION, EXPOSURE, PERSON, Read, Role, coded, diagnosed, observed
from adapter.evaluator.reads import CONDITION as CONDITIONS
from adapter.evaluator.wording import titles
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.rule import truth, unless_not_applicable
from adapter.kinds.condition.statement import PREGNANCY, Condition, Occurrence, Qualifier, SettlingTest

_TEST = Nested(
    SettlingTest,
    (
        Field("analyte", ConceptOf(Section.ANALYTE)),
        Field("confirms", Flag(), says="false: a positive result alone is a question."),
        Field("lifelong", Flag(), says="true: a positive result counts at any age."),
    ),
)
CONCEPTS = Field("concepts", ConceptOf(Section.CONDITION), many=True, url="concept", says="Alternatives.")
SEX_BOUND = Field("sex_bound", Flag(), says="true: not applicable to men.")
_FIELDS = (
    CONCEPTS,
    Field("occurrence", CodeOf(Occurrence)),
    Field("look_back", Window()),
    Field("tests", _TEST, many=True, url="settling-test"),
    Field("qualifier", CodeOf(Qualifier)),
    Field(
        "other_than",
        ConceptOf(Section.CONDITION),
        many=True,
        says="Conditions that do not count, as the study's own disease.",
    ),
    Field(
        "shown",
        ConceptOf(Section.ANALYTE),
        many=True,
        says="Analytes whose latest value is shown beside the answer and decides nothing.",
    ),
    SEX_BOUND,
)


def reads(statement: Condition, catalogue: Catalogue) -> Iterator[Read]:
    """Diagnoses, tests that settle them, what is shown; a word where only a person can settle the qualifier."""
    beside = ("severity",) if statement.qualifier is Qualifier.SEVERE else ()
    yield from diagnosed(statement.concepts, catalogue, statement.look_back, *beside)
    named = dict.fromkeys(test.analyte for test in statement.tests)
    for name in named:
        yield from observed(catalogue.analytes[name], Role.TEST)
    for name in statement.concepts:
        yield from _contradicting(name, named, catalogue)
    for name in statement.shown:
        yield from observed(catalogue.analytes[name], Role.SHOWN)
    if statement.qualifier is not None:
        yield Read(data=ATTESTATION, name="attestation", role=Role.BESIDE)
    if statement.sex_bound:
        yield from exemption(catalogue)


def _contradicting(concept: str, named: Collection[str], catalogue: Catalogue) -> Iterator[Read]:
    """What else says something of a condition: the other tests of its table, what ends it, what makes a no unsafe."""
    held = catalogue.conditions[concept]
    table = catalogue.infections.get(concept)
    for test in table.tests.values() if table else ():
        if test.analyte not in named:
            yield from observed(catalogue.analytes[test.analyte], Role.TEST)
    for name in held.ended_by:
        yield coded(CONDITIONS, name, Role.BESIDE)
        yield coded(EXPOSURE, name, Role.BESIDE)
    for doubt in held.doubts:
        if doubt.analyte is not None:
            yield from observed(catalogue.analytes[doubt.analyte], Role.BESIDE)
        else:
            yield coded(EXPOSURE, doubt.exposure or "", Role.BESIDE)


def exemption(catalogue: Catalogue) -> Iterator[Read]:
    """What makes a criterion that is bound to sex not applicable, and the evidence of pregnancy that forbids that."""
    for element in ("gender", "birthDate"):
        yield Read(data=PERSON, name=element, role=Role.EXEMPT)
    yield Read(data=EXPOSURE, name="pregnancy", role=Role.EXEMPT, by_policy=True)
    for name in catalogue.conditions[PREGNANCY.concepts[0]].ruled_out_by:
        yield coded(EXPOSURE, name, Role.EXEMPT)
        yield coded(CONDITIONS, name, Role.EXEMPT)
    for read in reads(PREGNANCY, catalogue):
        yield Read(data=read.data, name=read.name, role=Role.EXEMPT, value_set=read.value_set)


def words(statement: Condition, catalogue: Catalogue) -> Said:
    """As in `severe heart failure within 6 months other than …`."""
    about = titles(statement.concepts, catalogue.conditions)
    told = [statement.qualifier.value.replace("-", " ")] if statement.qualifier else []
    told.append(about)
    if statement.look_back is not None:
        told.append(f"within {statement.look_back.words}")
    else:
        told.append("active" if statement.occurrence is Occurrence.ACTIVE else "ever")
    if statement.other_than:
        told.append(f"other than {titles(statement.other_than, catalogue.conditions)}")
    asked = " ".join(told)
    tests = ", ".join(catalogue.analytes[test.analyte].title for test in statement.tests)
    return Said(about, asked, f"{asked} (settled by {tests})" if tests else asked)


def _rule(statement: Condition, catalogue: Catalogue) -> Rule:
    whole = truth(statement, catalogue)
    return Rule(unless_not_applicable(whole, statement.concepts, catalogue, sex_bound=statement.sex_bound))


def _traits(statement: Condition, _: Catalogue) -> tuple[Trait, ...]:
    """A plain diagnosis; a Group has no windows and no exceptions."""
    if statement.qualifier or statement.look_back or statement.other_than:
        return ()
    about = "diagnosis" if statement.occurrence is Occurrence.ACTIVE else "past-or-present-diagnosis"
    return (Trait(about=about, concepts=statement.concepts),)


def _outlook(statement: Condition, truth_: Truth, catalogue: Catalogue) -> Prospect:
    """A past stays, a disease lasts if its catalogue entry says so; any other may pass, and come."""
    if truth_ is not Truth.MET:
        return Outlook.OPEN
    if statement.look_back is not None:
        return ByTime(statement.look_back)
    lasts = all(each.inborn or each.lifelong for each in (catalogue.conditions[name] for name in statement.concepts))
    return Outlook.LASTING if lasts or statement.occurrence is Occurrence.EVER else Outlook.OPEN


CONDITION = Kind(
    name="condition",
    statement=Condition,
    form=Keys(_FIELDS),
    contradiction=consistent,
    reads=reads,
    bind=lambda statement, trial: bind_condition(statement, trial.terminology),
    words=words,
    rule=_rule,
    traits=_traits,
    outlook=_outlook,
    of_study=False,
)
