"""`childbearing-potential`: whether a woman can become pregnant (CONFORMANCE: Sex-bound criteria).

After CTFG, "Recommendations related to contraception and pregnancy testing in clinical trials": fertile from menarche
until postmenopausal, unless permanently sterile. What is missing settles nothing: a woman of whom nothing is on record
is neither.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from adapter.criteria.calendar import CalendarUnit, Duration, birthday
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import AnalyteFacts, Expression, Freshness, Known, Names, Readings, call
from adapter.criteria.fields import ConceptOf, Field, Keys, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Setting, Undecided
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, consistent, reads_of, untold
from adapter.evaluator.latest import Fresh, fresh_of
from adapter.evaluator.latest import evidence as readings_shown
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION, EXPOSURE, PERSON, Read, Role, coded, diagnosed, observed
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.kind import exempt_of
from adapter.kinds.condition.kind import exemption as exemption_read
from adapter.kinds.condition.pregnancy import bind_pregnancy, by_operation, contradicted, exemption
from adapter.kinds.condition.rule import truth as on_record
from adapter.kinds.condition.statement import PREGNANCY, Condition

STERILISED = ("hysterectomy", "bilateral-oophorectomy", "bilateral-salpingectomy")
"""What CTFG calls permanently sterile; a tubal ligation is contraception there, and other trials name it."""

MENOPAUSE, AMENORRHOEA, FSH = "menopause", "amenorrhoea", "fsh"

OLD_ENOUGH = Duration(45, CalendarUnit.YEAR)
"""From this age on a menopause is no early one, which may not last (ESHRE: early before 45 years)."""

WITHOUT_MENSES = Duration(12, CalendarUnit.MONTH)
POSTMENOPAUSAL = Decimal(40)
"""IU/L of FSH above which it is in the postmenopausal range (as in NCT03421379)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildbearingPotential(Leaf):
    """A woman who can become pregnant; `sterilised_by`: the operations after which nobody can, else STERILISED."""

    sterilised_by: tuple[str, ...] = ()

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations that count."""
        return self.sterilised_by or STERILISED


def bind_childbearing(statement: ChildbearingPotential, terminology: Terminology) -> Evaluation:
    """Met by a pregnancy; not met by sex, age, an operation or menopause; all else is open."""
    catalogue = terminology.catalogue
    pregnancy = bind_pregnancy(PREGNANCY, terminology)
    ruled_out = catalogue.conditions[PREGNANCY.concepts[0]]
    menopause = bind_condition(_menopause(), terminology)
    amenorrhoea = bind_condition(_amenorrhoea(), terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        pregnant = pregnancy(chart, moment)
        exempt, changes = exemption(ruled_out, None, chart, moment)
        changes += pregnant.changes
        if exempt is not None:
            return (contradicted(pregnant, exempt) if pregnant.truth is Truth.MET else exempt).also(changes)
        if pregnant.truth is Truth.MET:
            return pregnant.also(changes)
        done, more = by_operation(statement.operations, None, chart, moment)
        changes += more
        if done is not None:
            return outcome(Reason.NOT_APPLICABLE, (done,), changes)
        over, silent = menopause(chart, moment), amenorrhoea(chart, moment)
        high, shown = _high(chart, moment)
        changes += over.changes + silent.changes + high
        age, grown = _age(chart, moment)
        changes += grown
        said = over.evidence if over.truth is Truth.MET else ()
        if silent.truth is Truth.MET and shown:
            said += silent.evidence + shown
        if said and age is not None:
            return outcome(Reason.NOT_APPLICABLE, (*said, age), changes)
        signs = said or (silent.evidence if silent.truth is Truth.MET else ()) + shown
        signs += over.evidence if over.truth is Truth.UNKNOWN else ()
        if signs:
            return outcome(Reason.NEEDS_REVIEW, tuple(dict.fromkeys(signs)), changes)
        return outcome(Reason.NO_DATA, tuple(_known(chart)), changes)

    return evaluate


def _menopause() -> Condition:
    return Condition(concepts=(MENOPAUSE,))


def _amenorrhoea() -> Condition:
    return Condition(concepts=(AMENORRHOEA,), at_least_ago=WITHOUT_MENSES)


def _high(chart: Chart, moment: Moment) -> tuple[tuple[Change, ...], tuple[Evidence, ...]]:
    """A fresh FSH in the postmenopausal range, and when that changes."""
    analyte = chart.terminology.catalogue.analytes[FSH]
    found = fresh_of(analyte, chart, moment, chart.policy.freshness[analyte.freshness])
    if not isinstance(found, Fresh):
        return found.changes, ()
    numbers = [chart.number(reading.fact, analyte) for reading in found.latest.readings]
    above = [not isinstance(each, Reason) and each.low is not None and each.low > POSTMENOPAUSAL for each in numbers]
    return found.changes, readings_shown(found.latest.readings, named=True) if all(above) else ()


def _age(chart: Chart, moment: Moment) -> tuple[Evidence | None, tuple[Change, ...]]:
    """The birth date of who is surely old enough for a menopause that lasts."""
    birth = chart.record.birth
    if birth is None:
        return None, ()
    reached = birthday(birth.last, OLD_ENOUGH)
    if moment.day < reached:
        return None, (reached,)
    return Evidence(chart.record.subject, None, "birthDate", birth.text, birth.text), ()


def _known(chart: Chart) -> Iterator[Evidence]:
    record = chart.record
    if record.gender is not None:
        yield Evidence(record.subject, None, "gender", record.gender, None)
    if record.birth is not None:
        yield Evidence(record.subject, None, "birthDate", record.birth.text, record.birth.text)


def _reads(statement: ChildbearingPotential, catalogue: Catalogue) -> Iterator[Read]:
    yield from diagnosed((MENOPAUSE,), catalogue)
    yield from observed(catalogue.analytes[FSH], Role.BESIDE)
    for read in diagnosed((AMENORRHOEA,), catalogue):
        yield Read(data=read.data, name=read.name, role=Role.BESIDE, value_set=read.value_set)
    for name in statement.operations:
        yield coded(EXPOSURE, name, Role.BESIDE)
        yield coded(CONDITION, name, Role.BESIDE)
    for read in reads_of(PREGNANCY, catalogue):
        yield Read(data=read.data, name=read.name, role=Role.BESIDE, value_set=read.value_set)
    yield from exemption_read(catalogue)


def _columns(statement: ChildbearingPotential, setting: Setting) -> Undecided:
    """Whom it can't concern, and of whom nothing speaks."""
    read = [each for each in _reads(statement, setting.terminology.catalogue) if each.data is not PERSON]
    return Undecided(sets=frozenset(each.value_set for each in read if each.value_set), exempt=exempt_of((), setting))


