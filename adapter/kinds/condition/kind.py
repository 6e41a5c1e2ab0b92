"""The kind `condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions).

`condition` as rows: which codes bear on it, from which day on an entry counts, what denies it, and what doubts.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date

from adapter.criteria.calendar import Duration, Hours, calendar_length
from adapter.criteria.catalogue import Catalogue, ConditionConcept
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Flag, Keys, Nested, Section, Window
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.columns import Ask, Diagnosed, Doubting, Exempt, Pregnant, Setting, Tested
from adapter.evaluator.extent import back
from adapter.evaluator.kind import ByTime, Kind, Outlook, Phrase, Prospect, Rule, Trait, reads_of
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.evaluator.reads import (
    ATTESTATION,
    EXPOSURE,
    MENTION,
    PERSON,
    Read,
    Role,
    coded,
    diagnosed,
    observed,
    only_coded,
)
from adapter.evaluator.reads import CONDITION as CONDITIONS
from adapter.evaluator.wording import titles
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.infection import table_of
from adapter.kinds.condition.pregnancy import ENDS
from adapter.kinds.condition.rule import truth, unless_not_applicable
from adapter.kinds.condition.standing import GRADES, SUMMARIES, Diagnosis, diagnosis, sort_of
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


def columns(statement: Condition, setting: Setting) -> Diagnosed | Pregnant | None:
    """A diagnosis, where nothing is asked of the age at which it began; of pregnancy, with its tests and ends."""
    catalogue = setting.terminology.catalogue
    asked = diagnosis(statement, setting.terminology)
    if (
        statement.at_age is not None
        or isinstance(statement.at_least_ago, Hours)
        or (statement.asks_of_entry and statement.tests)
    ):
        return None
    if any(concept.pregnancy for concept in asked.concepts) and not statement.asks_of_entry:
        sets = only_coded(reads_of(replace(statement, sex_bound=False), catalogue))
        return None if sets is None else _pregnant(statement, asked, sets, setting)
    return _diagnosed(statement, asked, setting)


def _pregnant(statement: Condition, asked: Diagnosis, sets: frozenset[str], setting: Setting) -> Pregnant:
    return Pregnant(
        diagnosed=_diagnosed(replace(statement, tests=(), sex_bound=False), asked, setting),
        tested=_tested(statement, setting),
        ended_by=frozenset(name for concept in asked.concepts for name in concept.ended_by),
        ended_since=setting.moment.window_start(setting.policy.freshness[ENDS]),
        sets=sets,
        exempt=exempt_of(asked.concepts, setting) if statement.sex_bound else None,
    )


def _diagnosed(statement: Condition, asked: Diagnosis, setting: Setting) -> Diagnosed:
    levels = GRADES.get(statement.qualifier, ("", "")) if statement.qualifier is not None else ("", "")
    exempt = exempt_of(asked.concepts, setting) if statement.sex_bound else None
    tested = _tested(statement, setting) if statement.tests else None
    return Diagnosed(
        concepts=asked.names,
        ask=_ask(asked),
        since=setting.since(asked.look_back),
        since_at=setting.since_at(asked.look_back),
        stands={each.id: setting.moment.window_start(each.transient) for each in asked.concepts if each.transient},
        passing=tuple(
            (each.id, name, setting.moment.window_start(stands))
            for each in asked.concepts
            if each.transient is None
            for name, stands in each.passing.items()
        ),
        listed_since=setting.moment.window_start(setting.policy.freshness[LIST]),
        other_than=tuple(each.id for each in asked.other_than),
        absent=asked.absent if asked.present and tested is None else frozenset(),
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
        qualified=statement.qualifier is not None,
        levels=levels,
        begun_until=setting.since(calendar_length(statement.at_least_ago)),
        lasted_from=None if statement.lasting is None else back(setting.moment.day, statement.lasting),
        graded=tuple((each, _others(each, setting.terminology)) for each in asked.levels),
        doubts=tuple(_doubts(asked.concepts, setting)),
        tested=tested,
        exempt=exempt,
    )


def _others(levels: frozenset[str], terminology: Terminology) -> frozenset[str]:
    """The other levels of severity, stage or grade that an entry may say."""
    sort = sort_of(levels)
    known = {*terminology.value_sets, *terminology.status_words.values()} - SUMMARIES - levels
    return frozenset(each for each in known if each.partition("-")[0] == sort)


def _ask(asked: Diagnosis) -> Ask:
    if asked.look_back is not None:
        return Ask.ACTIVE_SINCE if asked.occurrence is Occurrence.ACTIVE else Ask.BEGAN
    return Ask.EVER if asked.occurrence is Occurrence.EVER else Ask.PRESENT


def _doubts(concepts: Iterable[ConditionConcept], setting: Setting) -> Iterable[Doubting]:
    for doubt in dict.fromkeys(each for concept in concepts for each in concept.doubts):
        if doubt.analyte is None:
            yield Doubting(exposure=doubt.exposure or "", since=setting.moment.window_start(doubt.within))
        else:
            analyte = setting.terminology.catalogue.analytes[doubt.analyte]
            since = setting.moment.window_start(setting.policy.freshness[analyte.freshness])
            yield Doubting(analyte=analyte, above=doubt.above, since=since)


def _tested(statement: Condition, setting: Setting) -> Tested:
    catalogue, policy = setting.terminology.catalogue, setting.policy
    table = table_of(statement.concepts, statement.tests, catalogue)
    analytes = {name: catalogue.analytes[test.analyte] for name, test in table.tests.items()}
    since = {name: setting.moment.window_start(policy.freshness[each.freshness]) for name, each in analytes.items()}
    ages = {name: test.from_age for name, test in table.tests.items() if test.from_age is not None}
    return Tested(table=table, analytes=analytes, fresh=since, of_age=ages)


def exempt_of(concepts: Iterable[ConditionConcept], setting: Setting) -> Exempt:
    """Whom a statement that is bound to sex does not concern."""
    catalogue, policy = setting.terminology.catalogue, setting.policy
    lasting = next((concept.outlasts_womb for concept in concepts if concept.outlasts_womb), None)
    ruled_out = catalogue.conditions[PREGNANCY.concepts[0]]
    return Exempt(
        young_after=_born(ruled_out.ruled_out_below, setting),
        old_until=_born(policy.pregnancy_ruled_out_from, setting),
        by=frozenset((*ruled_out.ruled_out_by, *policy.pregnancy_ruled_out_by)),
        before=setting.since(lasting),
        pregnancy=PREGNANCY,
    )


def _born(age: Duration | None, setting: Setting) -> date | None:
    return None if age is None else setting.born_until(age)


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
    for name, test in table.tests.items() if table else ():
        if test.analyte not in named:  # one that only makes it a question is nothing to ask for
            settles = table is not None and name in table.settling
            yield from observed(catalogue.analytes[test.analyte], Role.TEST if settles else Role.BESIDE)
    for name in held.ended_by:
        yield coded(CONDITIONS, name, Role.BESIDE)
        yield coded(EXPOSURE, name, Role.BESIDE)
    for doubt in held.doubts:
        if doubt.analyte is not None:
            yield from observed(catalogue.analytes[doubt.analyte], Role.BESIDE)
        else:
            yield coded(EXPOSURE, doubt.exposure or "", Role.BESIDE)
            yield coded(MENTION, doubt.exposure or "", Role.NAMED)


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
    lasts = all(each.lasts for each in (catalogue.conditions[name] for name in statement.concepts))
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
