"""The kind `condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions)."""

from collections.abc import Collection, Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Flag, Keys, Nested, Section, Window
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import ByTime, Kind, Outlook, Phrase, Prospect, Rule, Trait
from adapter.evaluator.reads import ATTESTATION, EXPOSURE, PERSON, Read, Role, coded, diagnosed, observed
from adapter.evaluator.reads import CONDITION as CONDITIONS
from adapter.evaluator.wording import titles
from adapter.kinds.condition.columns import columns
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.rule import truth, unless_not_applicable
from adapter.kinds.condition.statement import (
    PREGNANCY,
    Condition,
    Grade,
    Occurrence,
    Qualifier,
    SettlingTest,
    Severity,
    Stage,
)
from adapter.kinds.timing import TIMED, time_reads, time_words, untimely

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
    Field(
        "look_back",
        Window(hours=True),
        says="It began within this window, in hours and minutes too (PT4H30M); of what must be active, any day of it.",
    ),
    Field("overlaps", Window(), says="Any day of it lies within this window."),
    *TIMED,
    Field("severity", CodeOf(Severity), many=True, says="As the entry itself says; any of these."),
    Field("stage", CodeOf(Stage), many=True, says="As the entry itself says; any of these."),
    Field("grade", CodeOf(Grade), many=True, says="As the entry itself says; any of these."),
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
    severe = statement.qualifier is Qualifier.SEVERE or statement.severity or statement.grade
    beside = (*(("severity",) if severe else ()), *(("stage",) if statement.stage else ()))
    yield from diagnosed(statement.concepts, catalogue, statement.window, *beside)
    yield from time_reads(statement)
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


def words(statement: Condition, catalogue: Catalogue) -> Phrase:
    """As in `severe heart failure within 6 months other than …`."""
    about = titles(statement.concepts, catalogue.conditions)
    told = [statement.qualifier.value.replace("-", " ")] if statement.qualifier else []
    told += [" or ".join(statement.severity)] if statement.severity else []
    told.append(about)
    told += [f"of stage {' or '.join(statement.stage)}"] if statement.stage else []
    told += [f"of grade {' or '.join(statement.grade)}"] if statement.grade else []
    if statement.look_back is not None:
        told.append(f"within {statement.look_back.words}")
    elif statement.overlaps is not None:
        told.append(f"at any time within {statement.overlaps.words}")
    else:
        told.append("active" if statement.occurrence is Occurrence.ACTIVE else "ever")
    told += time_words(statement)
    if statement.other_than:
        told.append(f"other than {titles(statement.other_than, catalogue.conditions)}")
    asked = " ".join(told)
    tests = ", ".join(catalogue.analytes[test.analyte].title for test in statement.tests)
    return Phrase(about, asked, f"{asked} (settled by {tests})" if tests else asked)


def _rule(statement: Condition, catalogue: Catalogue) -> Rule:
    whole = truth(statement, catalogue)
    return Rule(unless_not_applicable(whole, statement.concepts, catalogue, sex_bound=statement.sex_bound))


def _contradiction(statement: Condition) -> str | None:
    """One window is enough; a test says whether, not how severe or how long."""
    if statement.look_back is not None and statement.overlaps is not None:
        return "look-back asks when it began, overlaps whether any day of it lies in the window; keep one"
    if statement.tests and statement.asks_of_entry:
        return "a test says nothing of severity, stage or time; write the two as parts of an all-of"
    return untimely(statement)


def _traits(statement: Condition, _: Catalogue) -> tuple[Trait, ...]:
    """A plain diagnosis; a Group has no windows and no exceptions."""
    if statement.qualifier or statement.window or statement.other_than or statement.asks_of_entry:
        return ()
    about = "diagnosis" if statement.occurrence is Occurrence.ACTIVE else "past-or-present-diagnosis"
    return (Trait(about=about, concepts=statement.concepts),)


def _outlook(statement: Condition, truth_: Truth, catalogue: Catalogue) -> Prospect:
    """A past stays, a disease lasts if its catalogue entry says so; any other may pass, and come."""
    if truth_ is not Truth.MET:
        return Outlook.OPEN
    if statement.window is not None:
        return ByTime(statement.window)
    lasts = all(each.inborn or each.lifelong for each in (catalogue.conditions[name] for name in statement.concepts))
    return Outlook.LASTING if lasts or statement.occurrence is Occurrence.EVER else Outlook.OPEN


CONDITION = Kind(
    name="condition",
    statement=Condition,
    form=Keys(_FIELDS),
    contradiction=_contradiction,
    reads=reads,
    bind=lambda statement, trial: bind_condition(statement, trial.terminology),
    words=words,
    rule=_rule,
    traits=_traits,
    columns=columns,
    outlook=_outlook,
    of_study=False,
)
