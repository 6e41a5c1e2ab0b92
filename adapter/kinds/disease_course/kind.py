"""`disease-course`: a disease has relapsed, or is refractory (CONFORMANCE: Course of a disease)."""

from collections.abc import Callable, Iterator, Sequence

from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.expression import Concepts, Expression, Freshness, Items, Known, Names, Readings, Row, call
from adapter.criteria.fields import Amount, CodeOf, ConceptOf, Field, Keys, Section, Text
from adapter.criteria.named import RELAPSE
from adapter.criteria.quantity import Comparator, Number
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import CourseOf, Setting
from adapter.evaluator.kind import Kind, Outlook, Phrase, Rule, consistent, untold
from adapter.evaluator.latest import evidence
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import STATEMENT
from adapter.evaluator.negatives import evidence_of as of_mention
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ATTESTATION, CONDITION, MENTION, Read, Role, coded, diagnosed, observed
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.evaluator.wording import titles
from adapter.kinds.condition.evaluate import bind_doubts
from adapter.kinds.condition.kind import CONCEPTS
from adapter.kinds.condition.rule import doubts_of, unless_named
from adapter.kinds.disease_course.diseases import (
    ACTIVE_COURSES,
    MARROW,
    Blasts,
    Course,
    CourseEvent,
    Disease,
    DiseaseCourse,
    Word,
    bearing,
    blasts_since,
    diseases,
    evidence_of,
    is_after,
    may_be_after,
)
from adapter.kinds.measurement.compare import Compare, against_quantity
from adapter.kinds.measurement.rule import against
from adapter.record.facts import ConditionFact, Verification
from adapter.record.patient_record import ANY_TYPE

_WANTED = {Course.RELAPSED: CourseEvent.RELAPSE, Course.REFRACTORY: CourseEvent.REFRACTORY}


