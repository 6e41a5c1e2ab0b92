"""formulas.yaml -> the formulas by the analyte that they give."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, RootModel

from adapter.criteria.catalogue import Catalogue, Scale
from adapter.criteria.formula import AGE, Formula, Input, Together, names, reckoned
from adapter.criteria.unit import UnitFactor, canonical_conversion
from mappings.terminology.yaml_file import Form, IsoDuration, Path, Problem, YamlFile, nearest


class _Input(Form):
    analyte: str
    unit: str
    window: IsoDuration | None = None


def _listed(written: object) -> object:
    return [written] if isinstance(written, str) else written


class _Formula(Form):
    title: str
    gives: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    unit: str
    value: str
    source: str
    inputs: dict[str, _Input]
    female: dict[str, Decimal] = Field(default_factory=dict)
    male: dict[str, Decimal] = Field(default_factory=dict)
    at_least: IsoDuration | None = None
    below: IsoDuration | None = None
    together: Together | None = None
    step: Decimal | None = Field(None, gt=0)


class _Formulas(RootModel[dict[str, _Formula]]):
    pass


def read_formulas(
    file: YamlFile, catalogue: Catalogue, unit_factor: UnitFactor | None
) -> Mapping[str, tuple[Formula, ...]]:
    """The formulas in `file` by the analytes that they give. Raises DefinitionError for what doesn't fit.

    `unit_factor`: None for ours, whose units are converted in a test and not at every start.
    """
    found: dict[str, tuple[Formula, ...]] = {}
    for id_, form in file.checked(_Formulas).root.items():
        for path, said in _problems(form, catalogue, unit_factor):
            raise file.error((id_, *path), said)
        inputs = {name: Input(each.analyte, each.unit, each.window) for name, each in form.inputs.items()}
        formula = Formula(id=id_, **dict(form) | {"inputs": inputs})
        for analyte in formula.gives:
            found[analyte] = (*found.get(analyte, ()), formula)
    return found


def _problems(form: _Formula, catalogue: Catalogue, unit_factor: UnitFactor | None) -> Iterator[Problem]:
    yield from _expression_problems(form)
    if form.female.keys() != form.male.keys():
        yield ("male",), "female and male name the same numbers"
    measured: list[tuple[Path, str, str]] = [(("gives",), each, form.unit) for each in form.gives]
    measured += [(("inputs", name), each.analyte, each.unit) for name, each in form.inputs.items()]
    for path, analyte, unit in measured:
        yield from ((path, said) for said in _analyte_problems(analyte, unit, catalogue, unit_factor))


def _expression_problems(form: _Formula) -> Iterator[Problem]:
    path: Path = ("value",)
    try:
        reckoned(form.value)
        asked = names(form.value)
    except ValueError as error:
        yield path, str(error)
        return
    given = {*form.inputs, *form.female, AGE}
    for name in sorted(asked - given):
        yield path, f"{name} is none of the inputs; {nearest(name, given)}"
    for name in sorted(given - asked - {AGE}):
        yield path, f"{name} is given, and the value doesn't ask for it"
    if not form.inputs:
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
