"""Codes, the value sets that hold them, and how codes that are spelt in several ways are compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from msgspec import Struct

CONCEPTS = "http://example.org/fhir-trial-adapter/CodeSystem/concept"
"""Our code system of the catalogue's concepts: where no standard code says just what is meant, and for local maps."""

ICD_SYSTEMS = frozenset(
    {
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-cm",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    }
)
NDC = "http://hl7.org/fhir/sid/ndc"


class Coding(Struct, frozen=True, order=True, omit_defaults=True, gc=False):
    """A code in a code system."""

    system: str
    code: str
    display: str = ""


class Filter(Struct, frozen=True, order=True, gc=False):
    """A condition on the codes of a code system, as FHIR's ValueSet.compose.include.filter has it."""

    system: str
    property: str
    op: str
    value: str

    def __str__(self) -> str:
        """As in `concept descendent-of 254837009`."""
        return f"{self.property} {self.op} {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSet:
    """A concept's codes: listed ones, and for hierarchical code systems prefixes with their exceptions.

    `roots`: codes whose descendants belong to it too; those that were packaged are listed. `exhaustive`: code systems
    in which it holds every code that is the concept, its `may-be` sets every code that only may be, and nothing else.
    `rooted`: code systems in which its roots and codes, with what is below the roots, come to the same.
    `filters`: further conditions by which a terminology server finds codes. `excluded`: (system, code) that such a
    server or a release never adds; `added`: how many of `codes` they have. `local`: a site has written it, nothing of
    it is packaged. `wide`: of the wider catalogue, read for those trials only that name it (`Terminology.narrowed`).
    """

    id: str
    codes: tuple[Coding, ...] = ()
    roots: tuple[Coding, ...] = ()
    prefixes: tuple[Coding, ...] = ()
    excluded_prefixes: tuple[Coding, ...] = ()
    ordinals: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    exhaustive: frozenset[str] = frozenset()
    rooted: frozenset[str] = frozenset()
    filters: "tuple[Filter, ...]" = ()
    excluded: frozenset[tuple[str, str]] = frozenset()
    added: int = 0
    local: bool = False
    wide: bool = False

    @property
    def stated(self) -> tuple[Coding, ...]:
        """The codes that its file lists: what a server or a release added is under their licence."""
        return self.codes[: len(self.codes) - self.added]

    @property
    def bare(self) -> frozenset[Coding]:
        """The listed codes without their displays."""
        return frozenset(Coding(each.system, each.code) for each in self.codes)

    def widened(self, added: tuple[Coding, ...], exhaustive: frozenset[str]) -> "ValueSet":
        """The same with further codes, and exhaustive in further code systems."""
        kept = (
            tuple(each for each in added if (each.system, each.code) not in self.excluded) if self.excluded else added
        )
        return replace(
            self, codes=self.codes + kept, added=self.added + len(kept), exhaustive=self.exhaustive | exhaustive
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedCodes:
    """What a release of code systems that a site imported says of the value sets.

    `hash`: names the release. `members`: value set -> further codes. `known`: system -> the codes that the release
    tells apart. `complete`: system -> the value sets that hold every known code of theirs.
    """

    hash: str
    members: Mapping[str, tuple[Coding, ...]]
    known: Mapping[str, frozenset[str]]
    complete: Mapping[str, frozenset[str]]

    def joined(self, other: "ReleasedCodes") -> "ReleasedCodes":
        """Both as one, under this one's hash."""
        members = {name: self.members.get(name, ()) + more for name, more in other.members.items()}
        return replace(
            self,
            members={**self.members, **members},
            known={**self.known, **other.known},
            complete={**self.complete, **other.complete},
        )


_SPELT = frozenset({*ICD_SYSTEMS, NDC})
"""The systems whose codes are spelt in several ways."""


def plain_code(system: str, code: str) -> str:
    """A code as it is compared.

    An ICD code without its dots, the blanks around it, the dash of a heading (I48.-) and the marks of ICD-10 (dagger,
    star, exclamation); an NDC with hyphens in eleven digits (5-4-2) without; any other without blanks around it.
    """
    if system in ICD_SYSTEMS:
        return code.replace(".", "").upper().strip().rstrip("-†*!+ ")
    if system == NDC and code.count("-") == 2:  # noqa: PLR2004  # labeller, product, package
        return "".join(part.zfill(width) for part, width in zip(code.split("-"), (5, 4, 2), strict=True))
    return code.strip()


def inverted(sets: Iterable[tuple[str, tuple[Coding, ...]]]) -> dict[tuple[str, str], frozenset[str]]:
    """From (system, code as it is compared) to the ids of the value sets that hold it."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    alone: dict[str, frozenset[str]] = {}
    for value_set, codings in sets:
        single = alone.setdefault(value_set, frozenset({value_set}))
        for coding in codings:
            system, code = coding.system, coding.code
            key = (system, plain_code(system, code) if system in _SPELT else code)
            held = found.get(key)
            found[key] = single if held is None else held | single
    return found
