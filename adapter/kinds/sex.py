"""`sex`: sex for clinical use where recorded, else Patient.gender (CONFORMANCE: The criterion algebra)."""

from adapter.criteria.model import Sex
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Evaluation, Kind
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence


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


SEX = Kind(name="sex", statement=Sex, bind=lambda statement, _: bind_sex(statement))
