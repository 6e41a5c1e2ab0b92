"""What stands beside what an entry is of, compared with what is asked: severity, grade, outcome, study."""

import re
from collections.abc import Callable, Iterator

from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Trial
from adapter.evaluator.lists import said_of
from adapter.evaluator.moment import Change, Moment
from adapter.kinds.entries.evaluate import Compared, TakenBack, stands
from adapter.kinds.entries.statement import AdverseEvent, Participation
from adapter.record.facts import Coded, EntryFact, EntryList
from adapter.record.levels import level_of
from adapter.record.read_entry import GRADE, OUTCOME

_NCT = re.compile(r"NCT[0-9]{8}")
_SEVERE, _NOT_SEVERE = "severity-severe", "severity-not-severe"
_LOW, _HIGH = (frozenset(f"grade-{each}" for each in grades) for grades in (range(3), range(3, 6)))
_MILD = frozenset({_NOT_SEVERE, "severity-mild", "severity-moderate"})
_GRAVE = frozenset({_SEVERE, "severity-life-threatening", "severity-fatal"})
_RESOLVED, _UNRESOLVED = "event-resolved", "event-unresolved"


def said_beside(name: str) -> Callable[[EntryFact], tuple[Coded, ...]]:
    """What an entry says by a name, beside what it is of."""
    return lambda fact: fact.beside.get(name, ())


def _sets(fact: EntryFact, name: str, terminology: Terminology) -> frozenset[str]:
    said = (code for each in fact.beside.get(name, ()) for code in each.codes)
    return frozenset().union(*(terminology.value_sets_of(code.system, code.code) or () for code in said))


def _levels(fact: EntryFact, terminology: Terminology) -> frozenset[str]:
    """The grades of an event, by code and in words."""
    said = (*fact.beside.get(GRADE, ()), *fact.beside.get("severity", ()))
    words = {level_of(plain(each.shown), terminology) for each in said}
    return (_LOW | _HIGH) & (_sets(fact, GRADE, terminology) | _sets(fact, "severity", terminology) | words)


def _contradicts(fact: EntryFact, terminology: Terminology) -> bool:
    """Whether it is severe, and of a grade of 2 or less; or mild or moderate, and of one of 3 or more."""
    words = (terminology.status_words.get(("severity", plain(each.shown))) for each in fact.beside.get("severity", ()))
    said, levels = _sets(fact, "severity", terminology) | {*words}, _levels(fact, terminology)
    return bool((said & _GRAVE and levels & _LOW) or (said & _MILD and levels & _HIGH))


def severe(statement: AdverseEvent, trial: Trial) -> Iterator[Compared]:
    """Severe by its code; one that nobody has graded, or whose grade says something else, is a question."""
    if not statement.severe:
        return

    def compare(fact: EntryFact) -> Membership:
        sets = _sets(fact, "severity", trial.terminology)
        if _contradicts(fact, trial.terminology):
            return Membership.UNCLASSIFIED
        if _SEVERE in sets:
            return Membership.IS
        return Membership.NOT if _NOT_SEVERE in sets else Membership.UNCLASSIFIED

    yield compare


def studies(statement: Participation, trial: Trial) -> Iterator[Compared]:
    """One of the studies that are named, or any but this; registry numbers that differ are two studies."""
    asked = frozenset(each.casefold() for each in statement.studies)

    def compare(fact: EntryFact) -> Membership:
        names = frozenset(code.code for each in fact.what for code in each.codes)
        if not asked:
            own = not names.isdisjoint(trial.names)
            return Membership.NOT if own else Membership.IS if names else Membership.UNCLASSIFIED
        if not asked.isdisjoint(name.casefold() for name in names):
            return Membership.IS
        numbered = any(map(_NCT.fullmatch, names)) and all(_NCT.fullmatch(each.upper()) for each in asked)
        return Membership.NOT if numbered else Membership.UNCLASSIFIED

    yield compare
    if statement.intervention:
        yield (
            lambda fact: (
                Membership.IS
                if any(code.code == "on-study-intervention" for each in fact.beside["status"] for code in each.codes)
                else Membership.MAY_BE
            )
        )


def events(statement: AdverseEvent, trial: Trial) -> Iterator[Compared]:
    """Severe, of one of the grades, and not resolved, as far as these are asked; what nobody says is a question."""
    yield from severe(statement, trial)
    terminology = trial.terminology

    def graded(fact: EntryFact) -> Membership:
        levels = _levels(fact, terminology)
        if not levels or (levels & asked and levels - asked) or _contradicts(fact, terminology):
            return Membership.MAY_BE
        return Membership.IS if levels & asked else Membership.NOT

    def unresolved(fact: EntryFact) -> Membership:
        found = _sets(fact, OUTCOME, terminology)
        if _RESOLVED in found:
            return Membership.NOT
        return Membership.IS if _UNRESOLVED in found else Membership.MAY_BE

    if asked := {f"grade-{each.value}" for each in statement.grade}:
        yield graded
    if statement.unresolved:
        yield unresolved


def resolved(statement: AdverseEvent, trial: Trial) -> TakenBack:
    """An event that goes on, beside an entry of the same event that is not surely older, and by which it is over."""
    if not statement.unresolved:
        return stands
    terminology = trial.terminology

    def taken_back(fact: EntryFact, chart: Chart, moment: Moment) -> tuple[bool, tuple[Change, ...]]:
        begun, changes = chart.span(fact.start), list[Change]()
        for other in chart.record.entries.get(EntryList.ADVERSE_EVENTS, ()):
            if _RESOLVED not in _sets(other, OUTCOME, terminology) or not _is_same(fact, other, statement, terminology):
                continue
            over = chart.span(other.start)
            if over is not None and moment.is_future(over):
                changes.append(over.start)
            elif begun is None or over is None or over.last >= begun.first:
                return True, tuple(changes)
        return False, tuple(changes)

    return taken_back


def _is_same(one: EntryFact, other: EntryFact, statement: AdverseEvent, terminology: Terminology) -> bool:
    """Whether two are of one event: by a code, by their words, or each as the concept that is asked."""
    if {code for each in one.what for code in each.codes} & {code for each in other.what for code in each.codes}:
        return True
    if plain(one.shown) == plain(other.shown):
        return True
    concepts = statement.concepts
    return bool(concepts) and said_of(concepts, other.what, terminology) is Membership.IS
