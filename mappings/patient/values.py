"""Numbers, units, words and dates of sources -> FHIR values; what isn't certain is not read (CONFORMANCE: Values)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.fhir.elements import UCUM, Json, string
from adapter.record.values import MAX_EXPONENT
from adapter.record.when import parse

_UNSIGNED = r"(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})"  # .9 and 9. are numbers in HL7 v2 (NM), and as people write
_DIGITS = rf"[+-]?{_UNSIGNED}(?:[eE][+-]?\d{{1,2}})?"
_NUMBER = re.compile(rf"(<=|>=|=<|=>|<|>|≤|≥)?\s*({_DIGITS})", re.ASCII)
_BETWEEN = re.compile(rf"({_UNSIGNED})\s*(?:-|–|\.\.|to)\s*({_UNSIGNED})", re.ASCII)
_WITH_UNIT = re.compile(r"([<>=≤≥]*\s*[+-]?[.,]?\d[\d.,]*(?:[eE][+-]?\d+)?)\s*(\D.*)", re.ASCII | re.DOTALL)
_COMPARATORS = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}
UNREAD = "unreadable"
"""What stands before the words of a value that can't be read, in its place."""
_SNOMED = "http://snomed.info/sct"
FINDINGS = {
    "positive": Coding(_SNOMED, "10828004", "Positive"),
    "negative": Coding(_SNOMED, "260385009", "Negative"),
}
"""The codes of what the table of findings says (SNOMED CT qualifier values, as in the value sets result-*)."""


@dataclass(frozen=True, slots=True)
class ComparedNumber:
    """A number with its comparator (`<0.5`), if any."""

    value: Decimal
    comparator: str | None = None


def read_number(text: str, mark: str = ".") -> ComparedNumber | None:
    """A number as `4.2`, `.9`, `<0.5`, `≥ 200`, `1.2E4`; None for anything else, blanks among it.

    `mark` is the decimal mark. The other one is not read at all: `1,234` may be a thousand or one and a bit.
    """
    plain = text.strip()
    if mark == ",":
        if "." in plain:
            return None
        plain = plain.replace(",", ".")
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    value = Decimal(found[2])
    if value and abs(value.adjusted()) > MAX_EXPONENT:
        return None
    return ComparedNumber(value, _COMPARATORS.get(found[1], found[1]) if found[1] else None)


def read_measured(text: str, terminology: Terminology, mark: str = ".") -> tuple[ComparedNumber, str | None] | None:
    """A number that may have its unit behind it, if that is one that is known: `9.2`, `<7 g/dl`; else None."""
    reading = read_number(text, mark)
    if reading is not None:
        return reading, None
    parts = _WITH_UNIT.fullmatch(text.strip())
    if parts is None or ucum_of(parts[2], terminology) is None:
        return None
    reading = read_number(parts[1], mark)
    return None if reading is None else (reading, parts[2])


def read_bounds(text: str, mark: str = ".") -> tuple[Decimal | None, Decimal | None] | None:
    """A range of normal as `3.5-5.0`, `3.5 to 5.0`, `<1.2`, `>=60`: its low and high end; None for anything else.

    Ends that enclose nothing (`0-0`, `5.0-3.5`) are no limits: they stand for "none", or are swapped, and nobody knows.
    """
    plain = text.strip() if mark == "." else text.strip().replace(",", ".")
    found = _BETWEEN.fullmatch(plain)
    if found is not None:
        low, high = Decimal(found[1]), Decimal(found[2])
        return (low, high) if low < high else None
    reading = read_number(plain)
    if reading is None or reading.comparator is None:
        return None
    return (None, reading.value) if reading.comparator.startswith("<") else (reading.value, None)


def ucum_of(text: str, terminology: Terminology, kind: str | None = None) -> str | None:
    """The UCUM code of a unit as written, by the table of synonyms; None if it isn't there."""
    return terminology.unit_of(text, kind)


def quantity(
    reading: ComparedNumber,
    unit: str | None,
    terminology: Terminology,
    *,
    ucum: str | None = None,
    kind: str | None = None,
) -> Json:
    """A Quantity: `unit` as written, `ucum` its code where the source says it, else by the table of synonyms.

    A unit that the table doesn't know stays text: nothing is guessed. `kind`: of the analyte (`Analyte.kind`); an
    IU of an enzyme is a U.
    """
    written = string(unit or "")
    code = ucum or (ucum_of(written, terminology, kind) if written else None)
    made: Json = {"value": reading.value}
    if reading.comparator:
        made["comparator"] = reading.comparator
    if written or code:
        made["unit"] = written or code
    if code:
        made |= {"system": UCUM, "code": code}
    return made


def finding(text: str, terminology: Terminology) -> Json | None:
    """A qualitative result (`neg`, `detected`) as a CodeableConcept with its words; None if the table lacks it."""
    meaning = terminology.writing.finding(text)
    if meaning is None:
        return None
    coding = FINDINGS[meaning]
    return {"coding": [{"system": coding.system, "code": coding.code, "display": coding.display}], "text": text.strip()}


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
