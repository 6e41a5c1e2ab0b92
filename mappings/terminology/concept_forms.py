"""Concepts as people write them, in concepts.yaml, a site's file or a trial: the keys, and what each may hold.

formulas.yaml, or what stands with an analyte -> the formulas by the analyte that they give.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, RootModel, WithJsonSchema, model_validator

from adapter.criteria.catalogue import (
    Bounds,
    Breadth,
    Catalogue,
    Conversion,
    Doubt,
    Effort,
    Equivalents,
    Positivity,
    Scale,
)
from adapter.criteria.formula import AGE, Formula, Input, Presence, Together, names, reckoned
from adapter.criteria.quantity import Linear
from adapter.criteria.unit import UnitFactor, canonical_conversion
from mappings.terminology.codes import Line, LineOrName
from mappings.terminology.yaml_file import Form, IsoDuration, IsoDurationOrHours, Path, Problem, YamlFile, nearest


class _Input(Form):
    analyte: str
    unit: str
    window: IsoDuration | None = None


class _Presence(Form):
    conditions: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    active: bool = False
    window: IsoDuration | None = None


def _listed(written: object) -> object:
    return [written] if isinstance(written, str) else written


class FormulaForm(Form):
    """A formula as people write it; one that stands with an analyte gives that one."""

    title: str
    gives: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    unit: str
    value: str
    source: str
    inputs: dict[str, _Input] = Field(default_factory=dict)
    presence: dict[str, _Presence] = Field(default_factory=dict)
    where: dict[str, str] = Field(default_factory=dict)
    female: dict[str, Decimal] = Field(default_factory=dict)
    male: dict[str, Decimal] = Field(default_factory=dict)
    at_least: IsoDuration | None = None
    below: IsoDuration | None = None
    together: Together | None = None
    step: Decimal | None = Field(None, gt=0)


class _Formulas(RootModel[dict[str, FormulaForm]]):
    pass


def read_formulas(
    file: YamlFile, catalogue: Catalogue, unit_factor: UnitFactor | None
) -> Mapping[str, tuple[Formula, ...]]:
    """The formulas in `file` by the analytes that they give. Raises DefinitionError for what doesn't fit.

    `unit_factor`: None for ours, whose units are converted in a test and not at every start.
    """
    found: dict[str, tuple[Formula, ...]] = {}
    for id_, form in file.checked(_Formulas).root.items():
        for path, said in problems(form, catalogue, unit_factor):
            raise file.error((id_, *path), said)
        formula = formula_of(id_, form)
        for analyte in formula.gives:
            found[analyte] = (*found.get(analyte, ()), formula)
    return found


def formula_of(id_: str, form: FormulaForm, analyte: str | None = None) -> Formula:
    """The formula of a form. `analyte`: what it stands with, and gives."""
    gives = form.gives if analyte is None else (analyte,)
    inputs = {name: Input(each.analyte, each.unit, each.window) for name, each in form.inputs.items()}
    presence = {name: Presence(**dict(each)) for name, each in form.presence.items()}
    return Formula(id=id_, **dict(form) | {"gives": gives, "inputs": inputs, "presence": presence})


def problems(
    form: FormulaForm, catalogue: Catalogue, unit_factor: UnitFactor | None, analyte: str | None = None
) -> Iterator[Problem]:
    """What doesn't fit itself or the catalogue. `analyte`: what it stands with, and gives."""
    yield from _expression_problems(form)
    if form.female.keys() != form.male.keys():
        yield ("male",), "female and male name the same numbers"
    if not form.gives and analyte is None:
        yield ("gives",), "name the analyte that it gives"
    for name, taken in form.inputs.items():
        if taken.analyte in (*form.gives, analyte):
            yield ("inputs", name), f"{taken.analyte} would be reckoned from itself; take another input"
    measured: list[tuple[Path, str, str]] = [(("gives",), each, form.unit) for each in form.gives]
    measured += [(("unit",), analyte, form.unit)] if analyte is not None else []
    measured += [(("inputs", name), each.analyte, each.unit) for name, each in form.inputs.items()]
    for path, name, unit in measured:
        yield from ((path, said) for said in _analyte_problems(name, unit, catalogue, unit_factor))
    for name, each in form.presence.items():
        known = ((each.conditions, catalogue.conditions), (each.exposures, catalogue.exposures))
        for concepts, held in known:
            missing = [concept for concept in concepts if concept not in held]
            yield from ((("presence", name), f"no such concept: {one}; {nearest(one, held)}") for one in missing)


