"""CSV files and Excel workbooks -> rows of cells, a row at a time; what of a workbook must not be read is refused."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from warnings import catch_warnings, simplefilter
from zipfile import ZipFile

from msgspec import Struct
from openpyxl import Workbook, load_workbook

from adapter.errors import AdapterError, InputError
from mappings.patient.sheet.mapping import MappingForm

_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 4096
_MOST_BYTES = 1 << 30
_MOST_PARTS = 10_000
_MOST_HELD = 64 << 20
"""Bytes of a workbook's parts beside its sheets, most of them texts that its cells share: they are held as a whole."""
_MOST_STYLES = 8 << 20
"""Bytes of the parts that hold no text, styles before all: each is held in some forty times as much memory."""
_CHUNK = 1 << 20
_MOST_KNOWN = 20_000
"""Cells that are kept: a sheet says the same again and again, and what one comes to is looked up by it."""
_MOST_ROWS = 1 << 20  # of a workbook, as Excel has it
_PLACE = re.compile(rb"""<(?:\w+:)?(row|c)(?=[\s/>])(?:\s(?:[^<>]*?\s)?r=["']([A-Z]*)(\d+)["'])?""")
"""A worksheet's row or cell, and where it says that it is."""
_LETTERS = 4  # of a column that is too far, whatever follows
_DIGITS = 15  # a workbook's numbers are binary, and no more than these are meant


class Cell(Struct, frozen=True, gc=False, cache_hash=True):
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
            known: dict[str, Cell] = {}
            for number, row in enumerate(reader, start=1):
                if len(known) > _MOST_KNOWN:
                    known.clear()
                yield number, [known.get(text) or known.setdefault(text, Cell(text)) for text in row]
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
                raise _too_wide(path, number)
            yield number, [_cell(each, formula.value) for each, formula in zip(row, written, strict=True)]


def _too_wide(path: Path, row: int) -> InputError:
    return InputError(f"{path.name} has a cell beyond column {_MOST_COLUMNS} in row {row}; remove it, or save as CSV")


def _check_parts(path: Path) -> None:
    """A workbook is a ZIP file, and may hold far more than it seems to; and cells of which a reader keeps only some."""
    with ZipFile(path) as parts:
        all_ = parts.infolist()
        held = [each for each in all_ if each.filename.endswith((".xml", ".rels")) and not _is_sheet(each.filename)]
        styles = [each for each in held if not each.filename.endswith("/sharedStrings.xml")]
        bounds = (
            (all_, _MOST_BYTES, ""),
            (held, _MOST_HELD, " beside its sheets"),
            (styles, _MOST_STYLES, " of styles and the like"),
        )
        too_much = [f"{most >> 20} MiB{of}" for some, most, of in bounds if sum(each.file_size for each in some) > most]
        if len(all_) > _MOST_PARTS:
            too_much.append(f"{_MOST_PARTS} parts")
        if too_much:
            msg = f"{path.name} holds more than {too_much[0]}; save it as CSV"
            raise InputError(msg)
        for name in parts.namelist():
            if _is_sheet(name):
                with parts.open(name) as part:
                    _check_order(path, part)


def _is_sheet(name: str) -> bool:
    return "/worksheets/" in name and name.endswith(".xml")


def _check_order(path: Path, part: IO[bytes]) -> None:
    """Rows and cells stand in their order, each once: of others, whoever reads them a row at a time sees only some.

    And there are no more than a workbook has, nor longer ones: a file of kilobytes may hold millions, or name a row so
    far down that those before it never end.
    """
    last, rest, rows, cells = (0, 0), b"", 0, 0
    while chunk := part.read(_CHUNK):
        text = rest + chunk
        end = text.rfind(b">") + 1
        for found in _PLACE.finditer(text, 0, end):
            kind, column, number = found.groups()
            place = (int(number), _column(column)) if number else last
            if not column:
                rows, cells = (rows + 1, 0) if kind == b"row" else (rows, cells + 1)
                if max(rows, place[0]) > _MOST_ROWS or cells > _MOST_COLUMNS:
                    most = f"{_MOST_ROWS} rows, or than {_MOST_COLUMNS} cells in one"
                    msg = f"{path.name} has more than {most}; save it as CSV"
                    raise InputError(msg)
            elif place[1] > _MOST_COLUMNS:  # before all rows above it are read
                raise _too_wide(path, place[0])
            if number and place <= last:
                msg = f"{path.name} has row {place[0]} twice, or out of order; open the workbook and save it anew"
                raise InputError(msg)
            last = place
        rest = text[end:][-_CHUNK:]
        if b"<" not in chunk and len(chunk) == _CHUNK:
            msg = f"{path.name} has a cell of more than {_CHUNK >> 20} MiB; shorten it"
            raise InputError(msg)


def _column(letters: bytes) -> int:
    """A column's number from 1; 0 for no letters, as a row's own place has."""
    number = 0
    for each in letters[:_LETTERS]:
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


_NO_SIGN = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
"""What of a form of numbers is text, a colour, a blank or a filling."""


@lru_cache(maxsize=1024)
def _is_percent(form: str) -> bool:
    return "%" in _NO_SIGN.sub("", form)


def _number(value: float, form: str | None) -> Cell:
    """A number as it is shown: one of a form in per cent is kept as its hundredth."""
    if form and _is_percent(form):
        return Cell(f"{value * 100:.{_DIGITS}g} %", typed=True)
    return Cell(str(value) if isinstance(value, int) else f"{value:.{_DIGITS}g}", typed=True)


def _cell(cell: Any, written: Any) -> Cell:  # noqa: ANN401, PLR0911  # what a workbook holds; one line a type
    match value := cell.value:
        case None if isinstance(written, str) and written.startswith("="):
            return Cell(
                written, problem="a formula that was never calculated; open the workbook, save it and try again"
            )
        case None:
            return Cell("")
        case bool():
            return Cell("yes" if value else "no", typed=True)
        case float() | int():
            return _number(value, cell.number_format)
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
