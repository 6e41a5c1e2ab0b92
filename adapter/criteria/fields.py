"""A statement's fields as data: what each holds.

One table says it once. The YAML form and its JSON Schema (`mappings.trial.leaf_form`), the FHIR form in both directions
(`mappings.trial.fhir.kinds`) and the check of concepts and units (`mappings.trial.form`) are made from it.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from enum import StrEnum
from typing import Any

from adapter.criteria.catalogue import Catalogue


class Section(StrEnum):
    """A part of the catalogue, by what one of its concepts is called."""

    ANALYTE = "analyte"
    CONDITION = "condition"
    EXPOSURE = "drug or procedure"
    SUBSTANCE = "substance"
    DEVICE = "device"
    ENCOUNTER = "encounter"
    REPORT = "report"
    SPECIMEN = "specimen"
    RELATIVE = "relative"
    BODY_SITE = "body site"
    METHOD = "method"
    ROUTE = "route"

    def concepts(self, catalogue: Catalogue) -> Mapping[str, Any]:
        """Its concepts by id."""
        held: dict[Section, Mapping[str, Any]] = {
            Section.ANALYTE: catalogue.analytes,
            Section.CONDITION: catalogue.conditions,
            Section.EXPOSURE: catalogue.exposures,
            Section.SUBSTANCE: catalogue.substances,
            Section.DEVICE: catalogue.devices,
            Section.ENCOUNTER: catalogue.encounters,
            Section.REPORT: catalogue.reports,
            Section.SPECIMEN: catalogue.specimens,
            Section.RELATIVE: catalogue.relatives,
            Section.BODY_SITE: catalogue.body_sites,
            Section.METHOD: catalogue.methods,
            Section.ROUTE: catalogue.routes,
        }
        return held[self]


@dataclass(frozen=True, slots=True)
class ConceptOf:
    """A concept's id (str)."""

    section: Section


@dataclass(frozen=True, slots=True)
class CodeOf:
    """A member of an enum."""

    codes: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false (bool)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words that say something (str)."""


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number from 1 on (int)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time back from as-of (Duration); `hours`: or Hours, minutes too."""

    hours: bool = False


@dataclass(frozen=True, slots=True)
class AgeEnd:
    """One end of an age range (AgeBound); `upper` says which."""

    upper: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity compared with the values of the analytes in the field `of` (QuantityThreshold); both or neither."""

    of: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A quantity that something is compared with which is no analyte's value (QuantityThreshold): a dose, a frequency.

    `of`: the field of the analyte whose values differ by so much, in per cent or in a unit of theirs.
    """

    of: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the values of the analyte in the field `of` are compared with.

    A quantity, a multiple of a limit of normal, a finding or a boolean.
    """

    of: str


@dataclass(frozen=True, slots=True)
class Nested:
    """A dataclass of its own, with fields of its own."""

    statement: type[Any]
    fields: "tuple[Field, ...]"


Holds = ConceptOf | CodeOf | Flag | Text | Count | Window | AgeEnd | Amount | Bound | Comparison | Nested


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a statement.

    `name`: the dataclass's own, and with hyphens the key in a definition. `many`: a tuple of what it `holds`. `url`:
    the sub-extension's URL in FHIR, the key unless it is given. `says`: what the published schema says of it.

    Whether it may be left out, and what holds then, is what the dataclass's default says.
    """

    name: str
    holds: Holds
    many: bool = False
    url: str = ""
    says: str = ""

    @property
    def extension(self) -> str:
        """The URL of its sub-extension in FHIR."""
        return self.url or self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping: a key for each field."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """The value of the only field, as `sex: female`."""

    field: Field

    @property
    def fields(self) -> tuple[Field, ...]:
        """The only field."""
        return (self.field,)


@dataclass(frozen=True, slots=True)
class Word:
    """One word, of a statement without fields, as `consent: research`."""

    word: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """None."""
        return ()


Form = Keys | Value | Word
"""What stands behind a kind's key in a definition."""


def defaults(statement: type[Any]) -> dict[str, Any]:
    """What a dataclass's fields hold when they are left out; those that must be given have MISSING."""
    return {field.name: field.default for field in dataclasses.fields(statement)}


def check_table(statement: type[Any], fields: tuple[Field, ...], where: str) -> None:
    """Raise TypeError for a field of the dataclass without an entry in the table, and the reverse."""
    held, told = set(defaults(statement)), [field.name for field in fields]
    for name in sorted(held.symmetric_difference(told)):
        what = "has no entry in the table of fields" if name in held else "stands in the table, not in the dataclass"
        msg = f"{where}: {statement.__name__}.{name} {what}"
        raise TypeError(msg)
    for field in fields:
        if isinstance(field.holds, Nested):
            check_table(field.holds.statement, field.holds.fields, f"{where}, {field.name}")


def needed(statement: type[Any], field: Field) -> bool:
    """Whether a field must be given."""
    return defaults(statement)[field.name] is MISSING


def concepts(value: Any, fields: tuple[Field, ...]) -> Iterator[tuple[Section, str]]:  # noqa: ANN401  # any dataclass
    """The concepts that a statement names, in the order of its table."""
    for field in fields:
        held = getattr(value, field.name)
        for each in held if field.many else () if held is None else (held,):
            if isinstance(field.holds, ConceptOf):
                yield field.holds.section, each
            elif isinstance(field.holds, Nested):
                yield from concepts(each, field.holds.fields)
