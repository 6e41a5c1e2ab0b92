"""`contraindication`: a person judges it, and sees what is on record (CONFORMANCE: Judgement and attestation)."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Known
from adapter.criteria.fields import ConceptOf, Field, Keys, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import unsaid
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, consistent, reads_of, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ATTESTATION, Read, Role
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import titles
from adapter.kinds.allergy.evaluate import bind_allergy
from adapter.kinds.allergy.statement import Allergy
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.statement import Condition


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


def _reads(statement: Contraindication, catalogue: Catalogue) -> Iterator[Read]:
    yield Read(data=ATTESTATION, name="attestation")
    for part in _parts(statement):
        for read in reads_of(part, catalogue):
            if read.data is not ATTESTATION:
                yield Read(data=read.data, name=read.name, role=Role.BESIDE, value_set=read.value_set)


def _words(statement: Contraindication, catalogue: Catalogue) -> Phrase:
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
    reads=_reads,
    bind=lambda statement, trial: bind_contraindication(statement, trial.terminology),
    words=_words,
    rule=lambda *_: Rule(Known.UNKNOWN),
    traits=untold,
    columns=unsaid,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