def _expression_problems(form: FormulaForm) -> Iterator[Problem]:
    path: Path = ("value",)
    given = {*form.inputs, *form.presence, *form.female, AGE}
    asked = set[str]()
    for name, expression in (*form.where.items(), ("", form.value)):
        path = ("where", name) if name else ("value",)
        try:
            reckoned(expression)
            found = names(expression)
        except ValueError as error:
            yield path, str(error)
            return
        for unknown in sorted(found - given):
            yield path, f"{unknown} is none of the inputs; {nearest(unknown, given)}"
        asked |= found
        given |= {name} if name else set()
    for name in sorted(given - asked - {AGE}):
        yield path, f"{name} is given, and the value doesn't ask for it"
    if not form.inputs and not form.presence:
        yield ("inputs",), "nothing is measured"


def _analyte_problems(name: str, unit: str, catalogue: Catalogue, unit_factor: UnitFactor | None) -> Iterator[str]:
    held = catalogue.analytes.get(name)
    if held is None:
        yield f"no analyte {name}; {nearest(name, catalogue.analytes)}"
    elif held.scale not in (Scale.QUANTITY, Scale.SCORE):
        yield f"{name} is a {held.scale}, and no number"
    elif unit_factor is not None and canonical_conversion(held, unit, unit_factor) is None:
        yield f"{unit} does not convert to {held.unit}, the unit of {name}"
    elif held.plausible is None:
        yield f"{name} needs `plausible` bounds, since a result below a detection limit has no lower end"


POSSIBLE = "-possible"
"""The end of the id of a value set of codes that only may be a concept."""


def _bounds(written: object) -> Bounds:
    """The two ends as they stand in YAML: `[20, 260]`."""
    match written:
        case [str() | int() as low, str() | int() as high] if Decimal(low) < Decimal(high):
            return Bounds(Decimal(low), Decimal(high))
    msg = f"{written!r} are no bounds; write the lowest and the highest possible value in the canonical unit: [20, 260]"
    raise ValueError(msg)


_Bounds = Annotated[
    Bounds,
    BeforeValidator(_bounds),
    WithJsonSchema({"type": "array", "items": {"type": ["number", "string"]}, "minItems": 2, "maxItems": 2}),
]


class CodesForm(Form):
    """Codes in one line each; without any, the value set of the concept's id holds them."""

    title: str
    codes: tuple[Line, ...] = ()
    except_: tuple[Line, ...] = ()
    """What the codes would hold and the concept does not."""
    exhaustive: tuple[str, ...] = ()
    """Code systems in which every other code is something else."""
    source: str | None = None
    """Where the codes were read."""


class _Concept(CodesForm):
    """Keys are written with dashes; the camelCase of earlier files is read too."""


class _Support(Form):
    analyte: str
    above: Decimal


class _Conversion(Form):
    """`number * factor + offset`; `steps`: the least difference that people report in this unit and in the own one."""

    factor: Decimal
    offset: Decimal = Decimal(0)
    steps: tuple[Decimal, Decimal]

    def read(self) -> Conversion:
        return Conversion(Linear(self.factor, self.offset), self.steps)


class AnswerForm(CodesForm):
    """An answer that an analyte may have; `words`: what people write for it."""

    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    """Finer answers that are this one, too."""
    undetermined: bool = False
    """It says that nobody could tell: any of the others may be meant."""


class AnalyteForm(_Concept):
    """What a laboratory, a device or an examiner measures."""

    scale: Scale = Scale.QUANTITY
    freshness: str = "laboratory"
    """The policy's class that says how long a value stands."""
    effort: Effort | None = None
    """What a new value takes, where that is not what its class takes."""
    unit: str | None = None
    """The canonical unit of a quantity, in UCUM."""
    molar_mass: Decimal | None = Field(None, gt=0)
    charge: int | None = Field(None, gt=0)
    conversions: dict[str, _Conversion] = Field(default_factory=dict)
    answers: dict[str, AnswerForm] = Field(default_factory=dict)
    """Of the scale `answer`: the answers that are told apart."""
    order: tuple[str, ...] = ()
    """Answers from the least to the most, where they have an order; parts stand in the place of their whole."""
    positivity: Positivity = Positivity.NEVER
    negative_below: Decimal | None = Field(None, gt=0)
    not_comparable: tuple[str, ...] = ()
    enzyme: bool = False
    alternative: str | None = None
    alternative_below: IsoDuration | None = None
    plausible: _Bounds | None = None
    plausible_lower: _Bounds | None = None
    plausible_upper: _Bounds | None = None
    percent: bool = False
    tumour_cells: tuple[str, ...] = ()
    of_blasts: tuple[str, ...] = ()
    raised_by: tuple[_Support, ...] = ()
    raised_during: tuple[str, ...] = ()
    above: str | None = None
    below: str | None = None
    formulas: dict[str, FormulaForm] = Field(default_factory=dict)
    """How it is reckoned from others: the first that is for the patient's age."""