def bind_disease_course(statement: DiseaseCourse, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one course criterion.

    Of several diseases the newest is asked. A wanted word after its last remission, or blasts above the threshold
    after a dated one, are met; a fresh remission that nothing came before or after is not; else it is a question.
    """
    catalogue = terminology.catalogue
    threshold = statement.blast_threshold
    counted: list[tuple[Analyte, Compare]] = [
        (catalogue.analytes[name], against_quantity(threshold, catalogue.analytes[name], terminology))
        for name in statement.blasts
        if threshold is not None
    ]
    sites = _sites(statement, catalogue)
    doubts = bind_doubts([catalogue.conditions[site] for site in sites], terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        facts, unclassified, changes = bearing(statement.concepts, chart, moment)
        open_ones = [fact for fact in facts if fact.verification is not Verification.REFUTED]
        confirmed = [fact for fact in open_ones if fact.verification is Verification.CONFIRMED]
        if not confirmed:
            return _unproved(facts).also(changes)
        found = diseases(statement.concepts, open_ones, chart, moment)
        elsewhere = [fact for site in sites for fact in _at(site, chart)]
        unclassified = [fact for fact in unclassified if fact.verification is not Verification.REFUTED]
        answer = _of_newest(statement, found, [*unclassified, *elsewhere], counted, chart, moment)
        if answer.truth is Truth.NOT_MET:
            answer = doubts(answer, chart, moment)
        if statement.after is not None and answer.truth is Truth.MET:
            answer = outcome(Reason.NEEDS_REVIEW, answer.evidence, answer.changes, statement.after)
        return answer.also(changes)

    return evaluate


def _sites(statement: DiseaseCourse, catalogue: Catalogue) -> tuple[str, ...]:
    """The diseases at sites outside their own."""
    return tuple(dict.fromkeys(site for name in statement.concepts for site in catalogue.conditions[name].sites))


def _outside(statement: DiseaseCourse, catalogue: Catalogue) -> tuple[str, ...]:
    """The analytes by which a result may show the disease there: blasts in the fluid of the brain."""
    doubts = (doubt for site in _sites(statement, catalogue) for doubt in catalogue.conditions[site].doubts)
    return tuple(dict.fromkeys(doubt.analyte for doubt in doubts if doubt.analyte is not None))


def _at(site: str, chart: Chart) -> list[ConditionFact]:
    """What is on record, or may be, of the disease at a site outside its own."""
    listed = chart.conditions.get(site)
    if listed is None:
        return []
    return [fact for fact in (*listed.is_, *listed.may_be) if fact.verification is not Verification.REFUTED]


def _unproved(facts: list[ConditionFact]) -> Outcome:
    """Without a confirmed disease there is no course to tell; a refuted one says nothing of another."""
    suspected = tuple(_shown(fact) for fact in facts if fact.verification is Verification.UNCONFIRMED)
    if suspected:
        return outcome(Reason.UNCONFIRMED, suspected)
    return outcome(Reason.NO_DATA, tuple(_shown(fact) for fact in facts))


def _shown(fact: ConditionFact) -> Evidence:
    return evidence_of(Word(CourseEvent.NOTHING, None, fact))


def _of_newest(
    statement: DiseaseCourse,
    found: list[Disease],
    others: list[ConditionFact],
    counted: Sequence[tuple[Analyte, Compare]],
    chart: Chart,
    moment: Moment,
) -> Outcome:
    """What the newest disease has come to; what nobody has classified may be a newer one."""
    newest = found[-1]
    remissions = newest.of(CourseEvent.REMISSION)
    last = _latest(remissions)
    blasts = blasts_since(last, counted, chart, moment)
    shown = dict.fromkeys(evidence_of(word) for each in found for word in each.words)
    question = outcome(Reason.NEEDS_REVIEW, tuple(shown))
    wanted = [_WANTED[course] for course in statement.courses]
    today, leaving = _said_lately(last, chart, moment)
    for word in [word for said in wanted for word in newest.of(said)]:
        stands = word.now and not (today and last is not None and is_after(last.time, word.time))
        if last is None or is_after(word.time, last.time) or (stands and last.dated):
            sure = newest.certain and not _undated(found) and not blasts.cleared(word.time)
            return (outcome(Reason.RECORDED, (evidence_of(word),)) if sure else question.also((), blasts.low)).also(
                blasts.changes + leaving
            )
    question = question.also(leaving)
    if last is not None and Course.RELAPSED in statement.courses and blasts.above:
        proof = (*evidence(blasts.above[-1:], named=True), evidence_of(last))
        later = _may_lack_entry(chart) or any(may_be_after(_time(fact, chart), last.time) for fact in others)
        sure = newest.certain and blasts.proved and not later and not _undated(found)
        return outcome(Reason.VALUE_SATISFIES if sure else Reason.NEEDS_REVIEW, proof, blasts.changes)
    if last is not None and not blasts.doubtful and _stands(last, found, others, chart):
        named, ahead = _named_since(statement, last, found, chart, moment)
        if named:
            return question.also(blasts.changes + ahead, named)
        return _while_fresh(last, blasts, chart, moment).also(blasts.changes + ahead)
    return question.also(blasts.changes, blasts.doubtful)


def _said_lately(last: Word | None, chart: Chart, moment: Moment) -> tuple[bool, tuple[Change, ...]]:
    """Whether a dated remission is of today too: a status of today that was written down before it contradicts it."""
    if last is None or last.time is None or not last.dated:
        return False, ()
    window = chart.policy.freshness[STATEMENT]
    inside = moment.place(last.time.first, last.time.last, window) is Placed.INSIDE
    return inside, moment.leaving(last.time.first, last.time.last, window)


def _named_since(
    statement: DiseaseCourse, last: Word, found: list[Disease], chart: Chart, moment: Moment
) -> tuple[tuple[Evidence, ...], tuple[Change, ...]]:
    """A relapse that is named elsewhere, by code or in words, and may have come after the remission.

    Of which disease words mean one, nobody knows; so is a sample in which a test still finds the disease. When
    something was written beside the disease's own entry nobody knows.
    """
    named: list[Evidence] = []
    later: tuple[Change, ...] = ()
    own = {word.fact.source.resource for each in found for word in each.words}
    for concept in (*statement.concepts, RELAPSE):
        for each in chart.record.mentions.get(concept, ()):
            sets = each.concepts.union(
                *(chart.terminology.value_sets_of(code.system, code.code) or () for code in each.codes)
            )
            if sets.isdisjoint(ACTIVE_COURSES):
                continue
            begun = chart.span(each.start)
            if begun is not None and moment.is_future(begun):
                later += (begun.start,)
            elif each.source.resource in own or may_be_after(chart.span(each.end or each.start), last.time):
                named.append(of_mention(each))
    return tuple(dict.fromkeys(named)), later


def _may_lack_entry(chart: Chart) -> bool:
    """Whether a diagnosis could not be read, which may be a newer disease."""
    return not chart.record.unread.isdisjoint((ANY_TYPE, *CONDITION.types))


def _undated(found: list[Disease]) -> bool:
    """Whether the order of several diseases can't be told."""
    return len(found) > 1 and any(each.begun is None for each in found)


def _time(fact: ConditionFact, chart: Chart) -> Span | None:
    return chart.span(fact.onset or fact.recorded)


def _latest(words: list[Word]) -> Word | None:
    dated = [(word.time, word) for word in words if word.time is not None]
    if dated:
        return max(dated, key=lambda pair: (pair[0].end, pair[1].fact.source.resource))[1]
    return words[0] if words else None


def _stands(last: Word, found: list[Disease], others: list[ConditionFact], chart: Chart) -> bool:
    """Whether a remission is the last word, nothing relapsed before it, and nothing of unknown meaning came after.

    A disease of no known time may be the newest one.
    """
    newest = (found[-1], *(each for each in found[:-1] if each.begun is None))
    said = [word for disease in found for word in disease.words]
    return (
        found[-1].certain
        and not chart.record.may_lack(CONDITION.types)
        and not any(word.said in (CourseEvent.RELAPSE, CourseEvent.REFRACTORY) for word in said)
        and all(
            word.said is CourseEvent.REMISSION or is_after(last.time, word.time)
            for disease in newest
            for word in disease.words
        )
        and not any(may_be_after(_time(fact, chart), last.time) for fact in others)
    )


def _while_fresh(last: Word, blasts: Blasts, chart: Chart, moment: Moment) -> Outcome:
    """A remission says something of today only for so long, from its day or from the last clear marrow after it."""
    window = chart.policy.freshness[STATEMENT]
    shown: tuple[Evidence, ...] = (evidence_of(last),)
    if last.time is None:
        return outcome(Reason.UNDATED, shown)
    time = max((last.time, *(each for each in blasts.clear if is_after(each, last.time))), key=lambda each: each.end)
    shown += blasts.low if time is not last.time else ()
    changes: tuple[Change, ...] = moment.leaving(time.first, time.last, window)
    match moment.place(time.first, time.last, window):
        case Placed.INSIDE:
            return outcome(Reason.RESOLVED, shown, changes)
        case Placed.BEFORE:
            return outcome(Reason.STALE, shown, changes)
        case Placed.STRADDLES:
            return outcome(Reason.IMPRECISE_DATE, shown, changes)


_FIELDS = (
    CONCEPTS,
    Field("courses", CodeOf(Course), many=True, url="course"),
    Field(
        "blasts",
        ConceptOf(Section.ANALYTE),
        many=True,
        says="Analytes that prove a relapse beside a recorded remission, when above the threshold.",
    ),
    Field("blast_threshold", Amount(of="blasts")),
    Field(
        "after",
        Text(),
        says="What must have gone before and no data carry; with it only an attestation settles the criterion.",
    ),
)


def _reads(statement: DiseaseCourse, catalogue: Catalogue) -> Iterator[Read]:
    yield from diagnosed(statement.concepts, catalogue)
    yield coded(MENTION, RELAPSE, Role.NAMED)
    for name in (*statement.blasts, *_outside(statement, catalogue)):
        yield from observed(catalogue.analytes[name], Role.BESIDE)
    yield Read(data=ATTESTATION, name="attestation", role=Role.BESIDE)


def _words(statement: DiseaseCourse, catalogue: Catalogue) -> Phrase:
    about = titles(statement.concepts, catalogue.conditions)
    told = " or ".join(course.value for course in statement.courses)
    asked = f"{told} after {statement.after}" if statement.after else told
    return Phrase(about, asked, f"{about}: {asked}")


def _truth(statement: DiseaseCourse, catalogue: Catalogue) -> Expression:
    """Never met without an attestation where no data carry what went before."""
    sites = _sites(statement, catalogue)
    counted = []
    for blast in statement.blasts if statement.blast_threshold else ():
        held = catalogue.analytes[blast]
        results = against(held, statement.blast_threshold, Readings(held.id))
        counted.append(Row((("marrow", blast == MARROW), ("results", results))))
    whole = call(
        "Course",
        "Holds",
        Known.DIAGNOSES,
        Concepts(statement.concepts),
        Concepts(sites),
        Names(tuple(each.value for each in statement.courses)),
        Items(tuple(counted)),
        Freshness(STATEMENT),
        Known.NOW,
    )
    doubt = doubts_of([catalogue.conditions[site] for site in sites], catalogue)
    named = unless_named(call("Course", "Unless", whole, doubt) if doubt else whole, statement.concepts)
    return call("Course", "NeverMet", named) if statement.after else named


def _columns(statement: DiseaseCourse, setting: Setting) -> CourseOf:
    """Which words of the course are wanted."""
    return CourseOf(
        concepts=statement.concepts,
        relapsed=Course.RELAPSED in statement.courses,
        refractory=Course.REFRACTORY in statement.courses,
        questioned=statement.after is not None,
        blasts=statement.blasts if statement.blast_threshold is not None else (),
        marrow=MARROW,
        above=_above(statement, setting),
        sites=_sites(statement, setting.terminology.catalogue),
        outside=_outside(statement, setting.terminology.catalogue),
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
    )


def _above(statement: DiseaseCourse, setting: Setting) -> Number | None:
    """The count above which a marrow is not clear, in its canonical unit; None where it isn't told so."""
    threshold = statement.blast_threshold
    analyte = setting.terminology.catalogue.analytes.get(MARROW)
    if threshold is None or analyte is None or threshold.comparator not in (Comparator.GREATER, Comparator.AT_LEAST):
        return None
    conversion = setting.terminology.conversion(analyte, threshold.unit, None)
    return None if conversion is None or analyte.conversions else conversion.of(threshold.value)


DISEASE_COURSE = Kind(
    name="disease-course",
    statement=DiseaseCourse,
    form=Keys(_FIELDS),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_disease_course(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
