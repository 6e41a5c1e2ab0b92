"""`variant`: a genetic variant is present, as genomic Observations say it (CONFORMANCE: Variants).

HL7's Genomics Reporting and mCODE hold an assessment in one Observation (LOINC 69548-6: present or absent), with
components for the gene, the change by HGVS, its exon and effect, and what it means. Only together do they say
something.
"""

from collections.abc import Iterator
from decimal import Decimal

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Freshness, Known, Names, call
from adapter.criteria.fields import CodeOf, Count, Field, Flag, Keys, Nested, Text, Window
from adapter.evaluator.columns import unsaid
from adapter.evaluator.kind import Kind, Outlook, Phrase, Rule, untold
from adapter.evaluator.reads import OBSERVATION, Read, Role
from adapter.kinds.variant.evaluate import ASSESSMENT, PARTS, bind_variant
from adapter.kinds.variant.statement import Codons, Effect, Variant, change


def _reads(statement: Variant, catalogue: Catalogue) -> Iterator[Read]:
    freshness = catalogue.analytes[ASSESSMENT].freshness
    for name in PARTS:
        role = Role.ASKED if name == ASSESSMENT else Role.BESIDE
        yield Read(data=OBSERVATION, name=name, role=role, value_set=name, window=statement.window, freshness=freshness)


def _truth(statement: Variant, catalogue: Catalogue) -> Expression:
    codons = statement.codons
    asked = (
        Names(statement.genes),
        Names(statement.changes),
        Names(statement.exons),
        None if codons is None else Decimal(codons.first),
        None if codons is None else Decimal(codons.last),
        Names(tuple(each.value for each in statement.effects)),
        statement.pathogenic,
        statement.window,
    )
    stands = Freshness(catalogue.analytes[ASSESSMENT].freshness)
    return call("Variants", "IsPresent", Known.MEASURED, *asked, stands, Known.NOW)


def _words(statement: Variant, _: Catalogue) -> Phrase:
    about = f"Variant of {' or '.join(statement.genes)}"
    codons = statement.codons
    where = [
        *((f"in exon {' or '.join(statement.exons)}",) if statement.exons else ()),
        *((f"in codons {codons.first} to {codons.last}",) if codons else ()),
    ]
    told = [
        *(("pathogenic",) if statement.pathogenic else ()),
        *((" or ".join(each.value for each in statement.effects),) if statement.effects else ()),
        *((" or ".join(where),) if where else ()),
    ]
    which = f" {' or '.join(statement.changes)}" if statement.changes else ""
    of_class = f": {', '.join(told)}" if told else ""
    within = f" within {statement.window.words}" if statement.window else ""
    asked = f"present{which}{of_class}{within}"
    return Phrase(about, asked, f"{about} {asked}")


def _contradiction(statement: Variant) -> str | None:
    """A change that can't be read would never be found."""
    wrong = next((each for each in statement.changes if change(each) is None), None)
    if wrong is not None:
        return f"{wrong!r} is no change by HGVS; write it as p.L858R, p.Leu858Arg or c.2573T>G"
    if statement.changes and statement.of_class:
        return "changes say which ones; write a class (exons, codons, effects, pathogenic) as another criterion"
    unread = next((each for each in statement.exons if not each.isdecimal()), None)
    if unread is not None:
        return f"{unread!r} is no number of an exon; write it as '19'"
    if statement.codons is not None and statement.codons.last < statement.codons.first:
        return "the last codon is before the first; write the smaller number as first"
    return None


_CODONS = (Field("first", Count()), Field("last", Count()))

VARIANT = Kind(
    name="variant",
    statement=Variant,
    form=Keys(
        (
            Field("genes", Text(), many=True, url="gene", says="Symbols by HGNC, or their numbers as HGNC:3236."),
            Field("changes", Text(), many=True, url="change", says="By HGVS, as p.L858R; left out: any."),
            Field("exons", Text(), many=True, url="exon", says="Numbers of exons, as '19': it lies in one of them."),
            Field("codons", Nested(Codons, _CODONS), says="Or by the amino acids that it changes, from first to last."),
            Field(
                "effects", CodeOf(Effect), many=True, url="effect", says="What it does to the protein, one of these."
            ),
            Field("pathogenic", Flag(), says="true: pathogenic, or likely so, as the report says."),
            Field("window", Window(), says="How old a result may be; else only an absent one ages."),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=bind_variant,
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=unsaid,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
