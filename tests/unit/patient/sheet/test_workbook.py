"""A screening sheet as a file: workbooks and their forms of numbers, encodings, and what packs more than it seems."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from adapter.errors import InputError
from adapter.screening.setup import Setup
from mappings.patient import Converted
from tests.unit.patient.sheet.sheets import convert


@pytest.mark.parametrize(
    ("form", "number", "said"),
    [
        ("0%", 0.4, "40"),
        ("0.0 %", 0.29, "29"),
        ('0.0"%"', 0.4, "0.4"),
        ("0.0\\%", 0.4, "0.4"),
        ("[Red]0%;-0%", 1, "100"),
        ("General", 0.4, "0.4"),
    ],
)
def test_a_workbooks_number_is_what_is_shown(
    form: str, number: float, said: str, tmp_path: Path, strict: Setup
) -> None:
    """A cell that shows 40 % holds 0.4."""
    book = Workbook()
    book.active.append(["Patient", "Date", "Blasts in peripheral blood (%)"])
    book.active.append(["A", "2026-02-20", number])
    book.active["C2"].number_format = form
    book.save(tmp_path / "sheet.xlsx")
    (unit,) = [each for each in convert(tmp_path / "sheet.xlsx", strict) if isinstance(each, Converted)]
    (resource,) = unit.resources
    assert (str(resource["valueQuantity"]["value"]), resource["valueQuantity"]["code"]) == (said, "%")


def test_another_encoding_is_named(tmp_path: Path, strict: Setup) -> None:
    """Excel on Windows writes cp1252."""
    path = tmp_path / "sheet.csv"
    path.write_bytes("Patient,Sex\nA,männlich\n".encode("cp1252"))
    with pytest.raises(InputError, match="cp1252"):
        convert(path, strict)


def test_a_workbook_that_is_large_beside_its_sheets(tmp_path: Path, strict: Setup) -> None:
    """One of a megabyte, packed, took all memory: what is beside the sheets is held whole, and refused where large."""
    path = tmp_path / "sheet.xlsx"
    book = Workbook()
    book.active.append(["Patient", "ALT (U/L)"])
    book.save(path)
    with ZipFile(path, "a", ZIP_DEFLATED) as parts:
        parts.writestr("xl/sharedStrings.xml", b"<si/>" * (13 << 20))
    with pytest.raises(InputError, match="64 MiB beside its sheets; save it as CSV"):
        convert(path, strict)


@pytest.mark.parametrize("held", [{"xl/styles.xml": b"<a/>" * (3 << 20)}, {f"x{n}": b"" for n in range(10_001)}])
def test_a_workbook_of_more_than_it_needs(held: dict[str, bytes], tmp_path: Path, strict: Setup) -> None:
    """77 kB of styles took a gigabyte and a minute; parts that nobody reads took ten seconds."""
    path = tmp_path / "sheet.xlsx"
    with ZipFile(path, "w", ZIP_DEFLATED) as parts:
        for name, data in held.items():
            parts.writestr(name, data)
    with pytest.raises(InputError, match=r"holds more than (8 MiB of styles and the like|10000 parts); save it as CSV"):
        convert(path, strict)


_ROW = b'<row r="2"><c r="A2" t="inlineStr"><is><t>%s</t></is></c></row>'


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b'<row r="1048576000"><c r="A1048576000"><v>1</v></c></row>', "more than 1048576 rows"),
        (b'<row r="1%s"/>' % (b"0" * 5000), "can be read"),
        (b"<row/>" * (1 << 20), "more than 1048576 rows"),
        (b'<row r="2">%s</row>' % (b"<c/>" * 5000), "4096 cells in one"),
        (_ROW % (b"a" * (3 << 20)), "a cell of more than 1 MiB"),
        (b'<row r="1048576"><c r="XFD1048576"/></row>', "beyond column 4096 in row 1048576"),
        (b'<row r="2"><c r="%s2"/></row>' % (b"Z" * 400_000), "beyond column 4096 in row 2"),
    ],
)
def test_a_sheet_that_packs_more_than_it_seems(rows: bytes, said: str, tmp_path: Path, strict: Setup) -> None:
    """Of kilobytes, it took all memory, or hours."""
    book = Workbook()
    book.active.append(["Patient", "ALT (U/L)"])
    book.save(tmp_path / "plain.xlsx")
    path = tmp_path / "sheet.xlsx"
    with ZipFile(tmp_path / "plain.xlsx") as plain, ZipFile(path, "w", ZIP_DEFLATED) as made:
        for name in plain.namelist():
            held = plain.read(name)
            made.writestr(
                name, held.replace(b"</sheetData>", rows + b"</sheetData>") if "/worksheets/" in name else held
            )
    with pytest.raises(InputError, match=said):
        convert(path, strict)
