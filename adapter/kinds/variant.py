"""`variant`: a genetic variant is present, as genomic Observations say it (CONFORMANCE: Variants).

HL7's Genomics Reporting and mCODE hold an assessment in one Observation (LOINC 69548-6: present or absent), with
components for the gene, the change by HGVS, and what it means. Only together do they say something.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Freshness, Known, Names, call
from adapter.criteria.fields import Field, Keys, Text, Window
from adapter.criteria.model import Leaf
from adapter.criteria.written import plain
from adapter.evaluator.chart import COUNTED, Chart, evidence_of
from adapter.evaluator.columns import unsaid
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trial, untold
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import OBSERVATION, Read, Role
from adapter.evaluator.reason import Reason
from adapter.record.facts import ObservationFact

ASSESSMENT, GENE, CHANGE, MEANING = "variant-assessment", "variant-gene", "variant-change", "variant-significance"
"""Analytes of the catalogue: whether it is there, of which gene, which change, and whether it matters."""
_PRESENT, _ABSENT, _HARMLESS = "variant-present", "variant-absent", "variant-benign"
"""Value sets of their answers."""

_ACIDS = dict(
    pair.split(":")
    for pair in [
        "A:ala",
        "R:arg",
        "N:asn",
        "D:asp",
        "C:cys",
        "Q:gln",
        "E:glu",
        "G:gly",
        "H:his",
        "I:ile",
        "L:leu",
        "K:lys",
        "M:met",
        "F:phe",
        "P:pro",
        "S:ser",
        "T:thr",
        "W:trp",
        "Y:tyr",
        "V:val",
        "*:ter",
        "X:ter",
    ]
)
"""Amino acids by their letter (IUPAC-IUB 1984, as HGVS takes them)."""
_SHORT = re.compile(r"([A-Z])(\d+)([A-Z*])")
_HGVS = re.compile(r"(?:[\w.()-]+:)?([cgpmnr])\.(.+)")
_HGNC = re.compile(r"HGNC:\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Leaf):
    """A variant of one of the genes is present; of `changes`, where they are named, one of these."""

    genes: tuple[str, ...]
    changes: tuple[str, ...] = ()
    window: Duration | None = None


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


class _Says(Enum):
    """What an Observation says of the variant that is asked for."""

    PRESENT = auto()
    ABSENT = auto()
    MAY_BE = auto()
    UNNAMED = auto()
    NOTHING = auto()


class _Seen(NamedTuple):
    """An Observation's parts."""

    genes: Sequence[ObservationFact]
    assessment: ObservationFact | None
    changes: Sequence[ObservationFact]
    harmless: bool

    @property
    def fact(self) -> ObservationFact:
        """What stands for it as evidence."""
        return self.assessment or self.genes[0]


def bind_variant(statement: Variant, trial: Trial) -> Evaluation:
    """Met by one that is present; not met only by a test that covers it and says that it is absent."""
    genes = frozenset(plain(gene) for gene in statement.genes)
    wanted = frozenset(found for each in statement.changes if (found := change(each)) is not None)
    by_number = any(_HGNC.fullmatch(gene) for gene in statement.genes)
    freshness = trial.terminology.catalogue.analytes[ASSESSMENT].freshness

    def says(seen: _Seen, chart: Chart) -> _Says:
        names = {plain(text) for gene in seen.genes for text in (gene.shown, gene.string or "")}
        if names.isdisjoint(genes):
            numbers_only = all(_HGNC.fullmatch(name) for name in names if name)
            return _Says.UNNAMED if numbers_only and not by_number else _Says.NOTHING
        stated = [change(fact.shown) or change(fact.string or "") for fact in seen.changes]
        match _presence(seen.assessment, chart):
            case True:
                return _present(stated, wanted, harmless=seen.harmless)
            case False:
                covers = not stated or not wanted.isdisjoint(each for each in stated if each)
                return _Says.ABSENT if covers else _Says.NOTHING
        return _Says.MAY_BE

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found: dict[_Says, list[ObservationFact]] = defaultdict(list)
        late: list[tuple[Reason, ObservationFact]] = []
        changes: list[Change] = []
        for seen in _observations(chart.record.observations):
            said = says(seen, chart)
            if said is _Says.NOTHING:
                continue
            window = statement.window or (chart.policy.freshness[freshness] if said is _Says.ABSENT else None)
            reason, then = _placed(seen.fact, window, chart, moment)
            changes += then
            if reason is None:
                found[said].append(seen.fact)
            elif reason is not Reason.NO_DATA:
                late.append((reason, seen.fact))
        return _decided(found, late, tuple(changes))

    return evaluate


