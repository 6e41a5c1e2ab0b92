"""One row's cells, read by column, and what they say of the person: birth date, sex, death.

Blanks are nothing, and what can't be read is noted with its column and reason. Rows of one patient must agree on who
that is.

CSV files and Excel workbooks -> rows of cells, a row at a time.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any
from warnings import catch_warnings, simplefilter
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from msgspec import Struct
from openpyxl import Workbook, load_workbook

from adapter.criteria.written import plain
from adapter.errors import AdapterError, InputError
from adapter.fhir.elements import Json
from mappings.patient.converted import Rejected
from mappings.patient.sheet.columns import Beside, Datum, Layout, Row, words
from mappings.patient.sheet.mapping import Mapping, MappingForm
from mappings.patient.values import ComparedNumber, read_number

_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 4096
_MOST_BYTES = 1 << 30
_MOST_HELD = 64 << 20
"""Bytes of a workbook's parts beside its sheets: they are held as a whole, in some thirty times as much memory."""
_CHUNK = 1 << 20
_PLACE = re.compile(rb"""<(?:\w+:)?(?:row|c)\s(?:[^<>]*?\s)?r=["']([A-Z]*)(\d{1,9})["']""")
"""Where a worksheet's row or cell says that it is."""
_DIGITS = 15  # a workbook's numbers are binary, and no more than these are meant


class Cell(Struct, frozen=True, gc=False):
    """A cell's text. `typed`: a workbook's number or date, in a form of its own. `problem`: why there is no value."""

    text: str
    typed: bool = False
    problem: str | None = None


Line = tuple[int, Sequence[Cell]]
"""A row's number as people count, and its cells."""


def read_table(path: Path, form: MappingForm) -> Iterator[Line]:
    """The rows of a file from the header row on. Raises InputError if the file can't be read."""
    if path.suffix.lower() in {".xls", ".ods", ".xlsb", ".numbers"}:
        msg = f"{path.name} is of a kind that is not read; save it as .xlsx or .csv"
        raise InputError(msg)
    rows = _workbook(path, form) if path.suffix.lower() in {".xlsx", ".xlsm"} else _csv(path, form)
    for number, cells in rows:
        if number >= form.headerRow:
            yield number, cells


def _csv(path: Path, form: MappingForm) -> Iterator[Line]:
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else form.encoding
    try:
        with path.open(encoding=encoding, newline="") as file:
            delimiter = form.delimiter or _delimiter(file.read(65536), form.headerRow)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for number, row in enumerate(reader, start=1):
                yield number, [Cell(text) for text in row]
    except UnicodeError as error:
        msg = (
            f"{path.name} is not {form.encoding} text; save it so, or say its `encoding` (cp1252, …) in a mapping file"
        )
        raise InputError(msg) from error
    except LookupError as error:
        msg = f"no encoding {form.encoding!r}; write utf-8, cp1252, latin-1, …"
        raise InputError(msg) from error
    except csv.Error as error:
        msg = f"{path.name} is not a CSV file: {error} after row {reader.line_num - 1}; save it anew as CSV"
        raise InputError(msg) from error


def _delimiter(text: str, header_row: int) -> str:
    """What separates the headers: the commonest of the usual ones."""
    lines = text.splitlines()
    header = lines[header_row - 1] if len(lines) >= header_row else ""
    return max(_DELIMITERS, key=header.count)


def _workbook(path: Path, form: MappingForm) -> Iterator[Line]:
    """Values and formulas are read side by side: a formula that was never calculated has no value, and is no blank."""
    try:
        yield from _cells(path, form)
    except (AdapterError, GeneratorExit):
        raise
    except Exception as error:  # its parsers raise anything: of zip, zlib, XML, dates
        msg = f"{path.name} is not an Excel workbook (.xlsx) that can be read; save it anew, or as CSV"
        raise InputError(msg) from error


def _cells(path: Path, form: MappingForm) -> Iterator[Line]:
    """The rows by what they hold: the size that a workbook states of itself is not believed."""
    _check_parts(path)
    with catch_warnings():
        simplefilter("ignore")  # of styles and extensions that no value depends on
        values, formulas = (load_workbook(path, read_only=True, data_only=flag) for flag in (True, False))
    with closing(values), closing(formulas):
        name = form.sheet or values.sheetnames[0]
        if name not in values.sheetnames:
            msg = f"{path.name} has no sheet {name!r}; it has {', '.join(values.sheetnames)}"
            raise InputError(msg)
        for book in (values, formulas):
            for each in book.worksheets:
                each.reset_dimensions()
        if form.sheet is None:
            _check_alone(path, values, form.headerRow)
        pairs = zip(values[name].iter_rows(), formulas[name].iter_rows(), strict=True)
        for number, (row, written) in enumerate(pairs, start=1):
            if len(row) > _MOST_COLUMNS:
                msg = f"{path.name} has a cell beyond column {_MOST_COLUMNS} in row {number}; remove it, or save as CSV"
                raise InputError(msg)
            yield number, [_cell(each.value, formula.value) for each, formula in zip(row, written, strict=True)]


