"""The names a definition may use: the catalogue's concepts, and units that convert to an analyte's own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from adapter.criteria.catalogue import Analyte, Catalogue, Positivity, Scale
from adapter.criteria.model import Finding
from adapter.criteria.quantity import LimitThreshold, QuantityThreshold
from adapter.criteria.terminology import Terminology, UnitFactor
from mappings.trial.amounts import UNITLESS
from mappings.trial.form import nearest

CONCENTRATION = re.compile(r"[munp]?(g|mol)/[dmu]?L")
"""The everyday UCUM units of mass (or amount of substance) in a volume."""

Test = QuantityThreshold | LimitThreshold | Finding | bool
"""What an analyte may be compared with."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A catalogue and the units; passed to pydantic as the validation context."""

    catalogue: Catalogue
    unit_factor: UnitFactor

    @classmethod
    def of(cls, terminology: Terminology) -> "Vocabulary":
        """The vocabulary of a terminology."""
        return cls(terminology.catalogue, terminology.unit_factor)


def vocabulary(info: ValidationInfo) -> Vocabulary:
    """The vocabulary that a definition is being checked against."""
    if not isinstance(info.context, Vocabulary):
        msg = "a definition is checked with a Vocabulary as context"
        raise TypeError(msg)
    return info.context


def _known(kind: str, concepts: Callable[[Catalogue], Mapping[str, object]]) -> AfterValidator:
    def check(concept: str, info: ValidationInfo) -> str:
        known = concepts(vocabulary(info).catalogue)
        if concept not in known:
            msg = f"the catalogue has no {kind} {concept!r}; {nearest(concept, known)}"
            raise ValueError(msg)
        return concept

    return AfterValidator(check)


AnalyteId = Annotated[str, _known("analyte", lambda catalogue: catalogue.analytes)]
ConditionId = Annotated[str, _known("condition", lambda catalogue: catalogue.conditions)]
ExposureId = Annotated[str, _known("drug or procedure", lambda catalogue: catalogue.exposures)]
SubstanceId = Annotated[str, _known("substance", lambda catalogue: catalogue.substances)]


def check_comparison(
    analyte: Analyte,
    test: Test,
    known: Vocabulary,
) -> None:
    """Raise ValueError if the analyte's values can't be compared so: another kind of result, another dimension."""
    match test:
        case QuantityThreshold():
            _check_unit(analyte, test.unit, known)
        case LimitThreshold() if analyte.scale is not Scale.QUANTITY:
            msg = f"{analyte.id} has no reference range, being a {analyte.scale}; compare it with a value"
            raise ValueError(msg)
        case Finding() if analyte.scale is not Scale.FINDING and analyte.positivity is Positivity.NEVER:
            msg = f"{analyte.id} is a {analyte.scale}, not a finding; compare it with an amount, as in at-least"
            raise ValueError(msg)


def _check_unit(analyte: Analyte, unit: str, known: Vocabulary) -> None:
    if analyte.scale is Scale.FINDING:
        msg = f"{analyte.id} is a finding, not a number; write `finding: positive` or `finding: negative`"
        raise ValueError(msg)
    own = analyte.unit or UNITLESS
    if unit == own:
        return
    if analyte.scale is Scale.SCORE:
        msg = f"{analyte.id} is a score; write the number without a unit"
        raise ValueError(msg)
    if unit == UNITLESS:
        msg = f"{analyte.id} needs a unit; write it after the number, as in `{own}`"
        raise ValueError(msg)
    if _concentrations(analyte, unit, own):
        return
    if known.unit_factor(unit, f"({unit}).10") is None:  # every unit converts into ten of itself
        msg = f"{unit!r} is no UCUM unit; the unit of {analyte.id} is {own}"
        raise ValueError(msg)
    if known.unit_factor(unit, own) is None and not _by_molar_mass(analyte, unit, own, known):
        msg = f"{unit!r} does not convert to {own}, the unit of {analyte.id}; write a unit of that dimension"
        raise ValueError(msg)


def _concentrations(analyte: Analyte, unit: str, own: str) -> bool:
    """Whether both are plain concentrations that convert, seen without the UCUM parser, which is slow to import."""
    one, other = CONCENTRATION.fullmatch(unit), CONCENTRATION.fullmatch(own)
    return one is not None and other is not None and (one[1] == other[1] or analyte.molar_mass is not None)


def _by_molar_mass(analyte: Analyte, unit: str, own: str, known: Vocabulary) -> bool:
    """Whether mass turns into amount of substance (or back) on the way from `unit` to the analyte's own."""
    mass, substance = "g/L", "mol/L"
    ends = ((mass, substance), (substance, mass))
    return analyte.molar_mass is not None and any(
        known.unit_factor(unit, here) is not None and known.unit_factor(there, own) is not None for here, there in ends
    )