def _truth(statement: ChildbearingPotential, catalogue: Catalogue) -> Expression:
    pregnancy, fsh = catalogue.conditions[PREGNANCY.concepts[0]], catalogue.analytes[FSH]
    high = Readings(FSH), AnalyteFacts(FSH), POSTMENOPAUSAL, Known.NOW, Freshness(fsh.freshness)
    return call(
        "Pregnancy",
        "CanConceive",
        Known.PREGNANT,
        Known.PATIENT,
        Known.DIAGNOSES,
        Known.EXPOSURES,
        pregnancy.ruled_out_below,
        Names(pregnancy.ruled_out_by),
        Names(statement.operations),
        on_record(_menopause(), catalogue),
        on_record(_amenorrhoea(), catalogue),
        call("Pregnancy", "IsHigh", *high),
        Known.NOW,
    )


CHILDBEARING = Kind(
    name="childbearing-potential",
    statement=ChildbearingPotential,
    form=Keys(
        (
            Field(
                "sterilised_by",
                ConceptOf(Section.EXPOSURE),
                many=True,
                says="Operations after which nobody becomes pregnant.",
            ),
        )
    ),
    contradiction=consistent,
    reads=_reads,
    bind=lambda statement, trial: bind_childbearing(statement, trial.terminology),
    words=lambda *_: Phrase("childbearing potential", "can become pregnant", "childbearing potential"),
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
