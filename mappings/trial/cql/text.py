"""CQL's literals and names."""

from collections.abc import Iterable
from decimal import Decimal
from textwrap import indent

from adapter.criteria.calendar import Duration

_WIDTH = 100
NULL = "null"


def string(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")
    return f"'{escaped}'"


def name(text: str) -> str:
    """A quoted identifier."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def decimal(number: Decimal) -> str:
    """A Decimal literal, always with a point: 70 alone is an Integer."""
    plain = f"{number:f}"
    return plain if "." in plain else f"{plain}.0"


def duration(window: Duration) -> str:
    """A Quantity of calendar units, which CQL has as English words."""
    return window.words


def boolean(*, value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def call(function: str, *arguments: str) -> str:
    """A function's call, over several lines where one would be long."""
    return _spread(f"{function}(", arguments, ")")


def items(written: Iterable[str]) -> str:
    """A list; `null` for an empty one, which has no type of its own."""
    held = tuple(written)
    return _spread("{ ", held, " }") if held else NULL


def _spread(opening: str, parts: tuple[str, ...], closing: str) -> str:
    flat = f"{opening}{', '.join(parts)}{closing}"
    if len(flat) <= _WIDTH and "\n" not in flat:
        return flat
    spread = indent(",\n".join(parts), "  ")
    return f"{opening.rstrip()}\n{spread}{closing}"


def definition(quoted: str, expression: str, said: str = "") -> str:
    """A definition of a quoted name, with what it says as a comment above."""
    above = f"{comment(said)}\n" if said else ""
    body = f":\n{indent(expression, '  ')}" if "\n" in expression and "'\n" not in expression else f": {expression}"
    return f"{above}define {quoted}{body}"


def comment(text: str) -> str:
    """A comment of one line that nothing in the text can end."""
    return f"// {' '.join(text.split())}"
