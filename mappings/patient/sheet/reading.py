"""One row's cells, read by column, and what they say of the person: birth date, sex, death.

Blanks are nothing, and what can't be read is noted with its column and reason. Rows of one patient must agree on who
that is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from adapter.criteria.written import plain
from adapter.fhir.elements import Json
from mappings.patient.converted import Rejected
from mappings.patient.sheet.columns import Beside, Datum, Layout, Row, words
from mappings.patient.sheet.mapping import Mapping
from mappings.patient.sheet.table import Cell
from mappings.patient.values import ComparedNumber, read_number

_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}\.\d{3}(?![\d.,])", re.ASCII)
_POINT = re.compile(
    r"\s*[<>=≤≥]*\s*(?!(?:0?[1-9]|1[0-2])\.(?:19|20)\d\d(?!\d))"
    r"(?:0?\.\d+|\d+\.(?:\d{1,2}|\d{4,}))(?![\d.,:]|\s*Uhr\b)",
    re.ASCII | re.IGNORECASE,
)
"""A number with a point that parts no thousands, and none of a day, a month or a time of day."""
NOTHING = Cell("")
"""A cell that a row has not got."""
_MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What is the same for all rows; `texts` and `dates` are what the texts of cells came to."""

    layout: Layout
    mapping: Mapping
    zone: ZoneInfo
    texts: dict[str, str | None] = field(default_factory=dict)
    dates: dict[str, str | None] = field(default_factory=dict)

    def text(self, written: str) -> str | None:
        """A cell's text without blanks around and between; None for a word that means no value."""
        if written in self.texts:
            return self.texts[written]
        text = " ".join(written.split())
        key = plain(text)
        found = None if not key or key in words().blanks or key in self.mapping.blanks else text
        return _remember(self.texts, written, found)

    def date(self, text: str) -> str | None:
        """A date or time as FHIR writes it; None if it has no stated form."""
        if text in self.dates:
            return self.dates[text]
        return _remember(self.dates, text, self.mapping.dates.read(text, self.zone))


def _remember(known: dict[str, str | None], text: str, found: str | None) -> str | None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[text] = found
    return found


@dataclass(slots=True)
class RowReader:
    """Reads the cells of one row; `rejected` collects what could not be read, `faults` counts how often."""

    number: int
    cells: Sequence[Cell]
    reading: Reading
    rejected: list[Rejected] = field(default_factory=list)
    faults: int = 0

    @property
    def place(self) -> str:
        """The row, as people count."""
        return f"row {self.number}"

    @property
    def layout(self) -> Layout:
        """The sheet's columns."""
        return self.reading.layout

    @property
    def mapping(self) -> Mapping:
        """What the site says of the sheet."""
        return self.reading.mapping

    def reject(self, position: int, reason: str) -> None:
        """Note that a cell can't be used."""
        self.faults += 1
        header = self.layout.headers[position] or f"column {position + 1}"
        found = Rejected(place=self.place, field=header, value=self._cell(position).text, reason=reason)
        if all(each.field != header for each in self.rejected):  # several data may read one cell
            self.rejected.append(found)

    def text(self, position: int | None) -> str | None:
        """A cell's text; None for a blank, and for a cell without a value, which is noted."""
        if position is None:
            return None
        cell = self._cell(position)
        if cell.problem is not None:
            self.reject(position, cell.problem)
            return None
        return self.reading.text(cell.text)

    def stated(self, position: int) -> str | None:
        """What a datum's own cell says: its text, or what stands there in place of a value, as that nobody knows."""
        text, cell = self.text(position), self._cell(position)
        return cell.text if text is None and (cell.problem is not None or self.is_open(cell.text)) else text

    def is_open(self, text: str) -> bool:
        """Whether a text says that nobody knows, and not, by the site's word, nothing."""
        key = plain(text)
        return key in words().not_known and key not in self.mapping.blanks

    def date(self, position: int | None) -> str | None:
        """A cell's date or time as FHIR writes it."""
        text = self.text(position)
        if text is None or position is None:
            return None
        found = self.reading.date(text)
        if found is None:
            forms = ", ".join(("YYYY-MM-DD", *self.mapping.dates.texts))
            self.reject(position, f"not a date in a stated form ({forms}); correct it, or state its form in `dates`")
        return found

    def number_in(self, position: int, text: str, mark: str = "") -> ComparedNumber | None:
        """The number that a cell's text, or a part of it, is; `mark`: another decimal mark than the sheet's."""
        known = mark or self.mark(position, text)
        return None if known is None else read_number(text, known)

    def mark(self, position: int, text: str) -> str | None:
        """The decimal mark of a cell's text, None where nobody says: a workbook's own number always has a point.

        Without the site's word a point is one, but where it may part thousands (`1.250`), and no other number of the
        row has a point that can't.
        """
        if self._cell(position).typed or ((said := self.mapping.form.decimal) is None and self._has_point(text)):
            return "."
        return said

    def _has_point(self, text: str) -> bool:
        return _THOUSANDS.search(text) is None or any(_POINT.match(each.text) for each in self.cells if not each.typed)

    def row_date(self) -> str | None:
        """The date that holds for the whole row."""
        return self.date(self.layout.rows.get(Row.DATE))

    def has_date(self, datum: Datum) -> bool:
        """Whether a datum has a date of its own, and not the row's."""
        return self.text(datum.beside.get(Beside.DATE)) is not None

    def beside(self, datum: Datum, what: Beside) -> str | None:
        """What another column says beside a datum."""
        return self.text(datum.beside.get(what))

    def _cell(self, position: int) -> Cell:
        return self.cells[position]


