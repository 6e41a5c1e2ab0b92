"""What a policy file may name: concepts, classes of data, units and files that exist."""

import difflib
from collections.abc import Collection, Iterator

from adapter.criteria.catalogue import Catalogue, Scale
from adapter.criteria.terminology import Terminology
from adapter.evaluator.negatives import CLASSES
from mappings.policies.form import kebab
from mappings.policies.layers import Layer
from mappings.terminology.yaml_file import Path

ATTESTATION = "attestation"


def freshness_classes(catalogue: Catalogue) -> frozenset[str]:
    """Every class of data that needs a window of freshness."""
    return frozenset({analyte.freshness for analyte in catalogue.analytes.values()} | {ATTESTATION} | CLASSES)


def check_layer(layer: Layer, terminology: Terminology) -> None:
    """Raise DefinitionError, with file and line, for the first name that isn't known."""
    for path, message in _problems(layer, terminology):
        raise layer.file.error(tuple(kebab(step) if isinstance(step, str) else step for step in path), message)


def _problems(layer: Layer, terminology: Terminology) -> Iterator[tuple[Path, str]]:
    yield from _names(layer, terminology.catalogue)
    yield from _limits(layer, terminology)
    for place, name in enumerate(layer.form.localCodes):
        if layer.folder is None or not (layer.folder / name).is_file():
            yield ("localCodes", place), f"no file {name} beside this one; local codes are a ConceptMap in JSON"


def _names(layer: Layer, catalogue: Catalogue) -> Iterator[tuple[Path, str]]:
    form = layer.form
    classes = freshness_classes(catalogue)
    for name in form.freshness:
        if name not in classes:
            yield ("freshness", name), _unknown("class of data", name, classes)
    absent = {*catalogue.conditions, *catalogue.exposures, *catalogue.substances}
    for place, name in enumerate(form.assumedAbsent):
        if name not in absent:
            yield ("assumedAbsent", place), _unknown("concept", name, absent)
    for place, name in enumerate(() if isinstance(form.waiveUnmapped, bool) else form.waiveUnmapped):
        if name not in absent:
            yield ("waiveUnmapped", place), _unknown("concept", name, absent)
    for place, name in enumerate(form.pregnancyRuledOut.procedures):
        if name not in catalogue.exposures:
            yield ("pregnancyRuledOut", "procedures", place), _unknown("procedure", name, catalogue.exposures)


def _limits(layer: Layer, terminology: Terminology) -> Iterator[tuple[Path, str]]:
    catalogue = terminology.catalogue
    measured = {id_ for id_, analyte in catalogue.analytes.items() if analyte.scale is Scale.QUANTITY}
    for name, limits in layer.form.normalLimits.items():
        if name not in measured:
            yield ("normalLimits", name), _unknown("analyte with a unit", name, measured)
        elif limits.unit is not None and terminology.factor(catalogue.analytes[name], None, limits.unit) is None:
            unit = catalogue.analytes[name].unit
            yield ("normalLimits", name, "unit"), f"{limits.unit} can't be converted to {unit}; write a unit that can"


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"no {kind} {name}; " + (f"is it {near[0]}?" if near else f"known are {', '.join(sorted(known))}")
