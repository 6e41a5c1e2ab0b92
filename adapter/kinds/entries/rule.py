"""What a criterion about entries of a list is in CQL."""

from typing import Any

from adapter.criteria.calendar import Hours, calendar_length
from adapter.criteria.expression import Call, Concepts, Entries, Expression, Freshness, Known, Names, call
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.kinds.entries.statement import Device, Encounter, Participation, Planned
from adapter.record.facts import EntryList


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