def _check_parts(path: Path) -> None:
    """A workbook is a ZIP file, and may hold far more than it seems to; and cells of which a reader keeps only some."""
    with ZipFile(path) as parts:
        all_ = parts.infolist()
        held = [each for each in all_ if each.filename.endswith((".xml", ".rels")) and not _is_sheet(each.filename)]
        if any(sum(each.file_size for each in some) > most for some, most in ((all_, _MOST_BYTES), (held, _MOST_HELD))):
            most = f"{_MOST_BYTES >> 20} MiB, or than {_MOST_HELD >> 20} MiB beside its sheets"
            msg = f"{path.name} holds more than {most}; save it as CSV"
            raise InputError(msg)
        for name in parts.namelist():
            if _is_sheet(name):
                with parts.open(name) as part:
                    _check_order(path, part)


def _is_sheet(name: str) -> bool:
    return "/worksheets/" in name and name.endswith(".xml")


def _check_order(path: Path, part: IO[bytes]) -> None:
    """Rows and cells stand in their order, each once: of others, whoever reads them a row at a time sees only some."""
    last, rest = (0, 0), b""
    while chunk := part.read(_CHUNK):
        text = rest + chunk
        end = text.rfind(b">") + 1
        for found in _PLACE.finditer(text, 0, end):
            place = int(found[2]), _column(found[1])
            if place <= last:
                msg = f"{path.name} has row {place[0]} twice, or out of order; open the workbook and save it anew"
                raise InputError(msg)
            last = place
        rest = text[end:][-_CHUNK:]


def _column(letters: bytes) -> int:
    """A column's number from 1; 0 for no letters, as a row's own place has."""
    number = 0
    for each in letters:
        number = number * 26 + each - 64
    return number


def _check_alone(path: Path, book: Workbook, header_row: int) -> None:
    """Only one sheet is read: others with a header of its own would be left out without a word."""

    def headers(sheet: Any) -> set[str]:  # noqa: ANN401  # of either of openpyxl's kinds
        row = next(sheet.iter_rows(min_row=header_row, max_row=header_row, values_only=True), ())
        return {each.strip().casefold() for each in row if isinstance(each, str) and each.strip()}

    first, *others = book.worksheets
    more = [each.title for each in others if headers(first) & headers(each)]
    if more:
        msg = (
            f"{path.name} has headers of its first sheet on others, too ({', '.join(more)}), and one sheet is read; "
            "name it in a mapping (`sheet`), or put each into a file of its own"
        )
        raise InputError(msg)


def _cell(value: Any, written: Any) -> Cell:  # noqa: ANN401, PLR0911  # what a workbook holds; one line a type
    match value:
        case None if isinstance(written, str) and written.startswith("="):
            return Cell(
                written, problem="a formula that was never calculated; open the workbook, save it and try again"
            )
        case None:
            return Cell("")
        case bool():
            return Cell("yes" if value else "no", typed=True)
        case float():
            return Cell(f"{value:.{_DIGITS}g}", typed=True)
        case int():
            return Cell(str(value), typed=True)
        case datetime() if value.time() == time():
            return Cell(value.date().isoformat(), typed=True)
        case datetime():
            return Cell(value.isoformat(sep=" ", timespec="seconds"), typed=True)
        case date():
            return Cell(value.isoformat(), typed=True)
        case str() if value.startswith("#") and value.rstrip("!?").upper() in _ERRORS:
            return Cell(value, problem="a formula that went wrong; correct it in the workbook")
    return Cell(str(value))


_ERRORS = {"#N/A", "#DIV/0", "#REF", "#VALUE", "#NAME", "#NUM", "#NULL"}


_NOTHING = Cell("")


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

    def cells_of(self, datum: Datum) -> tuple[Cell, ...]:
        """The cell of a datum and those beside it, as they stand."""
        return (self._cell(datum.position), *map(self._cell, datum.beside.values()))

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
        return read_number(text, mark or self.mark(position))

    def mark(self, position: int) -> str:
        """The decimal mark of a cell: a workbook's own number always has a point."""
        return "." if self._cell(position).typed else self.mapping.form.decimal

    def row_date(self) -> str | None:
        """The date that holds for the whole row."""
        return self.date(self.layout.rows.get(Row.DATE))

    def date_of(self, datum: Datum, row_date: str | None) -> str | None:
        """The date of a datum: its own, else the row's."""
        position = datum.beside.get(Beside.DATE)
        return row_date if self.text(position) is None else self.date(position)

    def beside(self, datum: Datum, what: Beside) -> str | None:
        """What another column says beside a datum."""
        return self.text(datum.beside.get(what))

    def _cell(self, position: int) -> Cell:
        return self.cells[position] if position < len(self.cells) else _NOTHING


@dataclass(slots=True)
class Person:
    """What earlier rows said, each with its row."""

    said: dict[str, tuple[object, str]]


def person(row: RowReader, known: dict[str, Person], identifier: str) -> Json:
    """The elements of the Patient; what contradicts an earlier row is rejected, the first word stands."""
    earlier = known.setdefault(identifier, Person({}))
    elements: Json = {}
    for name, column, value in (
        ("birthDate", Row.BIRTH_DATE, _birth_date(row)),
        ("gender", Row.SEX, _gender(row)),
        ("deceased", Row.DIED, _death(row)),
    ):
        if value is None:
            continue
        first, place = earlier.said.setdefault(name, (value, row.place))
        if first == value or first is False:  # alive before, dead now
            earlier.said[name] = (value, place)
            elements[_element(name, value)] = value
        else:
            row.reject(row.layout.rows[column], f"differs from {place}; the first stands, correct one of them")
    return elements


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
