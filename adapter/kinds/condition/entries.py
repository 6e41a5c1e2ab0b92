"""The Conditions on record that bear on a diagnosis, and what they deny or leave in doubt (CONFORMANCE: Conditions).

What the entries of a diagnosis come to together.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from adapter.criteria.calendar import Length
from adapter.criteria.catalogue import Breadth, ConditionConcept
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.lists import Listed
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import LIST, Doubtful, Negative, Statement, mentioned
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.standing import (
    REASONS,
    Diagnosis,
    Standing,
    is_ahead,
    settled,
    standing_of,
    time_of,
)
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.timing import longest
from adapter.record.facts import CLOSED, UNREADABLE, ConditionFact, Verification


class Entry(Struct, frozen=True, gc=False):
    """One Condition with its standing, the asked concepts that it bears on, and when the standing may change."""

    fact: ConditionFact
    standing: Standing
    concepts: frozenset[str]
    changes: tuple[Change, ...]


def entries(asked: Diagnosis, chart: Chart, moment: Moment) -> tuple[list[Entry], tuple[Change, ...]]:
    """Every entry that is or may be the diagnosis, the strongest first; and when entries dated later will count."""
    listed = [(concept, held) for concept in asked.concepts if (held := chart.conditions.get(concept.id)) is not None]
    if not listed:
        return [], ()
    found: list[Entry] = []
    changes: list[Change] = []
    for fact, is_, may_be in _bearing(listed, asked, chart):
        time = time_of(fact, chart)
        if time is not None and is_ahead(fact, time, moment):
            changes.append(time.start)
        else:
            found.append(_entry(fact, is_, may_be, asked, chart, moment))
    found.sort(key=lambda entry: (entry.standing, _newest_first(entry.fact, chart)))
    return found, tuple(changes)


def _bearing(
    listed: Sequence[tuple[ConditionConcept, Listed[ConditionFact]]], asked: Diagnosis, chart: Chart
) -> Iterator[tuple[ConditionFact, list[ConditionConcept], list[ConditionConcept]]]:
    """Each fact once, with the asked concepts that it is, and those that it only may be."""
    own = _own(asked, chart)
    facts: dict[str, ConditionFact] = {}
    is_: defaultdict[str, list[ConditionConcept]] = defaultdict(list)
    may_be: defaultdict[str, list[ConditionConcept]] = defaultdict(list)
    for concept, held in listed:
        for known, bearing in ((is_, held.is_), (may_be, held.may_be)):
            for fact in bearing:
                if not fact.value_sets & own:
                    facts[fact.source.resource] = fact
                    known[fact.source.resource].append(concept)
    for name in sorted(facts):
        yield facts[name], is_[name], may_be[name]


def _own(asked: Diagnosis, chart: Chart) -> frozenset[str]:
    """The value sets of what is taken out: each disease, and what may be one that is on record, or any where none is.

    A non-Hodgkin lymphoma may be the T-cell lymphoma of somebody who has one; of somebody with AML it is another.
    """
    if not asked.other_than:
        return frozenset()
    known = [
        concept
        for concept in asked.other_than
        if any(fact.verification is Verification.CONFIRMED for fact in facts_of(chart, (concept.id,)))
    ]
    return frozenset(concept.id for concept in asked.other_than) | {
        name for concept in known or asked.other_than for name in concept.may_be
    }


def facts_of(chart: Chart, value_sets: Iterable[str]) -> list[ConditionFact]:
    """The facts of any of the value sets, each once, in the order of their resources' names."""
    conditions = chart.record.conditions
    if not conditions:
        return []
    by_source = {fact.source: fact for name in value_sets for fact in conditions.get(name, ())}
    return [by_source[source] for source in sorted(by_source, key=lambda source: source.resource)]


def _newest_first(fact: ConditionFact, chart: Chart) -> tuple[float, str]:
    time = time_of(fact, chart)
    return (-time.first.toordinal() if time else 0, fact.source.resource)


def _entry(
    fact: ConditionFact,
    is_: list[ConditionConcept],
    may_be: list[ConditionConcept],
    asked: Diagnosis,
    chart: Chart,
    moment: Moment,
) -> Entry:
    concepts = frozenset(concept.id for concept in is_ or may_be)
    standing, changes = standing_of(fact, is_ or may_be, asked, chart, moment)
    if standing is Standing.RECORDED and not is_:
        standing = Standing.POSSIBLE
    if standing is Standing.RESOLVED and any(concept.lasts for concept in is_):
        standing = Standing.LIFELONG
    return Entry(fact, standing, concepts, changes)


