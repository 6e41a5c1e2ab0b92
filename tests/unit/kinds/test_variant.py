"""Changes by HGVS are compared as what they say, not as they are written."""

import pytest

from adapter.kinds.variant.statement import Effect, change, effect

ONE = ["p.L858R", "L858R", "p.Leu858Arg", "p.(Leu858Arg)", "NP_005219.2:p.Leu858Arg", "NP_005219.2:p.(Leu858Arg)"]
OTHERS = ["p.T790M", "c.2573T>G", "g.55259515T>G", "p.Leu858Gln", "p.Glu746_Ala750del", "p.R1699*"]


@pytest.mark.parametrize("text", ONE)
def test_ways_to_write_one_change(text: str) -> None:
    """One letter or three, with brackets for what was predicted, with the reference sequence or without."""
    assert change(text) == "p.leu858arg"


def test_other_changes_differ() -> None:
    """What is another change stays another one."""
    found = [change(text) for text in OTHERS]
    assert None not in found
    assert len({*found, change(ONE[0])}) == len(OTHERS) + 1


@pytest.mark.parametrize(("one", "other"), [("p.R1699*", "p.Arg1699Ter"), ("NM_005228.5:c.2573T>G", "c.2573T>G")])
def test_the_same_change(one: str, other: str) -> None:
    """A stop, and a coding change with its transcript."""
    assert change(one) == change(other)


@pytest.mark.parametrize(
    "text", ["exon 19 deletion", "EGFR", "", "amplification", "L858", "p.L858R (c.2573T>G)", "p.V600E/K"]
)
def test_what_is_no_change(text: str) -> None:
    """Words are never taken for one."""
    assert change(text) is None


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("p.L858R", Effect.MISSENSE),
        ("p.(Arg1699*)", Effect.NONSENSE),
        ("p.Arg97ProfsTer23", Effect.FRAMESHIFT),
        ("p.Glu746_Ala750del", Effect.DELETION),
        ("NP_005219.2:p.(Leu747_Pro753delinsSer)", Effect.DELETION_INSERTION),
        ("p.Asp770_Asn771insSerValAsp", Effect.INSERTION),
        ("p.V769_D770dup", Effect.DUPLICATION),
        ("p.Leu858=", Effect.SILENT),
        ("p.L858L", Effect.SILENT),
        ("p.Ter110GlnextTer17", None),
        ("p.*110Q", None),
        ("p.G719X", None),
        ("c.2235_2249del", None),
        ("p.Met1?", None),
        ("exon 19 deletion", None),
    ],
)
def test_what_a_change_does(text: str, does: Effect | None) -> None:
    """As HGVS writes it for a protein; a change of DNA says nothing of it."""
    assert effect(text) is does
