"""What a record says of a variant: each Observation for itself, then all of them together."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from adapter.criteria.calendar import Duration
from adapter.criteria.truth import Truth, conjunction
from adapter.criteria.written import plain
from adapter.evaluator.chart import COUNTED, Chart
from adapter.evaluator.kind import Evaluation, Trial
from adapter.evaluator.latest import evidence_of
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.variant.statement import NAMED_AS, PROTEIN, Codons, Effect, Variant, change, effect
from adapter.record.facts import ObservationFact

ASSESSMENT, GENE, CHANGE, MEANING = "variant-assessment", "variant-gene", "variant-change", "variant-significance"
REGION, EFFECT, RESTRICTION = "variant-region", "variant-effect", "variant-restriction"
PARTS = (ASSESSMENT, GENE, CHANGE, MEANING, REGION, EFFECT, RESTRICTION)
"""Analytes of the catalogue: whether it is there, of which gene, which change, whether it matters, in which exon, what
it does to the protein, and what else the finding is restricted to."""
_PRESENT, _ABSENT = "variant-present", "variant-absent"
_SOMATIC = "variant-somatic"
_HARMLESS, _UNCERTAIN, _PATHOGENIC = "variant-benign", "variant-uncertain", "variant-pathogenic"
"""Value sets of their answers."""

_EXON = re.compile(r"(?:exon|ex)?(\d+)")
_HGNC = re.compile(r"HGNC:\d+", re.IGNORECASE)


class _Says(Enum):
    """What an Observation says of the variant that is asked for."""

    PRESENT = auto()
    ABSENT = auto()
    MAY_BE = auto()
    UNNAMED = auto()
    NOTHING = auto()


_Pair = tuple[str, str | None]
"""A gene that is asked for, with a change that is; None for the gene as a whole, or the class."""


class _Told(NamedTuple):
    """What an Observation says, and of which of the pairs that are asked for."""

    says: _Says
    of: frozenset[_Pair] = frozenset()


class _Seen(NamedTuple):
    """An Observation's parts. `implied`: what other Observations say that it means, among these parts too."""

    genes: Sequence[ObservationFact]
    assessment: ObservationFact | None
    parts: Mapping[str, Sequence[ObservationFact]]
    implied: Sequence[ObservationFact] = ()

    @property
    def fact(self) -> ObservationFact:
        """What stands for it as evidence."""
        return self.assessment or self.genes[0]

    def coded(self, part: str) -> list[frozenset[str]]:
        """The value sets of each answer of a part."""
        return [fact.coded or frozenset() for fact in self.parts.get(part, ())]

    def words(self, part: str) -> list[tuple[str, str]]:
        """What is shown and written of each."""
        return [(fact.shown, fact.string or "") for fact in self.parts.get(part, ())]


def bind_variant(statement: Variant, trial: Trial) -> Evaluation:
    """Met by one that is present; not met only by tests that cover it and say that it is absent."""
    genes = frozenset(plain(gene) for gene in statement.genes)
    wanted = frozenset(found for each in statement.changes if (found := change(each)) is not None)
    numbers = frozenset(gene for gene in genes if _HGNC.fullmatch(gene))
    whole = [frozenset((gene, each) for gene in named for each in wanted or [None]) for named in _names(genes, numbers)]
    freshness = trial.terminology.catalogue.analytes[ASSESSMENT].freshness

    def says(seen: _Seen, chart: Chart, *, judged: bool) -> _Told:
        names = {plain(text) for each in seen.words(GENE) for text in each}
        mine = names & genes
        if not mine:
            numbers_only = all(_HGNC.fullmatch(name) for name in names if name)
            return _Told(_Says.UNNAMED if numbers_only and not numbers else _Says.NOTHING)
        stated = [change(shown) or change(written) for shown, written in seen.words(CHANGE)]
        match _presence(seen.assessment, chart):
            case True:
                said = _present(statement, seen, stated, wanted, doubted=judged and not seen.parts.get(MEANING))
                named = wanted.intersection(each for each in stated if each) or {None}
                return _Told(said, frozenset((gene, each) for gene in mine for each in named))
            case False:
                denied = _denied(statement, seen, stated, wanted)
                return _Told(_Says.ABSENT if denied else _Says.NOTHING, frozenset((g, c) for g in mine for c in denied))
        return _Told(_Says.MAY_BE)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found: dict[_Says, list[tuple[ObservationFact, frozenset[_Pair]]]] = defaultdict(list)
        late: list[tuple[Reason, ObservationFact]] = []
        means = _implications(chart, moment)
        elsewhere, changes = means.elsewhere, list(means.changes)
        for seen in _observations(chart.record.observations, means.of):
            said, of = says(seen, chart, judged=bool(elsewhere))
            if said is _Says.NOTHING:
                continue
            window = statement.window or (chart.policy.freshness[freshness] if said is _Says.ABSENT else None)
            reason, then = _placed(seen.fact, window, chart, moment)
            changes += then
            if reason is None:
                found[said] += [(fact, of) for fact in (seen.fact, *seen.implied)]
            elif reason is not Reason.NO_DATA:
                late.append((reason, seen.fact))
        return _decided(found, late, elsewhere, whole, tuple(changes))

    return evaluate