class _Doubt(Form):
    analyte: str | None = None
    above: Decimal | None = None
    exposure: str | None = None
    within: IsoDuration = Doubt().within

    @model_validator(mode="after")
    def _one(self) -> "_Doubt":
        if (self.analyte is None) == (self.exposure is None) or (self.above is not None and self.analyte is None):
            msg = "a doubt is an analyte, with `above` where a number decides, or an exposure"
            raise ValueError(msg)
        return self


class ListedForm(_Concept):
    """What an entry of a list can be classified as."""

    breadth: Breadth = Breadth.FAMILY
    extent: str = ""
    may_be: tuple[LineOrName, ...] = ()
    """Codes too coarse to tell, a line each, or value sets of them."""
    related: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class DeviceForm(ListedForm):
    """A device that a patient has."""

    implanted_by: tuple[str, ...] = ()
    """Value sets of the operations that put one in."""


class ConditionConceptForm(ListedForm):
    """A disease or another state that stands in a list of diagnoses."""

    transient: IsoDuration | None = None
    passing: dict[str, IsoDuration] = Field(default_factory=dict)
    inborn: bool = False
    lifelong: bool = False
    doubts: tuple[_Doubt, ...] = ()
    pregnancy: bool = False
    ended_by: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """Value sets of what is surely another disease of its families."""
    ruled_out_below: IsoDuration | None = None
    ruled_out_by: tuple[str, ...] = ()
    outlasts_womb: IsoDuration | None = None
    sites: tuple[str, ...] = ()
    blastic: bool = False
    mature: bool = False


class _SameEffect(Form):
    dose: Decimal = Field(gt=0)
    codes: dict[str, tuple[str, ...]]
    """By the URI of the code system."""


class EquivalentsForm(Form):
    """What of each drug of a class does as much as another."""

    of: str
    """What doses are told in, as in prednisolone."""
    source: str
    reference: Decimal = Field(gt=0)
    doses: dict[str, _SameEffect]
    """By the name of the drug."""

    def read(self) -> Equivalents:
        """The doses by code."""
        doses = {
            (system, code): each.dose
            for each in self.doses.values()
            for system, codes in each.codes.items()
            for code in codes
        }
        return Equivalents(self.of, self.reference, doses)


class ExposureConceptForm(ListedForm):
    """A drug or a procedure."""

    systemic_class: tuple[str, ...] = ()
    vaccine: bool = False
    half_life: IsoDurationOrHours | None = None
    """Of the drug, in days, or in hours and minutes (PT3H)."""
    equivalents: EquivalentsForm | None = None
    told_by: tuple[str, ...] = ()
    """Value sets of diagnoses that say that it was done or given."""


class SubstanceForm(ListedForm):
    """What one may be allergic to."""

    cross_reacts: tuple[str, ...] = ()


class ConceptsForm(Form):
    """Concepts by their ids, a section a kind."""

    analytes: dict[str, AnalyteForm] = Field(default_factory=dict)
    conditions: dict[str, ConditionConceptForm] = Field(default_factory=dict)
    exposures: dict[str, ExposureConceptForm] = Field(default_factory=dict)
    substances: dict[str, SubstanceForm] = Field(default_factory=dict)
    devices: dict[str, DeviceForm] = Field(default_factory=dict)
    encounters: dict[str, ListedForm] = Field(default_factory=dict)
    reports: dict[str, ListedForm] = Field(default_factory=dict)
    specimens: dict[str, ListedForm] = Field(default_factory=dict)
    relatives: dict[str, ListedForm] = Field(default_factory=dict)
    body_sites: dict[str, ListedForm] = Field(default_factory=dict)
    methods: dict[str, ListedForm] = Field(default_factory=dict)
    """How something was measured."""
    routes: dict[str, ListedForm] = Field(default_factory=dict)
    """By which way a drug is given."""
    value_sets: dict[str, CodesForm] = Field(default_factory=dict)
    """Sets of codes that are no concept: answers, classes that are systemic, "no known …"."""
    efforts: dict[str, Effort] = Field(default_factory=dict)
    """What a new value of a class of freshness takes."""
    freshness: dict[str, IsoDuration] = Field(default_factory=dict)
    """How long a value of a class stands where the policy says nothing of it."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where codes were read, by the name that a line's `source` has, or by their code system."""
