"""Literals and rows of parameters as SQL."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from adapter.criteria.quantity import Number

Value = str | int | float | bool | date | datetime | None


def literal(value: Value) -> str:  # noqa: PLR0911  # one line a case
    """A value as a literal."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
        case datetime():
            return f"CAST('{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}' AS TIMESTAMP)"
        case date():
            return f"CAST('{value.isoformat()}' AS DATE)"
        case _:
            return "'" + value.replace("'", "''") + "'"


def names(values: Iterable[str]) -> str:
    """What stands between the brackets of IN; a name that nothing has where there are none."""
    return ", ".join(literal(each) for each in sorted(values)) or "''"


def numbers(values: Iterable[int]) -> str:
    """The same of numbers."""
    return ", ".join(str(each) for each in sorted(values)) or "NULL"


class Step(NamedTuple):
    """A relation of a query by its name. `kept`: worth being worked out once, since several others read it."""

    name: str
    text: str
    kept: bool = True


def step(told: str) -> Step:
    """A step as `name AS (query)`."""
    name, _, text = told.partition(" AS (")
    return Step(name, text.rstrip()[:-1])


def read_by(last: str, steps: Sequence[Step]) -> list[Step]:
    """The steps that the last query reads, or that these read: a question about one criterion needs few of them."""
    found: list[Step] = []
    read = set(_NAME.findall(last))
    for each in reversed(steps):
        if each.name in read:
            found.append(each)
            read.update(_NAME.findall(each.text))
    return found[::-1]


_NAME: Final = re.compile(r"\w+")


def rows(name: str, columns: Sequence[tuple[str, str]], values: Iterable[Sequence[Value]]) -> str:
    """A relation of parameters, `columns` with their types; without rows, one that is empty."""
    listed = [f"({', '.join(literal(each) for each in row)})" for row in values]
    held = ", ".join(listed) or f"({', '.join('NULL' for _ in columns)})"
    typed = ", ".join(f"CAST({column} AS {type_}) AS {column}" for column, type_ in columns)
    limit = "" if listed else " WHERE FALSE"
    return f"{name} AS (SELECT {typed} FROM (VALUES {held}) AS v({', '.join(c for c, _ in columns)}){limit})"


def double(number: Number) -> tuple[float, bool]:
    """The nearest double, and whether the number is the shortest one that has it (`adapter.columns.schema`)."""
    near = float(number)
    return near, (Fraction(repr(near)) if isinstance(number, Fraction) else Decimal(repr(near))) == number


_OF_SPARK: Final[Mapping[str, str]] = {
    "DATEDIFF('day'": "DATEDIFF(DAY",
    "//": " DIV ",
    "EXCLUDE": "EXCEPT",
    "LEN": "SIZE",
    "LIST_CONTAINS": "ARRAY_CONTAINS",
    "LIST_VALUE": "ARRAY",
    "ROW": "STRUCT",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "UNNEST": "EXPLODE",
    "UTINYINT": "SMALLINT",
    "VARCHAR": "STRING",
}
"""What Spark calls otherwise than DuckDB; in all else the queries keep to what both say alike."""

_WORDS: Final = re.compile(
    "|".join([*(rf"\b{each}\b" if each.isalpha() or "_" in each else re.escape(each) for each in _OF_SPARK), "'[^']*'"])
)


def for_spark(text: str) -> str:
    """A query in DuckDB's SQL as one in Spark's, to which a backslash in a literal is none by itself."""
    return _WORDS.sub(lambda found: _OF_SPARK.get(found[0]) or found[0].replace("\\", "\\\\"), text)
