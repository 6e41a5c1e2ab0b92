"""A site's policy: YAML -> the core's Policy (CONFORMANCE: Policy).

A policy without `extends` stands on the shipped `strict`, and what it says itself goes before. Mappings (freshness,
normal limits) merge key by key, local codes add up, everything else replaces. A file may name only concepts, classes of
data, units and files that exist. Keys are kebab-case, as those of trials are; the camelCase keys of the first version
are still read, with a warning.
"""

import difflib
import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from adapter.criteria.catalogue import Catalogue, Scale
from adapter.criteria.policy import NormalLimits, Policy
from adapter.criteria.quantity import SAME
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.errors import DefinitionError, UsageError
from adapter.evaluator.negatives import CLASSES
from mappings.policies.form import LimitsForm, PolicyForm, earlier_keys, kebab
from mappings.terminology import load_terminology
from mappings.terminology.value_set import read_concept_map
from mappings.terminology.yaml_file import Path as KeyPath
from mappings.terminology.yaml_file import YamlFile, nearest, open_yaml, read_yaml, with_others

log = logging.getLogger(__name__)
ATTESTATION = "attestation"
ROOT = "strict"
"""The shipped policy that every other begins from."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of the chain; `folder` is None for a shipped one."""

    file: YamlFile
    form: PolicyForm
    folder: Path | None


Places = Mapping[str, tuple[str, int]]
"""The file and line of a concept, by id."""


def load_policy(
    name_or_path: str | Path, *, terminology: Terminology | None = None, places: Places = MappingProxyType({})
) -> Policy:
    """The policy of that name among the shipped ones, or in that file.

    `places`: where a site's concepts are written, for what is wrong with them.

    Raises UsageError if there is none, and DefinitionError, with file and line, if it is wrong.
    """
    known = load_terminology() if terminology is None else terminology
    if name_or_path not in shipped_names():
        name_or_path = Path(name_or_path)
        if not name_or_path.is_file():
            msg = f"no policy {name_or_path}; name a shipped one ({', '.join(shipped_names())}) or a YAML file"
            raise UsageError(msg)
    chain = layers(name_or_path)
    for layer in chain:
        check_layer(layer, known)
    policy = _policy(_merged([layer.form for layer in chain]), _local_maps(chain, known), known)
    _check_windows(chain[-1], policy, known, places)
    return policy


def policy_texts(name_or_path: str | Path) -> Iterator[str]:
    """The text of a policy that is no shipped one, and of the ConceptMaps that it names, those that can be read."""
    if name_or_path in shipped_names() or not Path(name_or_path).is_file():
        return
    for layer in layers(Path(name_or_path)):
        if layer.folder is not None:
            yield repr(layer.file.content)
            for path in (layer.folder / name for name in layer.form.localCodes):
                if path.is_file():
                    yield path.read_text(encoding="utf-8", errors="replace")


def _check_windows(layer: Layer, policy: Policy, terminology: Terminology, places: Places) -> None:
    """Raise DefinitionError for analytes whose values nobody says how long they stand, each where it is written."""
    wrong = []
    for analyte in terminology.catalogue.analytes.values():
        if analyte.freshness not in policy.freshness:
            near = difflib.get_close_matches(analyte.freshness, sorted(policy.freshness), n=1)
            known = f"is it {near[0]}? Else " if near else ""
            own = f"add {analyte.freshness}: P30D, or how long it may stand, to a freshness of policy or concepts"
            said = f"no window for {analyte.freshness}, the class of the analyte {analyte.id}; {known}{own}"
            if analyte.id in places:
                file, line = places[analyte.id]
                wrong.append(DefinitionError(f"{file}:{line}: {said}", file=file, line=line, said=said))
            else:
                wrong.append(layer.file.error(("freshness",), said))
    if wrong:
        raise with_others(wrong[0], wrong[1:], "of the same kind")


def _merged(forms: list[PolicyForm]) -> PolicyForm:
    """One form out of a chain, later ones before earlier ones."""
    said: dict[str, Any] = {}
    for form in forms:
        for key in form.model_fields_set:
            value = getattr(form, key)
            said[key] = said.get(key, {}) | value if isinstance(value, dict) else value
    return PolicyForm.model_construct(**said)


