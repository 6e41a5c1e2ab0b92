"""`sex`: sex for clinical use where recorded, else Patient.gender (CONFORMANCE: The criterion algebra)."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.expression import Known, call
from adapter.criteria.fields import CodeOf, Field, Value
from adapter.criteria.model import Leaf
from adapter.criteria.value_set import Coding
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import OfSex
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, Trait, consistent
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import PERSON, Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence

GENDER = "http://hl7.org/fhir/administrative-gender"


class SexForClinicalUse(StrEnum):
    """FHIR administrative gender, as far as a criterion can ask for it."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sex(Leaf):
    """Sex parameter for clinical use where recorded, else Patient.gender."""

    sex: SexForClinicalUse


def bind_sex(statement: Sex) -> Evaluation:
    """The evaluation of a sex criterion."""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        del moment
        record = chart.record
        known = record.clinical_sex or record.gender
        if known not in ("female", "male"):
            return outcome(Reason.NO_DATA)
        element = "extension(sexParameterForClinicalUse)" if record.clinical_sex else "gender"
        shown = (Evidence(record.subject, None, element, known, None),)
        return outcome(Reason.SEX_MATCHES if known == statement.sex.value else Reason.SEX_DIFFERS, shown)

    return evaluate


SEX = Kind(
    name="sex",
    statement=Sex,
    form=Value(Field("sex", CodeOf(SexForClinicalUse))),
    contradiction=consistent,
    reads=lambda *_: (Read(data=PERSON, name="gender"),),
    bind=lambda statement, _: bind_sex(statement),
    words=lambda statement, _: Phrase("sex", statement.sex.value, f"sex {statement.sex.value}"),
    rule=lambda statement, _: Rule(call("Coding", "IsOfSex", Known.PATIENT, statement.sex.value)),
    traits=lambda statement, _: (Trait(about="sex", value=Coding(GENDER, statement.sex.value)),),
    columns=lambda statement, _: OfSex(sex=statement.sex.value),
    outlook=lambda *_: Outlook.LASTING,
    of_study=False,
)
