"""Dates as sources write them -> FHIR dates. Only stated forms are read: 03/04/2026 is nobody's guess."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from adapter.record.when import parse

_PARTS = {
    "YYYY": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "hh": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "ss": r"(?P<second>\d{2})",
}
_PART = re.compile("|".join(_PARTS))
_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


class UnknownDateFormError(ValueError):
    """A form of dates that can't be read."""


@dataclass(frozen=True, slots=True)
class DateForms:
    """The stated forms, in the order in which they are tried; ISO 8601 always comes first."""

    texts: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "DateForms":
        """Forms as DD.MM.YYYY or MM/DD/YYYY hh:mm. Raises UnknownDateFormError."""
        stated = tuple(texts)
        return cls(stated, (_ISO, *(_pattern(text) for text in stated)))

    def read(self, text: str, zone: ZoneInfo) -> str | None:
        """A FHIR date or dateTime; a time of day without a zone is in `zone`. None if no form fits."""
        for pattern in self.patterns:
            found = pattern.fullmatch(text.strip())
            if found is not None:
                made = _fhir(found.groupdict(), zone)
                if made is not None:
                    return made
        return None


def _pattern(text: str) -> re.Pattern[str]:
    parts = _PART.findall(text)
    if "YYYY" not in parts or len(set(parts)) < len(parts):
        msg = f"{text!r} is no form of a date; write YYYY, MM, DD, hh, mm, ss once each, the year at least"
        raise UnknownDateFormError(msg)
    if ("DD" in parts and "MM" not in parts) or ("hh" in parts and not {"DD", "mm"} <= set(parts)):
        msg = f"{text!r} leaves out a part between two that it has"
        raise UnknownDateFormError(msg)
    between = _PART.split(text)
    pattern = "".join(
        re.escape(plain) + _PARTS.get(part, "") for plain, part in zip(between, [*parts, ""], strict=True)
    )
    return re.compile(pattern, re.ASCII)


def _fhir(parts: dict[str, str | None], zone: ZoneInfo) -> str | None:
    """The parts as FHIR writes them; None if there is no such day or time."""
    year, month, day = parts["year"], parts.get("month"), parts.get("day")
    if month is None:
        text = f"{year}"
    elif day is None:
        text = f"{year}-{int(month):02}"
    else:
        text = f"{year}-{int(month):02}-{int(day):02}"
    hour = parts.get("hour")
    try:
        if hour is not None:
            clock = f"{int(hour):02}:{parts['minute']}:{parts.get('second') or '00'}"
            offset = parts.get("zone") or _offset(datetime.fromisoformat(f"{text}T{clock}"), zone)
            text = f"{text}T{clock}{offset}"
        parse(text)
    except (ValueError, OverflowError):
        return None
    return text if not text.startswith("0000") else None


def _offset(local: datetime, zone: ZoneInfo) -> str:
    return local.replace(tzinfo=zone).isoformat()[-6:]