def _local_maps(chain: tuple[Layer, ...], terminology: Terminology) -> dict[tuple[str, str], tuple[Coding, ...]]:
    found: dict[tuple[str, str], tuple[Coding, ...]] = {}
    for layer in chain:
        for name in layer.form.localCodes:
            data = ((layer.folder or Path()) / name).read_bytes()
            read = read_concept_map(name, data, terminology.value_sets)
            for key, targets in read.items():
                found[key] = found.get(key, ()) + targets
    return found


def _policy(form: PolicyForm, maps: Mapping[tuple[str, str], tuple[Coding, ...]], terminology: Terminology) -> Policy:
    return Policy(
        id=form.id,
        hash=_hash(form, maps),
        title=form.title,
        time_zone=ZoneInfo(form.timeZone),
        freshness={**terminology.catalogue.freshness, **form.freshness},
        assumed_absent=frozenset(form.assumedAbsent),
        complete_lists=frozenset(each.value for each in form.completeLists),
        waive_unmapped=form.waiveUnmapped is True,
        waived=frozenset(() if isinstance(form.waiveUnmapped, bool) else form.waiveUnmapped),
        normal_limits={id_: _limits(id_, limits, terminology) for id_, limits in form.normalLimits.items()},
        antigen_cutoff=form.antigenCutoff,
        pregnancy_ruled_out_from=form.pregnancyRuledOut.fromAge,
        pregnancy_ruled_out_by=form.pregnancyRuledOut.procedures,
        until=form.until,
        patient_system=form.patientIdentifierSystem,
        local_maps=maps,
    )


def _limits(id_: str, limits: LimitsForm, terminology: Terminology) -> NormalLimits:
    """The limits in the analyte's canonical unit; the checks have found that the unit converts."""
    analyte = terminology.catalogue.analytes[id_]
    known = SAME if limits.unit is None else terminology.conversion(analyte, None, limits.unit) or SAME
    lower, upper = (None if value is None else known.of(value) for value in (limits.lower, limits.upper))
    return NormalLimits(lower=lower, upper=upper)


def _hash(form: PolicyForm, maps: Mapping[tuple[str, str], tuple[Coding, ...]]) -> str:
    """SHA-256 of what the policy says in the end: layout, comments and the way it is split into files don't matter."""
    said = form.model_dump(exclude={"extends", "localCodes", "completeLists"})
    said["freshness"] = {name: str(value) for name, value in form.freshness.items()}
    said["assumedAbsent"] = sorted(form.assumedAbsent)
    if form.completeLists:
        said["completeLists"] = sorted(form.completeLists)
    said["localMaps"] = sorted((*key, [[each.system, each.code] for each in found]) for key, found in maps.items())
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


