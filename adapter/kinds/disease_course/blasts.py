"""The blasts counted since a remission."""

from collections.abc import Sequence

from msgspec import Struct

from adapter.criteria.catalogue import Analyte
from adapter.evaluator.chart import Chart, Reading, in_time
from adapter.evaluator.latest import evidence
from adapter.evaluator.moment import Change, Moment, Span
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.disease_course.diseases import Word, is_after, may_be_after
from adapter.kinds.measurement.compare import Compare

MARROW = "blasts-marrow"
"""The count that dates a remission, and that may show another one after a relapse."""


class Blasts(Struct, frozen=True, gc=False):
    """What was counted.

    `above`: counts above the threshold that may have been made after the remission, oldest first; `proved`: one of them
    was, and no later marrow is at or below it. `low`, `clear`: the marrows at or below it, shown and by their times.
    `doubtful`: counts that may be above it and can't be settled.
    """

    above: tuple[Reading, ...]
    proved: bool
    clear: tuple[Span, ...]
    low: tuple[Evidence, ...]
    doubtful: tuple[Evidence, ...]
    changes: tuple[Change, ...]

    def cleared(self, since: Span | None) -> bool:
        """Whether a marrow after that time was clear."""
        return any(since is None or is_after(time, since) for time in self.clear)


def blasts_since(last: Word | None, counted: Sequence[tuple[Analyte, Compare]], chart: Chart, moment: Moment) -> Blasts:
    """The counts of all analytes against the last remission; without one they prove nothing."""
    above: list[Reading] = []
    clear: list[Reading] = []
    doubtful: list[Reading] = []
    changes: list[Change] = []
    for analyte, compare in counted:
        for reading in chart.readings(analyte):
            if reading.time is not None and moment.is_future(reading.time):
                changes.append(reading.time.start)
                continue
            reason = compare(reading, chart)[0]
            settled = reading.counts and reading.time is not None
            if reason is Reason.VALUE_FAILS:
                clear += [reading] if settled and analyte.id == MARROW else []
            elif last is not None and may_be_after(reading.time, last.time):
                (above if settled and reason is Reason.VALUE_SATISFIES else doubtful).append(reading)
    above.sort(key=in_time)
    clear.sort(key=in_time)
    times = tuple(each.time for each in clear if each.time is not None)
    return Blasts(
        above=tuple(above),
        proved=last is not None and _proved(last, above, times),
        clear=times,
        low=evidence(clear[-1:], named=True),
        doubtful=evidence(doubtful, named=True),
        changes=tuple(changes),
    )


def _proved(last: Word, above: list[Reading], clear: tuple[Span, ...]) -> bool:
    """Whether a count came after a remission whose day is known, and no clear marrow after it.

    A remission that is only written down somewhere is dated by a clear marrow before the count.
    """
    for reading in above:
        since = [last.time] if last.dated else [time for time in clear if not is_after(time, last.time)]
        after = any(is_after(reading.time, time) for time in since)
        if after and not any(is_after(time, reading.time) for time in clear):
            return True
    return False
