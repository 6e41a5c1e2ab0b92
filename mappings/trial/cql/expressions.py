"""An expression of a criterion's room -> CQL. The functions that it calls are the semantics (`functions/`)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from adapter.criteria.calendar import Duration
from adapter.criteria.expression import (
    AnalyteFacts,
    Call,
    Concepts,
    Each,
    Entries,
    Expression,
    Freshness,
    Items,
    Known,
    Lines,
    Names,
    Part,
    Readings,
    Row,
)
from mappings.trial.cql.codes import analyte, concept
from mappings.trial.cql.text import (
    KNOWN,
    NULL,
    boolean,
    call,
    decimal,
    duration,
    entries,
    freshness,
    items,
    lines,
    name,
    names,
    readings,
    string,
)


def cql(held: Expression) -> str:
    """The text of an expression."""
    return WRITTEN[type(held)](held)


def _call(held: Call) -> str:
    function = f"{held.library}.{name(held.function)}" if held.library else held.function
    return call(function, *(cql(each) for each in held.arguments))


def _row(held: Row) -> str:
    return f"Tuple {{ {', '.join(f'{element}: {cql(value)}' for element, value in held.elements)} }}"


def _part(held: Part) -> str:
    return f"{name(held.of)}.{held.element}" if held.element else name(held.of)


def _each(held: Each) -> str:
    """A query: CQL names what another expression uses in no other way."""
    over = f"{{ {cql(held.over)} }}" if held.alone else cql(held.over)
    query = f"({over}) {name(held.name)} return all {cql(held.then)}"
    return f"First({query})" if held.alone else query


WRITTEN: dict[type[Any], Callable[[Any], str]] = {
    type(None): lambda _: NULL,
    bool: lambda held: boolean(value=held),
    str: string,
    Decimal: decimal,
    Duration: duration,
    Known: lambda held: KNOWN[held],
    Readings: lambda held: readings(held.analyte),
    AnalyteFacts: lambda held: analyte(held.analyte),
    Freshness: lambda held: freshness(held.of_class),
    Concepts: lambda held: items(concept(each) for each in dict.fromkeys(held.concepts)),
    Entries: lambda held: entries(held.of),
    Names: lambda held: names(dict.fromkeys(held.names)),
    Lines: lambda held: lines(held.lines),
    Part: _part,
    Each: _each,
    Items: lambda held: items(cql(each) for each in held.entries),
    Row: _row,
    Call: _call,
}
"""How each kind of expression is written."""