def _presence(fact: ObservationFact | None, chart: Chart) -> bool | None:
    if fact is None:
        return None
    coded = fact.coded or frozenset()
    if _PRESENT in coded or _ABSENT in coded:
        return _PRESENT in coded if (_PRESENT in coded) is not (_ABSENT in coded) else None
    if coded or fact.string is None:
        return None
    return {"positive": True, "negative": False}.get(chart.terminology.writing.finding(fact.string) or "")


def _present(stated: Sequence[str | None], wanted: frozenset[str], *, harmless: bool) -> _Says:
    if wanted:
        if any(each in wanted for each in stated):
            return _Says.PRESENT
        return _Says.NOTHING if stated and None not in stated and _alike(stated, wanted) else _Says.MAY_BE
    return _Says.MAY_BE if harmless else _Says.PRESENT


def _alike(stated: Sequence[str | None], wanted: frozenset[str]) -> bool:
    """Whether all are written on one level (protein, coding, genomic), so that one which differs is another change."""
    levels = {each[0] for each in wanted}
    return levels <= {each[0] for each in stated if each}


def _observations(observations: Mapping[str, Sequence[ObservationFact]]) -> Iterator[_Seen]:
    parts: dict[str, dict[str, list[ObservationFact]]] = defaultdict(lambda: defaultdict(list))
    for name in (GENE, ASSESSMENT, CHANGE, MEANING):
        for fact in observations.get(name, ()):
            parts[fact.source.resource][name].append(fact)
    for _, held in sorted(parts.items()):
        if held[GENE]:
            assessment = held[ASSESSMENT][0] if len(held[ASSESSMENT]) == 1 else None
            harmless = any(_HARMLESS in (fact.coded or ()) for fact in held[MEANING])
            yield _Seen(held[GENE], assessment, held[CHANGE], harmless)


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
    found: Mapping[_Says, Sequence[ObservationFact]],
    late: Sequence[tuple[Reason, ObservationFact]],
    changes: tuple[Change, ...],
) -> Outcome:
    """Present and absent contradict each other; what may be it, or may be newer, keeps a negative open."""

    def told(reason: Reason, *facts: ObservationFact) -> Outcome:
        return outcome(reason, tuple(evidence_of(fact, named=True) for fact in facts), changes)

    present, absent, may_be, unnamed = (
        tuple(found.get(each, ())) for each in (_Says.PRESENT, _Says.ABSENT, _Says.MAY_BE, _Says.UNNAMED)
    )
    if present and absent:
        return told(Reason.CONFLICTING, *present, *absent)
    if present:
        return told(Reason.TEST_POSITIVE, *present)
    doubts = [(Reason.NEEDS_REVIEW, fact) for fact in may_be] + [(Reason.UNMAPPED_CODE, fact) for fact in unnamed]
    doubts += [each for each in late if not absent or each[0] is not Reason.STALE]
    if doubts:
        reason = doubts[0][0]
        return told(reason, *(fact for each, fact in doubts if each is reason), *absent)
    return told(Reason.TEST_NEGATIVE, *absent) if absent else told(Reason.NO_DATA)


def _reads(statement: Variant, catalogue: Catalogue) -> Iterator[Read]:
    freshness = catalogue.analytes[ASSESSMENT].freshness
    for name in (ASSESSMENT, GENE, CHANGE, MEANING):
        role = Role.ASKED if name == ASSESSMENT else Role.BESIDE
        yield Read(data=OBSERVATION, name=name, role=role, value_set=name, window=statement.window, freshness=freshness)


def _truth(statement: Variant, catalogue: Catalogue) -> Expression:
    asked = Names(statement.genes), Names(statement.changes), statement.window
    stands = Freshness(catalogue.analytes[ASSESSMENT].freshness)
    return call("Variants", "IsPresent", Known.MEASURED, *asked, stands, Known.NOW)


def _words(statement: Variant, _: Catalogue) -> Phrase:
    about = f"Variant of {' or '.join(statement.genes)}"
    which = f" {' or '.join(statement.changes)}" if statement.changes else ""
    within = f" within {statement.window.words}" if statement.window else ""
    return Phrase(about, f"present{which}{within}", f"{about} present{which}{within}")


def _contradiction(statement: Variant) -> str | None:
    """A change that can't be read would never be found."""
    wrong = next((each for each in statement.changes if change(each) is None), None)
    return wrong and f"{wrong!r} is no change by HGVS; write it as p.L858R, p.Leu858Arg or c.2573T>G"


VARIANT = Kind(
    name="variant",
    statement=Variant,
    form=Keys(
        (
            Field("genes", Text(), many=True, url="gene", says="Symbols by HGNC, or their numbers as HGNC:3236."),
            Field("changes", Text(), many=True, url="change", says="By HGVS, as p.L858R; left out: any."),
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
