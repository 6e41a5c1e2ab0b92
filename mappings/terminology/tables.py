"""systems.yaml, units.yaml and findings.yaml -> plain look-up tables."""

from typing import Literal

from pydantic import BaseModel

from mappings.terminology.durations import STRICT
from mappings.terminology.yaml_file import YamlFile

ENZYME = "enzyme:"
"""Unit texts that mean something else for an enzyme (an IU is a U) stand in the table under this prefix."""


class _Alias(BaseModel):
    model_config = STRICT
    uri: str
    source: str


class _System(BaseModel):
    model_config = STRICT
    uri: str
    title: str
    source: str
    others: tuple[_Alias, ...] = ()


class _Systems(BaseModel):
    model_config = STRICT
    systems: tuple[_System, ...]


class _Units(BaseModel):
    model_config = STRICT
    common: dict[str, tuple[str, ...]]
    enzyme: dict[str, tuple[str, ...]]


class _Findings(BaseModel):
    model_config = STRICT
    findings: dict[Literal["positive", "negative"], dict[str, tuple[str, ...]]]


def read_systems(file: YamlFile) -> dict[str, str]:
    """Every URI of a known code system -> its canonical one. Raises DefinitionError."""
    found: dict[str, str] = {}
    for place, system in enumerate(file.checked(_Systems).systems):
        for uri in (system.uri, *(other.uri for other in system.others)):
            if uri in found:
                raise file.error(("systems", place), f"{uri} is already a URI of {found[uri]}")
            found[uri] = system.uri
    return found


def read_units(file: YamlFile) -> dict[str, str]:
    """What people write for a unit, casefolded and stripped -> UCUM. Raises DefinitionError."""
    read = file.checked(_Units)
    found: dict[str, str] = {}
    for table, prefix, units in (("common", "", read.common), ("enzyme", ENZYME, read.enzyme)):
        for ucum, texts in units.items():
            for place, text in enumerate(texts):
                _put(file, (table, ucum, place), found, prefix + plain(text), ucum)
    return found


def read_findings(file: YamlFile) -> dict[str, str]:
    """What people write for a qualitative result, casefolded and stripped -> positive, negative."""
    found: dict[str, str] = {}
    for finding, languages in file.checked(_Findings).findings.items():
        for language, texts in languages.items():
            for place, text in enumerate(texts):
                _put(file, ("findings", finding, language, place), found, plain(text), finding)
    return found


def plain(text: str) -> str:
    """A text as the tables hold it: letter case and surrounding blanks say nothing."""
    return text.strip().casefold()


def _put(file: YamlFile, path: tuple[str | int, ...], table: dict[str, str], key: str, value: str) -> None:
    if table.setdefault(key, value) != value:
        raise file.error(path, f"{key} already means {table[key]}; it can't mean {value} as well")
