"""`count`: so many events, or so many drugs of a class (CONFORMANCE: Several events)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.calendar import Hours, Length
from adapter.criteria.catalogue import Breadth, Catalogue
from adapter.criteria.expression import Expression, Known, Names, call
from adapter.criteria.fields import CodeOf, Count, Field, Keys, Window
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Beside, Setting, Several
from adapter.evaluator.extent import Extent, apart
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION, ENCOUNTER, VACCINE, Read
from adapter.evaluator.reason import Reason
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
    wrongly_named,
)
from adapter.record.facts import EntryFact, EntryList


class Counted(StrEnum):
    """What is counted."""

    EVENTS = "events"
    DRUGS = "drugs"


@dataclass(frozen=True, slots=True, kw_only=True)
class HowMany(Leaf, Events):
    """So many events, or so many different drugs.

    `look_back`: those of which any day lies in the window.
    """

    of: Counted = Counted.EVENTS
    at_least: int | None = None
    at_most: int | None = None
    look_back: Length | None = None


def bind_count(statement: HowMany, terminology: Terminology) -> Evaluation:
    """At least so many that are sure to be different; fewer only where the policy says that none is missing."""
    gather = bind_events(statement, terminology, statement.look_back)
    count = _events if statement.of is Counted.EVENTS else _drugs(terminology)
    given = terminology.catalogue.exposures
    told = tuple(dict.fromkeys(each for name in statement.exposures for each in (name, *given[name].told_by)))

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = gather(chart, moment)
        compared = _compared(statement, count([each for each in found.events if each.sure]), found)
        open_ = compared.truth is Truth.UNKNOWN and found.whole.truth is Truth.MET and not found.doubtful
        if open_ and _is_complete(statement, told, chart):
            compared = _at_most(statement, compared, len(found.events))
        return compared.also(found.changes)

    return evaluate


def _compared(statement: HowMany, sure: list[Event], found: Gathered) -> Outcome:
    shown = tuple(each.evidence for each in found.events)
    if statement.at_most is not None and len(sure) > statement.at_most:
        return outcome(Reason.VALUE_FAILS, tuple(each.evidence for each in sure))
    whole = found.whole
    if whole.truth is Truth.NOT_MET:  # there are none
        fits = statement.at_least is None
        return Outcome(Truth.MET, Reason.RECORDED, whole.evidence, (), whole.assumed, whole.note) if fits else whole
    if statement.at_most is None and statement.at_least is not None and len(sure) >= statement.at_least:
        return outcome(Reason.RECORDED, tuple(each.evidence for each in sure))
    if whole.truth is Truth.UNKNOWN:
        return whole
    unsure = next((each.reason for each in found.events if not each.sure), None)
    note = f"{len(sure)} that are sure to be different on record"
    return outcome(unsure or Reason.NEEDS_REVIEW, shown, note=note)


def _is_complete(statement: HowMany, told: Sequence[str], chart: Chart) -> bool:
    """Whether the policy takes what is not on record as absent, and nothing on record could be one more.

    `told`: the value sets of diagnoses that say that a drug was given or a procedure done.
    """
    named = {*statement.conditions, *statement.exposures}
    if EntryList.ENCOUNTERS.value not in chart.policy.complete_lists:
        named |= {*statement.encounters}
    types = ENCOUNTER.types if statement.encounters else frozenset()
    if statement.conditions or statement.exposures:
        types |= CONDITION.types | VACCINE.types
    if not named <= chart.policy.assumed_absent or chart.record.may_lack(types):
        return False
    lists = [*(chart.conditions.get(each) for each in statement.conditions)]
    given = [*(chart.exposures.get(each) for each in statement.exposures)]
    unknown = any(each.unclassified for each in (*lists, *given) if each)
    unknown = unknown or any(chart.record.conditions.get(each) for each in told)
    return not unknown and named.isdisjoint(chart.record.mentions)


def _at_most(statement: HowMany, compared: Outcome, most: int) -> Outcome:
    """Too few, or no more than are asked, even if every entry on record is one of its own."""
    note = f"{most} at most on record"
    if statement.at_least is not None and most < statement.at_least:
        return Outcome(Truth.NOT_MET, Reason.VALUE_FAILS, compared.evidence, (), assumed=True, note=note)
    if statement.at_most is not None and most <= statement.at_most:
        return Outcome(Truth.MET, Reason.RECORDED, compared.evidence, (), assumed=True, note=note)
    return compared


def _events(sure: Sequence[Event]) -> list[Event]:
    """As many as are sure to be apart: neither had begun when the other was over, or they may be one told twice.

    In the order of their ends, of which as many fit beside each other as can. When one was that ended before it began,
    nobody knows.
    """
    kept: list[Event] = []
    told = (event for event in sure if not _ends_first(event.extent))
    for event in sorted(told, key=lambda each: (each.extent.end.last or date.max, each.evidence.resource)):
        if event.extent.begin.last is not None and all(apart(event.extent, other.extent) for other in kept):
            kept.append(event)
    return kept


def _ends_first(extent: Extent) -> bool:
    begun, over = extent.begin.first, extent.end.last
    return begun is not None and over is not None and over < begun


_INGREDIENT, _SUBGROUP = 7, 5
"""The lengths of an ATC code that names one drug, and of its chemical subgroup, in which a drug has one code."""

_Names = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""What an entry says of its drug: ATC codes, what they are called, and single drugs of the catalogue."""


