"""Feasibility: how many of a population a trial could take, which criterion costs whom, and what another bound changes.

An engine says how many patients of each group stand how to each definition (`Engine`); the counts are the same with
any. `by_records` evaluates every record that may have an indication.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from adapter.columns.folder import Facts
from adapter.criteria.calendar import CalendarUnit, Duration, birthday
from adapter.criteria.model import CriterionRole, TrialDefinition
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.criteria.variant import Variant, varied
from adapter.errors import InputError, UsageError
from adapter.evaluator import BoundDefinition, Standing, bind, indications, standings
from adapter.evaluator.bound import types_read
from adapter.record import read_record
from adapter.record.contents import Contents
from adapter.screening.setup import Setup

AGES = ("0-17", "18-39", "40-64", "65-74", "75+")
_AGES_FROM = (0, 18, 40, 65, 75)
UNKNOWN = "unknown"

_DIAGNOSES = frozenset({"Patient", "Condition"})


class Group(NamedTuple):
    """Who somebody is, as far as counts are told by it."""

    sex: str
    age: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an engine is asked: how everybody stands to some definitions at an instant."""

    bounds: tuple[BoundDefinition, ...]
    terminology: Terminology
    policy: Policy
    as_of: datetime

    @property
    def day(self) -> date:
        """The day of as-of, in the site's zone."""
        return self.as_of.astimezone(self.policy.time_zone).date()


class Counted(NamedTuple):
    """So many patients of a group stand so to a definition, which is the place-th of the question."""

    place: int
    group: Group
    standing: Standing
    patients: int


Engine = Callable[[Facts, Question], Iterator[Counted]]
"""Answers a question; a patient counts once for each definition. Raises InputError where the facts can't be read."""


def born_by(day: date) -> tuple[date, ...]:
    """The latest birthdays of those who have reached each of the ages on a day."""
    return tuple(_born_by(day, years) for years in _AGES_FROM)


def _born_by(day: date, years: int) -> date:
    born = date(day.year - years, day.month, min(day.day, 28)) + timedelta(days=4)
    while years and birthday(born, Duration(years, CalendarUnit.YEAR)) > day:
        born -= timedelta(days=1)
    return min(born, day) if years == 0 else born


def group_of(sex: str | None, birth: tuple[date | None, date | None], site: str | None, born: Sequence[date]) -> Group:
    """The group of a patient; `birth`: the days that may be the birthday; `born`: `born_by` of the day that counts."""
    ages = {_age(each, born) for each in birth if each is not None}
    return Group(sex or UNKNOWN, ages.pop() if len(ages) == 1 else UNKNOWN, site or UNKNOWN)


def _age(birth: date, born: Sequence[date]) -> str:
    reached = sum(birth <= latest for latest in born)
    return AGES[reached - 1] if reached else UNKNOWN


def by_records(facts: Facts, question: Question) -> Iterator[Counted]:
    """Every patient's record, read and evaluated."""
    types = types_read(question.bounds)
    for part in range(facts.manifest.parts):
        groups = groups_of(facts, part, question.day)
        for key, place, contents in facts.records_of(part):
            try:
                found = standings_of(contents, types, question)
            except InputError as error:
                msg = f"{facts.file('records', part)}: {place}: {error}; extract again"
                raise InputError(msg) from error
            for number, standing in enumerate(found):
                yield Counted(number, groups[key], standing, 1)


def groups_of(facts: Facts, part: int, day: date) -> dict[int, Group]:
    """The group of each patient of a part."""
    born = born_by(day)
    names = ["patient", "gender", "clinical_sex", "birth_first", "birth_last", "site"]
    found: dict[int, Group] = {}
    for batch in facts.batches("patients", part, names):
        for key, gender, clinical, first, last, site in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            found[key] = group_of(clinical or gender, (first, last), site, born)
    return found


def standings_of(contents: Contents, types: frozenset[str], question: Question) -> tuple[Standing, ...]:
    """How a patient stands to each definition; who has no diagnosis that bears on any is not read further."""
    bounds, policy = question.bounds, question.policy
    if all(isinstance(bound.definition.index, tuple) for bound in bounds):
        lists = tuple([each for each in contents.resources if each.type in _DIAGNOSES])
        record = read_record(structs.replace(contents, resources=lists), question.terminology)
        if not any(one or open_ for one, open_ in indications(bounds, record, question.as_of, policy)):
            return (Standing(indicated=False, unclear=False, dead=False, truths=()),) * len(bounds)
    record = read_record(contents, question.terminology, types=types)
    return standings(bounds, record, question.as_of, policy)


@dataclass(slots=True)
class Step:
    """A criterion's counts among patients with an indication who are alive.

    `rules_out`: patients whom it rules out; `alone`: whom nothing else does. In order, `remaining` are ruled out by it
    and by none before it; `settled` are sure to satisfy it and all before it.
    """

    met: int = 0
    not_met: int = 0
    unknown: int = 0
    rules_out: int = 0
    alone: int = 0
    remaining: int = 0
    settled: int = 0