def negatives(
    found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment
) -> tuple[list[Negative], tuple[Change, ...]]:
    """The entries that deny: closed or refuted ones of a single disease, never of a family of many.

    One refuted entry says nothing of a question about any time of a life, and none whose codes contradict each other
    anything: it may have been the other disease.
    """
    if not found:
        return [], ()
    whole = {concept.id for concept in asked.concepts if concept.breadth is Breadth.ENTITY}
    denying = {Standing.RESOLVED} if asked.occurrence is Occurrence.EVER and asked.look_back is None else _DENYING
    if asked.present:
        denying = denying | {Standing.SHORT, Standing.FAILS}  # it is there, and not as it is asked for
    offered: list[Negative] = []
    changes: tuple[Change, ...] = ()
    for entry in found:
        if entry.standing not in denying:
            continue
        codes = entry.fact.codes
        denied = frozenset(each for each in entry.concepts & whole if not chart.terminology.is_disputed(each, codes))
        if not denied:
            continue
        said = _said(entry, chart)
        if entry.standing is Standing.FAILS:
            fresh, more = _fresh(said, chart, moment)
            changes += more
            if not fresh:
                continue
        offered.append(Negative(REASONS[entry.standing], denied, said, (evidence_of(entry),)))
    return offered, changes


def _fresh(said: Span | None, chart: Chart, moment: Moment) -> tuple[bool, tuple[Change, ...]]:
    """Whether what an entry says of severity or stage was said lately: either may have changed since."""
    if said is None:
        return False, ()
    stands = chart.policy.freshness[LIST]
    inside = moment.place(said.first, said.last, stands) is Placed.INSIDE
    return inside, moment.leaving(said.first, said.last, stands)


_DENYING = frozenset({Standing.REFUTED, Standing.RESOLVED})
_NEVER_IT = frozenset({Standing.REFUTED, Standing.SHORT, Standing.FAILS, Standing.OUTSIDE})
"""What an entry of another code would not be either."""


def _said(entry: Entry, chart: Chart) -> Span | None:
    fact = entry.fact
    if entry.standing is Standing.RESOLVED and fact.abatement is not None:
        return chart.span(fact.abatement)
    return chart.span(fact.recorded) or chart.span(fact.onset)


