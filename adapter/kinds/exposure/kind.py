"""The kind `exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure).

`exposure` as rows: which codes bear on it, and from which day on an entry counts.

What an `exposure` criterion is in CQL: the calls of the rule libraries, with the catalogue's data as arguments.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from adapter.criteria.calendar import CalendarUnit, Duration, Hours, Length, calendar_length, last_day
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
from adapter.criteria.fields import Bound, ConceptOf, Count, Field, Flag, Keys, Section, Window
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.truth import Truth
from adapter.evaluator.columns import Exposed, Setting
from adapter.evaluator.kind import ByTime, Kind, Outlook, Phrase, Prospect, Rule, untold
from adapter.evaluator.moment import held_until
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.evaluator.reads import CONDITION, MENTION, VACCINE, Read, Role, coded, observed
from adapter.evaluator.reads import EXPOSURE as GIVEN
from adapter.evaluator.wording import COMPARATORS, titles
from adapter.kinds.exposure.dose import HEIGHT, WEIGHT, Unit, bodies_of, unit_of_dose
from adapter.kinds.exposure.evaluate import asked_of, bind_exposure
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.timing import TIMED, farthest, time_reads, time_words, untimely


def columns(statement: Exposure, setting: Setting) -> Exposed | None:
    """A drug or procedure in a window, or ever; how it is taken, where, and at which hour is for the evaluation."""
    window = statement.look_back if statement.half_lives is None else None
    policy, moment = setting.policy, setting.moment
    concepts = [setting.terminology.catalogue.exposures[name] for name in statement.concepts]
    at, since = setting.since_at(window), setting.since(window)
    listed = None
    if since is not None:
        stands = policy.freshness[LIST]
        listed = last_day(lambda day: held_until(day, stands) < since, moment.day) + timedelta(days=1)
    return Exposed(
        concepts=statement.concepts,
        since=since,
        systemic=statement.systemic,
        systemic_class=frozenset(name for concept in concepts for name in concept.systemic_class),
        as_needed=statement.as_needed,
        asks_more=statement.asks_more,
        of_any=bool(statement.body_site or statement.route) or statement.half_lives is not None,
        half_lives=frozenset(asked_of(statement, setting.terminology).half_lives or ()),
        since_at=at,
        listed_since=listed,
        stated_since=moment.window_start(policy.freshness[STATEMENT]),
    )


def truth(statement: Exposure, catalogue: Catalogue) -> Expression:
    """A drug or procedure, taken as is asked; nothing where hours are asked, at which site or by which route."""
    hours = any(isinstance(each, Hours) for each in (statement.look_back, statement.at_least_ago))
    if statement.body_site or statement.route or hours:
        return Known.UNKNOWN
    found = call(
        "Exposures",
        "Holds",
        *_entries(statement, catalogue),
        statement.systemic,
        _systemic_classes(statement, catalogue),
        _half_lives(statement, catalogue),
        calendar_length(statement.look_back),
        _asked(statement, catalogue) if statement.asks_more else None,
        Freshness(LIST),
        Freshness(STATEMENT),
        Known.NOW,
    )
    _, asked, vaccines = _entries(statement, catalogue)
    told = Names(
        tuple(dict.fromkeys(each for name in statement.concepts for each in catalogue.exposures[name].told_by))
    )
    elsewhere = Known.MENTIONS, Known.DIAGNOSES, Known.EVENTS
    return call("Mentions", "UnlessDone", found, *elsewhere, asked, vaccines, told, Known.NOW)


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
    return windows(
        (name, window)
        for name, each in sorted(catalogue.exposures.items())
        if each.half_life is not None
        for window in farthest([statement.look_back, each.half_life.times(statement.half_lives)])
    )


def windows(held: Iterable[tuple[str, Length]]) -> Items:
    """The windows of value sets; with one of a set that doesn't exist, since CQL has no empty list without its type."""
    return Items(tuple(_window(name, window) for name, window in (("none", Duration(1, CalendarUnit.DAY)), *held)))


def _window(name: str, window: Length) -> Row:
    said = window if isinstance(window, Duration) else call("Exposures", "InHours")
    return Row((("set", name), ("window", said), ("lasts", window.days)))


