"""concepts.yaml -> the Catalogue: what is known of each concept apart from its codes."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator

from adapter.criteria.catalogue import (
    Analyte,
    Answer,
    Bounds,
    Breadth,
    Catalogue,
    ConditionConcept,
    Conversion,
    Doubt,
    Effort,
    ExposureConcept,
    InfectionRule,
    InfectionTable,
    InfectionTest,
    ListedConcept,
    Positivity,
    Scale,
    Seen,
    SubstanceConcept,
    Support,
)
from adapter.criteria.quantity import Linear
from mappings.terminology.yaml_file import STRICT, IsoDuration, Path, YamlFile


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


class _Conversion(BaseModel):
    """`number * factor + offset`; `steps`: the least difference that people report in this unit and in the own one."""

    model_config = STRICT
    factor: Decimal
    offset: Decimal = Decimal(0)
    steps: tuple[Decimal, Decimal]

    def read(self) -> Conversion:
        return Conversion(Linear(self.factor, self.offset), self.steps)


class _Analyte(_Concept):
    scale: Scale
    freshness: str
    unit: str | None = None
    molar_mass: Decimal | None = Field(None, gt=0)
    charge: int | None = Field(None, gt=0)
    conversions: dict[str, _Conversion] = {}
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
    cross_reacts: tuple[str, ...] = ()


class _Catalogue(BaseModel):
    model_config = STRICT
    analytes: dict[str, _Analyte]
    conditions: dict[str, _Condition]
    exposures: dict[str, _Exposure]
    substances: dict[str, _Substance]
    devices: dict[str, _Listed] = {}
    encounters: dict[str, _Listed] = {}
    reports: dict[str, _Listed] = {}
    specimens: dict[str, _Listed] = {}
    relatives: dict[str, _Listed] = {}
    efforts: dict[str, Effort] = {}


_PLAIN = ("devices", "encounters", "reports", "specimens", "relatives")
"""The groups whose concepts have nothing of their own."""

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
        devices=_plain(read.devices),
        encounters=_plain(read.encounters),
        reports=_plain(read.reports),
        specimens=_plain(read.specimens),
        relatives=_plain(read.relatives),
        efforts=read.efforts,
    )


def _plain(concepts: Mapping[str, _Listed]) -> dict[str, ListedConcept]:
    return {id_: ListedConcept(id=id_, **dict(concept)) for id_, concept in concepts.items()}


def _analyte(id_: str, analyte: _Analyte) -> Analyte:
    raised_by = tuple(Support(each.analyte, each.above) for each in analyte.raised_by)
    unit = "1" if analyte.scale is Scale.SCORE else analyte.unit
    conversions = {unit: each.read() for unit, each in analyte.conversions.items()}
    return Analyte(id=id_, **dict(analyte) | {"unit": unit, "raised_by": raised_by, "conversions": conversions})


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
    for group in ("analytes", "conditions", "exposures", "substances", *_PLAIN):
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
        for key in ("related", "sites", "cross_reacts"):
            for place, named in enumerate(getattr(concept, key, ())):
                yield (group, id_, _kebab(key), place), named, getattr(read, group)
        for place, doubt in enumerate(getattr(concept, "doubts", ())):
            known = read.exposures if doubt.analyte is None else read.analytes
            yield (group, id_, "doubts", place), doubt.analyte or doubt.exposure, known


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = STRICT | ConfigDict(alias_generator=lambda name: name.replace("_", "-"))


class _Test(_Part):
    analyte: str
    from_age: IsoDuration | None = None


class _Rule(_Part):
    when: dict[str, Annotated[tuple[Seen, ...], BeforeValidator(_listed)]]
    later: dict[str, str] = {}
    not_before: dict[str, str] = {}
    without_entry: bool = False
    answer: Answer


class _Table(_Part):
    tests: dict[str, _Test]
    contradict: tuple[str, ...]
    rules: tuple[_Rule, ...]


class _Tables(RootModel[dict[str, _Table]]):
    pass


def read_infections(
    file: YamlFile, conditions: Collection[str], analytes: Collection[str]
) -> Mapping[str, InfectionTable]:
    """The tables in `file`, by the condition that they settle. Raises DefinitionError for a name that isn't known."""
    found: dict[str, InfectionTable] = {}
    for condition, table in file.checked(_Tables).root.items():
        if condition not in conditions:
            raise file.error((condition,), f"no condition {condition}")
        for name, test in table.tests.items():
            if test.analyte not in analytes:
                raise file.error((condition, "tests", name), f"no analyte {test.analyte}")
        for name in table.contradict:
            if name not in table.tests:
                raise file.error((condition, "contradict"), f"no test {name} in this table")
        for place, rule in enumerate(table.rules):
            named = {*rule.when, *rule.later, *rule.later.values(), *rule.not_before, *rule.not_before.values()}
            for name in sorted(named - set(table.tests)):
                raise file.error((condition, "rules", place), f"no test {name} in this table")
        found[condition] = InfectionTable(
            tests={name: InfectionTest(test.analyte, test.from_age) for name, test in table.tests.items()},
            contradict=table.contradict,
            rules=tuple(InfectionRule(**dict(rule)) for rule in table.rules),
        )
    return found
