"""`allergy`: an allergy or intolerance to a substance, of a severity where asked (CONFORMANCE: Exposure, allergy)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapter.criteria.catalogue import Breadth, Catalogue, SubstanceConcept
from adapter.criteria.expression import Concepts, Expression, Freshness, Known, Names, call
from adapter.criteria.extent import ListKind
from adapter.criteria.fields import ConceptOf, Field, Flag, Keys, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Allergic, Setting
from adapter.evaluator.kind import Kind, Outlook, Phrase, Prospect, Rule, consistent, untold
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.negatives import (
    STATEMENT,
    Doubtful,
    Negative,
    Statement,
    contradicting,
    denied,
    evidence_of,
    stated,
)
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ALLERGY as ALLERGIES
from adapter.evaluator.reads import ANY_ALLERGY, CONDITION, MENTION, Read, Role, coded
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.evaluator.wording import titles
from adapter.kinds.condition.rule import common, unless_named
from adapter.record.facts import CLOSED, UNREADABLE, AllergyFact, ConditionFact, Severity, Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy(Leaf):
    """An allergy or intolerance to any of the substances, without any to anything.

    `severe` asks for a severe reaction; `cross_reactive`: an allergy to what cross-reacts is a question.
    """

    concepts: tuple[str, ...] = ()
    severe: bool = False
    cross_reactive: bool = False


def columns(statement: Allergy, setting: Setting) -> Allergic | None:
    """An allergy to a substance; of one to anything, nothing."""
    if not statement.concepts:
        return None
    substances = setting.terminology.catalogue.substances
    concepts = [substances[name] for name in statement.concepts]
    crossing = [name for concept in concepts for name in concept.cross_reacts if statement.cross_reactive]
    return Allergic(
        concepts=statement.concepts,
        crossing=tuple(dict.fromkeys(crossing)),
        absent=frozenset.intersection(*(frozenset(concept.absent) for concept in concepts)),
        diagnosed=frozenset(name for concept in concepts for name in (concept.id, *concept.may_be)),
        severe=statement.severe,
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
    )


ORDER = (Reason.RECORDED, Reason.NEEDS_REVIEW, Reason.UNCONFIRMED, Reason.REFUTED, Reason.VALUE_FAILS, Reason.RESOLVED)
_DENYING = frozenset({Reason.REFUTED, Reason.VALUE_FAILS, Reason.RESOLVED})
_ELEMENTS = {
    Reason.REFUTED: "verificationStatus",
    Reason.UNCONFIRMED: "verificationStatus",
    Reason.RESOLVED: "clinicalStatus",
    Reason.VALUE_FAILS: "reaction.severity",
}

ANYTHING = "allergies"
"""What an allergy to anything is called."""

NO_KNOWN = frozenset({"no-known-allergies"})
"""What denies an allergy to anything."""

Entry = tuple[Reason, AllergyFact, frozenset[str]]
"""What an entry says, and of which of the asked substances."""


def bind_allergy(statement: Allergy, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one allergy criterion; the strongest word among the entries decides, else what denies it."""
    substances = terminology.catalogue.substances
    concepts = [substances[name] for name in statement.concepts]
    crossing = [substances[name] for concept in concepts for name in concept.cross_reacts if statement.cross_reactive]
    names = statement.concepts or (ANYTHING,)
    note = "severe" if statement.severe else ""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = _entries(concepts, chart, moment, severe=statement.severe)
        if found and found[0][0] not in _DENYING:
            reason, fact, _ = found[0]
            known = outcome(reason, (_evidence(reason, fact),), later, note)
            return (
                known
                if reason is not Reason.RECORDED
                else _unless_contradicted(known, found, concepts, names, chart, moment)
            )
        crossed, ahead = _entries(crossing, chart, moment, severe=statement.severe) if crossing else ([], ())
        later += ahead
        if crossed and crossed[0][0] not in _DENYING:
            evidence = _evidence(Reason.RECORDED, crossed[0][1])
            return outcome(Reason.NEEDS_REVIEW, (evidence,), later, "it may cross-react")
        diagnosed, ahead = _diagnosed(concepts, chart, moment)
        later += ahead
        if diagnosed is not None:
            return outcome(Reason.NEEDS_REVIEW, (_of_diagnosis(diagnosed),), later, note)
        said, passed, changes = stated(_statements(concepts, chart), names, chart, moment)
        doubtful, more = _doubtful(concepts, chart, moment, severe=statement.severe)
        named, ahead = _named_elsewhere(concepts, chart, moment)
        doubtful += named
        later += ahead
        shown = tuple(_evidence(reason, fact) for reason, fact, _ in found)
        nothing = outcome(passed.reason, passed.evidence + shown, later, note if found else "")
        negatives = [*_negatives(found, concepts, chart), *said]
        return denied(names, ALLERGIES.types, negatives, doubtful, nothing, chart).also(changes + more)

    return evaluate


