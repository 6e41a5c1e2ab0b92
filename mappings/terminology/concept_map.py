"""A site's FHIR R4 ConceptMap in JSON: its own codes -> codes that the value sets know.

A target is taken where the source code is at least a kind of the target: `equal`, `equivalent`, `wider` and `subsumes`
(R4 says what the target is to the source). Any other equivalence of R4 (`narrower`, `specializes`, `inexact`,
`relatedto`, `unmatched`, `disjoint`) would be a guess and is ignored; the code then stays unmapped. An equivalence that
R4 does not have, and a concept of ours that does not exist, are errors: the code would be lost without a word.
Source: hl7.org/fhir/R4/codesystem-concept-map-equivalence.html.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.errors import DefinitionError

TAKEN = frozenset({"equal", "equivalent", "wider", "subsumes"})

_EQUIVALENCES = TAKEN | {"narrower", "specializes", "inexact", "relatedto", "unmatched", "disjoint"}

_JSON_LINE = re.compile(r"at line (\d+)")
"""Where pydantic says that JSON ends."""

LocalMap = Mapping[tuple[str, str], tuple[Coding, ...]]
"""(system, code) of a site -> what it stands for."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # a ConceptMap holds much that is not needed here


class _Target(_Part):
    code: str | None = None
    display: str = ""
    equivalence: str


class _Element(_Part):
    code: str | None = None
    target: tuple[_Target, ...] = ()


class _Group(_Part):
    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    element: tuple[_Element, ...] = ()


class _ConceptMap(_Part):
    resourceType: Literal["ConceptMap"]  # noqa: N815  # FHIR's name
    group: tuple[_Group, ...] = ()


def read_concept_map(name: str, data: bytes, concepts: Collection[str]) -> LocalMap:
    """The local codes in `data`, a ConceptMap; `name` is what errors call the file. Raises DefinitionError.

    `concepts`: the codes of our own code system of concepts, which a group may have as its target.
    """
    try:
        read = _ConceptMap.model_validate_json(data.removeprefix(BOM_UTF8))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        said = f"{where + ': ' if where else ''}{first['msg']}; local codes are an R4 ConceptMap in JSON"
        line = _JSON_LINE.search(first["msg"])
        raise _at(name, int(line[1]) if line else 1, said) from error
    found: dict[tuple[str, str], tuple[Coding, ...]] = {}
    for group in read.group:
        for element in group.element:
            _check(name, data, group.target, element, concepts)
            targets = tuple(
                Coding(group.target, target.code, target.display)
                for target in element.target
                if target.code and target.equivalence in TAKEN
            )
            if element.code and targets:
                key = group.source, element.code
                found[key] = found.get(key, ()) + targets
    return found


def _check(name: str, data: bytes, system: str, element: _Element, concepts: Collection[str]) -> None:
    for target in element.target:
        if target.equivalence not in _EQUIVALENCES:
            raise _unknown(name, data, element, "equivalence", target.equivalence, _EQUIVALENCES)
        if system == CONCEPTS and target.code and target.code not in concepts:
            raise _unknown(name, data, element, "concept", target.code, concepts)


def _unknown(name: str, data: bytes, element: _Element, what: str, said: str, known: Iterable[str]) -> DefinitionError:
    near = get_close_matches(said, sorted(known), n=1, cutoff=0)
    line = data[: max(data.find(json.dumps(said).encode()), 0)].count(b"\n") + 1
    return _at(name, line, f"{element.code}: no {what} {said!r}; the nearest is {near[0]!r}")


def _at(name: str, line: int, said: str) -> DefinitionError:
    return DefinitionError(f"{name}:{line}: {said}", file=name, line=line, said=said)
