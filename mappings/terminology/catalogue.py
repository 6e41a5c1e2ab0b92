"""concepts.yaml -> the Catalogue: what is known of each concept apart from its codes."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapter.criteria.catalogue import (
    Analyte,
    Bounds,
    Breadth,
    Catalogue,
    ConditionConcept,
    Doubt,
    Effort,
    ExposureConcept,
    Positivity,
    Scale,
    SubstanceConcept,
    Support,
)
from mappings.terminology.durations import STRICT, IsoDuration
from mappings.terminology.yaml_file import Path, YamlFile


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _bounds(written: object) -> Bounds:
    """The two ends as they stand in YAML: `[20, 260]`."""
    match written:
        case [str() | int() as low, str() | int() as high] if Decimal(low) < Decimal(high):
            return Bounds(Decimal(low), Decimal(high))
    msg = f"{written!r} are no bounds; write the lowest and the highest possible value in the canonical unit: [20, 260]"
    raise ValueError(msg)


_Bounds = Annotated[Bounds, BeforeValidator(_bounds)]


class _Concept(BaseModel):
    """Keys are written with dashes; the camelCase of earlier files is read too."""

    model_config = STRICT | ConfigDict(alias_generator=_kebab)
    title: str


class _Support(BaseModel):
    model_config = STRICT
    analyte: str
    above: Decimal


class _Analyte(_Concept):
    scale: Scale
    freshness: str
    unit: str | None = None
    molar_mass: Decimal | None = Field(None, gt=0)
    positivity: Positivity = Positivity.NEVER
    not_comparable: tuple[str, ...] = ()
    enzyme: bool = False
    alternative: str | None = None
    alternative_below: IsoDuration | None = None
    plausible: _Bounds | None = None
    plausible_lower: _Bounds | None = None
    plausible_upper: _Bounds | None = None
    percent: bool = False
    tumour_cells: tuple[str, ...] = ()
    raised_by: tuple[_Support, ...] = ()


class _Doubt(BaseModel):
    model_config = STRICT
    analyte: str | None = None
    above: Decimal | None = None
    exposure: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Doubt":
        if (self.analyte is None) == (self.exposure is None) or (self.above is not None and self.analyte is None):
            msg = "a doubt is an analyte, with `above` where a number decides, or an exposure"
            raise ValueError(msg)
        return self


class _Listed(_Concept):
    """What an entry of a list can be classified as."""

    breadth: Breadth = Breadth.FAMILY
    extent: str = ""
    may_be: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class _Condition(_Listed):
    transient: IsoDuration | None = None
    passing: dict[str, IsoDuration] = {}
    inborn: bool = False
    lifelong: bool = False
    doubts: tuple[_Doubt, ...] = ()
    pregnancy: bool = False
    ended_by: tuple[str, ...] = ()
    ruled_out_below: IsoDuration | None = None
    ruled_out_by: tuple[str, ...] = ()
    outlasts_womb: IsoDuration | None = None
    sites: tuple[str, ...] = ()


class _Exposure(_Listed):
    systemic_class: tuple[str, ...] = ()


class _Substance(_Listed):
    pass


class _Catalogue(BaseModel):
    model_config = STRICT
    analytes: dict[str, _Analyte]
    conditions: dict[str, _Condition]
    exposures: dict[str, _Exposure]
    substances: dict[str, _Substance]
    efforts: dict[str, Effort] = {}


_EARLIER = {
    "molarMass": "molar-mass",
    "notComparable": "not-comparable",
    "alternativeBelow": "alternative-below",
    "systemicClass": "systemic-class",
    "possible": "may-be",
}


def read_catalogue(file: YamlFile, value_sets: Collection[str]) -> Catalogue:
    """The catalogue in `file`. Raises DefinitionError where it doesn't fit itself or the value sets' ids."""
    read = _with_todays_keys(file).checked(_Catalogue)
    for path, named in _named_value_sets(read):
        if named not in value_sets:
            raise file.error(path, f"no value set {named}; add value-sets/{named}.json or name one that exists")
    for path, named, known in _named_concepts(read):
        if named not in known:
            raise file.error(path, f"no such concept: {named}")
    for id_, analyte in read.analytes.items():
        if analyte.scale is Scale.QUANTITY and analyte.unit is None:
            raise file.error(("analytes", id_), "a quantity needs its canonical `unit` (UCUM)")
        for key, named in _named_analytes(analyte):
            if named not in read.analytes:
                raise file.error(("analytes", id_, key), f"no analyte {named}")
    return Catalogue(
        analytes={id_: _analyte(id_, a) for id_, a in read.analytes.items()},
        conditions={id_: _condition(id_, c) for id_, c in read.conditions.items()},
        exposures={id_: ExposureConcept(id=id_, **dict(e)) for id_, e in read.exposures.items()},
        substances={id_: SubstanceConcept(id=id_, **dict(s)) for id_, s in read.substances.items()},
        efforts=read.efforts,
    )


def _analyte(id_: str, analyte: _Analyte) -> Analyte:
    raised_by = tuple(Support(each.analyte, each.above) for each in analyte.raised_by)
    unit = "1" if analyte.scale is Scale.SCORE else analyte.unit
    return Analyte(id=id_, **dict(analyte) | {"unit": unit, "raised_by": raised_by})


def _condition(id_: str, condition: _Condition) -> ConditionConcept:
    return ConditionConcept(id=id_, **dict(condition) | {"doubts": tuple(Doubt(**dict(d)) for d in condition.doubts)})


def _with_todays_keys(file: YamlFile) -> YamlFile:
    """The same file with earlier names of keys replaced; the lines of errors stay those of the file."""
    content = {
        group: {
            id_: {_EARLIER.get(key, key): value for key, value in concept.items()}
            if isinstance(concept, dict)
            else concept
            for id_, concept in concepts.items()
        }
        if isinstance(concepts, dict)
        else concepts
        for group, concepts in file.content.items()
    }
    return replace(file, content=content)


def _groups(read: _Catalogue) -> Iterator[tuple[str, str, _Concept]]:
    for group in ("analytes", "conditions", "exposures", "substances"):
        for id_, concept in getattr(read, group).items():
            yield group, id_, concept


def _named_analytes(analyte: _Analyte) -> Iterator[tuple[str, str]]:
    """Every other analyte that one refers to, with the key that names it."""
    if analyte.alternative is not None:
        yield "alternative", analyte.alternative
    yield from (("tumour-cells", named) for named in analyte.tumour_cells)
    yield from (("raised-by", support.analyte) for support in analyte.raised_by)


def _named_value_sets(read: _Catalogue) -> Iterator[tuple[Path, str]]:
    """Every value set that a concept stands on, with the path that names it: its own id, and those it refers to."""
    for group, id_, concept in _groups(read):
        yield (group, id_), id_
        for key in ("not_comparable", "may_be", "systemic_class", "absent", "passing", "ended_by", "ruled_out_by"):
            for place, named in enumerate(getattr(concept, key, ())):
                yield (group, id_, _kebab(key), place), named


def _named_concepts(read: _Catalogue) -> Iterator[tuple[Path, str, Collection[str]]]:
    """Every other concept that a concept names, with the path that names it, and those that it may name."""
    for group, id_, concept in _groups(read):
        for key in ("related", "sites"):
            for place, named in enumerate(getattr(concept, key, ())):
                yield (group, id_, key, place), named, getattr(read, group)
        for place, doubt in enumerate(getattr(concept, "doubts", ())):
            known = read.exposures if doubt.analyte is None else read.analytes
            yield (group, id_, "doubts", place), doubt.analyte or doubt.exposure, known
