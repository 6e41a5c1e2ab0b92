"""What an `exposure` criterion is in CQL: the calls of the rule libraries, with the catalogue's data as arguments."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from adapter.criteria.calendar import CalendarUnit, Duration, Hours, calendar_length
from adapter.criteria.catalogue import Catalogue, Equivalents
from adapter.criteria.expression import (
    AnalyteFacts,
    Concepts,
    Expression,
    Freshness,
    Items,
    Known,
    Lines,
    Names,
    Readings,
    Row,
    call,
)
from adapter.criteria.quantity import QuantityThreshold
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.kinds.exposure.dose import HEIGHT, WEIGHT, bodies_of
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.timing import longest


def truth(statement: Exposure, catalogue: Catalogue) -> Expression:
    """A drug or procedure, taken as is asked; nothing where hours are asked, or at which site of the body."""
    if statement.body_site or isinstance(statement.look_back, Hours):
        return Known.UNKNOWN
    found = call(
        "Exposures",
        "Holds",
        *_entries(statement, catalogue),
        statement.systemic,
        _systemic_classes(statement, catalogue),
        _half_lives(statement, catalogue),
        statement.look_back,
        _asked(statement, catalogue) if statement.asks_more else None,
        Freshness(LIST),
        Freshness(STATEMENT),
        Known.NOW,
    )
    asked = Concepts(statement.concepts)
    told = Names(tuple(dict.fromkeys(each for name in asked.concepts for each in catalogue.exposures[name].told_by)))
    elsewhere = Known.MENTIONS, Known.DIAGNOSES, Known.EVENTS
    return call("Mentions", "UnlessDone", found, *elsewhere, asked, told, Known.NOW)


def bearing(concepts: tuple[str, ...], look_back: Duration | None, catalogue: Catalogue) -> Expression:
    """The entries that are or may be a drug or procedure, each with what it comes to."""
    statement = Exposure(concepts=concepts, look_back=look_back)
    of = *_entries(statement, catalogue), False, Names(()), False, None
    return call("Exposures", "Bearing", *of, look_back, Freshness(LIST), Known.NOW)


def _entries(statement: Exposure, catalogue: Catalogue) -> tuple[Expression, ...]:
    """What is read, what is asked for, and which of that are vaccines."""
    vaccines = tuple(name for name in statement.concepts if catalogue.exposures[name].vaccine)
    return Known.VACCINATED if vaccines else Known.EXPOSURES, Concepts(statement.concepts), Names(vaccines)


def _systemic_classes(statement: Exposure, catalogue: Catalogue) -> Names:
    return Names(tuple(each for name in statement.concepts for each in catalogue.exposures[name].systemic_class))


def _half_lives(statement: Exposure, catalogue: Catalogue) -> Expression:
    """The window of each drug whose half-life is known: so many of them, or the criterion's own if that is longer."""
    if statement.half_lives is None:
        return None
    own = calendar_length(statement.look_back)
    rows = (
        (
            name,
            longest([own, Duration(each.half_life.count * statement.half_lives, each.half_life.unit)]),
        )
        for name, each in sorted(catalogue.exposures.items())
        if each.half_life is not None
    )
    return windows((name, window) for name, window in rows if window is not None)


def windows(held: Iterable[tuple[str, Duration]]) -> Items:
    """The windows of value sets; with one of a set that doesn't exist, since CQL has no empty list without its type."""
    return Items(tuple(_window(name, window) for name, window in (("none", Duration(1, CalendarUnit.DAY)), *held)))


def _window(name: str, window: Duration) -> Row:
    return Row((("set", name), ("window", window), ("lasts", window.days)))


def _asked(statement: Exposure, catalogue: Catalogue) -> Expression:
    lower = statement.at_age.lower if statement.at_age else None
    upper = statement.at_age.upper if statement.at_age else None
    return call(
        "Courses",
        "Asked",
        statement.ongoing,
        statement.at_least_ago,
        statement.lasting,
        lower.age if lower else None,
        lower.inclusive if lower else None,
        upper.age if upper else None,
        upper.inclusive if upper else None,
        call("Time", "Birth", Known.PATIENT),
        _dose(statement, catalogue),
        statement.cumulative,
        _threshold(statement.frequency),
        statement.as_needed,
        statement.stable_for,
    )


def _threshold(asked: QuantityThreshold | None) -> Expression:
    return None if asked is None else call("Doses", "Threshold", asked.comparator.value, asked.value, asked.unit)


def _dose(statement: Exposure, catalogue: Catalogue) -> Expression:
    if statement.dose is None:
        return None
    held = [catalogue.exposures[name].equivalents for name in statement.concepts]
    tables = [each for each in held if each is not None] if statement.equivalents else []
    bodies = bodies_of(statement.dose)
    return call(
        "Doses",
        "Asked",
        _threshold(statement.dose),
        Lines(tuple(_equivalents(tables))) if statement.equivalents else None,
        tables[0].reference if tables else None,
        _body(WEIGHT, catalogue) if WEIGHT in bodies else None,
        _body(HEIGHT, catalogue) if HEIGHT in bodies else None,
    )


def _equivalents(tables: Sequence[Equivalents]) -> list[str]:
    """A drug's code, and how much of it has the effect of the first table's reference."""
    rows = {
        f"{system}|{code}": dose * tables[0].reference / each.reference
        for each in tables
        for (system, code), dose in each.doses.items()
    }
    return [f"{code} = {_plain(dose)}" for code, dose in sorted(rows.items())]


def _plain(number: Decimal) -> str:
    return f"{number:f}" if "." in f"{number:f}" else f"{number:f}.0"


def _body(name: str, catalogue: Catalogue) -> Expression:
    held = catalogue.analytes[name]
    return call("Doses", "Body", Readings(name), AnalyteFacts(name), Known.NOW, Freshness(held.freshness))