@cache
def shipped_names() -> tuple[str, ...]:
    """The names of the shipped policies."""
    found = (file.name for file in files("mappings.policies").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def layers(name_or_path: str | Path) -> tuple[Layer, ...]:
    """The chain of a shipped policy or of a file. Raises DefinitionError."""
    found: list[Layer] = []
    seen: set[str | Path] = set()
    following: str | Path | None = name_or_path
    while following is not None:
        seen.add(following)
        layer = _layer(following)
        found.insert(0, layer)
        following = _extended(layer, following)
        if following in seen:
            raise layer.file.error(("extends",), f"{layer.form.extends} extends this policy in turn; end the circle")
    return tuple(found)


def _layer(name_or_path: str | Path) -> Layer:
    if isinstance(name_or_path, str):
        shipped = files("mappings.policies") / f"{name_or_path}.yaml"
        file, folder = read_yaml(shipped.name, shipped.read_text(encoding="utf-8")), None
    else:
        file, folder = open_yaml(name_or_path), name_or_path.parent
    file = _with_new_keys(file)
    return Layer(file, file.checked(PolicyForm), folder)


def _with_new_keys(file: YamlFile) -> YamlFile:
    """The file as if it were written with the keys of today. Raises DefinitionError where a key stands in both ways."""
    new = earlier_keys()
    if not any(step in new for path in file.lines for step in path):
        return file
    lines = {tuple(new.get(str(step), step) for step in path): line for path, line in file.lines.items()}
    for path, line in file.lines.items():
        if path[-1:] and path[-1] in new:
            key = new[str(path[-1])]
            if (*path[:-1], key) in file.lines:
                raise file.error(path, f"the key stands twice, here and as {key}; keep {key}")
            told = "%s:%d: the key %s is written %s from now on; the next version will refuse it"
            log.warning(told, file.name, line, path[-1], key)
    return YamlFile(file.name, _renamed(file.content, new), lines)


def _renamed(content: Any, new: dict[str, str]) -> Any:  # noqa: ANN401  # what YAML holds
    if isinstance(content, dict):
        return {new.get(key, key): _renamed(value, new) for key, value in content.items()}
    return content


def _extended(layer: Layer, own: str | Path) -> str | Path | None:
    """What a policy stands on: a shipped one by name, another file, by default the root; nothing for the root."""
    named = layer.form.extends
    if named is None:
        return None if own == ROOT else ROOT
    if named in shipped_names():
        return named
    path = (layer.folder / named).resolve() if layer.folder is not None else None
    if path is None or not path.is_file():
        raise layer.file.error(("extends",), f"no policy {named}; name one of {', '.join(shipped_names())}, or a file")
    return path


def freshness_classes(catalogue: Catalogue) -> frozenset[str]:
    """Every class of data that needs a window of freshness."""
    own = {analyte.freshness for analyte in catalogue.analytes.values()}
    return frozenset(own | set(catalogue.freshness) | {ATTESTATION} | CLASSES)


def check_layer(layer: Layer, terminology: Terminology) -> None:
    """Raise DefinitionError, with file and line, for the first name that isn't known, with the others beside it."""
    found = [
        layer.file.error(tuple(kebab(step) if isinstance(step, str) else step for step in path), message)
        for path, message in _problems(layer, terminology)
    ]
    if found:
        raise with_others(found[0], found[1:], "in this file")


def _problems(layer: Layer, terminology: Terminology) -> Iterator[tuple[KeyPath, str]]:
    yield from _names(layer, terminology.catalogue)
    yield from _limit_names(layer, terminology)
    for place, name in enumerate(layer.form.localCodes):
        if layer.folder is None or not (layer.folder / name).is_file():
            yield ("localCodes", place), f"no file {name} beside this one; local codes are a ConceptMap in JSON"


def _names(layer: Layer, catalogue: Catalogue) -> Iterator[tuple[KeyPath, str]]:
    form = layer.form
    classes = freshness_classes(catalogue)
    for name in form.freshness:
        if name not in classes:
            yield ("freshness", name), _unknown("class of data", name, classes)
    absent = catalogue.listed
    for place, name in enumerate(form.assumedAbsent):
        if name not in absent:
            yield ("assumedAbsent", place), _unknown("concept", name, absent)
    for place, name in enumerate(() if isinstance(form.waiveUnmapped, bool) else form.waiveUnmapped):
        if name not in absent:
            yield ("waiveUnmapped", place), _unknown("concept", name, absent)
    for place, name in enumerate(form.pregnancyRuledOut.procedures):
        if name not in catalogue.exposures:
            yield ("pregnancyRuledOut", "procedures", place), _unknown("procedure", name, catalogue.exposures)


def _limit_names(layer: Layer, terminology: Terminology) -> Iterator[tuple[KeyPath, str]]:
    catalogue = terminology.catalogue
    measured = {id_ for id_, analyte in catalogue.analytes.items() if analyte.scale is Scale.QUANTITY}
    for name, limits in layer.form.normalLimits.items():
        if name not in measured:
            yield ("normalLimits", name), _unknown("analyte with a unit", name, measured)
        elif limits.unit is not None and terminology.conversion(catalogue.analytes[name], None, limits.unit) is None:
            unit = catalogue.analytes[name].unit
            yield ("normalLimits", name, "unit"), f"{limits.unit} can't be converted to {unit}; write a unit that can"


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    return f"no {kind} {name}; {nearest(name, known)}"
