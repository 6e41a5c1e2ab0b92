"""The packaged terminology: value sets with the source of every code, the catalogue, code systems, units, findings."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from adapter.criteria.terminology import Terminology
from mappings.terminology.catalogue import read_catalogue
from mappings.terminology.infections import read_infections
from mappings.terminology.tables import read_statuses, read_systems, read_units, read_words
from mappings.terminology.ucum import unit_factor
from mappings.terminology.value_set import read_value_set
from mappings.terminology.yaml_file import YamlFile, read_yaml

__all__ = ["load_terminology"]


@cache
def load_terminology() -> Terminology:
    """The packaged terminology, read and checked once. Raises DefinitionError that names the file."""
    folder = files(__name__)
    value_sets = {}
    for file in _value_set_files(folder):
        read = read_value_set(f"value-sets/{file.name}", file.read_bytes())
        value_sets[read.id] = read
    catalogue = read_catalogue(_yaml(folder, "concepts.yaml"), value_sets)
    infections = read_infections(_yaml(folder, "infections.yaml"), catalogue.conditions, catalogue.analytes)
    return Terminology(
        hash=_hash(folder),
        catalogue=replace(catalogue, infections=infections),
        value_sets=value_sets,
        systems=read_systems(_yaml(folder, "systems.yaml")),
        unit_synonyms=read_units(_yaml(folder, "units.yaml")),
        writing=read_words(_yaml(folder, "findings.yaml")),
        status_words=read_statuses(_yaml(folder, "statuses.yaml")),
        unit_factor=unit_factor,
    )


def _value_set_files(folder: Traversable) -> list[Traversable]:
    found = (file for file in (folder / "value-sets").iterdir() if file.name.endswith(".json"))
    return sorted(found, key=lambda file: file.name)


def _yaml(folder: Traversable, name: str) -> YamlFile:
    return read_yaml(name, (folder / name).read_text(encoding="utf-8"))


def _hash(folder: Traversable) -> str:
    """SHA-256 over names and contents, with line ends that a checkout can't change."""
    digest = hashlib.sha256()
    for name, data in _contents(folder):
        digest.update(f"{name}\n{len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _contents(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    tables = (
        folder / name
        for name in ("concepts.yaml", "findings.yaml", "infections.yaml", "statuses.yaml", "systems.yaml", "units.yaml")
    )
    for file in (*tables, *_value_set_files(folder)):
        yield file.name, file.read_bytes().replace(b"\r\n", b"\n")
