"""codes.yaml and words.yaml -> look-up tables, read and checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.criteria.written import plain
from mappings.terminology.yaml_file import STRICT, YamlFile, read_yaml


class _Coding(BaseModel):
    model_config = STRICT
    system: str
    code: str


class _Codes(BaseModel):
    model_config = STRICT
    codes: dict[str, tuple[_Coding, ...]]
    molar: dict[str, _Coding]
    procedures: frozenset[str]
    states: frozenset[str]


class _Words(BaseModel):
    model_config = STRICT
    yes: tuple[str, ...]
    no: tuple[str, ...]
    blank: tuple[str, ...]
    sex: dict[str, tuple[str, ...]]
    condition: dict[str, tuple[str, ...]]
    exposure: dict[str, tuple[str, ...]]
    severity: dict[str, tuple[str, ...]]
    route: dict[str, tuple[str, ...]]
    score: dict[str, tuple[str, ...]]
    rows: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words of cells, casefolded and stripped. `answers`: to True and False; the others to FHIR's words or codes."""

    answers: Mapping[str, bool]
    blanks: frozenset[str]
    sex: Mapping[str, str]
    condition: Mapping[str, str]
    exposure: Mapping[str, str]
    severity: Mapping[str, str]
    route: Mapping[str, str]
    score: Mapping[str, str]
    rows: Mapping[str, str]


@cache
def words() -> Words:
    """The table of words."""
    read = _file("words.yaml").checked(_Words)
    answers = {plain(word): truth for truth, listed in ((True, read.yes), (False, read.no)) for word in listed}
    return Words(
        answers=answers,
        blanks=frozenset(map(plain, read.blank)),
        sex=_turned(read.sex),
        condition=_turned(read.condition),
        exposure=_turned(read.exposure),
        severity=_turned(read.severity),
        route=_turned(read.route),
        score=_turned(read.score),
        rows=_turned(read.rows),
    )


@cache
def _codes() -> _Codes:
    return _file("codes.yaml").checked(_Codes)


def codes_of(concept: str, terminology: Terminology, *, molar: bool = False) -> tuple[Coding, ...]:
    """The codes that a concept is written with; never none."""
    read = _codes()
    if molar and concept in read.molar:
        return (_coding(read.molar[concept]),)
    listed = read.codes.get(concept)
    value_set = terminology.value_sets[concept]
    if listed is None and len(value_set.codes) == 1:
        return (Coding(value_set.codes[0].system, value_set.codes[0].code),)
    return tuple(map(_coding, listed or ())) or (Coding(CONCEPTS, concept),)


def is_procedure(concept: str) -> bool:
    """Whether an exposure is a procedure."""
    return concept in _codes().procedures


def is_state(concept: str) -> bool:
    """Whether yes and no answer a finding."""
    return concept in _codes().states


def _coding(read: _Coding) -> Coding:
    return Coding(read.system, read.code)


def _file(name: str) -> YamlFile:
    return read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8"))


def _turned(listed: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {plain(word): meaning for meaning, words_ in listed.items() for word in words_}
