"""A concept's codes in one line each, as they stand in concepts.yaml and in trials -> its value set.

    - icd-10-cm: C50 (Malignant neoplasm of breast)

A line names a code system, by its short name or its URI (systems.yaml), a code, and in brackets what the code says. In
a classification (ICD, ATC) a code stands for itself and all that begins with it. Elsewhere a code is itself;
`<< 254837009` is it with all below it, which a terminology server or an imported release knows; `C50*` is what begins
so in any system, and `all` is every code of the system.
"""

import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from adapter.criteria.value_set import Coding, ValueSet
from mappings.terminology.yaml_file import Problem, nearest

_WRITTEN = re.compile(r"(?P<below><<\s*)?(?P<code>[^\s()*]+?)(?P<star>\.?\*)?(?:\s+\((?P<display>.*)\))?")
_ALL = "all"
FIRST_SIGNS = string.ascii_letters + string.digits
"""What a code may begin with: the beginnings of every code of a system."""


class Reach(StrEnum):
    """What a line holds: the code as its system has it, all that begins with it, all below it, or every code."""

    CODE = ""
    BEGINNING = "*"
    BELOW = "<<"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line; `system` as it is written."""

    system: str
    code: str
    display: str
    reach: Reach


def code_line(written: object) -> CodeLine:
    """A line as it stands in YAML, a mapping of one key. Raises ValueError."""
    match written:
        case CodeLine():
            return written
        case {**pairs} if len(pairs) == 1:
            ((system, text),) = pairs.items()
            found = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
            if found is not None:
                return CodeLine(str(system), found["code"], found["display"] or "", _reach(found))
    msg = f"{written!r} is no code; write the code system and the code, as in `- icd-10-cm: C50 (Breast cancer)`"
    raise ValueError(msg)


def _reach(found: re.Match[str]) -> Reach:
    if found["below"]:
        return Reach.BELOW
    if found["star"]:
        return Reach.BEGINNING
    return Reach.ALL if found["code"] == _ALL else Reach.CODE


_LINE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {"type": ["string", "number"]},
    "description": "A code system and a code: `icd-10-cm: C50 (Breast cancer)`; `<< 254837009` with all below it.",
}
Line = Annotated[CodeLine, BeforeValidator(code_line), WithJsonSchema(_LINE_SCHEMA)]
"""A line in a model."""


def line_or_name(written: object) -> object:
    """A line, or the name of a value set that stands elsewhere."""
    return written if isinstance(written, str) else code_line(written)


LineOrName = Annotated[
    CodeLine | str, BeforeValidator(line_or_name), WithJsonSchema({"anyOf": [_LINE_SCHEMA, {"type": "string"}]})
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """The known code systems. `uris`: every URI of one -> its canonical one; `names`: short name -> canonical.

    `classifications`: those whose codes are beginnings of what is below them.
    """

    uris: Mapping[str, str]
    names: Mapping[str, str]
    classifications: frozenset[str]

    @classmethod
    def none(cls) -> "Systems":
        """No system."""
        return cls(uris={}, names={}, classifications=frozenset())

    def canonical(self, written: str) -> str | None:
        """The canonical URI of a system by its short name or one of its URIs; an unknown URI is its own."""
        known = self.names.get(written) or self.uris.get(written)
        return written if known is None and ":" in written else known

    def joined(self, other: "Systems") -> "Systems":
        """Both as one; what the other says goes before."""
        return Systems(
            uris={**self.uris, **other.uris},
            names={**self.names, **other.names},
            classifications=self.classifications | other.classifications,
        )


@dataclass(slots=True)
class Codes:
    """A value set while it is read."""

    codes: list[Coding]
    prefixes: list[Coding]
    roots: list[Coding]

    @classmethod
    def of(cls, lines: Iterable[CodeLine], systems: Systems) -> "Codes":
        """What lines hold; those of an unknown system are left out."""
        found = cls([], [], [])
        for line in lines:
            uri = systems.canonical(line.system)
            if uri is None:
                continue
            coding = Coding(uri, line.code, line.display)
            begins = line.reach is Reach.BEGINNING or (line.reach is Reach.CODE and uri in systems.classifications)
            if line.reach is Reach.ALL:
                found.prefixes += [Coding(uri, sign) for sign in FIRST_SIGNS]
            elif line.reach is Reach.BELOW and uri not in systems.classifications:
                found.roots.append(coding)
                found.codes.append(coding)
            else:
                (found.prefixes if begins or line.reach is Reach.BELOW else found.codes).append(coding)
        return found


def unknown_systems(named: Iterable[str], systems: Systems) -> Iterator[Problem]:
    """The systems that nobody knows, by their place among those named."""
    for place, name in enumerate(named):
        if systems.canonical(name) is None:
            known = nearest(name, systems.names)
            yield (place,), f"no code system {name!r}; {known} Others go by their URI, or stand in systems.yaml"


def value_set_of(
    id_: str, lines: Sequence[CodeLine], but: Sequence[CodeLine], exhaustive: Iterable[str], systems: Systems
) -> ValueSet:
    """The value set of some lines without others; exhaustive in the named systems."""
    held, without = Codes.of(lines, systems), Codes.of(but, systems)
    apart = {(each.system, each.code) for each in without.codes}
    return ValueSet(
        id=id_,
        codes=tuple(dict.fromkeys(each for each in held.codes if (each.system, each.code) not in apart)),
        roots=tuple(held.roots),
        prefixes=tuple(dict.fromkeys(held.prefixes)),
        excluded_prefixes=tuple(without.prefixes),
        excluded=frozenset(apart),
        exhaustive=frozenset(uri for name in exhaustive if (uri := systems.canonical(name))),
        local=True,
    )
