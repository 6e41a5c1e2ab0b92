"""OBX-2, OBX-5 to OBX-7 and the flags that belong to a number -> value[x] and reference ranges (the guide's map OBX).

Where a number is not written as its type wants it, it is read only if nothing else can be meant (`<0.5` as NM, `8.1` as
ST with a unit beside it); everything else stays the text that it was, and the evaluator says `value-not-comparable`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import Json, string
from mappings.patient.hl7v2.datatypes import Clock, concept, read_time, without_nothing
from mappings.patient.hl7v2.message import Segment, Value
from mappings.patient.hl7v2.tables import Settings
from mappings.patient.values import ComparedNumber, finding, quantity, read_bounds, read_number

UCUM = "http://unitsofmeasure.org"
_SIGNS = frozenset({"<", "<=", ">", ">="})
_TEN = re.compile(r"[xX×*]?\s*10", re.ASCII)
_EXPONENT = re.compile(r"-?\d{1,2}\s*(?:(?:/\s*)?[A-Za-zµμ].*)?")
_LENGTH = re.compile(r"(?<![A-Za-zµμ])[cdmnµμ]?m$")
_POWER = re.compile(r"-?[23](?:\s*/.*)?")
_BETWEEN = 5
"""SN has at most four components; more is no SN."""


_DECIMAL_COMMA = re.compile(r"[<>=≤≥\s]*[+-]?\d+,(?:\d{1,2}|\d{4,})", re.ASCII)
"""A comma that parts no thousands: NM knows none, and who writes one means the decimal mark."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What values are read with."""

    settings: Settings
    terminology: Terminology
    clock: Clock

    def number(self, text: str) -> ComparedNumber | None:
        """A number by the site's decimal mark, or with a comma that can't be anything else."""
        mark = "," if _DECIMAL_COMMA.fullmatch(text.strip()) else self.settings.decimal_mark
        return read_number(text, mark)


class UnusableError(ValueError):
    """A value that FHIR's Observation can't hold; the text is the reason."""


def value_of(obx: Segment, value: Value, reader: Reader) -> Json:
    """The value[x] of one repetition of OBX-5; raises UnusableError. Of the segment it reads OBX-2, 6 and 8 only."""
    return _TYPES.get(obx.text(2).upper(), _text)(obx, value, reader)


def depends_on_the_message(obx: Segment) -> bool:
    """Whether a value is a time, and so may be another one in a message of another zone."""
    return obx.text(2).upper() in _TIMED


def joins_lines(obx: Segment) -> bool:
    """Whether repetitions of OBX-5, and OBX that follow with the same code, are lines of one text.

    A line alone may say the opposite of the whole ("not" / "detected").
    """
    return obx.text(2).upper() in _LINES and not obx.text(6)


def unit_of(obx: Segment, reader: Reader) -> tuple[str | None, str | None]:
    """OBX-6: the unit as written, and its UCUM code where the sender says that it is one.

    A power whose ^ was not escaped (`10^3/uL`, `kg/m^2`) falls into two components, and is put together again: half of
    it would be another unit.
    """
    unit = obx.value(6)
    if (_TEN.fullmatch(unit(1)) and _EXPONENT.fullmatch(unit(2))) or (
        _LENGTH.search(unit(1)) and _POWER.fullmatch(unit(2))
    ):
        return string(f"{unit(1)}^{unit(2)}"), None
    code = string(unit.whole if len(unit.parts) == 1 else unit(1))
    named = reader.settings.coding_systems.get(unit(3).casefold())
    if code and named == UCUM:
        return code, code
    alternate = reader.settings.coding_systems.get(unit(6).casefold())
    if unit(4) and alternate == UCUM:
        return unit(4), unit(4)
    return code or string(unit(2)), None


def _unit(obx: Segment, reader: Reader) -> tuple[str | None, str | None]:
    return obx.once("unit", (6,), lambda: unit_of(obx, reader))


def _measured(obx: Segment, reading: ComparedNumber, reader: Reader) -> Json:
    """A Quantity; `<` or `>` in OBX-8 (off scale) is its comparator if it has none."""
    if reading.comparator is None:
        flags = {flag(1) for flag in obx.repetitions(8)} & {"<", ">"}
        if len(flags) == 1:
            reading = ComparedNumber(reading.value, flags.pop())
    written, ucum = _unit(obx, reader)
    return quantity(reading, written, reader.terminology, ucum=ucum)


def _number(obx: Segment, value: Value, reader: Reader) -> Json:
    reading = reader.number(value.whole)
    if reading is None:
        return _between(obx, value, reader) or _words(value.whole)
    return {"valueQuantity": _measured(obx, reading, reader)}


def _between(obx: Segment, value: Value, reader: Reader) -> Json:
    """Two numbers with a dash between them, as `55-60` beside its unit is written."""
    low, dash, high = value.whole.partition("-")
    one, other = (reader.number(each.strip()) for each in (low, high))
    if not dash or one is None or other is None or one.comparator or other.comparator or not any(_unit(obx, reader)):
        return {}
    return _range(obx, one.value, other.value, reader)


def _text(obx: Segment, value: Value, reader: Reader) -> Json:
    """ST and what is unknown: a number if it is one and has a unit, else text."""
    reading = reader.number(value.whole)
    if reading is not None and any(_unit(obx, reader)):
        return {"valueQuantity": _measured(obx, reading, reader)}
    return _between(obx, value, reader) or _words(value.whole)


def _plain(_obx: Segment, value: Value, _reader: Reader) -> Json:
    return _words(value.whole)


