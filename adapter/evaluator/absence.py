"""When absence from the record is an answer: an explicit "no known …", or the policy's assumption."""

from collections.abc import Iterable

from adapter.criteria.calendar import Duration
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import AllergyFact, ConditionFact, ExposureFact, Verification

CONDITIONS = frozenset({"Condition"})
ALLERGIES = frozenset({"AllergyIntolerance"})
EXPOSURES = frozenset(
    {"MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense", "Procedure"}
)


def absent(
    concepts: Iterable[str],
    types: frozenset[str],
    statements: Iterable[ConditionFact | AllergyFact | ExposureFact],
    otherwise: Outcome,
    chart: Chart,
    moment: Moment,
    look_back: Duration | None = None,
) -> Outcome:
    """What nothing on record comes to, of `concepts` read from resources of `types`.

    `statements` are the record's explicit "no known …" entries; one from before the `look_back` window says nothing of
    the time inside. `otherwise` is the answer without any of them, and its evidence and changes stay;
    it is also the answer where something of these types could not be read.
    """
    if chart.record.may_lack(types):
        return otherwise
    changes: tuple[Change, ...] = ()
    for said in statements:
        time = chart.span(said.start if isinstance(said, ExposureFact) else said.onset or said.recorded)
        if time is not None and moment.is_future(time):
            changes += (time.start,)
        elif _holds(said) and (look_back is None or _inside(time, look_back, moment)):
            shown = Evidence(said.source.resource, said.source.version, "code", said.shown, _time(said))
            if look_back is not None and time is not None:
                changes += moment.leaving(time.first, time.last, look_back)
            return outcome(Reason.EXPLICITLY_ABSENT, (shown,), otherwise.changes + changes)
        elif look_back is not None and time is not None:
            changes += moment.leaving(time.first, time.last, look_back)
    policy = chart.policy
    if all(concept in policy.assumed_absent for concept in concepts):
        blocked = not policy.waive_unmapped and any(entry.type in types for entry in chart.record.unmapped)
        reason = Reason.UNMAPPED_CODE if blocked else Reason.ASSUMED_ABSENT
        return outcome(reason, otherwise.evidence, otherwise.changes + changes)
    return otherwise.also(changes)


def _inside(time: Span | None, look_back: Duration, moment: Moment) -> bool:
    return time is not None and moment.place(time.first, time.last, look_back) is Placed.INSIDE


def _holds(said: ConditionFact | AllergyFact | ExposureFact) -> bool:
    if isinstance(said, ExposureFact):
        return True
    return said.verification is Verification.CONFIRMED and said.clinical not in ("inactive", "resolved", "remission")


def _time(said: ConditionFact | AllergyFact | ExposureFact) -> str | None:
    when = said.start if isinstance(said, ExposureFact) else said.onset or said.recorded
    return when.text if when else None
