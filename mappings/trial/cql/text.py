"""CQL's literals and names, and the names that a study's library defines."""

from collections.abc import Iterable
from decimal import Decimal
from textwrap import indent

from adapter.criteria.calendar import Duration
from adapter.criteria.expression import Known

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


def names(written: Iterable[str]) -> str:
    """A list of strings."""
    held = tuple(written)
    return items(string(each) for each in held) if held else "List<String>{}"


def lines(held: Iterable[str]) -> str:
    """Lines in one string, each between line ends: one literal compiles a hundred times faster than a list does."""
    written = "".join(f"{string(line)[1:-1]}\\n" for line in held)
    return f"'\\n{written}'"


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


AS_OF = name("As Of")
NOW = name("Evaluated At")
CUTOFF = name("Antigen Cutoff")
MEASURED = name("Measured Values")
DIAGNOSES = name("Diagnoses on Record")
PERSON = name("Person")
EXPOSURES = name("Exposures on Record")
ALLERGIES = name("Allergies on Record")
CONSENTS = name("Consents on Record")
ATTESTATIONS = name("Attestations on Record")
CONSENTED = name("Consent to this Study")
CONSENTS_DIFFER = name("Consents Differ")
PREGNANT = name("Evidence of Pregnancy")
VACCINATED = name("Exposures and Vaccinations on Record")
STUDY = name("Names of this Study")
MENTIONS = name("Named Elsewhere")
AGAINST = name("Speaks Against")
WAITS = name("Waits for Data")
DECISION = "Eligibility Decision"
"""The expression that has the decision's code."""

KNOWN = {
    Known.PATIENT: PERSON,
    Known.MEASURED: MEASURED,
    Known.NOW: NOW,
    Known.CUTOFF: CUTOFF,
    Known.DIAGNOSES: DIAGNOSES,
    Known.EXPOSURES: EXPOSURES,
    Known.ALLERGIES: ALLERGIES,
    Known.CONSENTED: CONSENTED,
    Known.CONSENTS_DIFFER: CONSENTS_DIFFER,
    Known.PREGNANT: PREGNANT,
    Known.VACCINATED: VACCINATED,
    Known.STUDY: STUDY,
    Known.MENTIONS: MENTIONS,
    Known.EVENTS: "[AdverseEvent]",
    Known.PROCEDURES: "[Procedure]",
    Known.UNKNOWN: "null as Boolean",
}
"""What a room calls by its meaning."""

ATTESTATION = "attestation"
"""The policy's freshness class of attestations."""


def freshness(of_class: str) -> str:
    """The parameter that says how long data of a class stand."""
    return name(f"Freshness of {of_class}")


def readings(analyte: str) -> str:
    """The readings of an analyte."""
    return name(f"Readings of {analyte}")


def entries(of: str) -> str:
    """The entries of a further list."""
    return name(f"Entries of {of}")