@dataclass(slots=True)
class Totals:
    """Counts of some patients. `possible`: alive, and nothing rules them out; `settled`: and nothing is open."""

    indicated: int = 0
    possible: int = 0
    settled: int = 0


@dataclass(slots=True)
class Counts:
    """The counts of a definition, or of a variant of one (`variant`: its name)."""

    definition: TrialDefinition
    variant: str | None
    patients: int = 0
    unclear: int = 0
    deceased: int = 0
    totals: Totals = field(default_factory=Totals)
    steps: list[Step] = field(default_factory=list)
    sets: Counter[tuple[str, ...]] = field(default_factory=Counter)
    groups: dict[str, dict[str, Totals]] = field(default_factory=lambda: {name: {} for name in Group._fields})

    def add(self, group: Group, standing: Standing, patients: int) -> None:
        """Count patients of a group who stand so."""
        self.patients += patients
        self.unclear += patients * standing.unclear
        if not standing.indicated:
            return
        against = self._against(standing, patients)
        possible = not standing.dead and not against
        settled = possible and Truth.UNKNOWN not in standing.truths
        self.deceased += patients * standing.dead
        if against:
            self.sets[against] += patients
        held = [self.groups[name].setdefault(value, Totals()) for name, value in zip(group._fields, group, strict=True)]
        for each in (self.totals, *held):
            each.indicated += patients
            each.possible += patients * possible
            each.settled += patients * settled

    def _against(self, standing: Standing, patients: int) -> tuple[str, ...]:
        """Count the criteria of patients who are alive; the ids of those that rule them out."""
        if standing.dead:
            return ()
        against: list[int] = []
        remains = settled = True
        for place, (top, truth) in enumerate(zip(self.definition.criteria, standing.truths, strict=True)):
            step = self.steps[place]
            rules_out = truth is (Truth.NOT_MET if top.role is CriterionRole.INCLUSION else Truth.MET)
            against += [place] if rules_out else []
            remains = remains and not rules_out
            settled = settled and not rules_out and truth is not Truth.UNKNOWN
            step.met += patients * (truth is Truth.MET)
            step.not_met += patients * (truth is Truth.NOT_MET)
            step.unknown += patients * (truth is Truth.UNKNOWN)
            step.rules_out += patients * rules_out
            step.remaining += patients * remains
            step.settled += patients * settled
        if len(against) == 1:
            self.steps[against[0]].alone += patients
        return tuple([self.definition.criteria[place].id for place in against])


def counted(facts: Facts, setup: Setup, as_of: datetime, variants: Sequence[Variant], engine: Engine) -> list[Counts]:
    """The counts of each chosen trial, and behind each those of its variants.

    Raises UsageError where the facts are of another site, or a variant says nothing of a chosen trial.
    """
    facts.check(setup.terminology, setup.policy)
    found = _asked(setup, variants)
    question = Question(
        bounds=tuple(bind(each.definition, setup.terminology) for each in found),
        terminology=setup.terminology,
        policy=setup.policy,
        as_of=as_of,
    )
    for place, group, standing, patients in engine(facts, question):
        found[place].add(group, standing, patients)
    return found


def met(facts: Facts, setup: Setup, definition: TrialDefinition, as_of: datetime, engine: Engine) -> int:
    """How many patients' data show that they meet every inclusion criterion, and show of no exclusion that they do.

    Raises UsageError where the facts are of another site.
    """
    facts.check(setup.terminology, setup.policy)
    bounds = (bind(definition, setup.terminology),)
    question = Question(bounds=bounds, terminology=setup.terminology, policy=setup.policy, as_of=as_of)
    found = 0
    for each in engine(facts, question):
        both = zip(definition.criteria, each.standing.truths, strict=True)
        found += each.patients * all(
            truth is Truth.MET if top.role is CriterionRole.INCLUSION else truth is not Truth.MET for top, truth in both
        )
    return found


def _asked(setup: Setup, variants: Sequence[Variant]) -> list[Counts]:
    known = {definition.id for definition in setup.definitions}
    strangers = [each.study for each in variants if each.study not in known]
    if strangers:
        msg = f"a variant of {strangers[0]}, which is not asked for; asked for are {', '.join(sorted(known))}"
        raise UsageError(msg)
    found: list[Counts] = []
    for definition in setup.definitions:
        found.append(_begun(definition, None))
        for each in variants:
            if each.study == definition.id:
                try:
                    found.append(_begun(varied(definition, each.changes), each.name))
                except ValueError as error:
                    raise UsageError(str(error)) from error
    return found


def _begun(definition: TrialDefinition, variant: str | None) -> Counts:
    return Counts(definition, variant, steps=[Step() for _ in definition.criteria])
