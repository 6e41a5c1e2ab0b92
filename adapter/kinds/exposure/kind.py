"""The kind `exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure)."""

from collections.abc import Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Concepts, Expression, Freshness, Known, Names, call
from adapter.criteria.fields import ConceptOf, Field, Flag, Keys, Section, Window
from adapter.criteria.truth import Truth
from adapter.evaluator.kind import ByTime, Kind, Outlook, Prospect, Rule, Said, consistent, untold
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.evaluator.reads import EXPOSURE as GIVEN
from adapter.evaluator.reads import VACCINE, Read, Role, coded
from adapter.evaluator.wording import titles
from adapter.kinds.exposure.evaluate import bind_exposure
from adapter.kinds.exposure.statement import Exposure

_FIELDS = (
    Field("concepts", ConceptOf(Section.EXPOSURE), many=True, url="concept"),
    Field("look_back", Window(), says="Left out: ever."),
    Field("systemic", Flag(), says="true: by a systemic route."),
)


def _reads(statement: Exposure, catalogue: Catalogue) -> Iterator[Read]:
    beside = ("route",) if statement.systemic else ()
    for concept in statement.concepts:
        data = VACCINE if catalogue.exposures[concept].vaccine else GIVEN
        yield coded(data, concept, Role.ASKED, statement.look_back, *beside)
        for each in catalogue.exposures[concept].absent:
            yield coded(GIVEN, each, Role.ABSENT)


def _words(statement: Exposure, catalogue: Catalogue) -> Said:
    about = titles(statement.concepts, catalogue.exposures)
    when = f"within {statement.look_back.words}" if statement.look_back else "ever"
    asked = f"systemic, {when}" if statement.systemic else when
    return Said(about, asked, f"{about}, {asked}")


def _truth(statement: Exposure, catalogue: Catalogue) -> Expression:
    concepts = [catalogue.exposures[concept] for concept in statement.concepts]
    return call(
        "Exposures",
        "Holds",
        Known.EXPOSURES,
        Concepts(statement.concepts),
        statement.systemic,
        Names(tuple(each for concept in concepts for each in concept.systemic_class)),
        statement.look_back,
        Freshness(LIST),
        Freshness(STATEMENT),
        Known.NOW,
    )


def _outlook(statement: Exposure, truth: Truth, _: Catalogue) -> Prospect:
    """What was given stays so for good; what was given lately leaves its window, if it is not given again."""
    if truth is not Truth.MET:
        return Outlook.OPEN
    return ByTime(statement.look_back) if statement.look_back else Outlook.LASTING


EXPOSURE = Kind(
    name="exposure",
    statement=Exposure,
    form=Keys(_FIELDS),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_exposure(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    outlook=_outlook,
    of_study=False,
)
