"""What statements about several events are in CQL (CONFORMANCE: Several events)."""

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Freshness, Items, Known, call
from adapter.evaluator.negatives import LIST
from adapter.kinds.condition.rule import entries
from adapter.kinds.condition.rule import truth as diagnosed
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.events.gathered import Events
from adapter.kinds.exposure.rule import bearing, windows
from adapter.kinds.exposure.rule import truth as given
from adapter.kinds.exposure.statement import Exposure


def gathered(asked: Events, catalogue: Catalogue, look_back: Duration | None = None) -> tuple[Expression, Expression]:
    """The events, and whether any of them ever was."""
    events: list[Expression] = []
    whole: list[Expression] = []
    if asked.conditions:
        condition = Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=look_back)
        held = [catalogue.conditions[name] for name in asked.conditions]
        passing = windows((each.id, each.transient) for each in held if each.transient is not None)
        events.append(call("Events", "Diagnosed", entries(condition), passing, look_back, Known.NOW))
        whole.append(diagnosed(condition, catalogue))
    if asked.exposures:
        taken = bearing(asked.exposures, look_back, catalogue)
        events.append(call("Events", "Given", taken, Freshness(LIST), Known.NOW))
        whole.append(given(Exposure(concepts=asked.exposures, look_back=look_back), catalogue))
    if len(events) == 1:
        return events[0], whole[0]
    return call("Events", "Both", *events), call("Measurements", "AnyOf", Items(tuple(whole)))
