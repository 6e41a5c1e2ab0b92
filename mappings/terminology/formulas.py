"""formulas.yaml, or what stands with an analyte -> the formulas by the analyte that they give."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, RootModel

from adapter.criteria.catalogue import Catalogue, Scale
from adapter.criteria.formula import AGE, Formula, Input, Presence, Together, names, reckoned
from adapter.criteria.unit import UnitFactor, canonical_conversion
from mappings.terminology.yaml_file import Form, IsoDuration, Path, Problem, YamlFile, nearest


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
