"""A concept's codes in one line each, as they stand in concepts.yaml and in trials -> its value set.

    - icd-10-cm: C50 (Malignant neoplasm of breast)
    - {"icd-10, icd-10-cm": C50 (Malignant neoplasm of breast), source: the two editions}

A line names a code system, or several in which the code is the same, by short name or URI (systems.yaml), a code, and
in brackets what the code says; `source`, where it was read, may stand beside it. In
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
_SOURCE = "source"
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
    """One line; `systems` as they are written. `source`: where the code was read, or a name of the file's `sources`."""

    systems: tuple[str, ...]
    code: str
    display: str
    reach: Reach
    source: str = ""


def code_line(written: object) -> CodeLine:
    """A line as it stands in YAML, a mapping of one key, and perhaps a source. Raises ValueError."""
    match written:
        case CodeLine():
            return written
        case {**pairs} if len(named := [key for key in pairs if key != _SOURCE]) == 1:
            text, source = pairs[named[0]], pairs.get(_SOURCE, "")
            found = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
            if found is not None and isinstance(source, str):
                systems = tuple(part.strip() for part in str(named[0]).split(","))
                return CodeLine(systems, found["code"], found["display"] or "", _reach(found), source)
    msg = f"{written!r} is no code; write the code system and the code, as in `- icd-10-cm: C50 (Breast cancer)`"
    texts = (each for pair in written.items() for each in pair) if isinstance(written, dict) else (written,)
    if any(str(each).count("(") != str(each).count(")") for each in texts):
        msg += "; what holds a comma stands in quotes"
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
    "maxProperties": 2,
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
            for uri in filter(None, map(systems.canonical, line.systems)):
                found.add(line, uri, of_classification=uri in systems.classifications)
        return found

    def add(self, line: CodeLine, uri: str, *, of_classification: bool) -> None:
        """What a line holds in one of its systems."""
        coding = Coding(uri, line.code, line.display)
        begins = line.reach is Reach.BEGINNING or (line.reach is Reach.CODE and of_classification)
        if line.reach is Reach.ALL:
            self.prefixes += [Coding(uri, sign) for sign in FIRST_SIGNS]
        elif line.reach is Reach.BELOW and not of_classification:
            self.roots.append(coding)
            self.codes.append(coding)
        else:
            (self.prefixes if begins or line.reach is Reach.BELOW else self.codes).append(coding)


def unknown_systems(named: Iterable[Iterable[str]], systems: Systems) -> Iterator[Problem]:
    """The systems that nobody knows, by their place among those named."""
    for place, name in ((place, name) for place, names in enumerate(named) for name in names):
        if systems.canonical(name) is None:
            known = nearest(name, systems.names)
            yield (place,), f"no code system {name!r}; {known} (others go by their URI, or stand in systems.yaml)"


def value_set_of(
    id_: str,
    lines: Sequence[CodeLine],
    but: Sequence[CodeLine],
    exhaustive: Iterable[str],
    systems: Systems,
    *,
    wide: bool = False,
) -> ValueSet:
    """The value set of some lines without others; exhaustive in the named systems. `wide`: it is packaged."""
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
        local=not wide,
        wide=wide,
    )
