"""What a `measurement` criterion says."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.calendar import Length
from adapter.criteria.model import AnswerRange, Answers, Done, Finding, Leaf
from adapter.criteria.quantity import (
    Comparator,
    LimitThreshold,
    QuantityRange,
    QuantityThreshold,
)
from adapter.kinds.events.gathered import wrongly_named
from adapter.kinds.events.sequence import Reference, Which

Test = QuantityThreshold | LimitThreshold | QuantityRange | Finding | Answers | AnswerRange | Done | bool
"""What an analyte may be compared with."""


class Selection(StrEnum):
    """Which of several measurements inside the window are compared."""

    LATEST = "latest"
    ANY = "any"
    ALL = "all"
    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Leaf):
    """An analyte held against quantities, limits of normal, a finding, coded answers or a boolean; or just measured.

    `times`: so many of several have to satisfy it, and the first and the last of these lie `apart`, by their days, or
    in hours. `share`: what share of them has to, in per cent. `body_site`, `method`, `device`: only what was measured
    there, so, with that; each are alternatives. `before`: what was measured before this event began, and stood then:
    the window is counted back from it.
    """

    analyte: str
    test: Test
    selection: Selection = Selection.LATEST
    window: Length | None = None
    times: int | None = None
    apart: Length | None = None
    share: QuantityThreshold | None = None
    body_site: tuple[str, ...] = ()
    method: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    before: Reference | None = None

    @property
    def asks_how(self) -> bool:
        """Whether it asks where, how or with what something was measured."""
        return bool(self.body_site or self.method or self.device)

    @property
    def is_plain(self) -> bool:
        """Whether it asks for the value alone: not where, how or with what it was measured, nor before what."""
        return self.before is None and not self.asks_how

    @property
    def taken(self) -> Selection:
        """The selection, with the highest and the lowest of several told by all or any of them.

        The highest of several is at most a bound if all are, and at least a bound if any is; the lowest likewise.
        """
        if self.selection not in (Selection.HIGHEST, Selection.LOWEST):
            return self.selection
        upper = isinstance(self.test, QuantityThreshold | LimitThreshold) and self.test.comparator in (
            Comparator.LESS,
            Comparator.AT_MOST,
        )
        return Selection.ALL if upper is (self.selection is Selection.HIGHEST) else Selection.ANY


def contradiction(statement: Measurement) -> str | None:
    """What no value satisfies, and what is no question about one value."""
    return (
        _of_several(statement)
        or (_of_range(statement, statement.test) if isinstance(statement.test, QuantityRange) else None)
        or (_of_event(statement.before) if statement.before is not None else None)
    )


def _of_event(before: Reference) -> str | None:
    if before.which is Which.ANY:
        return "of several events nobody knows before which; write `which: first` or `which: last` beside them"
    return "before an event is before it began; leave began out" if before.began else wrongly_named(before)


def _of_several(statement: Measurement) -> str | None:
    if (statement.times is not None or statement.apart is not None) and statement.selection is not Selection.ANY:
        return "`times` and `apart` count among several values; write `selection: any` beside them"
    if statement.apart is not None and (statement.times or 1) < 2:  # noqa: PLR2004  # of one there is no distance
        return "`apart` is between several values; write `times: 2` or more beside it"
    if statement.share is None:
        return None
    if statement.selection is not Selection.ANY or statement.times is not None:
        return "`share` is of several values; write `selection: any` beside it, and no `times`"
    if statement.share.unit != "%" or not 0 <= statement.share.value <= 100:  # noqa: PLR2004  # per cent
        return "a share is in per cent, from 0 to 100, as in `share: {at-least: 80 %}`"
    return None


def _of_range(statement: Measurement, test: QuantityRange) -> str | None:
    if statement.selection in (Selection.HIGHEST, Selection.LOWEST):
        return (
            f"the {statement.selection.value} of several has two bounds here; write two measurements below `all-of`, "
            "one for each bound"
        )
    low, high = _bound(test.low), _bound(test.high)
    if low[1] != high[1] or low[0] < high[0] or (low[0] == high[0] and _closed(test)):
        return None
    return f"no value is {_said(test.low)} and {_said(test.high)}; correct a bound"


def _bound(bound: QuantityThreshold | LimitThreshold) -> tuple[Decimal, str]:
    """The number, and what it is counted in."""
    return (bound.factor, bound.limit.value) if isinstance(bound, LimitThreshold) else (bound.value, bound.unit)


def _closed(test: QuantityRange) -> bool:
    return (test.low.comparator, test.high.comparator) == (Comparator.AT_LEAST, Comparator.AT_MOST)


def _said(bound: QuantityThreshold | LimitThreshold) -> str:
    number, unit = _bound(bound)
    return f"{bound.comparator.value} {number}{'' if unit == '1' else f' {unit}'}"