def doubtful(
    found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """The entries that could be the diagnosis: those that nobody has classified, and those that it had been."""
    named, more = named_elsewhere(asked, chart, moment)
    past, later = _past(found, asked, chart, moment)
    listed = chart.conditions
    if not found and listed.keys().isdisjoint(asked.names):
        return named + past, more + later
    concepts: dict[str, set[str]] = {}
    facts: dict[str, ConditionFact] = {}
    for name in asked.names:
        for fact in listed[name].unclassified if name in listed else ():
            concepts.setdefault(fact.source.resource, set()).add(name)
            facts[fact.source.resource] = fact
    possible: list[Doubtful] = []
    changes: tuple[Change, ...] = ()
    for key in sorted(facts):
        fact = facts[key]
        time = time_of(fact, chart)
        if time is not None and is_ahead(fact, time, moment):
            changes += (time.start,)
            continue
        standing, turns = standing_of(fact, (), asked, chart, moment)
        changes += turns
        graded = asked.qualifier is not None and settled(fact, asked.qualifier) is Truth.NOT_MET
        if standing not in _NEVER_IT and not graded:
            possible.append(_doubtful(fact, frozenset(concepts[key]), standing, chart, known=False))
    possible += [
        _doubtful(entry.fact, entry.concepts, entry.standing, chart, known=True)
        for entry in found
        if entry.standing is Standing.RESOLVED
    ]
    return possible + named + past, changes + more + later


def _past(
    found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """Codes of a personal history that may be the diagnosis', where it is asked for at any time or in a window.

    Not where it may be that of what is taken out, and not of what never passes: who has it has no history of it. In a
    window only of what lasts, and only those that were not there before it: what was history then, was over.
    """
    histories, window = chart.histories(), asked.look_back
    if not histories or (window is None and asked.occurrence is not Occurrence.EVER):
        return [], ()
    possible: list[Doubtful] = []
    changes: tuple[Change, ...] = ()
    known = {entry.fact.source for entry in found}
    for concept in asked.concepts:
        told = not concept.lasts and (window is None or concept.transient is None)
        for fact in histories.get(concept.id, ()) if told else ():
            time = time_of(fact, chart)
            if time is not None and is_ahead(fact, time, moment):
                changes += (time.start,)
                continue
            if (
                fact.verification is Verification.REFUTED
                or fact.source in known
                or any(fact in histories.get(each.id, ()) for each in asked.other_than)
            ):
                continue
            if window is not None and time is not None:
                placed, left = moment.stands(time, window)
                changes += left
                if placed is Placed.BEFORE:
                    continue
            shown = evidence_of(Entry(fact, Standing.RECORDED, frozenset(), ()))
            possible.append(Doubtful(frozenset({concept.id}), shown, known=True, mention=Reason.NEEDS_REVIEW))
    return possible, changes


def named_elsewhere(asked: Diagnosis, chart: Chart, moment: Moment) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """What names the diagnosis outside the list; what passes, only for its time; a look-back, inside its window."""
    if not chart.record.mentions:
        return [], ()
    transient = {concept.id: concept.transient for concept in asked.concepts}

    def stands(concept: str) -> Length | None:
        passes = transient[concept]
        if asked.occurrence is Occurrence.EVER:
            return asked.look_back
        return longest([asked.look_back, passes]) if passes is not None else None

    return mentioned(asked.names, stands, chart, moment, apart_from=_own(asked, chart))


def _doubtful(
    fact: ConditionFact, concepts: frozenset[str], standing: Standing, chart: Chart, *, known: bool
) -> Doubtful:
    closed = standing is Standing.RESOLVED
    ended = chart.span(fact.abatement) or time_of(fact, chart) if closed else None
    shown = evidence_of(Entry(fact, standing if closed else Standing.RECORDED, concepts, ()))
    return Doubtful(concepts, shown, closed, ended, known)


def statements(asked: Diagnosis, chart: Chart) -> list[Statement]:
    """The explicit "no known …" entries that cover what is asked; of questions about the past there are none."""
    if not asked.present:
        return []
    return [
        Statement(
            chart.span(fact.recorded) or chart.span(fact.onset),
            fact.verification is Verification.CONFIRMED and fact.clinical not in CLOSED | {UNREADABLE},
            evidence_of(Entry(fact, Standing.RECORDED, frozenset(), ())),
        )
        for fact in facts_of(chart, asked.absent)
    ]


_ELEMENTS = {
    Standing.REFUTED: "verificationStatus",
    Standing.UNCONFIRMED: "verificationStatus",
    Standing.RESOLVED: "clinicalStatus",
    Standing.LIFELONG: "clinicalStatus",
    Standing.UNREADABLE: "clinicalStatus",
}
_SAID = {
    Standing.REFUTED: "refuted",
    Standing.UNCONFIRMED: "not confirmed",
    Standing.RESOLVED: "closed",
    Standing.UNDATED: "recorded",
}
"""What an entry says against itself, wherever it is shown; of one without a date of its own, whose date that is."""


def evidence_of(entry: Entry) -> Evidence:
    """The evidence that an entry is; its time is what the record says of its beginning, or of its end."""
    fact = entry.fact
    element, when = _ELEMENTS.get(entry.standing, "code"), fact.onset or fact.recorded
    if entry.standing in (Standing.RESOLVED, Standing.LIFELONG, Standing.CONTRADICTED) and fact.abated:
        element, when = "abatement", fact.abatement or when
    said = f"{fact.shown} ({_SAID[entry.standing]})" if entry.standing in _SAID else fact.shown
    return Evidence(fact.source.resource, fact.source.version, element, said, when.text if when else None)


def nothing(found: list[Entry], passed: Outcome) -> Outcome:
    """Without anything that counts: what lies outside the window, a statement that does not count, what is over."""
    outside = [entry for entry in found if entry.standing is Standing.OUTSIDE]
    if outside:
        return of_entry(outside[0])
    over = tuple(evidence_of(entry) for entry in found)
    return passed.also((), over)


def of_entry(entry: Entry) -> Outcome:
    """The outcome that an entry stands for."""
    return outcome(REASONS[entry.standing], (evidence_of(entry),))


_QUALIFIED = (
    (Truth.MET, Reason.RECORDED),
    (Truth.UNKNOWN, Reason.NEEDS_REVIEW),
    (Truth.NOT_MET, Reason.VALUE_FAILS),
)


def recorded(found: list[Entry], statement: Condition) -> Outcome:
    """What is on record, under the qualifier: settled by severity or stage where present, else a question."""
    on_record = [entry for entry in found if entry.standing is Standing.RECORDED]
    if statement.qualifier is None:
        return of_entry(on_record[0])
    grades = {id(entry): settled(entry.fact, statement.qualifier) for entry in on_record}
    for wanted, reason in _QUALIFIED:
        for entry in on_record:
            if grades[id(entry)] is wanted:
                return outcome(reason, (evidence_of(entry),), note=statement.qualifier.value)
    raise AssertionError