def _names(genes: frozenset[str], numbers: frozenset[str]) -> Iterator[frozenset[str]]:
    """The genes that a negative must cover: by symbol or by number, where both name as many."""
    symbols = genes - numbers
    if len(symbols) >= len(numbers):
        yield symbols
    if len(numbers) >= len(symbols):
        yield numbers


def _presence(fact: ObservationFact | None, chart: Chart) -> bool | None:
    if fact is None:
        return None
    coded = fact.coded or frozenset()
    if _PRESENT in coded or _ABSENT in coded:
        return _PRESENT in coded if (_PRESENT in coded) is not (_ABSENT in coded) else None
    if coded or fact.string is None:
        return None
    return {"positive": True, "negative": False}.get(chart.terminology.writing.finding(fact.string) or "")


def _present(
    statement: Variant, seen: _Seen, stated: Sequence[str | None], wanted: frozenset[str], *, doubted: bool
) -> _Says:
    """`doubted`: its own report doesn't say what it means, and another one may say that it means nothing."""
    if wanted:
        if any(each in wanted for each in stated):
            return _Says.PRESENT
        return _Says.NOTHING if stated and None not in stated and _alike(stated, wanted) else _Says.MAY_BE
    harmless = any(_HARMLESS in sets for sets in seen.coded(MEANING))
    asked = [_placed_in(statement, seen)] if statement.exons or statement.codons else []
    asked += [_has_effect(statement, seen)] if statement.effects else []
    asked += [_is_pathogenic(seen)] if statement.pathogenic else []
    asked += [Truth.UNKNOWN] if harmless or doubted or (not statement.effects and _may_change_nothing(seen)) else []
    return {Truth.MET: _Says.PRESENT, Truth.NOT_MET: _Says.NOTHING, Truth.UNKNOWN: _Says.MAY_BE}[conjunction(asked)]


def _may_change_nothing(seen: _Seen) -> bool:
    """Whether a variant is silent, or of uncertain significance: nobody calls that a mutation of the gene.

    One that is silent may still spoil the splicing: where it is called pathogenic, it is one.
    """
    if _is_pathogenic(seen) is Truth.MET:
        return False
    silent = any(f"variant-{Effect.SILENT}" in sets for sets in seen.coded(EFFECT))
    silent |= any(effect(each) is Effect.SILENT for each in _proteins(seen))
    return silent or any(_UNCERTAIN in sets for sets in seen.coded(MEANING))


def _one(found: Sequence[bool | None]) -> Truth:
    """What several words come to: none, one that can't be read, or two that differ, leave it open."""
    if not found or None in found or len(set(found)) > 1:
        return Truth.UNKNOWN
    return Truth.MET if found[0] else Truth.NOT_MET


