"""concepts.yaml -> the Catalogue: what is known of each concept apart from its codes."""

from collections.abc import Collection, Iterator
from decimal import Decimal

from pydantic import BaseModel, Field

from adapter.criteria.catalogue import (
    Analyte,
    Catalogue,
    ConditionConcept,
    ExposureConcept,
    Positivity,
    Scale,
    SubstanceConcept,
)
from mappings.terminology.durations import STRICT, IsoDuration
from mappings.terminology.yaml_file import Path, YamlFile


class _Concept(BaseModel):
    model_config = STRICT
    title: str


class _Analyte(_Concept):
    scale: Scale
    freshness: str
    unit: str | None = None
    molarMass: Decimal | None = Field(None, gt=0)  # noqa: N815  # YAML keys are camelCase, as FHIR's are
    positivity: Positivity = Positivity.NEVER
    notComparable: tuple[str, ...] = ()  # noqa: N815
    enzyme: bool = False
    alternative: str | None = None
    alternativeBelow: IsoDuration | None = None  # noqa: N815


class _Condition(_Concept):
    possible: tuple[str, ...] = ()
    transient: IsoDuration | None = None
    absent: tuple[str, ...] = ()
    pregnancy: bool = False


class _Exposure(_Concept):
    systemicClass: tuple[str, ...] = ()  # noqa: N815
    absent: tuple[str, ...] = ()


class _Substance(_Concept):
    absent: tuple[str, ...] = ()


class _Catalogue(BaseModel):
    model_config = STRICT
    analytes: dict[str, _Analyte]
    conditions: dict[str, _Condition]
    exposures: dict[str, _Exposure]
    substances: dict[str, _Substance]


def read_catalogue(file: YamlFile, value_sets: Collection[str]) -> Catalogue:
    """The catalogue in `file`. Raises DefinitionError where it doesn't fit itself or the value sets' ids."""
    read = file.checked(_Catalogue)
    for path, named in _named_value_sets(read):
        if named not in value_sets:
            raise file.error(path, f"no value set {named}; add value-sets/{named}.json or name one that exists")
    for id_, analyte in read.analytes.items():
        if analyte.scale is Scale.QUANTITY and analyte.unit is None:
            raise file.error(("analytes", id_), "a quantity needs its canonical `unit` (UCUM)")
        if analyte.alternative is not None and analyte.alternative not in read.analytes:
            raise file.error(("analytes", id_, "alternative"), f"no analyte {analyte.alternative}")
    return Catalogue(
        analytes={id_: _analyte(id_, a) for id_, a in read.analytes.items()},
        conditions={id_: ConditionConcept(id=id_, **dict(c)) for id_, c in read.conditions.items()},
        exposures={
            id_: ExposureConcept(id=id_, title=e.title, systemic_class=e.systemicClass, absent=e.absent)
            for id_, e in read.exposures.items()
        },
        substances={id_: SubstanceConcept(id=id_, **dict(s)) for id_, s in read.substances.items()},
    )


def _analyte(id_: str, analyte: _Analyte) -> Analyte:
    return Analyte(
        id=id_,
        title=analyte.title,
        scale=analyte.scale,
        freshness=analyte.freshness,
        unit="1" if analyte.scale is Scale.SCORE else analyte.unit,
        molar_mass=analyte.molarMass,
        positivity=analyte.positivity,
        not_comparable=analyte.notComparable,
        enzyme=analyte.enzyme,
        alternative=analyte.alternative,
        alternative_below=analyte.alternativeBelow,
    )


def _named_value_sets(read: _Catalogue) -> Iterator[tuple[Path, str]]:
    """Every value set that a concept stands on, with the path that names it: its own id, and those it refers to."""
    for group, concepts in (
        ("analytes", read.analytes),
        ("conditions", read.conditions),
        ("exposures", read.exposures),
        ("substances", read.substances),
    ):
        for id_, concept in concepts.items():
            yield (group, id_), id_
            for key in ("notComparable", "possible", "systemicClass", "absent"):
                for place, named in enumerate(getattr(concept, key, ())):
                    yield (group, id_, key, place), named
