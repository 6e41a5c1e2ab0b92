"""Where, how and with what something was measured, where a criterion asks for it (CONFORMANCE: Observations)."""

from collections.abc import Iterator, Sequence

from msgspec import structs

from adapter.criteria.terminology import Membership, Terminology
from adapter.evaluator.chart import COUNTED, Reading
from adapter.evaluator.lists import said_of
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.measurement.statement import Measurement
from adapter.record.facts import Circumstances, ObservationFact
from adapter.record.links import coded

_NONE = Circumstances()


def asked_so(readings: Sequence[Reading], statement: Measurement, terminology: Terminology) -> list[Reading]:
    """The readings that were, or may have been, taken as is asked; the latter don't count."""
    found: list[Reading] = []
    for reading in readings:
        said = frozenset(_said(reading.fact, statement, terminology))
        if said == {Membership.IS}:
            found.append(reading)
        elif Membership.NOT not in said:
            found.append(structs.replace(reading, counts=False))
    return found


def _said(fact: ObservationFact, statement: Measurement, terminology: Terminology) -> Iterator[Membership]:
    held = fact.circumstances or _NONE
    if statement.body_site:
        yield said_of(statement.body_site, coded(held.body_site), terminology)
    if statement.method:
        yield said_of(statement.method, coded(held.method), terminology)
    if statement.device:
        yield said_of(statement.device, () if held.device is None else (held.device,), terminology)


def not_said(found: Outcome, readings: Sequence[Reading]) -> Outcome:
    """An answer that a reading leaves open which nobody says to be what is asked: a question, and not a status."""
    unsure = {each.fact.source.resource for each in readings if not each.counts and each.fact.status in COUNTED}
    if found.reason not in (Reason.PRELIMINARY, Reason.UNDATED) or not found.evidence:
        return found
    if found.evidence[0].resource not in unsure:
        return found
    return outcome(Reason.NEEDS_REVIEW, found.evidence, found.changes, "where, how or with what is not said")
