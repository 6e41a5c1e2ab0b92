"""`condition` as rows: which codes bear on it, from which day on an entry counts, what denies it, and what doubts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from adapter.criteria.calendar import Duration, Hours
from adapter.criteria.catalogue import Catalogue, ConditionConcept
from adapter.evaluator.columns import Ask, Diagnosed, Doubting, Exempt, Pregnant, Setting, Tested
from adapter.evaluator.kind import reads_of
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.evaluator.reads import only_coded
from adapter.kinds.condition.doubts import RUNNING
from adapter.kinds.condition.infection import table_of
from adapter.kinds.condition.standing import GRADES, Diagnosis, diagnosis
from adapter.kinds.condition.statement import PREGNANCY, Condition, Occurrence


def columns(statement: Condition, setting: Setting) -> Diagnosed | Pregnant | None:
    """A diagnosis, where no more than its time is asked of an entry; of pregnancy, by its tests."""
    catalogue = setting.terminology.catalogue
    asked = diagnosis(statement, setting.terminology)
    if statement.asks_of_entry or isinstance(asked.look_back, Hours):
        return None
    if any(concept.pregnancy for concept in asked.concepts):
        sets = only_coded(reads_of(replace(statement, sex_bound=False), catalogue))
        exempt = exemption(asked.concepts, setting) if statement.sex_bound else None
        return None if sets is None else Pregnant(tested=_tested(statement, setting), sets=sets, exempt=exempt)
    levels = GRADES.get(statement.qualifier, ("", "")) if statement.qualifier is not None else ("", "")
    exempt = exemption(asked.concepts, setting) if statement.sex_bound else None
    tested = _tested(statement, setting) if statement.tests else None
    return Diagnosed(
        concepts=asked.names,
        ask=_ask(asked),
        since=setting.since(asked.look_back),
        stands={each.id: setting.moment.window_start(each.transient) for each in asked.concepts if each.transient},
        passing=tuple(
            (each.id, name, setting.moment.window_start(stands))
            for each in asked.concepts
            if each.transient is None
            for name, stands in each.passing.items()
        ),
        listed_since=setting.moment.window_start(setting.policy.freshness[LIST]),
        other_than=tuple(each.id for each in asked.other_than),
        absent=asked.absent if asked.present and tested is None else frozenset(),
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
        qualified=statement.qualifier is not None,
        levels=levels,
        doubts=tuple(_doubts(asked.concepts, setting)) if tested is None else (),
        tested=tested,
        exempt=exempt,
    )


def _ask(asked: Diagnosis) -> Ask:
    if asked.look_back is not None:
        return Ask.ACTIVE_SINCE if asked.occurrence is Occurrence.ACTIVE else Ask.BEGAN
    return Ask.EVER if asked.occurrence is Occurrence.EVER else Ask.PRESENT


def _doubts(concepts: Iterable[ConditionConcept], setting: Setting) -> Iterable[Doubting]:
    for doubt in dict.fromkeys(each for concept in concepts for each in concept.doubts):
        if doubt.analyte is None:
            yield Doubting(exposure=doubt.exposure or "", since=setting.moment.window_start(RUNNING))
        else:
            analyte = setting.terminology.catalogue.analytes[doubt.analyte]
            since = setting.moment.window_start(setting.policy.freshness[analyte.freshness])
            yield Doubting(analyte=analyte, above=doubt.above, since=since)


def _tested(statement: Condition, setting: Setting) -> Tested:
    catalogue, policy = setting.terminology.catalogue, setting.policy
    table = table_of(statement.concepts, statement.tests, catalogue)
    analytes = {name: catalogue.analytes[test.analyte] for name, test in table.tests.items()}
    since = {name: setting.moment.window_start(policy.freshness[each.freshness]) for name, each in analytes.items()}
    ages = {name: test.from_age for name, test in table.tests.items() if test.from_age is not None}
    return Tested(table=table, analytes=analytes, fresh=since, of_age=ages)


def exemption(concepts: Iterable[ConditionConcept], setting: Setting) -> Exempt:
    """Whom a statement that is bound to sex does not concern."""
    catalogue, policy = setting.terminology.catalogue, setting.policy
    lasting = next((concept.outlasts_womb for concept in concepts if concept.outlasts_womb), None)
    ruled_out = catalogue.conditions[PREGNANCY.concepts[0]]
    return Exempt(
        young_after=_born(ruled_out.ruled_out_below, setting),
        old_until=_born(policy.pregnancy_ruled_out_from, setting),
        by=frozenset((*ruled_out.ruled_out_by, *policy.pregnancy_ruled_out_by)),
        before=setting.since(lasting),
        evidence=_evidence(catalogue),
    )


def _born(age: Duration | None, setting: Setting) -> date | None:
    return None if age is None else setting.born_until(age)


def _evidence(catalogue: Catalogue) -> frozenset[str]:
    return only_coded(reads_of(PREGNANCY, catalogue)) or frozenset()
