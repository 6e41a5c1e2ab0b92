"""The catalogue: what is known of each concept that criteria name, apart from its codes.

A concept's id is also the id of its value set. The catalogue itself is data (`mappings/terminology/concepts.yaml`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.quantity import Duration


class Scale(StrEnum):
    """How an analyte is reported: a quantity with a unit, a plain number (ECOG), or a qualitative finding."""

    QUANTITY = "quantity"
    SCORE = "score"
    FINDING = "finding"


class Positivity(StrEnum):
    """When a number counts as a positive finding.

    `cutoff`: at or above the policy's antigen cut-off positive, 0 negative, between a question.
    `above-zero`: above 0 positive, 0 negative. `never`: a number alone says nothing (no threshold is known).
    """

    CUTOFF = "cutoff"
    ABOVE_ZERO = "above-zero"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyte:
    """What an Observation measures.

    `unit`: canonical UCUM unit of a quantity (`1` for scores). `molar_mass`: g/mol. `freshness`: the policy's class
    that says how long a value stands. `not_comparable`: value sets of codes that look alike and must not be compared.
    `enzyme`: an IU written in its unit means U.
    `alternative`: an analyte that counts as well while the patient is younger than `alternative_below`.
    """

    id: str
    title: str
    scale: Scale
    freshness: str
    unit: str | None = None
    molar_mass: Decimal | None = None
    positivity: Positivity = Positivity.NEVER
    not_comparable: tuple[str, ...] = ()
    enzyme: bool = False
    alternative: str | None = None
    alternative_below: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionConcept:
    """A diagnosis.

    `possible`: value sets of codes too coarse to tell (an ICD code without lineage): on record, `needs-review`.
    `transient`: how long an entry that was never closed stands. `absent`: value sets of explicit "no known …" codes.
    `pregnancy`: read by the pregnancy rule (the newest of status, test and condition decides).
    """

    id: str
    title: str
    possible: tuple[str, ...] = ()
    transient: Duration | None = None
    absent: tuple[str, ...] = ()
    pregnancy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureConcept:
    """A drug or a procedure. `systemic_class`: value sets of classes that are systemic by themselves (ATC)."""

    id: str
    title: str
    systemic_class: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstanceConcept:
    """A substance that one may be allergic to. `absent`: value sets of explicit "no known allergy" codes."""

    id: str
    title: str
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every concept by id, one mapping a kind."""

    analytes: Mapping[str, Analyte]
    conditions: Mapping[str, ConditionConcept]
    exposures: Mapping[str, ExposureConcept]
    substances: Mapping[str, SubstanceConcept]
