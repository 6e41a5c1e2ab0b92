"""The packaged terminology: value sets with the source of every code, the catalogue, code systems, units, findings."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from adapter.criteria.terminology import Terminology
from mappings.terminology.catalogue import read_catalogue
from mappings.terminology.codes import Systems
from mappings.terminology.concept_forms import read_formulas
from mappings.terminology.infections import read_infections
from mappings.terminology.tables import (
    read_histories,
    read_statuses,
    read_systems,
    read_units,
    read_words,
)
from mappings.terminology.ucum import unit_factor
from mappings.terminology.value_set import read_value_set
from mappings.terminology.yaml_file import YamlFile, read_yaml

__all__ = ["content_hash", "load_terminology", "packaged_systems"]


_TABLES = (
    "concepts.yaml",
    "findings.yaml",
    "formulas.yaml",
    "history.yaml",
    "infections.yaml",
    "statuses.yaml",
    "systems.yaml",
    "units.yaml",
)


@cache
def load_terminology() -> Terminology:
    """The packaged terminology, read and checked once. Raises DefinitionError that names the file."""
    folder = files(__name__)
    tables = {name: (folder / name).read_bytes() for name in _TABLES}
    sets = {file.name: file.read_bytes() for file in _value_set_files(folder)}
    value_sets = {read.id: read for read in (read_value_set(f"value-sets/{name}", data) for name, data in sets.items())}

    def table(name: str) -> YamlFile:
        return read_yaml(name, tables[name].decode("utf-8"))

    catalogue = read_catalogue(table("concepts.yaml"), value_sets)
    formulas = read_formulas(table("formulas.yaml"), catalogue, None)
    infections = read_infections(table("infections.yaml"), catalogue.conditions, catalogue.analytes)
    return Terminology(
        hash=content_hash({**tables, **sets}),
        catalogue=replace(catalogue, infections=infections, formulas=formulas),
        value_sets=value_sets,
        systems=packaged_systems().uris,
        unit_synonyms=read_units(table("units.yaml")),
        writing=read_words(table("findings.yaml")),
        status_words=read_statuses(table("statuses.yaml")),
        histories=read_histories(table("history.yaml")),
        unit_factor=unit_factor,
    )


@cache
def packaged_systems() -> Systems:
    """The packaged code systems, with their short names."""
    return read_systems(read_yaml("systems.yaml", (files(__name__) / "systems.yaml").read_text(encoding="utf-8")))


def _value_set_files(folder: Traversable) -> list[Traversable]:
    found = (file for file in (folder / "value-sets").iterdir() if file.name.endswith(".json"))
    return sorted(found, key=lambda file: file.name)


def content_hash(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, with line ends that a checkout can't change."""
    digest = hashlib.sha256()
    for name, data in contents.items():
        plain = data.replace(b"\r\n", b"\n")
        digest.update(f"{name}\n{len(plain)}\n".encode())
        digest.update(plain)
    return digest.hexdigest()
