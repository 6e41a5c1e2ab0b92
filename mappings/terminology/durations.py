"""ISO 8601 durations of one calendar unit (P30D, P2W, P12M, P16Y) as they stand in YAML."""

import re
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema

from adapter.criteria.quantity import CalendarUnit, Duration

_FORM = re.compile(r"P([1-9]\d{0,4})([DWMY])")
_UNITS = {"D": CalendarUnit.DAY, "W": CalendarUnit.WEEK, "M": CalendarUnit.MONTH, "Y": CalendarUnit.YEAR}
_DAYS = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7, CalendarUnit.MONTH: 30, CalendarUnit.YEAR: 365}
_LIFETIME = 150 * 365


def duration(text: object) -> Duration:
    """The duration in `text`; ValueError if it is none, or longer than anyone lives."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        msg = f"{text!r} is no duration; write a whole number of days, weeks, months or years as P30D, P2W, P12M, P1Y"
        raise ValueError(msg)
    read = Duration(int(found[1]), _UNITS[found[2]])
    if read.count * _DAYS[read.unit] > _LIFETIME:
        msg = f"{text} is longer than a lifetime; check the number and the unit"
        raise ValueError(msg)
    return read


IsoDuration = Annotated[
    Duration, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": f"^{_FORM.pattern}$"})
]
"""A Duration in a pydantic model, written in ISO 8601."""

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
"""Every model of ours refuses keys that it doesn't know: a misspelt key is never taken for a missing one."""
