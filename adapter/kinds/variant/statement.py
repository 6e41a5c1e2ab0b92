"""What a criterion about variants says, and how changes by HGVS are read."""

import re
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration
from adapter.criteria.model import Leaf

_ACIDS = dict(
    re.findall(
        r"(\S)(\w{3})",
        "Aala Rarg Nasn Dasp Ccys Qgln Eglu Ggly Hhis Iile Lleu Klys Mmet Fphe Ppro Sser Tthr Wtrp Ytyr Vval *ter Xter",
    )
)
"""Amino acids by their letter (IUPAC-IUB 1984, as HGVS takes them)."""
_SHORT = re.compile(r"([A-Z])(\d+)([A-Z*])")
_HGVS = re.compile(r"(?:[\w.()-]+:)?([cgpmnr])\.([^\s;,/\[\]]+)")
"""One change; what names several in one text, or explains itself in words, is for a person to read."""
PROTEIN = re.compile(r"p\.[a-z]+(\d+)(?:_[a-z]+(\d+))?(.*)")
_SAME = re.compile(r"p\.([a-z]{3})\d+\1")
_STOP = re.compile(r"p\.ter.*")


class Effect(StrEnum):
    """What a variant does to the protein; `variant-` and its code is the value set of the answers that say so."""

    MISSENSE = "missense"
    NONSENSE = "nonsense"
    FRAMESHIFT = "frameshift"
    DELETION = "deletion"
    INSERTION = "insertion"
    DUPLICATION = "duplication"
    DELETION_INSERTION = "deletion-insertion"
    SILENT = "silent"
    EXON_LOSS = "exon-loss"
    SPLICE_SITE = "splice-site"


_WRITTEN = {
    "delins": Effect.DELETION_INSERTION,
    "del": Effect.DELETION,
    "dup": Effect.DUPLICATION,
    "ins": Effect.INSERTION,
    "=": Effect.SILENT,
}
"""How HGVS writes effects on a protein behind the amino acids, the longest first."""


NAMED_AS = {
    Effect.DUPLICATION: frozenset({Effect.INSERTION}),
    Effect.DELETION_INSERTION: frozenset({Effect.INSERTION, Effect.DELETION}),
}
"""What is commonly counted as another effect too: insertions in exon 20 of EGFR are mostly duplications."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codons:
    """Amino acids by their numbers, from the first to the last."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Leaf):
    """A variant of one of the genes is present; of `changes`, where they are named, one of these.

    Else one of a class, all of which must hold of the same variant: it lies in one of the `exons` or within the
    `codons` (two ways to say where; either is enough), has one of the `effects`, and is `pathogenic`, or likely so.
    """

    genes: tuple[str, ...]
    changes: tuple[str, ...] = ()
    exons: tuple[str, ...] = ()
    codons: Codons | None = None
    effects: tuple[Effect, ...] = ()
    pathogenic: bool = False
    window: Duration | None = None

    @property
    def of_class(self) -> bool:
        """Whether it asks for a class of variants."""
        return bool(self.exons or self.codons or self.effects or self.pathogenic)


def change(text: str) -> str | None:
    """A change as it is compared, without its reference sequence: `p.L858R` and `NP_005219.2:p.(Leu858Arg)` are one.

    None for what isn't HGVS.
    """
    found = _HGVS.fullmatch(text.strip())
    short = _SHORT.fullmatch(text.strip() if found is None else found[2].strip("()"))
    if found is None and short is None:
        return None
    if found is None or found[1] == "p":
        said = found[2].strip("()") if found else ""
        if short is not None and short[1] in _ACIDS and short[3] in _ACIDS:
            said = f"{_ACIDS[short[1]]}{short[2]}{_ACIDS[short[3]]}"
        return f"p.{said.casefold().replace('*', 'ter')}"
    return f"{found[1]}.{found[2]}"


def effect(text: str) -> Effect | None:
    """What a change of a protein by HGVS does to it; None for what isn't one, or where X may be any amino acid."""
    found = PROTEIN.fullmatch(change(text) or "")
    if found is None or text.strip().rstrip(")").endswith("X"):
        return None
    said = found[3].strip("()")
    if _STOP.fullmatch(change(text) or ""):
        return None
    if _SAME.fullmatch(change(text) or ""):
        return Effect.SILENT
    if "fs" in said:
        return Effect.FRAMESHIFT
    if said in _ACIDS.values():
        return Effect.NONSENSE if said == "ter" else Effect.MISSENSE
    return next((each for begin, each in _WRITTEN.items() if said.startswith(begin)), None)