def _placed_in(statement: Variant, seen: _Seen) -> Truth:
    """By its exon, or by the amino acids that it changes; where these contradict each other, nobody knows."""
    exons = [None if each is None else each in statement.exons for each in _exons(seen)] if statement.exons else []
    said = [_one(exons)] if statement.exons else []
    if statement.codons is not None:
        said.append(_one([_within(each, statement.codons) for each in _proteins(seen)]))
    known = {each for each in said if each is not Truth.UNKNOWN}
    return known.pop() if len(known) == 1 else Truth.UNKNOWN


def _exons(seen: _Seen) -> list[str | None]:
    found = [[_EXON.fullmatch("".join(plain(text).split())) for text in each if text] for each in seen.words(REGION)]
    return [next((each[1] for each in matches if each is not None), None) for matches in found]


def _proteins(seen: _Seen) -> list[str]:
    """What changes of the protein are stated, of others nothing is known."""
    told = [next((text for text in each if (change(text) or "").startswith("p.")), "") for each in seen.words(CHANGE)]
    return [each for each in told if each]


def _within(text: str, codons: Codons) -> bool | None:
    """Whether all amino acids of a change lie there; None where only some do, or it says none."""
    found = PROTEIN.fullmatch(change(text) or "")
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    if codons.first <= first and last <= codons.last:
        return True
    return False if last < codons.first or codons.last < first else None


def _has_effect(statement: Variant, seen: _Seen) -> Truth:
    """By the codes of the effect, and by the change of the protein."""
    coded: list[list[Effect | None]] = [
        [each for each in Effect if f"variant-{each}" in sets] or [None] for sets in seen.coded(EFFECT)
    ]
    stated = [each for found in coded for each in found] + [effect(each) for each in _proteins(seen)]
    return _one([None if each is None else _is_one(each, statement.effects) for each in stated])


def _is_one(stated: Effect, asked: Collection[Effect]) -> bool | None:
    """Whether an effect is one that is asked for; None for what is named as that one too."""
    return True if stated in asked else None if not NAMED_AS.get(stated, frozenset()).isdisjoint(asked) else False


def _is_pathogenic(seen: _Seen) -> Truth:
    """By what the report says of it; a word that it doesn't know, or that contradicts itself, leaves it open."""
    known = [(_PATHOGENIC in sets, not sets.isdisjoint((_HARMLESS, _UNCERTAIN))) for sets in seen.coded(MEANING)]
    return _one([None if yes is no else yes for yes, no in known])


def _denied(
    statement: Variant, seen: _Seen, stated: Sequence[str | None], wanted: frozenset[str]
) -> frozenset[str | None]:
    """Which of the changes that are asked for an absence covers; None alone: all that is asked of its genes.

    What is said to be absent in an exon, with an effect, as pathogenic, as one allele or in the germline says nothing
    of the others.
    """
    if stated:
        return wanted.intersection(each for each in stated if each)
    narrow = bool(seen.parts.get(EFFECT) or seen.parts.get(MEANING))
    narrow |= any(_SOMATIC not in sets for sets in seen.coded(RESTRICTION))
    exons = _exons(seen)
    if exons:
        narrow |= not statement.exons or None in exons or not set(statement.exons) <= set(exons)
    return frozenset() if narrow else wanted or frozenset({None})


def _alike(stated: Sequence[str | None], wanted: frozenset[str]) -> bool:
    """Whether all are written on one level (protein, coding, genomic), so that one which differs is another change."""
    levels = {each[0] for each in wanted}
    return levels <= {each[0] for each in stated if each}


class _Implied(NamedTuple):
    """What is said of variants in Observations of their own, as the genomics reporting guide has it.

    `of`: what those mean that one is derived from, by their names. `elsewhere`: what is said to be harmless or of
    uncertain significance, of whichever variant.
    """

    of: Mapping[str, Sequence[ObservationFact]]
    elsewhere: Sequence[ObservationFact]
    changes: Sequence[Change]


