"""What criteria about entries of lists say.

What a criterion about entries of a list is in CQL.
"""

from dataclasses import dataclass
from typing import Any

from adapter.criteria.calendar import Duration, Hours, Length, calendar_length
from adapter.criteria.expression import Call, Concepts, Entries, Expression, Freshness, Known, Names, call
from adapter.criteria.model import Leaf
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.kinds.condition.statement import Grade
from adapter.record.facts import EntryList


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Leaf):
    """A device that the patient has: implanted, worn or used; lately, or for so long, if that is asked.

    `look_back`: put in, or first used, within it. `at_least_ago`: so long ago, or longer.
    """

    concepts: tuple[str, ...]
    look_back: Duration | None = None
    at_least_ago: Duration | None = None

    @property
    def asks_time(self) -> bool:
        """Whether it asks since when."""
        return self.look_back is not None or self.at_least_ago is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter(Leaf):
    """A way of being treated (a stay in hospital, an emergency visit), for a reason if asked, lately or ever.

    `began`: it began within `look_back`; else any of it lies there. `lasting`: it went on for so long or longer, until
    its end or until now. `ongoing`: it goes on now.
    """

    concepts: tuple[str, ...]
    reason: tuple[str, ...] = ()
    look_back: Length | None = None
    began: bool = False
    lasting: Length | None = None
    ongoing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyHistory(Leaf):
    """A disease in the family, of certain relatives if asked."""

    concepts: tuple[str, ...]
    relative: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation(Leaf):
    """Taking part in a study: in one of those named, else in any other than this; now or lately, or ever."""

    studies: tuple[str, ...] = ()
    intervention: bool = False
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Leaf):
    """A drug or procedure that is planned, within a time from now if asked."""

    concepts: tuple[str, ...]
    within: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEvent(Leaf):
    """An adverse event, any one where no concept is named; lately, or ever.

    `severe`, `grade` (alternatives, of CTCAE), `suspect` and `unresolved` are what else is asked of it.
    """

    concepts: tuple[str, ...] = ()
    severe: bool = False
    grade: tuple[Grade, ...] = ()
    unresolved: bool = False
    suspect: tuple[str, ...] = ()
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Leaf):
    """A report: of an examination, with a coded conclusion if asked, lately or ever."""

    concepts: tuple[str, ...] = ()
    conclusion: tuple[str, ...] = ()
    look_back: Length | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen(Leaf):
    """A specimen that is there, collected lately or at any time."""

    concepts: tuple[str, ...]
    look_back: Length | None = None


def holds(
    of: EntryList,
    statement: Any,  # noqa: ANN401  # any of the statements
    beside: tuple[str, ...],
    absent: frozenset[str],
    operations: tuple[str, ...],
) -> Expression:
    """Whether an entry of a list is what is asked.

    `beside`: the concepts of what stands beside it, if any; `operations`: value sets of what makes it so.
    """
    if isinstance(getattr(statement, "look_back", None), Hours):
        return Known.UNKNOWN
    if isinstance(statement, Encounter) and (statement.lasting or statement.ongoing):
        return Known.UNKNOWN
    if isinstance(statement, AdverseEvent) and (statement.grade or statement.unresolved or not statement.concepts):
        return Known.UNKNOWN
    if isinstance(statement, Participation):
        asked = Names(statement.studies), Known.STUDY, statement.intervention, calendar_length(statement.look_back)
        return call("Entries", "TakesPart", Entries(of.value), *asked, Freshness(LIST), Known.NOW)
    concepts = Concepts(statement.concepts)
    if isinstance(statement, Device) and statement.asks_time:
        return call(
            "Entries",
            "HoldsSince",
            Entries(of.value),
            Known.PROCEDURES,
            concepts,
            Names(tuple(sorted(absent))),
            statement.look_back,
            statement.at_least_ago,
            Freshness(STATEMENT),
            _elsewhere(statement, concepts, Names(operations)),
            Known.NOW,
        )
    return call(
        "Entries",
        "Holds",
        Entries(of.value),
        concepts,
        Concepts(beside),
        getattr(statement, "severe", False),
        Names(tuple(sorted(absent))),
        "begun" if isinstance(statement, Encounter) and statement.began else _TIMES.get(type(statement), "lately"),
        statement.within if isinstance(statement, Planned) else getattr(statement, "look_back", None),
        Freshness(LIST),
        Freshness(STATEMENT),
        _elsewhere(statement, concepts, Names(operations)),
        Known.NOW,
    )


_TIMES = {Device: "now", Planned: "ahead"}


def _elsewhere(statement: Any, concepts: Concepts, operations: Names) -> Call | None:  # noqa: ANN401  # any of the statements
    """What other lists say of the same."""
    if isinstance(statement, Device):
        return call("Entries", "InOtherLists", Known.DIAGNOSES, Known.EXPOSURES, concepts, operations, Known.NOW)
    if isinstance(statement, Planned):
        return call("Entries", "Ordered", Known.EXPOSURES, concepts, statement.within, Known.NOW)
    return None
