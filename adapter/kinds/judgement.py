"""`judgement`: what only a person can say (CONFORMANCE: Judgement and attestation)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Known, call
from adapter.criteria.fields import CodeOf, ConceptOf, Field, Keys, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Diagnosed, Fixed, Setting
from adapter.evaluator.kind import Kind, Outlook, Phrase, Rule, consistent, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ATTESTATION, Read, diagnosed
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import titles
from adapter.kinds.condition.columns import columns as condition_columns
from adapter.kinds.condition.columns import exemption as womb_exemption
from adapter.kinds.condition.entries import entries, evidence_of
from adapter.kinds.condition.kind import SEX_BOUND, exemption
from adapter.kinds.condition.rule import entries as cql_entries
from adapter.kinds.condition.rule import unless_not_applicable as cql_unless
from adapter.kinds.condition.sex_bound import unless_not_applicable
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

    return unless_not_applicable(evaluate, (), terminology) if statement.sex_bound else evaluate


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