def _implications(chart: Chart, moment: Moment) -> _Implied:
    """A final one that is derived from one variant on record says what that one means."""
    named = {fact.source.resource for fact in chart.record.observations.get(GENE, ())}
    of: dict[str, list[ObservationFact]] = defaultdict(list)
    elsewhere: list[ObservationFact] = []
    changes: list[Change] = []
    for fact in chart.record.observations.get(MEANING, ()):
        if fact.source.resource in named:
            continue
        derived = frozenset[str]() if fact.circumstances is None else fact.circumstances.derived
        time = chart.span(fact.when)
        if time is not None and moment.is_future(time):
            changes.append(time.start)
        elif time is not None and fact.status in COUNTED and len(derived) == 1 and derived <= named:
            of[next(iter(derived))].append(fact)
            continue
        if not (fact.coded or frozenset()).isdisjoint((_HARMLESS, _UNCERTAIN)):
            elsewhere.append(fact)
    return _Implied(of, elsewhere, changes)


def _observations(
    observations: Mapping[str, Sequence[ObservationFact]], implied: Mapping[str, Sequence[ObservationFact]]
) -> Iterator[_Seen]:
    parts: dict[str, dict[str, list[ObservationFact]]] = defaultdict(lambda: defaultdict(list))
    for name in PARTS:
        for fact in observations.get(name, ()):
            parts[fact.source.resource][name].append(fact)
    for name, held in sorted(parts.items()):
        if held[GENE]:
            assessment = held[ASSESSMENT][0] if len(held[ASSESSMENT]) == 1 else None
            held[MEANING] += implied.get(name, ())
            yield _Seen(held[GENE], assessment, held, implied.get(name, ()))


def _placed(
    fact: ObservationFact, window: Duration | None, chart: Chart, moment: Moment
) -> tuple[Reason | None, tuple[Change, ...]]:
    """Why an Observation doesn't count, None if it does; and when that changes."""
    time = chart.span(fact.when)
    if time is not None and moment.is_future(time):
        return Reason.NO_DATA, (time.start,)
    if fact.status not in COUNTED:
        return Reason.PRELIMINARY, ()
    if time is None:
        return Reason.UNDATED, ()
    if window is None:
        return None, ()
    placed = moment.place(time.first, time.last, window)
    leaving = moment.leaving(time.first, time.last, window)
    if placed is Placed.INSIDE:
        return None, leaving
    return (Reason.STALE if placed is Placed.BEFORE else Reason.IMPRECISE_DATE), leaving


def _decided(
    found: Mapping[_Says, Sequence[tuple[ObservationFact, frozenset[_Pair]]]],
    late: Sequence[tuple[Reason, ObservationFact]],
    elsewhere: Sequence[ObservationFact],
    whole: Sequence[frozenset[_Pair]],
    changes: tuple[Change, ...],
) -> Outcome:
    """Present and absent of the same contradict each other; what may be it, or may be newer, keeps a negative open.

    `elsewhere`: what says of whichever variant that it means nothing, shown with what may be it. `whole`: what
    absences together must cover, by one way to name it or another.
    """

    def told(reason: Reason, *facts: ObservationFact) -> Outcome:
        return outcome(reason, tuple(evidence_of(fact, named=True) for fact in facts), changes)

    present, absent = found.get(_Says.PRESENT, ()), found.get(_Says.ABSENT, ())
    there = frozenset(pair for _, of in present for pair in of)
    disputed = [fact for fact, of in absent if not of.isdisjoint(there)]
    if disputed:
        return told(Reason.CONFLICTING, *(fact for fact, _ in present), *disputed)
    if present:
        return told(Reason.TEST_POSITIVE, *(fact for fact, _ in present))
    denied = frozenset(pair for _, of in absent for pair in of)
    covered = any(pairs <= denied for pairs in whole)
    maybe = [fact for fact, _ in found.get(_Says.MAY_BE, ())]
    doubts = [(Reason.NEEDS_REVIEW, fact) for fact in (*maybe, *(elsewhere if maybe else ()))]
    doubts += [(Reason.UNMAPPED_CODE, fact) for fact, _ in found.get(_Says.UNNAMED, ())]
    doubts += [each for each in late if not covered or each[0] is not Reason.STALE]
    shown = [fact for fact, _ in absent]
    if doubts:
        reason = doubts[0][0]
        return told(reason, *(fact for each, fact in doubts if each is reason), *shown)
    return told(Reason.TEST_NEGATIVE if covered else Reason.NO_DATA, *shown)