def _unless_contradicted(
    known: Outcome,
    found: list[Entry],
    concepts: list[SubstanceConcept],
    names: tuple[str, ...],
    chart: Chart,
    moment: Moment,
) -> Outcome:
    """CONFLICTING where "no known allergies" was said after all that is on record of it."""
    said, _, changes = stated(_statements(concepts, chart), names, chart, moment)
    recorded = [fact for reason, fact, _ in found if reason is Reason.RECORDED]
    against = contradicting(said, [chart.span(fact.recorded or fact.onset) for fact in recorded])
    if not against:
        return known.also(changes)
    return outcome(Reason.CONFLICTING, (*known.evidence, *against), known.changes).also(changes)


def _anything(chart: Chart) -> Iterator[tuple[AllergyFact, bool]]:
    """Every entry that is no statement of absence; whether it only may be an allergy, as "none known" in words is."""
    substances = chart.terminology.catalogue.substances
    absent = frozenset(name for each in substances.values() for name in each.absent)
    known = {*substances, ListKind.SUBSTANCES.value}
    for fact in chart.record.all_allergies:
        if fact.value_sets.isdisjoint(absent):
            yield fact, fact.value_sets.isdisjoint(known)


def _entries(
    concepts: list[SubstanceConcept], chart: Chart, moment: Moment, *, severe: bool
) -> tuple[list[Entry], tuple[Change, ...]]:
    """What is an allergy to one of the substances, or may be; and when entries that lie ahead will count.

    Without substances: to anything.
    """
    facts: dict[str, tuple[AllergyFact, set[str], bool]] = {}
    for fact, coarse in () if concepts else _anything(chart):
        facts[fact.source.resource] = (fact, set(), coarse)
    for concept in concepts:
        listed = chart.allergies.get(concept.id)
        for coarse, known in ((False, listed.is_), (True, listed.may_be)) if listed is not None else ():
            for fact in known:
                _, names, open_ = facts.get(fact.source.resource, (fact, set[str](), True))
                facts[fact.source.resource] = (fact, names | {concept.id}, open_ and coarse)  # one that it is, suffices
    found: list[Entry] = []
    later: tuple[Change, ...] = ()
    for fact, names, coarse in facts.values():
        time = chart.span(fact.onset or fact.recorded)
        if time is not None and moment.is_future(time):
            later += (time.start,)
            continue
        reason = _reason(fact, severe=severe)
        found.append((Reason.NEEDS_REVIEW if coarse and reason is Reason.RECORDED else reason, fact, frozenset(names)))
    found.sort(key=lambda entry: (ORDER.index(entry[0]), entry[1].source.resource))
    return found, later


def _diagnosed(
    concepts: list[SubstanceConcept], chart: Chart, moment: Moment
) -> tuple[ConditionFact | None, tuple[Change, ...]]:
    """An allergy that stands among the diagnoses ("allergy status to penicillin"): how severe, it can't say."""
    later: tuple[Change, ...] = ()
    names = [name for concept in concepts for name in (concept.id, *concept.may_be)]
    for fact in (fact for name in names for fact in chart.record.conditions.get(name, ())):
        time = chart.span(fact.onset or fact.recorded)
        if time is not None and moment.is_future(time):
            later += (time.start,)
        elif fact.verification is not Verification.REFUTED and fact.clinical not in CLOSED:
            return fact, later
    return None, later


_REACTIONS = frozenset({"anaphylaxis", "severe-reaction"})


