"""The tables beside this file: HL7's codes and names -> FHIR's. Read once, never changed."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import BaseModel

from mappings.terminology.yaml_file import STRICT, YamlFile, read_yaml


class _Event(BaseModel):
    model_config = STRICT
    leads: bool = False
    merges: bool = False


class _Events(BaseModel):
    model_config = STRICT
    source: str
    map: dict[str, _Event]


class _Map(BaseModel):
    model_config = STRICT
    source: str
    map: dict[str, str] = {}
    codes: tuple[str, ...] = ()


class _System(BaseModel):
    model_config = STRICT
    uri: str
    source: str
    names: tuple[str, ...]


class _Systems(BaseModel):
    model_config = STRICT
    systems: tuple[_System, ...]


class _Names(BaseModel):
    model_config = STRICT
    source: str
    standard: dict[str, str]
    written: dict[str, str]


class _Charsets(BaseModel):
    model_config = STRICT
    charsets: _Names


@cache
def _file(name: str) -> YamlFile:
    return read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8"))


@cache
def events() -> Mapping[str, _Event]:
    """What each kind of message (ORU^R01) does; kinds that aren't here are not converted."""
    return _Events.model_validate(_file("tables.yaml").content["events"]).map


@cache
def table(name: str) -> Mapping[str, str]:
    """A table of tables.yaml: HL7's code -> FHIR's."""
    return _Map.model_validate(_file("tables.yaml").content[name]).map


@cache
def codes(name: str) -> tuple[str, ...]:
    """A list of codes of tables.yaml, in its order."""
    return _Map.model_validate(_file("tables.yaml").content[name]).codes


@cache
def system_names() -> Mapping[str, str]:
    """Names of coding systems as messages have them, casefolded -> URI."""
    systems = _file("systems.yaml").checked(_Systems).systems
    return {name.casefold(): system.uri for system in systems for name in system.names}


@cache
def charsets() -> Mapping[str, str]:
    """Names of character sets as messages have them, as `charset_key` makes them -> Python codec."""
    names = _file("charsets.yaml").checked(_Charsets).charsets
    return {charset_key(name): codec for name, codec in (names.written | names.standard).items()}


def charset_key(name: str) -> str:
    """A character set's name without what says nothing: case, and - for _ or blank."""
    return name.strip().casefold().replace("_", "-")