def _asked(statement: Exposure, catalogue: Catalogue) -> Expression:
    lower = statement.at_age.lower if statement.at_age else None
    upper = statement.at_age.upper if statement.at_age else None
    return call(
        "Courses",
        "Asked",
        statement.ongoing,
        calendar_length(statement.at_least_ago),
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


_FIELDS = (
    Field("concepts", ConceptOf(Section.EXPOSURE), many=True, url="concept"),
    Field("look_back", Window(hours=True), says="In hours and minutes too (PT24H, PT4H30M). Left out: ever."),
    Field("half_lives", Count(), says="The window is so many half-lives of the drug, where that is longer."),
    Field("systemic", Flag(), says="true: by a systemic route."),
    *TIMED,
    Field("ongoing", Flag(), says="true: it goes on today."),
    Field("stable_for", Window(), says="Taken for so long without a change of its dose."),
    Field(
        "dose",
        Bound(),
        says="Of one giving (20 mg), a day (10 mg/d), by weight or surface (1 mg/kg/d, 75 mg/m2), a rate (1 ug/min).",
    ),
    Field("equivalents", Flag(), says="true: the dose is told in the class's own drug, as in prednisolone."),
    Field("cumulative", Flag(), says="true: the dose of all givings in the window together."),
    Field("frequency", Bound(), says="How often it is taken, as in at-least: 1 /d."),
    Field("as_needed", Flag(), says="true: it is taken only when needed."),
    Field("body_site", ConceptOf(Section.BODY_SITE), many=True, says="A procedure at one of these."),
    Field("route", ConceptOf(Section.ROUTE), many=True, says="A drug that is given by one of these."),
)


def _reads(statement: Exposure, catalogue: Catalogue) -> Iterator[Read]:
    dosed = statement.dose or statement.frequency or statement.stable_for or statement.as_needed
    beside = (
        *(("route",) if statement.systemic or statement.route else ()),
        *(("dosage",) if dosed else ()),
        *(("bodySite",) if statement.body_site else ()),
    )
    for name in bodies_of(statement.dose):
        yield from observed(catalogue.analytes[name], Role.BESIDE)
    yield from time_reads(statement)
    for concept in statement.concepts:
        data = VACCINE if catalogue.exposures[concept].vaccine else GIVEN
        yield coded(data, concept, Role.ASKED, statement.look_back, *beside)
        for each in catalogue.exposures[concept].absent:
            yield coded(GIVEN, each, Role.ABSENT)
        yield coded(MENTION, concept, Role.NAMED)
        for each in (concept, *catalogue.exposures[concept].told_by):
            yield coded(CONDITION, each, Role.NAMED)


def _words(statement: Exposure, catalogue: Catalogue) -> Phrase:
    about = titles(statement.concepts, catalogue.exposures)
    when = f"within {statement.look_back.words}" if statement.look_back else "ever"
    if statement.half_lives is not None:
        many = f"{statement.half_lives} half-lives"
        when = f"{when} or {many}, whichever is longer" if statement.look_back else f"within {many}"
    told = [*(("systemic",) if statement.systemic else ()), *_taken(statement, catalogue), *time_words(statement)]
    present = statement.asks_more and statement.look_back is None and statement.half_lives is None
    asked = ", ".join(told if present else [*told, when])
    return Phrase(about, asked, f"{about}, {asked}")


def _taken(statement: Exposure, catalogue: Catalogue) -> Iterator[str]:
    """How it is taken, in words."""
    if statement.ongoing:
        yield "ongoing"
    if statement.stable_for is not None:
        yield f"stable for {statement.stable_for.words}"
    if statement.dose is not None:
        tables = [catalogue.exposures[name].equivalents for name in statement.concepts]
        of = " or ".join(sorted({each.of for each in tables if each is not None}))
        told = f" of {of} or its equivalent" if statement.equivalents else ""
        whole = " altogether" if statement.cumulative else ""
        yield f"{COMPARATORS[statement.dose.comparator]} {statement.dose.value} {statement.dose.unit}{told}{whole}"
    if statement.frequency is not None:
        yield f"{COMPARATORS[statement.frequency.comparator]} {statement.frequency.value} {statement.frequency.unit}"
    if statement.as_needed:
        yield "as needed"
    if statement.body_site:
        yield f"of {titles(statement.body_site, catalogue.body_sites)}"
    if statement.route:
        yield f"given as: {titles(statement.route, catalogue.routes)}"


def _contradiction(statement: Exposure) -> str | None:
    dose, often = statement.dose, statement.frequency
    if dose is not None and dose.unit == _NONE:
        return "a dose has a unit; write it after the number, as in 20 mg, 10 mg/d or 1 mg/kg/d"
    unit = unit_of_dose(dose.unit) if dose is not None else None
    if dose is not None and (unit is None or not unit.amount):
        return f"{dose.unit!r} is no unit of a dose; write mg, mg/d, mg/kg/d, mg/m2 or ug/kg/min"
    if (statement.equivalents or statement.cumulative) and dose is None:
        return "equivalents and cumulative say what a dose is of; write the dose"
    if statement.cumulative and unit is not None and unit.time:
        return "a cumulative dose has no time in its unit; write mg or mg/m2"
    if often is not None and unit_of_dose(often.unit) not in _FREQUENCIES:
        return f"{often.unit!r} is no unit of a frequency; write /d, /wk or /mo"
    both = statement.systemic and statement.route
    return "systemic says by which routes; write systemic or route, not both" if both else untimely(statement)


_NONE = "1"
"""UCUM of a number without a unit."""

_FREQUENCIES = tuple(Unit("", time) for time in ("d", "wk", "mo"))


def _outlook(statement: Exposure, came_to: Truth, _: Catalogue) -> Prospect:
    """What was given stays so for good; what was given lately leaves its window, if it is not given again."""
    if came_to is not Truth.MET or statement.ongoing or statement.stable_for is not None or statement.half_lives:
        return Outlook.OPEN
    return ByTime(statement.look_back) if statement.look_back else Outlook.LASTING


EXPOSURE = Kind(
    name="exposure",
    statement=Exposure,
    form=Keys(_FIELDS),
    contradiction=_contradiction,
    reads=_reads,
    bind=lambda statement, trial: bind_exposure(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(truth(statement, catalogue)),
    traits=untold,
    columns=columns,
    outlook=_outlook,
    of_study=False,
)
