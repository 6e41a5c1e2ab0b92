"""The kinds about entries of lists: one table of what differs, in data and words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Flag, Keys, Section, Text, Window
from adapter.criteria.truth import Truth
from adapter.evaluator import reads
from adapter.evaluator.columns import unsaid
from adapter.evaluator.kind import ByTime, Evaluation, Kind, Outlook, Phrase, Prospect, Rule, Statement, Trial, untold
from adapter.evaluator.reads import Data, Read, Role, coded
from adapter.evaluator.wording import titles
from adapter.kinds.condition.rule import unless_named
from adapter.kinds.condition.statement import Grade
from adapter.kinds.entries.compared import events, resolved, said_beside, studies
from adapter.kinds.entries.elsewhere import graded, nowhere, ordered, recorded
from adapter.kinds.entries.evaluate import (
    Asked,
    Clears,
    Compared,
    Elsewhere,
    Placing,
    TakenBack,
    bind_entries,
    clears_nothing,
    found_nothing,
    of_concepts,
    stands,
)
from adapter.kinds.entries.statement import (
    AdverseEvent,
    Device,
    Encounter,
    FamilyHistory,
    Participation,
    Planned,
    Report,
    Specimen,
    holds,
)
from adapter.kinds.entries.time import ahead, lately, now, since, staying, unresolved
from adapter.record.facts import EntryList
from adapter.record.read_entry import CONCLUSION

_LOOK_BACK = Field("look_back", Window(hours=True), says="In hours and minutes too (PT24H, PT4H30M). Left out: ever.")


def _within(statement: Any) -> str:  # noqa: ANN401  # any of the statements
    return f"within {statement.look_back.words}" if statement.look_back else "ever"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKind(Generic[Statement]):
    """What differs between the kinds.

    `section`: of its `concepts`; None where it has none. `beside`: its fields that ask for what stands beside, with the
    section, the name in the fact, and the word that leads to it. `fields`: its others; `more`: what they compare.
    `noun`: what it is called where no concept is named. `placing`: the time that counts. `elsewhere`: what other lists
    say, with what it reads; `also`: lists that it reads whole; `operations`: value sets of what makes it so. `absent`:
    value sets of explicit absences.
    `stays`: once so, always so. `clears`: which entry says that nothing of what is asked was found.
    `taken_back`: which may be taken back by another.
    """

    name: str
    statement: type[Statement]
    of: EntryList
    data: Data
    placing: Callable[[Any], Placing]
    section: Section | None
    noun: str
    beside: tuple[tuple[str, Section, str, str], ...] = ()
    fields: tuple[Field, ...] = ()
    more: Callable[[Any, Trial], Iterator[Compared]] = lambda *_: iter(())
    asked: Callable[[Any], str] = _within
    contradiction: Callable[[Any], str | None] = lambda _: None
    elsewhere: Callable[[Any, Catalogue], Elsewhere] = lambda *_: nowhere
    reads_too: tuple[Data, ...] = ()
    also: Callable[[Any], tuple[Data, ...]] = lambda _: ()
    operations: Callable[[Any, Catalogue], tuple[str, ...]] = lambda *_: ()
    absent: frozenset[str] = frozenset()
    clears: Callable[[Any, Trial], Clears] = lambda *_: clears_nothing
    taken_back: Callable[[Any, Trial], TakenBack] = lambda *_: stands
    of_study: bool = False
    stays: bool = True
    window: Callable[[Any], Any] = lambda statement: getattr(statement, "look_back", None)

    @property
    def form(self) -> Keys:
        """Its table of fields."""
        beside = tuple(Field(name, ConceptOf(section), many=True) for name, section, _, _ in self.beside)
        main = () if self.section is None else (Field("concepts", ConceptOf(self.section), many=True, url="concept"),)
        return Keys((*main, *beside, *self.fields))

    def concepts(self, statement: Any) -> tuple[str, ...]:  # noqa: ANN401  # any of the statements
        """What entries are asked to be of."""
        return () if self.section is None else statement.concepts

    def reads(self, statement: Statement, catalogue: Catalogue) -> Iterator[Read]:
        """The list, with what else says the same."""
        window = self.window(statement)
        for concept in self.concepts(statement):
            yield coded(self.data, concept, Role.ASKED, window)
            for data in self.reads_too:
                yield coded(data, concept, Role.NAMED if data is reads.MENTION else Role.BESIDE)
        for name in self.operations(statement, catalogue):
            yield coded(reads.EXPOSURE, name, Role.BESIDE)
        if not self.concepts(statement):
            yield Read(data=self.data, name=self.of.value, window=window)
        yield from (Read(data=data, name=self.of.value, role=Role.NAMED) for data in self.also(statement))
        for name in sorted(self.absent):
            yield coded(self.data, name, Role.ABSENT)

    def bind(self, statement: Statement, trial: Trial) -> Evaluation:
        """The evaluation: what each entry is of, and each thing beside it, compared with what is asked."""
        terminology, concepts = trial.terminology, self.concepts(statement)
        compared = [of_concepts(concepts, lambda fact: fact.what, terminology)] if concepts else []
        for name, _, beside, _ in self.beside:
            if named := getattr(statement, name):
                compared.append(of_concepts(named, said_beside(beside), terminology))
        asked = Asked(
            of=self.of,
            concepts=concepts or (self.of.value,),
            compared=(*compared, *self.more(statement, trial)),
            placing=self.placing(statement),
            types=self.data.types.union(
                *(data.types for data in (*self.reads_too, *self.also(statement)) if data.whole)
            ),
            absent=self.absent,
            elsewhere=self.elsewhere(statement, terminology.catalogue),
            clears=self.clears(statement, trial),
            taken_back=self.taken_back(statement, trial),
        )
        return bind_entries(asked, terminology)

    def truth(self, statement: Statement, catalogue: Catalogue) -> Expression:
        """What it is in CQL."""
        beside = tuple(named for name, *_ in self.beside for named in getattr(statement, name))
        found = holds(self.of, statement, beside, self.absent, self.operations(statement, catalogue))
        return unless_named(found, self.concepts(statement)) if reads.MENTION in self.reads_too else found

    def words(self, statement: Statement, catalogue: Catalogue) -> Phrase:
        """As in `stay in hospital, for asthma, within 3 months`."""
        concepts = self.concepts(statement)
        held = {} if self.section is None else self.section.concepts(catalogue)
        about = f"{self.noun}{titles(concepts, held)}" if concepts else self.noun.strip(": ")
        told = [
            f"{word} {titles(named, section.concepts(catalogue))}"
            for name, section, _, word in self.beside
            if (named := getattr(statement, name))
        ]
        asked = ", ".join([*told, self.asked(statement)])
        return Phrase(about, asked, f"{about}, {asked}")

    def outlook(self, statement: Statement, truth: Truth) -> Prospect:
        """What has been stays so; what was lately leaves its window; that there is none may change any day."""
        if truth is not Truth.MET or not self.stays or _goes_on(statement):
            return Outlook.OPEN
        look_back = getattr(statement, "look_back", None)
        return ByTime(look_back) if look_back else Outlook.LASTING


def _goes_on(statement: object) -> bool:
    return getattr(statement, "ongoing", False) or getattr(statement, "unresolved", False)


def made(row: EntryKind[Statement]) -> Kind[Statement]:
    """The kind of a row."""
    return Kind(
        name=row.name,
        statement=row.statement,
        form=row.form,
        contradiction=row.contradiction,
        reads=row.reads,
        bind=row.bind,
        words=row.words,
        rule=lambda statement, catalogue: Rule(row.truth(statement, catalogue)),
        traits=untold,
        columns=unsaid,
        outlook=lambda statement, truth, _: row.outlook(statement, truth),
        of_study=row.of_study,
    )


def _taking_part(statement: Participation) -> str:
    which = f"in {' or '.join(statement.studies)}" if statement.studies else "other than this"
    treated = ", treated" if statement.intervention else ""
    return f"{which}{treated}, {_within(statement)}"


def _implanting(statement: Device, catalogue: Catalogue) -> tuple[str, ...]:
    """The operations that put such a device in."""
    named = (catalogue.devices[concept].implanted_by for concept in statement.concepts)
    return tuple(dict.fromkeys(each for sets in named for each in sets))


def _present(statement: Device) -> str:
    times = [
        *((f"put in within {statement.look_back.words}",) if statement.look_back else ()),
        *((f"put in at least {statement.at_least_ago.words} ago",) if statement.at_least_ago else ()),
    ]
    return ", ".join(["present", *times])


def _stayed(statement: Encounter) -> str:
    told = ["going on"] if statement.ongoing else []
    told += [f"for at least {statement.lasting.words}"] if statement.lasting else []
    told += [f"{'begun ' if statement.began else ''}{_within(statement)}"] if statement.look_back else []
    return ", ".join(told) or "ever"


def _event(statement: AdverseEvent) -> str:
    told = ["severe"] if statement.severe else []
    told += [f"of grade {' or '.join(statement.grade)}"] if statement.grade else []
    told += ["not resolved"] if statement.unresolved else []
    return ", ".join([*told, _within(statement)])


def _graded(statement: AdverseEvent, _: Catalogue) -> Elsewhere:
    """Diagnoses that have the grade."""
    levels = frozenset(f"grade-{each.value}" for each in statement.grade)
    return graded(levels, statement.concepts, going_on=statement.unresolved) if levels else nowhere


DEVICE = made(
    EntryKind(
        name="device",
        statement=Device,
        of=EntryList.DEVICES,
        data=reads.DEVICE,
        section=Section.DEVICE,
        noun="",
        fields=(
            Field("look_back", Window(), says="Put in, or first used, within this."),
            Field("at_least_ago", Window(), says="Put in, or first used, so long ago, or longer."),
        ),
        placing=lambda statement: since(statement.look_back, statement.at_least_ago) if statement.asks_time else now,
        asked=_present,
        elsewhere=lambda statement, catalogue: recorded(statement.concepts, _implanting(statement, catalogue)),
        reads_too=(reads.CONDITION, reads.EXPOSURE, reads.MENTION),
        operations=_implanting,
        absent=frozenset({"no-known-devices"}),
        stays=False,
        window=lambda _: None,
    )
)
ENCOUNTER = made(
    EntryKind(
        name="encounter",
        statement=Encounter,
        of=EntryList.ENCOUNTERS,
        data=reads.ENCOUNTER,
        section=Section.ENCOUNTER,
        noun="",
        beside=(("reason", Section.CONDITION, "reason", "for"),),
        fields=(
            _LOOK_BACK,
            Field("began", Flag(), says="true: it began in the window. Left out: any of it lies there."),
            Field("lasting", Window(hours=True), says="It went on for so long or longer, until its end or until now."),
            Field("ongoing", Flag(), says="true: it goes on now."),
        ),
        placing=staying,
        asked=_stayed,
        contradiction=lambda statement: (
            "began says of a window; write look-back beside it" if statement.began and not statement.look_back else None
        ),
    )
)
FAMILY_HISTORY = made(
    EntryKind(
        name="family-history",
        statement=FamilyHistory,
        of=EntryList.FAMILY_HISTORY,
        data=reads.FAMILY,
        section=Section.CONDITION,
        noun="family history of ",
        beside=(("relative", Section.RELATIVE, "relation", "in"),),
        placing=lambda _: lately(None),
        asked=lambda _: "ever",
        absent=frozenset({"no-known-family-history"}),
    )
)
PARTICIPATION = made(
    EntryKind(
        name="participation",
        statement=Participation,
        of=EntryList.PARTICIPATIONS,
        data=reads.PARTICIPATION,
        section=None,
        noun="participation in a study",
        fields=(
            Field("studies", Text(), many=True, url="study", says="Ids or registry numbers. Left out: any but this."),
            Field("intervention", Flag(), says="true: where the study treats the patient."),
            _LOOK_BACK,
        ),
        more=studies,
        placing=lambda statement: lately(statement.look_back),
        asked=_taking_part,
        of_study=True,
    )
)
PLANNED = made(
    EntryKind(
        name="planned",
        statement=Planned,
        of=EntryList.PLANS,
        data=reads.PLAN,
        section=Section.EXPOSURE,
        noun="",
        fields=(Field("within", Window(), says="From now on. Left out: at any time."),),
        placing=lambda statement: ahead(statement.within),
        asked=lambda statement: f"planned within {statement.within.words}" if statement.within else "planned",
        elsewhere=lambda statement, _: ordered(statement.concepts, ahead(statement.within)),
        reads_too=(reads.EXPOSURE,),
        stays=False,
        window=lambda _: None,
    )
)
ADVERSE_EVENT = made(
    EntryKind(
        name="adverse-event",
        statement=AdverseEvent,
        of=EntryList.ADVERSE_EVENTS,
        data=reads.ADVERSE_EVENT,
        section=Section.CONDITION,
        noun="adverse event: ",
        beside=(("suspect", Section.EXPOSURE, "suspect", "after"),),
        fields=(
            Field("severe", Flag(), says="true: a severe one."),
            Field("grade", CodeOf(Grade), many=True, says="As CTCAE counts, from 1 to 5; any of these."),
            Field("unresolved", Flag(), says="true: one that goes on."),
            _LOOK_BACK,
        ),
        more=events,
        taken_back=resolved,
        placing=lambda statement: (unresolved if statement.unresolved else lately)(statement.look_back),
        asked=_event,
        elsewhere=_graded,
        contradiction=lambda statement: (
            None
            if statement.concepts or statement.grade or statement.severe or statement.suspect
            else "name the event, its grade, or what it is suspected of; write concepts, grade or suspect"
        ),
        also=lambda statement: (reads.CONDITION,) if statement.grade else (),
    )
)
REPORT = made(
    EntryKind(
        name="report",
        statement=Report,
        of=EntryList.REPORTS,
        data=reads.REPORT,
        section=Section.REPORT,
        noun="report: ",
        beside=(("conclusion", Section.CONDITION, CONCLUSION, "concluding"),),
        fields=(_LOOK_BACK,),
        placing=lambda statement: lately(statement.look_back),
        clears=found_nothing,
        contradiction=lambda statement: (
            None if statement.concepts or statement.conclusion else "name the examination, the conclusion, or both"
        ),
    )
)
SPECIMEN = made(
    EntryKind(
        name="specimen",
        statement=Specimen,
        of=EntryList.SPECIMENS,
        data=reads.SPECIMEN,
        section=Section.SPECIMEN,
        noun="specimen: ",
        fields=(_LOOK_BACK,),
        placing=lambda statement: lately(statement.look_back),
        stays=False,
    )
)
ENTRY_KINDS = (DEVICE, ENCOUNTER, FAMILY_HISTORY, PARTICIPATION, PLANNED, ADVERSE_EVENT, REPORT, SPECIMEN)
"""Every kind about entries of a list."""
