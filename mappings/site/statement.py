"""What one statement asks for that nothing on record can be, or that its author probably doesn't mean."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path

from adapter.criteria.calendar import Hours
from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ATC, RXNORM
from adapter.criteria.history import has_history
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import ICD_SYSTEMS
from adapter.evaluator.extent import Relation
from adapter.kinds.change import PERCENT, Change, Direction
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.events.count import Counted, HowMany
from adapter.kinds.events.sequence import Order
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.measurement.statement import Measurement
from adapter.kinds.timing import shorter
from adapter.kinds.variant.statement import Variant

_FEW = 24
"""As many minutes as windows of trials have months, and no more."""


def left_open(leaf: Leaf, terminology: Terminology) -> Iterator[str]:
    """What a statement asks for and probably doesn't mean, or leaves a question where it needn't."""
    yield from _minutes(leaf)
    match leaf:
        case Condition():
            if leaf.occurrence is Occurrence.EVER and leaf.look_back is None:
                yield from _forgotten(leaf, terminology)
            held = [terminology.catalogue.conditions[name] for name in leaf.concepts]
            if not leaf.sex_bound and all(each.ruled_out_by for each in held):
                yield f"asks men for {held[0].id} too, and leaves it open; write sex-bound: true beside the concepts"
        case Exposure():
            yield from _unmeasured(leaf, terminology)
            if isinstance(leaf.at_least_ago, Hours) and not (leaf.ongoing or leaf.look_back):
                ago = leaf.at_least_ago.words
                yield f"begun {ago} ago or earlier is what was given years ago, too; add ongoing: true"
        case Variant():
            yield from _misnamed(leaf)
        case Order(relation=Relation.DURING, other=other) if any(
            terminology.catalogue.conditions[name].pregnancy for name in other.conditions
        ):
            yield "nothing is surely during a pregnancy that goes on; of the present one write after, with which: last"
        case HowMany(of=Counted.DRUGS, at_most=int(most)) if (named := _drugs(leaf, terminology)) and named <= most:
            yield f"names {named} drugs, and nobody has had more of them; lower at-most, or name the class"
        case _:
            return


def _minutes(leaf: Leaf) -> Iterator[str]:
    """Windows of a few minutes, where months were probably meant."""
    for each in fields(leaf):
        window = getattr(leaf, each.name)
        if isinstance(window, Hours) and window.minutes <= _FEW:
            yield f"{window} is {window.words}; is P{window.minutes}M meant, that many months?"


_GENES = Path(__file__).parents[1] / "terminology" / "genes.txt"
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_NEAREST = 4


@cache
def _genes() -> Mapping[str, str]:
    """Approved symbols by themselves and by other names, in capitals."""
    lines = [line.split() for line in _GENES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    others = {other: symbol for symbol, *names in lines for other in names}
    return others | {symbol.upper(): symbol for symbol, *_ in lines}


def _misnamed(leaf: Variant) -> Iterator[str]:
    """The genes whose names no record has: another name than the symbol, or a misspelt one."""
    known = _genes()
    for gene in (each for each in leaf.genes if not each.upper().startswith("HGNC:")):
        symbol = known.get(gene.upper())
        if symbol is None:
            found = [(each, known[each]) for each in dict.fromkeys(_slips(gene.upper())) if each in known]
            near = [own for each, own in found if own.upper() == each] or list(dict.fromkeys(own for _, own in found))
            meant = f"did you mean {' or '.join(near[:_NEAREST])}?" if near else "write its approved symbol (HGNC)"
            yield f"no gene is called {gene}; {meant}"
        elif symbol.upper() != gene.upper() and symbol not in leaf.genes:
            yield f"{gene} is another name of {symbol}; records name a gene by its approved symbol; write {symbol}"


def _slips(word: str) -> Iterator[str]:
    """What a word may have been: two signs that changed places, one too many, missing or wrong; the last ones first."""
    cuts = [(word[:place], word[place:]) for place in reversed(range(len(word) + 1))]
    yield from (before + after[1] + after[0] + after[2:] for before, after in cuts if len(after) > 1)
    yield from (before + after[1:] for before, after in cuts if after)
    yield from (before + sign + after for before, after in cuts for sign in _SIGNS)
    yield from (before + sign + after[1:] for before, after in cuts if after for sign in _SIGNS)


def _unmeasured(leaf: Exposure, terminology: Terminology) -> Iterator[str]:
    """The drugs and classes whose half-lives are asked for, and of which nobody has written down any."""
    if not leaf.half_lives:
        return
    drugs = [id_ for id_, each in terminology.catalogue.exposures.items() if each.half_life is not None]
    timed = [code for drug in drugs for code in terminology.codes(drug)]
    for name in leaf.concepts:
        codes = terminology.codes(name)
        if not any(own.system == code.system and code.code.startswith(own.code) for own in codes for code in timed):
            said = f"nobody has written down a half-life of {name}: what lies further back stays a question; write "
            yield said + "half-life: P3D, or PT15H, in a concept of your own for each drug"


def never(leaf: Leaf, terminology: Terminology) -> Iterator[str]:
    """Why nothing on record is what is asked."""
    match leaf:
        case Condition() if leaf.concepts and set(leaf.concepts) <= set(leaf.other_than):
            yield "other-than leaves nothing of the concepts; take out one of them"
        case Condition(look_back=within, at_least_ago=ago) if within and ago and shorter(within, ago):
            yield f"nothing began within {within.words} and at least {ago.words} ago; correct one"
        case Exposure():
            yield from _never_given(leaf, terminology)
        case HowMany(of=Counted.DRUGS, at_least=int(least)) if (named := _drugs(leaf, terminology)) and named < least:
            yield f"names {named} drugs, and asks for {least} different ones; lower at-least, or name the class"
        case Measurement(apart=apart) if apart and shorter(leaf.window, apart.times((leaf.times or 2) - 1)):
            yield f"no {leaf.times} values lie {apart.words} apart in the window of {leaf.window}; correct one"
        case Change(direction=Direction.FALL) if leaf.by.unit == PERCENT and leaf.by.value > _WHOLE:
            possible = terminology.catalogue.analytes[leaf.analyte].plausible
            if possible is not None and possible.low >= 0 and not leaf.by.comparator.is_upper:
                yield "nothing falls by more than 100 %; write how much of the earlier value it lost, as in 50 %"


def _never_given(leaf: Exposure, terminology: Terminology) -> Iterator[str]:
    if (leaf.route or leaf.systemic) and not any(_is_drug(name, terminology) for name in leaf.concepts):
        yield f"{leaf.concepts[0]} is no drug by its codes, and nothing else has a route; take the route out"
    bare = (name for name in leaf.concepts if terminology.catalogue.exposures[name].equivalents is None)
    if leaf.equivalents and (name := next(bare, None)) is not None:
        yield f"nobody has said which doses of {name} come to the same; leave equivalents out, or name a class"


_WHOLE = 100
"""Per cent of what is lost where nothing is left."""


def _forgotten(leaf: Condition, terminology: Terminology) -> Iterator[str]:
    """Concepts of a site that are asked for at any time, exhaustive in ICD, and hold no code of a personal history."""
    for name in leaf.concepts:
        held = terminology.value_sets.get(name)
        if held is None or not held.local or held.exhaustive.isdisjoint(ICD_SYSTEMS):
            continue
        sets = [terminology.value_sets.get(each) for each in (name, *terminology.catalogue.conditions[name].may_be)]
        codes = [code for each in sets if each is not None for code in (*each.codes, *each.prefixes)]
        told = any(each.system in ICD_SYSTEMS and each.code.startswith(("Z85", "Z86", "Z87")) for each in codes)
        if not told and has_history(name, terminology):
            yield (
                f"{name} is asked for at any time, is exhaustive in ICD, and holds no code of a personal history "
                "(Z85 to Z87): who only has such a code stays a question; add those that are it"
            )


def _is_drug(name: str, terminology: Terminology) -> bool:
    return any(each.system in (ATC, RXNORM) for each in terminology.codes(name)) or not terminology.codes(name)


def _drugs(leaf: HowMany, terminology: Terminology) -> int | None:
    """How many drugs are named; None where a class is, or something besides drugs."""
    held = [terminology.catalogue.exposures[name] for name in leaf.exposures]
    alone = not leaf.conditions and not leaf.encounters
    return len(held) if held and alone and all(each.breadth is Breadth.ENTITY for each in held) else None
