"""CSV files and Excel workbooks -> rows of cells, a row at a time."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter
from zipfile import ZipFile

from msgspec import Struct
from openpyxl import load_workbook

from adapter.errors import AdapterError, InputError
from mappings.patient.sheet.mapping import MappingForm

_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 4096
_MOST_BYTES = 1 << 30
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
    _check_size(path)
    with catch_warnings():
        simplefilter("ignore")  # of styles and extensions that no value depends on
        values, formulas = (load_workbook(path, read_only=True, data_only=flag) for flag in (True, False))
    with closing(values), closing(formulas):
        name = form.sheet or values.sheetnames[0]
        if name not in values.sheetnames:
            msg = f"{path.name} has no sheet {name!r}; it has {', '.join(values.sheetnames)}"
            raise InputError(msg)
        for book in (values, formulas):
            book[name].reset_dimensions()
        pairs = zip(values[name].iter_rows(), formulas[name].iter_rows(), strict=True)
        for number, (row, written) in enumerate(pairs, start=1):
            if len(row) > _MOST_COLUMNS:
                msg = f"{path.name} has a cell beyond column {_MOST_COLUMNS} in row {number}; remove it, or save as CSV"
                raise InputError(msg)
            yield number, [_cell(each.value, formula.value) for each, formula in zip(row, written, strict=True)]


def _check_size(path: Path) -> None:
    """A workbook is a ZIP file, and may hold far more than it seems to."""
    with ZipFile(path) as parts:
        if sum(part.file_size for part in parts.infolist()) > _MOST_BYTES:
            msg = f"{path.name} holds more than {_MOST_BYTES >> 20} MiB; save it as CSV"
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
