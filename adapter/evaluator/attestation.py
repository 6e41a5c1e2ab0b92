"""Attestations: what a person has said of a criterion's statement (CONFORMANCE: Judgement and attestation)."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Reading, in_time
from adapter.evaluator.latest import evidence, latest
from adapter.evaluator.moment import Change, Moment, Placed, Span, span
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.when import parse

SYSTEM = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
CLASS = "attestation"
"""The policy's freshness class of attestations."""


class Attested(Struct, frozen=True, gc=False):
    """What attestations come to: a truth, or none; those that don't count are shown all the same.

    `time`: when what stands was said.
    """

    truth: Truth | None
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    time: Span | None = None


def attested(code: str, chart: Chart, moment: Moment) -> Attested | None:
    """The latest attestation of `<study>.<criterion id>`; None if nobody has said anything.

    It counts if it is final, has a performer and an effective time inside its window, and a boolean value.
    """
    facts = chart.record.attestations.get(code)
    if not facts:
        return None
    readings = [chart.reading(fact) for fact in facts]
    shown = evidence(sorted(readings, key=lambda reading: reading.fact.source.resource))
    valid = [r for r in readings if r.counts and r.fact.performer and r.fact.boolean is not None and r.time]
    valid.sort(key=in_time)
    newest = latest(valid, moment)
    if newest is None:
        future = tuple(r.time.start for r in valid if r.time is not None and moment.is_future(r.time))
        return Attested(None, shown, future)
    window = chart.policy.freshness[CLASS]
    placed, left = moment.stands(newest.time, window)
    changes = newest.changes + left
    said = {reading.fact.boolean for reading in newest.readings}
    if placed is not Placed.INSIDE or len(said) > 1:
        return Attested(None, shown, changes)
    truth = Truth.MET if said.pop() else Truth.NOT_MET
    return Attested(truth, tuple([_word(each) for each in newest.readings]), changes, newest.time)


_QUESTIONS = frozenset(
    {
        Reason.NEEDS_REVIEW,
        Reason.CONFLICTING,
        Reason.UNCONFIRMED,
        Reason.PRELIMINARY,
        Reason.ORDERED_ONLY,
        Reason.ROUTE_MISSING,
        Reason.VALUE_STRADDLES,
        Reason.VALUE_NOT_COMPARABLE,
        Reason.IMPLAUSIBLE,
        Reason.REFERENCE_RANGE_MISSING,
        Reason.UNIT_MISSING,
        Reason.UNIT_INCOMPATIBLE,
    }
)
"""The reasons of an unknown that stand on what is on record, not on what it lacks."""


def raised_since(said: Attested, found: Iterable[Outcome], chart: Chart) -> bool:
    """Whether what is open stands on something that is sure to be later than what was said.

    A diagnosis shows when it began; who spoke before it was recorded may not have known of it.
    """
    if said.time is None:
        return False
    shown = [shown for each in found if each.reason in _QUESTIONS for shown in each.evidence]
    if any(_is_after(each.time, said.time, chart) for each in shown if each.time):
        return True
    diagnoses = {each.resource for each in shown if each.resource.startswith("Condition/")}
    recorded = (chart.span(each.recorded) for each in chart.record.all_conditions if each.source.resource in diagnoses)
    return any(when.start > said.time.end for when in recorded if when is not None)


def _is_after(text: str, time: Span, chart: Chart) -> bool:
    """Whether what evidence says of its time lies after another; an age, or a word, is on no side."""
    try:
        return span(parse(text.partition("/")[0]), chart.policy.time_zone).start > time.end
    except ValueError:
        return False


def _word(reading: Reading) -> Evidence:
    """What was said, and by whom."""
    found = evidence([reading])[0]
    return replace(found, value=f"{'yes' if reading.fact.boolean else 'no'}, by {reading.fact.performer}")
