"""The kind `disease-course`: a disease has relapsed, or is refractory (CONFORMANCE: Course of a disease)."""

from collections.abc import Iterator

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Concepts, Expression, Freshness, Items, Known, Names, Readings, Row, call
from adapter.criteria.fields import Amount, CodeOf, ConceptOf, Field, Keys, Section, Text
from adapter.criteria.quantity import Comparator, Number
from adapter.evaluator.columns import CourseOf, Setting
from adapter.evaluator.kind import Kind, Outlook, Phrase, Rule, consistent, untold
from adapter.evaluator.negatives import STATEMENT
from adapter.evaluator.reads import ATTESTATION, Read, Role, diagnosed, observed
from adapter.evaluator.wording import titles
from adapter.kinds.condition.kind import CONCEPTS
from adapter.kinds.condition.rule import unless_named
from adapter.kinds.disease_course.blasts import MARROW
from adapter.kinds.disease_course.evaluate import bind_disease_course
from adapter.kinds.disease_course.statement import Course, DiseaseCourse
from adapter.kinds.measurement.rule import against

_FIELDS = (
    CONCEPTS,
    Field("courses", CodeOf(Course), many=True, url="course"),
    Field(
        "blasts",
        ConceptOf(Section.ANALYTE),
        many=True,
        says="Analytes that prove a relapse beside a recorded remission, when above the threshold.",
    ),
    Field("blast_threshold", Amount(of="blasts")),
    Field(
        "after",
        Text(),
        says="What must have gone before and no data carry; with it only an attestation settles the criterion.",
    ),
)


def _reads(statement: DiseaseCourse, catalogue: Catalogue) -> Iterator[Read]:
    yield from diagnosed(statement.concepts, catalogue)
    for name in statement.blasts:
        yield from observed(catalogue.analytes[name], Role.BESIDE)
    yield Read(data=ATTESTATION, name="attestation", role=Role.BESIDE)


def _words(statement: DiseaseCourse, catalogue: Catalogue) -> Phrase:
    about = titles(statement.concepts, catalogue.conditions)
    told = " or ".join(course.value for course in statement.courses)
    asked = f"{told} after {statement.after}" if statement.after else told
    return Phrase(about, asked, f"{about}: {asked}")


def _truth(statement: DiseaseCourse, catalogue: Catalogue) -> Expression:
    """Never met without an attestation where no data carry what went before."""
    sites = (site for concept in statement.concepts for site in catalogue.conditions[concept].sites)
    counted = []
    for blast in statement.blasts if statement.blast_threshold else ():
        held = catalogue.analytes[blast]
        results = against(held, statement.blast_threshold, Readings(held.id))
        counted.append(Row((("marrow", blast == MARROW), ("results", results))))
    whole = call(
        "Course",
        "Holds",
        Known.DIAGNOSES,
        Concepts(statement.concepts),
        Concepts(tuple(sites)),
        Names(tuple(each.value for each in statement.courses)),
        Items(tuple(counted)),
        Freshness(STATEMENT),
        Known.NOW,
    )
    named = unless_named(whole, statement.concepts)
    return call("Course", "NeverMet", named) if statement.after else named


def _columns(statement: DiseaseCourse, setting: Setting) -> CourseOf:
    """Which words of the course are wanted."""
    conditions = setting.terminology.catalogue.conditions
    return CourseOf(
        concepts=statement.concepts,
        relapsed=Course.RELAPSED in statement.courses,
        refractory=Course.REFRACTORY in statement.courses,
        questioned=statement.after is not None,
        blasts=statement.blasts if statement.blast_threshold is not None else (),
        marrow=MARROW,
        above=_above(statement, setting),
        sites=tuple(dict.fromkeys(site for name in statement.concepts for site in conditions[name].sites)),
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
    )


def _above(statement: DiseaseCourse, setting: Setting) -> Number | None:
    """The count above which a marrow is not clear, in its canonical unit; None where it isn't told so."""
    threshold = statement.blast_threshold
    analyte = setting.terminology.catalogue.analytes.get(MARROW)
    if threshold is None or analyte is None or threshold.comparator not in (Comparator.GREATER, Comparator.AT_LEAST):
        return None
    conversion = setting.terminology.conversion(analyte, threshold.unit, None)
    return None if conversion is None or analyte.conversions else conversion.of(threshold.value)


DISEASE_COURSE = Kind(
    name="disease-course",
    statement=DiseaseCourse,
    form=Keys(_FIELDS),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_disease_course(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
