"""systems.yaml, units.yaml and findings.yaml -> plain look-up tables."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from adapter.criteria.unit import unit_key
from adapter.criteria.written import Writing, plain
from mappings.terminology.yaml_file import STRICT, YamlFile

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


_Meanings = Literal["positive", "negative"]


class _Words(BaseModel):
    model_config = STRICT
    findings: dict[_Meanings, dict[str, tuple[str, ...]]]
    flags: dict[_Meanings, tuple[str, ...]] = {}
    number_flags: tuple[str, ...] = Field((), alias="number-flags")
    subjects: tuple[str, ...] = ()
    comparators: dict[Literal["<", "<=", ">", ">="], tuple[str, ...]] = {}
    names: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, dict[str, Decimal]] = {}
    unusable: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    sexes: dict[Literal["female", "male"], tuple[str, ...]] = {}
    severities: dict[Literal["severe", "not-severe"], tuple[str, ...]] = {}
    anaphylaxis: tuple[str, ...] = ()
    preventive: tuple[str, ...] = ()
    therapeutic: tuple[str, ...] = ()
    placeholder_dates: tuple[str, ...] = Field((), alias="placeholder-dates")


class _Statuses(BaseModel):
    model_config = STRICT
    clinical: dict[str, dict[str, tuple[str, ...]]]
    verification: dict[str, dict[str, tuple[str, ...]]]


def read_statuses(file: YamlFile) -> dict[tuple[str, str], str]:
    """(`clinical` or `verification`, words, casefolded and stripped) -> the status. Raises DefinitionError."""
    read = file.checked(_Statuses)
    found: dict[tuple[str, str], str] = {}
    for kind, statuses in (("clinical", read.clinical), ("verification", read.verification)):
        table: dict[str, str] = {}
        for status, languages in statuses.items():
            for language, texts in languages.items():
                for place, text in enumerate(texts):
                    _put(file, (kind, status, language, place), table, plain(text), status)
        found |= {(kind, text): status for text, status in table.items()}
    return found


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
    """What people write for a unit, as `unit_key` makes it -> UCUM. Raises DefinitionError."""
    read = file.checked(_Units)
    found: dict[str, str] = {}
    for table, prefix, units in (("common", "", read.common), ("enzyme", ENZYME, read.enzyme)):
        for ucum, texts in units.items():
            for place, text in enumerate(texts):
                _put(file, (table, ucum, place), found, prefix + unit_key(text), ucum)
    return found


def read_words(file: YamlFile) -> Writing:
    """The tables of what people write for a result. Raises DefinitionError."""
    read = file.checked(_Words)
    findings: dict[str, str] = {}
    for finding, languages in read.findings.items():
        for language, texts in languages.items():
            for place, text in enumerate(texts):
                _put(file, ("findings", finding, language, place), findings, plain(text), finding)
    return Writing(
        findings=findings,
        flags=_turned(file, "flags", read.flags),
        number_flags=_plain(read.number_flags),
        subjects=_plain(read.subjects),
        comparators=_turned(file, "comparators", read.comparators),
        names={of: tuple(sorted(_plain(names), key=len, reverse=True)) for of, names in read.names.items()},
        numbers={of: {plain(word): number for word, number in words.items()} for of, words in read.numbers.items()},
        unusable=_plain(read.unusable),
        normal=_plain(read.normal),
        sexes=_turned(file, "sexes", read.sexes),
        severities=_turned(file, "severities", read.severities),
        anaphylaxis=_plain(read.anaphylaxis),
        preventive=_plain(read.preventive),
        therapeutic=_plain(read.therapeutic),
        placeholder_dates=frozenset(read.placeholder_dates),
    )


def _turned(file: YamlFile, table: str, listed: Mapping[Any, tuple[str, ...]]) -> dict[str, str]:
    """From word to meaning."""
    found: dict[str, str] = {}
    for meaning, words in listed.items():
        for place, word in enumerate(words):
            _put(file, (table, meaning, place), found, plain(word), meaning)
    return found


def _plain(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(plain(word) for word in words)


def _put(file: YamlFile, path: tuple[str | int, ...], table: dict[str, str], key: str, value: str) -> None:
    if table.setdefault(key, value) != value:
        raise file.error(path, f"{key} already means {table[key]}; it can't mean {value} as well")
