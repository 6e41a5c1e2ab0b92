"""`linked`: a diagnosis that is treated by, or because of, something else (CONFORMANCE: Several events)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Concepts, Expression, call
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Keys, Nested, Section, Window
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Beside, Setting, Several
from adapter.evaluator.extent import apart
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import titles
from adapter.kinds.events.gathered import (
    EVENTS,
    Event,
    Events,
    Gathered,
    bind_events,
    event_reads,
    event_words,
    gathered,
    told_alone,
)


class Link(StrEnum):
    """How the diagnosis is linked."""

    TREATED_BY = "treated-by"
    UNTREATED_BY = "untreated-by"
    BECAUSE_OF = "because-of"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Leaf):
    """A diagnosis that is, or is not, treated by something, or that something has caused.

    Only what the record itself links counts: a drug's or procedure's reason, a diagnosis' cause or evidence. What is
    merely there at the same time is a question. `look_back`: any day of the treatment or cause lies in the window; for
    `untreated-by` one of the diagnosis too.
    """

    conditions: tuple[str, ...]
    relation: Link
    other: Events
    look_back: Duration | None = None


def bind_linked(statement: Linked, terminology: Terminology) -> Evaluation:
    """Both on record and linked; without a link, what both come to."""
    gather = bind_events(Events(conditions=statement.conditions), terminology, _since(statement))
    gather_other = bind_events(statement.other, terminology, statement.look_back)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, others = gather(chart, moment), gather_other(chart, moment)
        changes = found.changes + others.changes
        linked = _linked(statement, found, others, terminology)
        if statement.relation is Link.UNTREATED_BY:
            linked = _untreated(linked, found.whole, others.whole)
        return linked.also(changes)

    return evaluate


def _since(statement: Linked) -> Duration | None:
    """The window of the diagnosis: what is over needs no treatment; what was treated, or caused, may be."""
    return statement.look_back if statement.relation is Link.UNTREATED_BY else None


def _linked(statement: Linked, found: Gathered, others: Gathered, terminology: Terminology) -> Outcome:
    """Whether any diagnosis is linked to any of the others; without a link a denial of either, else why it is open."""
    paired = _pairs(statement, found, others, terminology)
    if paired is not None and paired.truth is Truth.MET:
        return paired
    wholes = (found.whole, others.whole)
    for whole in wholes:
        if whole.truth is Truth.NOT_MET:
            return whole
    if paired is not None:
        return paired
    shown = tuple(each.evidence for each in (*found.events[:1], *others.events[:1]))
    for whole in wholes:
        if whole.truth is Truth.UNKNOWN:
            return outcome(whole.reason, whole.evidence or shown, note=whole.note)
    return outcome(Reason.NEEDS_REVIEW, shown)


def _pairs(statement: Linked, found: Gathered, others: Gathered, terminology: Terminology) -> Outcome | None:
    """The strongest word of a pair: linked, linked but not sure to have been, at the same time; None without any."""
    unsure: Outcome | None = None
    together: Outcome | None = None
    for other in others.events:
        for event in found.events:
            shown = (event.evidence, other.evidence)
            if _is_link(statement, event, other, terminology):
                why = next((each.reason for each in (event, other) if not each.sure), None)
                if why is None:
                    return outcome(Reason.RECORDED, shown)
                unsure = unsure or outcome(why, shown)
            elif together is None and not apart(event.extent, other.extent):
                together = outcome(Reason.NEEDS_REVIEW, shown)
    return unsure or together


def _is_link(statement: Linked, event: Event, other: Event, terminology: Terminology) -> bool:
    """Whether the record says so: the treatment's reason is the diagnosis, or the diagnosis' cause is the other."""
    if statement.relation is Link.BECAUSE_OF:
        said = event.links
        wanted, resource = (*statement.other.conditions, *statement.other.exposures), other.evidence.resource
    else:
        said = other.links
        wanted, resource = statement.conditions, event.evidence.resource
    if said is None:
        return False
    return resource in said.resources or any(
        terminology.membership(name, codes) is Membership.IS for codes in said.codes for name in wanted
    )


def _untreated(linked: Outcome, whole: Outcome, treatment: Outcome) -> Outcome:
    """The diagnosis without the treatment: met only where the treatment itself is denied."""
    if whole.truth is Truth.NOT_MET:
        return whole
    if linked.truth is Truth.MET:
        return outcome(Reason.VALUE_FAILS, linked.evidence)
    if whole.truth is Truth.MET and treatment.truth is Truth.NOT_MET:
        shown = (*whole.evidence, *treatment.evidence)
        return Outcome(Truth.MET, Reason.RECORDED, shown, (), treatment.assumed, treatment.note)
    if whole.truth is Truth.UNKNOWN:
        return whole
    return linked if linked.truth is Truth.UNKNOWN else outcome(Reason.NEEDS_REVIEW, linked.evidence)


def _reads(statement: Linked, catalogue: Catalogue) -> Iterator[Read]:
    yield from event_reads(Events(conditions=statement.conditions), catalogue, window=_since(statement))
    yield from event_reads(statement.other, catalogue, window=statement.look_back)


def _truth(statement: Linked, catalogue: Catalogue) -> Expression:
    found = gathered(Events(conditions=statement.conditions), catalogue, _since(statement))
    others = gathered(statement.other, catalogue, statement.look_back)
    if statement.relation is Link.UNTREATED_BY:
        return call("Events", "IsUntreated", *found, *others, Concepts(statement.conditions))
    causes = statement.relation is Link.BECAUSE_OF
    linking = (*statement.other.conditions, *statement.other.exposures) if causes else statement.conditions
    return call("Events", "IsLinked", *found, *others, causes, Concepts(linking))


def _columns(statement: Linked, setting: Setting) -> Several | None:
    catalogue = setting.terminology.catalogue
    found = told_alone(Events(conditions=statement.conditions), catalogue, _since(statement))
    others = told_alone(statement.other, catalogue, statement.look_back)
    asks = Beside.UNTREATED if statement.relation is Link.UNTREATED_BY else Beside.BOTH
    return Several(asks=asks, events=found, others=others) if found and others else None


def _words(statement: Linked, catalogue: Catalogue) -> Phrase:
    about = titles(statement.conditions, catalogue.conditions)
    when = f" within {statement.look_back.words}" if statement.look_back else ""
    asked = f"{statement.relation.value.replace('-', ' ')} {event_words(statement.other, catalogue)}{when}"
    return Phrase(about, asked, f"{about}, {asked}")


def _contradiction(statement: Linked) -> str | None:
    if statement.other.encounters or statement.other.nothing:
        return "name what it is linked to; write conditions or exposures below other"
    if statement.relation is not Link.BECAUSE_OF and statement.other.conditions:
        return "a diagnosis treats nothing; write exposures below other"
    if statement.other.began:
        return "what is linked counts on any day of it; leave began out"
    return None


LINKED = Kind(
    name="linked",
    statement=Linked,
    form=Keys(
        (
            Field("conditions", ConceptOf(Section.CONDITION), many=True, url="condition", says="Alternatives."),
            Field("relation", CodeOf(Link), url="link"),
            Field("other", Nested(Events, EVENTS), url="linked-to"),
            Field("look_back", Window(), says="Any day of the treatment or cause lies in this window."),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=lambda statement, trial: bind_linked(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