def _drugs(terminology: Terminology) -> Callable[[Sequence[Event]], list[Event]]:
    """Drugs that are sure to be different: by name, by code within a subgroup of ATC, or as drugs of the catalogue.

    Other codes alone say nothing across subgroups: methotrexate has one as an antineoplastic and another as an
    immunosuppressant, and codes that WHO has moved stand in older records.
    """
    single = _single(terminology.catalogue)

    def names(event: Event) -> _Names:
        fact = event.fact
        if isinstance(fact, EntryFact):  # a stay is no drug
            return frozenset(), frozenset(), frozenset()
        found = {(each.system, each.code[:_INGREDIENT]) for each in fact.codes if "atc" in each.system}
        atc = {(system, code) for system, code in found if len(code) == _INGREDIENT}
        called = [terminology.display(*each) for each in atc]
        known = frozenset() if None in called else frozenset(each.casefold() for each in called if each)
        return frozenset(code for _, code in atc), known, fact.value_sets & single

    def count(sure: Sequence[Event]) -> list[Event]:
        kept: list[Event] = []
        for event in sorted(sure, key=lambda each: each.evidence.resource):
            mine = names(event)
            if all(_other(mine, names(other)) for other in kept) and any(mine):
                kept.append(event)
        return kept

    return count


def _single(catalogue: Catalogue) -> frozenset[str]:
    """The drugs of the catalogue that are one each."""
    return frozenset(name for name, each in catalogue.exposures.items() if each.breadth is Breadth.ENTITY)


def _other(one: _Names, other: _Names) -> bool:
    mine, theirs = one[0], other[0]
    if mine & theirs:
        return False
    groups = {code[:_SUBGROUP] for code in mine | theirs}
    return (bool(mine and theirs) and len(groups) == 1) or any(
        here and there and here.isdisjoint(there) for here, there in zip(one[1:], other[1:], strict=True)
    )


def _reads(statement: HowMany, catalogue: Catalogue) -> Iterator[Read]:
    yield from event_reads(statement, catalogue, window=statement.look_back)


def _truth(statement: HowMany, catalogue: Catalogue) -> Expression:
    if isinstance(statement.look_back, Hours) or statement.began:
        return Known.UNKNOWN
    events, whole = gathered(statement, catalogue, statement.look_back)
    if statement.of is Counted.EVENTS:
        sure = call("Events", "Different", events)
    else:
        sure = call("Events", "DifferentDrugs", events, Names(tuple(sorted(_single(catalogue)))))
    return call("Events", "Counts", sure, whole, *map(_number, (statement.at_least, statement.at_most)))


def _columns(statement: HowMany, setting: Setting) -> Several | None:
    if statement.began:
        return None
    found = told_alone(statement, setting.terminology.catalogue, statement.look_back)
    asks = Beside.NO_MORE if statement.at_least is None else Beside.SO_MANY
    return Several(asks=asks, events=found) if found else None


def _number(held: int | None) -> Decimal | None:
    return None if held is None else Decimal(held)


def _words(statement: HowMany, catalogue: Catalogue) -> Phrase:
    about = event_words(statement, catalogue)
    what = "" if statement.of is Counted.EVENTS else " different drugs"
    many = [
        *((f"at least {statement.at_least}{what}",) if statement.at_least is not None else ()),
        *((f"at most {statement.at_most}{what}",) if statement.at_most is not None else ()),
    ]
    asked = " and ".join(many) + (f" within {statement.look_back.words}" if statement.look_back else " ever")
    return Phrase(about, asked, f"{about}: {asked}")


def _contradiction(statement: HowMany) -> str | None:
    if (wrong := wrongly_named(statement, statement.look_back)) is not None:
        return wrong
    if statement.at_least is None and statement.at_most is None:
        return "say how many; write at-least or at-most"
    if statement.at_least is not None and statement.at_most is not None:
        return "at-least and at-most together are two criteria; write them as parts of an all-of"
    if statement.of is Counted.DRUGS and (statement.conditions or statement.encounters):
        return "diagnoses and stays are no drugs; write exposures only, or count events"
    if statement.began and statement.look_back is None:
        return "began says of a window; write look-back beside it"
    return None


COUNT = Kind(
    name="count",
    statement=HowMany,
    form=Keys(
        (
            *EVENTS,
            Field("of", CodeOf(Counted), says="Events that are sure to be different, or different drugs."),
            Field("at_least", Count(), url="at-least-so-many"),
            Field("at_most", Count(), url="at-most-so-many"),
            Field("look_back", Window(hours=True), says="Any day of it lies in this window; left out: ever."),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=lambda statement, trial: bind_count(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
