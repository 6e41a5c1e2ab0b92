"""Trial definitions of every shape that the algebra allows, for hypothesis."""

from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from adapter.criteria import model, study
from adapter.criteria.calendar import CalendarUnit, Duration, Hours
from adapter.criteria.fields import (
    AgeEnd,
    Amount,
    Bound,
    CodeOf,
    Comparison,
    ConceptOf,
    Count,
    Field,
    Flag,
    Holds,
    Nested,
    Text,
    Window,
    defaults,
    needed,
)
from adapter.criteria.join import JOINS
from adapter.criteria.model import Completeness, CriterionRole, EligibilityCriterion, TrialDefinition
from adapter.criteria.quantity import (
    AgeBound,
    Comparator,
    LimitOfNormal,
    LimitThreshold,
    QuantityRange,
    QuantityThreshold,
)
from adapter.evaluator.kind import leaf_kinds
from adapter.kinds import KINDS
from mappings.terminology import load_terminology

CATALOGUE = load_terminology().catalogue
CONDITIONS = st.sampled_from(sorted(CATALOGUE.conditions))
EXPOSURES = st.sampled_from(sorted(CATALOGUE.exposures))
DEPTH = 3
"""How many joins stand above one another, at most."""

Value = TypeVar("Value")

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)
texts = texts.map(str.strip).filter(bool)
maybe_texts = st.none() | texts
slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
dates = st.none() | st.sampled_from(["2025", "2025-06", "2025-06-01"])
durations = st.builds(Duration, st.integers(1, 150), st.sampled_from(CalendarUnit))
decimals = st.decimals(0, 100_000, allow_nan=False, places=0) | st.decimals(0, 1000, allow_nan=False, places=3)
quantities = st.builds(
    QuantityThreshold, st.sampled_from(Comparator), decimals, st.sampled_from(["g/L", "%", "1", "[IU]/mL", "10*3/uL"])
)
limits = st.builds(LimitThreshold, st.sampled_from(Comparator), decimals, st.sampled_from(LimitOfNormal))


def some(values: SearchStrategy[Value]) -> SearchStrategy[tuple[Value, ...]]:
    """A tuple that isn't empty."""
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def several(values: SearchStrategy[Value]) -> SearchStrategy[tuple[Value, ...]]:
    """A tuple, perhaps an empty one."""
    return st.lists(values, max_size=3).map(tuple)


ranges = st.builds(QuantityRange, quantities | limits, quantities | limits)
answers = st.builds(model.Answers, some(slugs)) | st.builds(model.AnswerRange, slugs, st.none() | slugs)
compared = answers | quantities | limits | ranges | st.sampled_from([*model.Finding, *model.Done]) | st.booleans()


def held(holds: Holds) -> SearchStrategy[Any]:  # noqa: C901, PLR0911  # one line a sort of field
    """What a field may hold."""
    match holds:
        case ConceptOf():
            return st.sampled_from(sorted(holds.section.concepts(CATALOGUE)))
        case CodeOf():
            return st.sampled_from(holds.codes)
        case Flag():
            return st.booleans()
        case Text():
            return texts
        case Count():
            return st.integers(1, 20)
        case Window():
            return durations | st.builds(Hours, st.integers(1, 200)) if holds.hours else durations
        case AgeEnd():
            return st.builds(AgeBound, durations, st.booleans())
        case Amount() | Bound():
            return quantities
        case Comparison():
            return compared
        case Nested():
            return of_table(holds.statement, holds.fields)


def of_table(statement: type[Any], table: tuple[Field, ...]) -> SearchStrategy[Any]:
    """Any dataclass of a table of fields; what may be left out sometimes is."""
    values: dict[str, SearchStrategy[Any]] = {}
    for field in table:
        if isinstance(field.holds, ConceptOf) and not field.holds.section.concepts(CATALOGUE):
            continue  # only sites have such concepts
        values[field.name] = held(field.holds)
        if field.many:
            values[field.name] = (some if needed(statement, field) else several)(values[field.name])
        elif defaults(statement)[field.name] is None:
            values[field.name] = st.none() | values[field.name]
    return st.builds(statement, **values)


def _is_allowed(leaf: model.Leaf) -> bool:
    """Whether it doesn't contradict itself; of a kind that needs one of several fields, many would."""
    return leaf.kind.contradiction(leaf) is None


leaves: SearchStrategy[model.Leaf] = st.one_of(
    *(of_table(kind.statement, kind.form.fields).filter(_is_allowed) for kind in leaf_kinds(KINDS))
)
"""Statements of every kind, from its table of fields, as far as these don't contradict each other."""


@st.composite
def criteria(draw: DrawFn, number: str | None, above: str, depth: int = DEPTH) -> model.Criterion:
    """A criterion with this number; without one it only joins, or is a part of what does, below `above`."""
    is_leaf = depth == 0 or draw(st.booleans())
    statement: model.Leaf | model.Combinator = draw(leaves) if is_leaf else draw(joins(number or above, depth - 1))
    return model.Criterion(statement=statement, id=number, label=draw(st.just("") | texts))