def _named_elsewhere(
    concepts: list[SubstanceConcept], chart: Chart, moment: Moment
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """An allergy as a reason or a result, and a substance that is suspected of a severe allergic reaction."""
    found: list[Doubtful] = []
    later: tuple[Change, ...] = ()
    for concept in concepts:
        for each in chart.record.mentions.get(concept.id, ()):
            begun = chart.span(each.start)
            if begun is not None and moment.is_future(begun):
                later += (begun.start,)
            elif not each.reaction.isdisjoint(_REACTIONS) or (each.element in _SAYS_SO and not each.ordered):
                shown = evidence_of(each)
                found.append(Doubtful(frozenset({concept.id}), shown, known=True, mention=Reason.NEEDS_REVIEW))
    return found, later


_SAYS_SO = frozenset(
    {"reasonCode", "conclusionCode", "valueCodeableConcept", "event", "diagnosis", "finding", "code"}
) | {
    "valueString",
    "note",
    "conclusion",
    "text",  # words name a substance only where they say that somebody is allergic
}


TESTED = "resolved"
"""The one status by which somebody has looked again: by a test, or by taking the substance."""


def _reason(fact: AllergyFact, *, severe: bool) -> Reason:  # one line a case
    if fact.verification is Verification.REFUTED:
        return Reason.REFUTED
    if fact.clinical in CLOSED and not (fact.severity is Severity.SEVERE and fact.clinical != TESTED):
        return Reason.RESOLVED
    if severe and fact.severity is Severity.NOT_SEVERE:
        return Reason.VALUE_FAILS
    if fact.verification is Verification.UNCONFIRMED:
        return Reason.UNCONFIRMED
    if fact.clinical in (*CLOSED, UNREADABLE) or (severe and fact.severity is Severity.OPEN):
        return Reason.NEEDS_REVIEW
    return Reason.RECORDED


def _negatives(found: list[Entry], concepts: list[SubstanceConcept], chart: Chart) -> list[Negative]:
    """The entries that deny: one that is over or refuted only where it is the one substance that is asked.

    One that is not severe shows that allergies have been asked for, and answers for all of them.
    """
    whole = frozenset(concept.id for concept in concepts if concept.breadth is Breadth.ENTITY)
    asked = frozenset(concept.id for concept in concepts)
    return [
        Negative(reason, covered, chart.span(fact.recorded or fact.onset), (_evidence(reason, fact),))
        for reason, fact, names in found
        if (covered := asked if reason is Reason.VALUE_FAILS else names & whole)
    ]


def _statements(concepts: list[SubstanceConcept], chart: Chart) -> list[Statement]:
    """The explicit "no known allergies" that deny every one of the substances."""
    absences = NO_KNOWN
    if concepts:
        absences = frozenset.intersection(*(frozenset(concept.absent) for concept in concepts))
    facts = {fact.source: fact for name in absences for fact in chart.record.allergies.get(name, ())}
    return [
        Statement(
            chart.span(fact.recorded or fact.onset),
            fact.verification is Verification.CONFIRMED and fact.clinical not in CLOSED | {UNREADABLE},
            _evidence(Reason.EXPLICITLY_ABSENT, fact),
        )
        for fact in sorted(facts.values(), key=lambda fact: fact.source.resource)
    ]


def _doubtful(
    concepts: list[SubstanceConcept], chart: Chart, moment: Moment, *, severe: bool
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """The entries that could be an allergy to one of the substances, as far as anybody knows."""
    found: dict[str, tuple[AllergyFact, set[str]]] = {}
    for concept in concepts:
        listed = chart.allergies.get(concept.id)
        for fact in listed.unclassified if listed is not None else ():
            found.setdefault(fact.source.resource, (fact, set()))[1].add(concept.id)
    possible: list[Doubtful] = []
    later: tuple[Change, ...] = ()
    for key in sorted(found):
        fact, names = found[key]
        time = chart.span(fact.onset or fact.recorded)
        reason = _reason(fact, severe=severe)
        if time is not None and moment.is_future(time):
            later += (time.start,)
        elif reason not in (Reason.REFUTED, Reason.VALUE_FAILS):
            closed = reason is Reason.RESOLVED
            possible.append(Doubtful(frozenset(names), _evidence(reason, fact), closed, time if closed else None))
    return possible, later


def _of_diagnosis(fact: ConditionFact) -> Evidence:
    """The evidence that a diagnosis is."""
    when = fact.onset or fact.recorded
    return Evidence(fact.source.resource, fact.source.version, "code", fact.shown, when.text if when else None)


def _evidence(reason: Reason, fact: AllergyFact) -> Evidence:
    when = fact.onset or fact.recorded
    element = _ELEMENTS.get(reason, "code")
    return Evidence(fact.source.resource, fact.source.version, element, fact.shown, when.text if when else None)


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
        return _rule_of_anything(statement, catalogue)
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


def _rule_of_anything(statement: Allergy, catalogue: Catalogue) -> Expression:
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