@dataclass(slots=True)
class Persons:
    """What earlier rows said of each patient, with its row; and what the cells of a person came to."""

    said: dict[str, dict[str, tuple[object, str]]] = field(default_factory=dict)
    known: dict[tuple[Cell, ...], tuple[tuple[str, Row, object], ...]] = field(default_factory=dict)


def person(row: RowReader, persons: Persons, identifier: str) -> Json:
    """The elements of the Patient; what contradicts an earlier row is rejected, the first word stands."""
    earlier = persons.said.setdefault(identifier, {})
    elements: Json = {}
    for name, column, value in _person(row, persons):
        first, place = earlier.setdefault(name, (value, row.place))
        if first == value or first is False:  # alive before, dead now
            earlier[name] = (value, place)
            elements[_element(name, value)] = value
        else:
            row.reject(row.layout.rows[column], f"differs from {place}; the first stands, correct one of them")
    return elements


def _person(row: RowReader, persons: Persons) -> tuple[tuple[str, Row, object], ...]:
    places = (row.layout.rows.get(each) for each in (Row.BIRTH_DATE, Row.SEX, Row.DIED))
    key = tuple([NOTHING if place is None else row.cells[place] for place in places])
    if key in persons.known:
        return persons.known[key]
    faults = row.faults
    said = (
        ("birthDate", Row.BIRTH_DATE, _birth_date(row)),
        ("gender", Row.SEX, _gender(row)),
        ("deceased", Row.DIED, _death(row)),
    )
    found = tuple([each for each in said if each[2] is not None])
    if row.faults == faults:
        if len(persons.known) >= _MOST_KNOWN:
            persons.known.clear()
        persons.known[key] = found
    return found


def _element(name: str, value: object) -> str:
    if name != "deceased":
        return name
    return "deceasedBoolean" if isinstance(value, bool) else "deceasedDateTime"


def _birth_date(row: RowReader) -> str | None:
    found = row.date(row.layout.rows.get(Row.BIRTH_DATE))
    return found[:10] if found else None  # a workbook's date may have a time of day


def _gender(row: RowReader) -> str | None:
    position = row.layout.rows.get(Row.SEX)
    text = row.text(position)
    if text is None or position is None:
        return None
    found = words().sex.get(plain(text))
    if found is None:
        row.reject(position, "not a sex that is known; write female, male or other")
    return found


def _death(row: RowReader) -> str | bool | None:
    """A date of death, or whether the patient has died; a date that can't be read is a death all the same."""
    position = row.layout.rows.get(Row.DIED)
    text = row.text(position)
    if text is None or position is None:
        return None
    answer = words().answers.get(plain(text))
    if answer is not None:
        return answer
    found = row.date(position)
    return found or (any(letter.isdigit() for letter in text) or None)