def _coded(_obx: Segment, value: Value, reader: Reader) -> Json:
    """CE, CWE, CNE, IS, ID. A text alone is read by the table of findings, or stays text."""
    made = concept(value, reader.settings)
    if not made.get("coding"):
        text = made.get("text") or value.whole
        known = finding(text, reader.terminology)
        return {"valueCodeableConcept": known} if known else _words(text)
    if not any(value(place) for place in range(2, len(value.parts) + 1)):  # IS, ID, or a word where a code belongs
        known = finding(value(1), reader.terminology)
        return {"valueCodeableConcept": known} if known else _text(_obx, value, reader)
    return {"valueCodeableConcept": made}


def _structured(obx: Segment, value: Value, reader: Reader) -> Json:  # noqa: PLR0911  # one return a form
    """SN: comparator, number, separator, number."""
    sign, first, separator, second = (value(place) for place in range(1, _BETWEEN))
    one, other = (reader.number(text) for text in (first, second))
    plain = _structured_words(value)
    if one is None or one.comparator or (other is not None and other.comparator):
        reading = reader.number(plain.get("valueString", ""))  # `<0.5` in one component
        return {"valueQuantity": _measured(obx, reading, reader)} if reading else plain
    if not separator and not second:
        if sign not in _SIGNS | {"", "="}:
            return plain
        return {"valueQuantity": _measured(obx, ComparedNumber(one.value, sign if sign in _SIGNS else None), reader)}
    if other is None or sign not in {"", "="}:
        return plain
    if separator == "-":
        return _range(obx, one.value, other.value, reader) or plain
    if separator in {":", "/"}:
        return {"valueRatio": {"numerator": {"value": one.value}, "denominator": {"value": other.value}}}
    return plain


def _range(obx: Segment, low: Decimal, high: Decimal, reader: Reader) -> Json:
    if low > high:
        return {}
    written, ucum = _unit(obx, reader)
    ends = (quantity(ComparedNumber(end), written, reader.terminology, ucum=ucum) for end in (low, high))
    return {"valueRange": dict(zip(("low", "high"), ends, strict=True))}


def _numeric_range(obx: Segment, value: Value, reader: Reader) -> Json:
    low, high = (reader.number(value(place)) for place in (1, 2))
    if low is None or high is None or low.comparator or high.comparator:
        return _structured_words(value)
    return _range(obx, low.value, high.value, reader) or _structured_words(value)


def _dated(_obx: Segment, value: Value, reader: Reader) -> Json:
    moment = read_time(value(1), reader.clock)
    return {"valueDateTime": moment.text} if moment else _words(value.whole)


def _time(_obx: Segment, value: Value, _reader: Reader) -> Json:
    text = value(1)
    known = text.isascii() and text.isdigit() and len(text) in {4, 6} and text[:2] < "24" and text[2:4] < "60"
    if not known or text[4:] > "59":
        return _words(value.whole)
    return {"valueTime": f"{text[:2]}:{text[2:4]}:{text[4:] or '00'}"}


def _period(_obx: Segment, value: Value, reader: Reader) -> Json:
    start, end = (read_time(value(place), reader.clock) for place in (1, 2))
    made = without_nothing({"start": start and start.text, "end": end and end.text})
    return {"valuePeriod": made} if made else _words(value.whole)


def _encapsulated(_obx: Segment, _value: Value, _reader: Reader) -> Json:
    msg = "a document or picture; FHIR's Observation holds none, send it as text or codes"
    raise UnusableError(msg)


def _structured_words(value: Value) -> Json:
    """Components as one text, as people would read them: `2+`, `>1 - 5`."""
    return _words("".join(value(place) for place in range(1, len(value.parts) + 1)))


def _words(text: str) -> Json:
    said = string(text)
    return {"valueString": said} if said else {}


_LINES = frozenset({"ST", "TX", "FT", ""})
_TIMED = frozenset({"DT", "TS", "DTM", "DR"})
_TYPES: dict[str, Callable[[Segment, Value, Reader], Json]] = {
    "NM": _number,
    "SN": _structured,
    "NR": _numeric_range,
    "CE": _coded,
    "CWE": _coded,
    "CNE": _coded,
    "CF": _coded,
    "IS": _coded,
    "ID": _coded,
    "TX": _plain,
    "FT": _plain,
    "DT": _dated,
    "TS": _dated,
    "DTM": _dated,
    "TM": _time,
    "DR": _period,
    "ED": _encapsulated,
    "RP": _encapsulated,
}


def reference_ranges(obx: Segment, reader: Reader) -> list[Json]:
    """The reference ranges of an OBX.

    A unit behind the limits (`3.5-5.0 g/dL`) is taken off if it is OBX-6's own; any other one leaves a text only.
    """
    if not obx.raw(7):
        return []
    return obx.once("limits", (6, 7), lambda: _all_limits(obx, reader))


def _all_limits(obx: Segment, reader: Reader) -> list[Json]:
    return [made for value in obx.repetitions(7) if (made := _limits(value.whole, obx, reader))]


def _limits(text: str, obx: Segment, reader: Reader) -> Json:
    written, ucum = _unit(obx, reader)
    plain = text[1:-1].strip() if text.startswith(("[", "(")) and text.endswith(("]", ")")) else text
    for unit in filter(None, (written, ucum)):
        plain = plain.removesuffix(unit).rstrip()
    bounds = read_bounds(plain, reader.settings.decimal_mark)
    low, high = bounds or (None, None)

    def limit(value: object) -> Json | None:
        return None if value is None else quantity(ComparedNumber(value), written, reader.terminology, ucum=ucum)  # type: ignore[arg-type]

    return without_nothing({"low": limit(low), "high": limit(high), "text": string(text)})
