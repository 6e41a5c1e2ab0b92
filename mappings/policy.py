"""A site's policy: YAML -> the core's Policy (CONFORMANCE: Policy).

A policy without `extends` stands on the shipped `strict`, and what it says itself goes before. Mappings (freshness,
normal limits) merge key by key, local codes add up, everything else replaces.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapter.criteria.number import ONE, Number, times
from adapter.criteria.policy import NormalLimits, Policy
from adapter.criteria.terminology import Coding, Terminology
from adapter.errors import UsageError
from mappings.policies.checks import check_layer
from mappings.policies.form import LimitsForm, PolicyForm
from mappings.policies.layers import Layer, layers, shipped_names
from mappings.terminology import load_terminology
from mappings.terminology.concept_map import read_concept_map

__all__ = ["load_policy", "shipped_names"]


def load_policy(name_or_path: str | Path, *, terminology: Terminology | None = None) -> Policy:
    """The policy of that name among the shipped ones, or in that file.

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
    return _policy(_merged([layer.form for layer in chain]), _local_maps(chain, known), known)


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
        freshness=form.freshness,
        assumed_absent=frozenset(form.assumedAbsent),
        waive_unmapped=form.waiveUnmapped is True,
        waived=frozenset(() if isinstance(form.waiveUnmapped, bool) else form.waiveUnmapped),
        normal_limits={id_: _limits(id_, limits, terminology) for id_, limits in form.normalLimits.items()},
        antigen_cutoff=form.antigenCutoff,
        pregnancy_ruled_out_from=form.pregnancyRuledOut.fromAge,
        pregnancy_ruled_out_by=form.pregnancyRuledOut.procedures,
        until=form.until,
        local_maps=maps,
    )


def _limits(id_: str, limits: LimitsForm, terminology: Terminology) -> NormalLimits:
    """The limits in the analyte's canonical unit; the checks have found that the unit converts."""
    analyte = terminology.catalogue.analytes[id_]
    factor = ONE if limits.unit is None else terminology.factor(analyte, None, limits.unit) or ONE
    lower, upper = _in_canonical(limits.lower, factor), _in_canonical(limits.upper, factor)
    return NormalLimits(lower=lower, upper=upper)


def _in_canonical(value: Decimal | None, factor: Number) -> Number | None:
    return None if value is None else times(value, factor)


def _hash(form: PolicyForm, maps: Mapping[tuple[str, str], tuple[Coding, ...]]) -> str:
    """SHA-256 of what the policy says in the end: layout, comments and the way it is split into files don't matter."""
    said = form.model_dump(exclude={"extends", "localCodes"})
    said["freshness"] = {name: str(value) for name, value in form.freshness.items()}
    said["assumedAbsent"] = sorted(form.assumedAbsent)
    said["localMaps"] = sorted((*key, [[each.system, each.code] for each in found]) for key, found in maps.items())
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
