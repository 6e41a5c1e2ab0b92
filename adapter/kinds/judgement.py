"""`judgement`: what only a person can say (CONFORMANCE: Judgement and attestation).

`contraindication`: a person judges it, and sees what is on record (CONFORMANCE: Judgement and attestation).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Known, call
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Keys, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Beside, Diagnosed, Fixed, Setting, Several
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, consistent, reads_of, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ATTESTATION, Read, Role, diagnosed
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import titles
from adapter.kinds.allergy import Allergy, bind_allergy
from adapter.kinds.condition.entries import entries, evidence_of
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.kind import SEX_BOUND, exemption
from adapter.kinds.condition.kind import columns as condition_columns
from adapter.kinds.condition.kind import exempt_of as womb_exemption
from adapter.kinds.condition.pregnancy import unless_not_applicable
from adapter.kinds.condition.rule import entries as cql_entries
from adapter.kinds.condition.rule import unless_not_applicable as cql_unless
from adapter.kinds.condition.standing import Standing, diagnosis
from adapter.kinds.condition.statement import Condition


class Why(StrEnum):
    """Why a judgement is left to a person; also its reason code."""

    NEEDS_JUDGEMENT = "needs-judgement"
    NOT_QUANTIFIED = "not-quantified"
    NOT_PUBLISHED = "not-published"


_WHY = {
    Why.NEEDS_JUDGEMENT: "a person judges it",
    Why.NOT_QUANTIFIED: "the source gives no threshold, a person judges it",
    Why.NOT_PUBLISHED: "the source does not publish it, a person judges it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Leaf):
    """What only a person can say. An active condition among `gate` makes it a question to look at (`needs-review`)."""

    why: Why = Why.NEEDS_JUDGEMENT
    gate: tuple[str, ...] = ()
    sex_bound: bool = False


def bind_judgement(statement: Judgement, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """Unknown for its own reason; `needs-review` while a condition of its gate is on record."""
    why = Reason(statement.why.value)
    gate = diagnosis(Condition(concepts=statement.gate), terminology) if statement.gate else None

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        if gate is None:
            return outcome(why)
        found, changes = entries(gate, chart, moment)
        changes += tuple(change for entry in found for change in entry.changes)
        on_record = [entry for entry in found if entry.standing is Standing.RECORDED]
        if on_record:
            return outcome(Reason.NEEDS_REVIEW, (evidence_of(on_record[0]),), changes)
        return outcome(why, (), changes)

    if not statement.sex_bound:
        return evaluate
    return unless_not_applicable(evaluate, replace(statement, sex_bound=False), terminology)


def _reads(statement: Judgement, catalogue: Catalogue) -> Iterator[Read]:
    yield Read(data=ATTESTATION, name="attestation")
    yield from diagnosed(statement.gate, catalogue)
    if statement.sex_bound:
        yield from exemption(catalogue)


def _words(statement: Judgement, catalogue: Catalogue) -> Phrase:
    gate = titles(statement.gate, catalogue.conditions)
    return Phrase("", "judgement", _WHY[statement.why] + (f"; to look at when on record: {gate}" if gate else ""))


def _rule(statement: Judgement, catalogue: Catalogue) -> Rule:
    """Data settle it no further than that a condition of its gate is on record."""
    truth = cql_unless(Known.UNKNOWN, (), catalogue, sex_bound=statement.sex_bound)
    if not statement.gate:
        return Rule(truth, waits=False)
    gate = cql_entries(Condition(concepts=statement.gate))
    return Rule(truth, waits=call("Conditions", "AnyRecorded", gate))


def _columns(statement: Judgement, setting: Setting) -> Fixed | Diagnosed | None:
    """Its own reason; of a gate, whether any of its conditions is on record."""
    why = Reason(statement.why.value)
    if not statement.gate and not statement.sex_bound:
        return Fixed(reason=why)
    if statement.sex_bound:
        return None if statement.gate else Fixed(reason=why, exempt=womb_exemption((), setting))
    asked = condition_columns(Condition(concepts=statement.gate), setting)
    return replace(asked, gate=why, doubts=(), absent=frozenset()) if isinstance(asked, Diagnosed) else None


JUDGEMENT = Kind(
    name="judgement",
    statement=Judgement,
    form=Keys(
        (
            Field("why", CodeOf(Why)),
            Field(
                "gate",
                ConceptOf(Section.CONDITION),
                many=True,
                says="Conditions that, when active, make it a question to look at.",
            ),
            SEX_BOUND,
        )
    ),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_judgement(statement, trial.terminology),
    words=_words,
    rule=_rule,
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraindication(Leaf):
    """A contraindication to a drug or procedure: allergies and conditions that speak against it are shown."""

    to: tuple[str, ...]
    allergies: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


def _parts(statement: Contraindication) -> Iterator[Allergy | Condition]:
    """What is looked for, each by itself."""
    for name in statement.allergies:
        yield Allergy(concepts=(name,), cross_reactive=True)
    for name in statement.conditions:
        yield Condition(concepts=(name,))


def bind_contraindication(statement: Contraindication, terminology: Terminology) -> Evaluation:
    """Unknown until a person says it; a question to look at where something on record may be one."""
    evaluations = [
        bind_allergy(part, terminology) if isinstance(part, Allergy) else bind_condition(part, terminology)
        for part in _parts(statement)
    ]

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = [each(chart, moment) for each in evaluations]
        changes = tuple(change for each in found for change in each.changes)
        bearing = (each for each in found if each.truth is not Truth.NOT_MET and each.reason is not Reason.NO_DATA)
        shown = [item for each in bearing for item in each.evidence]
        reason = Reason.NEEDS_REVIEW if shown else Reason.NEEDS_JUDGEMENT
        return outcome(reason, tuple(dict.fromkeys(shown)), changes)

    return evaluate


def _reads_shown(statement: Contraindication, catalogue: Catalogue) -> Iterator[Read]:
    yield Read(data=ATTESTATION, name="attestation")
    for part in _parts(statement):
        for read in reads_of(part, catalogue):
            if read.data is not ATTESTATION:
                yield Read(data=read.data, name=read.name, role=Role.BESIDE, value_set=read.value_set)


def _columns_shown(statement: Contraindication, _: Setting) -> Several | Fixed:
    parts = tuple(_parts(statement))
    return Several(asks=Beside.SHOWN, events=parts) if parts else Fixed(reason=Reason.NEEDS_JUDGEMENT)


def _words_shown(statement: Contraindication, catalogue: Catalogue) -> Phrase:
    about = f"contraindication to {titles(statement.to, catalogue.exposures)}"
    told = [titles((name,), catalogue.substances) for name in statement.allergies]
    told += [titles((name,), catalogue.conditions) for name in statement.conditions]
    looked = f"; looked for: {', '.join(told)}" if told else ""
    return Phrase(about, "a person judges it", f"{about}, a person judges it{looked}")


CONTRAINDICATION = Kind(
    name="contraindication",
    statement=Contraindication,
    form=Keys(
        (
            Field("to", ConceptOf(Section.EXPOSURE), many=True),
            Field("allergies", ConceptOf(Section.SUBSTANCE), many=True, url="allergy"),
            Field("conditions", ConceptOf(Section.CONDITION), many=True, url="condition"),
        )
    ),
    contradiction=consistent,
    reads=_reads_shown,
    bind=lambda statement, trial: bind_contraindication(statement, trial.terminology),
    words=_words_shown,
    rule=lambda *_: Rule(Known.UNKNOWN),
    traits=untold,
    columns=_columns_shown,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
