"""The kind `exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure)."""

from collections.abc import Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.fields import Bound, ConceptOf, Count, Field, Flag, Keys, Section, Window
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import ByTime, Kind, Outlook, Phrase, Prospect, Rule, untold
from adapter.evaluator.reads import CONDITION, MENTION, VACCINE, Read, Role, coded, observed
from adapter.evaluator.reads import EXPOSURE as GIVEN
from adapter.evaluator.wording import COMPARATORS, titles
from adapter.kinds.exposure.columns import columns
from adapter.kinds.exposure.dose import Unit, bodies_of, unit_of_dose
from adapter.kinds.exposure.evaluate import bind_exposure
from adapter.kinds.exposure.rule import truth
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.timing import TIMED, time_reads, time_words, untimely

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
)


def _reads(statement: Exposure, catalogue: Catalogue) -> Iterator[Read]:
    dosed = statement.dose or statement.frequency or statement.stable_for or statement.as_needed
    beside = (
        *(("route",) if statement.systemic else ()),
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
    return untimely(statement)


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
