"""Who can't be pregnant or breast-feed (CONFORMANCE: Sex-bound criteria)."""

from collections.abc import Callable, Iterator, Sequence

from adapter.criteria.calendar import Duration, birthday
from adapter.criteria.catalogue import ConditionConcept
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import reads_of
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import only_coded
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.pregnancy import bind_pregnancy
from adapter.kinds.condition.statement import PREGNANCY
from adapter.record.facts import PatientRecord, Verification
from adapter.record.when import When

Evaluation = Callable[[Chart, Moment], Outcome]


def unless_not_applicable(evaluation: Evaluation, concepts: Sequence[str], terminology: Terminology) -> Evaluation:
    """NOT_APPLICABLE for a man, a small child, and after the womb has been removed; by the policy for others.

    Never against evidence of pregnancy: what that makes true is then CONFLICTING. `concepts` are what the
    criterion asks about, if they are diagnoses.
    """
    conditions = terminology.catalogue.conditions
    pregnancy = bind_pregnancy(PREGNANCY, terminology)
    evidence_of_it = only_coded(reads_of(PREGNANCY, terminology.catalogue))
    ruled_out = conditions[PREGNANCY.concepts[0]]
    lasting = next((conditions[name].outlasts_womb for name in concepts if conditions[name].outlasts_womb), None)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        exempt, changes = exemption(ruled_out, lasting, chart, moment)
        if exempt is None:
            return evaluation(chart, moment).also(changes)
        if evidence_of_it is not None and chart.present.isdisjoint(evidence_of_it):
            return exempt.also(changes)
        key = (PREGNANCY.concepts[0], moment.as_of)
        pregnant = chart.outcomes.get(key)
        if pregnant is None:
            pregnant = chart.outcomes[key] = pregnancy(chart, moment)
        found = evaluation(chart, moment) if pregnant.truth is Truth.MET else exempt
        return contradicted(found, exempt).also(changes + pregnant.changes)

    return evaluate


def contradicted(found: Outcome, exempt: Outcome) -> Outcome:
    """CONFLICTING where what nobody of this sex, age or history can have is found: a tumour may raise hCG, too."""
    if found.truth is not Truth.MET:
        return found
    return outcome(Reason.CONFLICTING, (*exempt.evidence, *found.evidence), found.changes)


def exemption(
    ruled_out: ConditionConcept, lasting: Duration | None, chart: Chart, moment: Moment
) -> tuple[Outcome | None, tuple[Change, ...]]:
    """Why the criterion does not apply, if it doesn't; and when that may change."""
    changes: tuple[Change, ...] = ()
    shown = _male(chart.record)
    if shown is None:
        shown, changes = _by_age(ruled_out, chart, moment)
    if shown is None:
        by = dict.fromkeys((*ruled_out.ruled_out_by, *chart.policy.pregnancy_ruled_out_by))
        shown, more = by_operation(tuple(by), lasting, chart, moment)
        changes += more
    return (None if shown is None else outcome(Reason.NOT_APPLICABLE, (shown,))), changes


def _male(record: PatientRecord) -> Evidence | None:
    """Everything that is recorded of sex says so: administrative gender, sex at birth, sex for clinical use."""
    gender = None if record.gender == "unknown" else record.gender
    recorded = {gender, record.birth_sex, record.clinical_sex} - {None}
    if recorded != {"male"}:
        return None
    element = "gender" if gender else "extension"
    return Evidence(record.subject, None, element, "male", None)


def _by_age(ruled_out: ConditionConcept, chart: Chart, moment: Moment) -> tuple[Evidence | None, tuple[Change, ...]]:
    """Surely younger than anybody who gets pregnant, or as old as the policy says."""
    birth, policy = chart.record.birth, chart.policy
    if birth is None or birth.first > moment.day:
        return None, ()
    shown = Evidence(chart.record.subject, None, "birthDate", birth.text, birth.text)
    changes: tuple[Change, ...] = ()
    if ruled_out.ruled_out_below is not None:
        grown = birthday(birth.first, ruled_out.ruled_out_below)
        if moment.day < grown:
            return shown, (grown,)
    if policy.pregnancy_ruled_out_from is not None:
        reached = birthday(birth.last, policy.pregnancy_ruled_out_from)
        if reached <= moment.day:
            return shown, ()
        changes += (reached,)
    return None, changes


def by_operation(
    concepts: tuple[str, ...], lasting: Duration | None, chart: Chart, moment: Moment
) -> tuple[Evidence | None, tuple[Change, ...]]:
    """An operation on record; where what is asked may outlast it, one that is long enough ago."""
    changes: tuple[Change, ...] = ()
    for when, shown in _operations(concepts, chart):
        time = chart.span(when)
        if time is not None and moment.is_future(time):
            changes += (time.start,)
        elif lasting is None:
            return shown, changes
        elif time is not None:
            changes += moment.leaving(time.first, time.last, lasting)
            if _over(time, lasting, moment):
                return shown, changes
    return None, changes


def _over(time: Span, lasting: Duration, moment: Moment) -> bool:
    return moment.place(time.first, time.last, lasting) is Placed.BEFORE


def _operations(concepts: tuple[str, ...], chart: Chart) -> Iterator[tuple[When | None, Evidence]]:
    """Procedures that were done, and diagnoses that say so ("acquired absence of the uterus")."""
    for concept in concepts:
        for fact in chart.record.exposures.get(concept, ()):
            if not fact.ordered and not fact.open:
                when = fact.end or fact.start
                yield when, Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, _text(when))
        for entry in chart.record.conditions.get(concept, ()):
            if entry.verification is Verification.CONFIRMED:
                when = entry.onset or entry.recorded
                yield when, Evidence(entry.source.resource, entry.source.version, "code", entry.shown, _text(when))


def _text(when: When | None) -> str | None:
    return when.text if when else None