@st.composite
def joins(draw: DrawFn, above: str, depth: int) -> model.Combinator:
    """A combinator whose parts are numbered below what stands above, or have no number."""
    join = draw(st.sampled_from(JOINS))
    size = join.size or draw(st.integers(1, 3))
    parts = tuple(
        draw(criteria(f"{above}.{n}{chr(97 + depth)}" if draw(st.booleans()) else None, f"{above}.{n}", depth))
        for n in range(1, size + 1)
    )
    return join.of(parts, draw(st.integers(1, size)) if join.counted else None)


DESIGNS = st.builds(
    study.Design,
    allocation=st.sampled_from(study.Allocation),
    model=st.none() | st.sampled_from(study.InterventionModel),
    masking=st.none() | st.sampled_from(study.Masking),
    masked=several(st.sampled_from(study.Masked)),
    observational_model=st.none() | st.sampled_from(study.ObservationalModel),
    time_perspective=st.none() | st.sampled_from(study.TimePerspective),
)
ELIGIBLE = st.builds(
    study.RegistryEligibility,
    min_age=st.none() | durations,
    max_age=st.none() | durations,
    sex=st.sampled_from(study.EligibleSex),
    healthy_volunteers=st.none() | st.booleans(),
    sampling_method=st.none() | st.sampled_from(study.SamplingMethod),
    population=maybe_texts,
)
DEGREES = st.decimals(-90, 90, places=4).map(lambda value: value + 0)  # no negative zero, which JSON readers drop
POSITIONS = st.none() | st.tuples(DEGREES, DEGREES)


@st.composite
def locations(draw: DrawFn) -> study.Location:
    """A place, with or without a position."""
    latitude, longitude = draw(POSITIONS) or (None, None)
    return study.Location(
        name=draw(texts),
        city=draw(maybe_texts),
        state=draw(maybe_texts),
        postal_code=draw(maybe_texts),
        country=draw(maybe_texts),
        latitude=latitude,
        longitude=longitude,
        status=draw(st.none() | st.sampled_from(study.RecruitmentStatus)),
    )


CONTACTS = st.builds(study.Contact, name=texts, phone=maybe_texts, email=maybe_texts)


@st.composite
def studies(draw: DrawFn) -> study.Study:
    """A study's metadata; what is named among its interventions is listed there."""
    given = tuple(
        study.Intervention(
            id=name,
            name=draw(texts),
            type=draw(st.sampled_from(study.InterventionType)),
            concept=draw(st.none() | EXPOSURES),
            route=draw(maybe_texts),
        )
        for name in draw(st.lists(slugs, max_size=3, unique=True))
    )
    named = several(st.sampled_from([each.id for each in given])) if given else st.just(())
    days = st.none() | st.integers(-30, 400)
    types = st.sampled_from(study.ObjectiveType)
    arms = st.builds(
        study.Arm,
        name=texts,
        type=st.none() | st.sampled_from(study.ArmType),
        interventions=named,
        description=maybe_texts,
    )
    steps = st.builds(
        study.TreatmentStep,
        phase=st.sampled_from(["infusion", "follow-up"]) | texts,
        title=texts,
        interventions=named,
        start_day=days,
        end_day=days,
        duration=st.none() | durations,
        note=maybe_texts,
    )
    outcomes = st.sampled_from(study.OutcomeType)
    measures = st.builds(
        study.OutcomeMeasure, type=outcomes, title=texts, time_frame=maybe_texts, description=maybe_texts
    )
    return study.Study(
        title=draw(texts),
        status=draw(st.sampled_from(study.RecruitmentStatus)),
        official_title=draw(maybe_texts),
        acronym=draw(maybe_texts),
        type=draw(st.none() | st.sampled_from(study.StudyType)),
        why_stopped=draw(maybe_texts),
        design=draw(st.none() | DESIGNS),
        eligibility=draw(st.none() | ELIGIBLE),
        phase=draw(st.none() | st.sampled_from(study.Phase)),
        purpose=draw(st.none() | st.just("treatment") | texts),
        summary=draw(maybe_texts),
        enrollment=draw(st.none() | st.integers(1, 10_000)),
        start=draw(dates),
        end=draw(dates),
        sponsors=draw(several(st.builds(study.Sponsor, name=texts, role=texts | st.just("lead")))),
        conditions=draw(several(texts)),
        keywords=draw(several(texts)),
        sites=draw(several(locations())),
        contacts=draw(several(CONTACTS)),
        arms=draw(several(arms)),
        interventions=given,
        objectives=draw(several(st.builds(study.Objective, type=types, text=texts))),
        outcome_measures=draw(several(measures)),
        treatment=draw(several(steps)),
    )


@st.composite
def definitions(draw: DrawFn) -> TrialDefinition:
    """A trial definition."""
    tops = [
        EligibilityCriterion(
            role=draw(st.sampled_from(CriterionRole)), criterion=draw(criteria(f"C{n}", f"C{n}")), source=draw(texts)
        )
        for n in range(1, draw(st.integers(1, 3)) + 1)
    ]
    systems = st.sampled_from(["https://clinicaltrials.gov", "urn:oid:1.2.3"])
    return TrialDefinition(
        id=draw(slugs | st.just("x" * 64)),
        version=draw(st.sampled_from(["1.0.0", "2.11.3"])),
        identifiers=study.registered_first(draw(several(st.builds(study.Identifier, system=systems, value=texts)))),
        completeness=draw(st.sampled_from(Completeness)),
        index=draw(st.none() | some(CONDITIONS) | criteria(None, "X")),
        criteria=tuple(tops),
        study=draw(studies()),
    )
