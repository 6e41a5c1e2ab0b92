"""Mapping files and templates of a screening sheet."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook, load_workbook

from adapter.errors import DefinitionError, InputError
from adapter.screening.setup import Setup
from mappings.patient import Converted, Rejected
from mappings.patient.sheet import Names, load_mapping, write_template
from mappings.patient.sheet.columns import About, codes_of, titles
from mappings.patient.sheet.mapping import SCHEMA_FILE, layout_of, schema_text
from mappings.patient.sheet.template import template
from mappings.patient.values import DateForms, UnknownDateFormError
from tests.unit.patient.sheet.sheets import convert, write

WRONG = {
    "columns:\n  Hb: {analyte: hemoglobin}": "2: columns.Hb.analyte: no analyte 'hemoglobin'; did you mean",
    "columns:\n  Hb: {analyte: haemoglobin, unit: furlong}": "2: columns.Hb.unit: 'furlong' does not convert to g/L",
    "columns:\n  Hb: {analyte: haemoglobin, condition: hiv}": "says analyte and condition; a column is exactly one of",
    "columns:\n  Hb: {}": "says nothing; a column is exactly one of",
    "columns:\n  Hb: {beside: unit}": "`of` is missing beside `beside`",
    "columns:\n  Hb: {local: HB}": "`system` is missing beside `local`",
    "columns:\n  OK: {attestation: nct04785833.E99}": "no attestation 'nct04785833.E99'; did you mean 'nct04785833.E",
    "columns:\n  Hb: {analyte: haemoglobin}": "2: columns.Hb: the sheet has no column 'Hb'",
    "dates: [DD.MM.YY]": "1: dates: 'DD.MM.YY' is no form of a date",
    "decimal: ;": "1: decimal: ';' is not known here; write '.' or ','",
    "color: red": "1: color: unknown key",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_what_is_wrong_with_a_mapping_is_said_with_its_line(
    text: str, said: str, tmp_path: Path, strict: Setup
) -> None:
    """Before any row is read."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(text + "\n")
    with pytest.raises(DefinitionError) as caught:
        convert(write(tmp_path / "sheet.csv", [["Patient", "ALT"]]), strict, mapping)
    assert said in str(caught.value)
    assert "mapping.yaml:" in str(caught.value)


def test_the_published_schema_is_the_forms() -> None:
    """`python -m mappings.patient.sheet.mapping` writes it anew."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


DATES = {
    "20.02.2026": "2026-02-20",
    "2.3.2026": "2026-03-02",
    "20.02.2026 09:15": "2026-02-20T09:15:00+01:00",
    "07.2025": "2025-07",
    "2026-02-20": "2026-02-20",
    "2026-02-20 23:59:58": "2026-02-20T23:59:58+01:00",
    "2026-07-20T12:00Z": "2026-07-20T12:00:00Z",
    "2026-07": "2026-07",
    "2026": "2026",
    "30.02.2026": None,
    "02/20/2026": None,
    "20.02.26": None,
    "2026-02-20 25:00": None,
    "0000": None,
}


@pytest.mark.parametrize(("text", "fhir"), DATES.items())
def test_dates_are_read_in_stated_forms_only(text: str, fhir: str | None) -> None:
    """A time without a zone is the site's."""
    forms = DateForms.of(["DD.MM.YYYY", "DD.MM.YYYY hh:mm", "MM.YYYY"])
    assert forms.read(text, ZoneInfo("Europe/Berlin")) == fhir


@pytest.mark.parametrize("text", ["", "DD.MM", "YYYY DD", "YYYY hh", "YYYY YYYY"])
def test_a_form_that_leaves_a_part_out_is_refused(text: str) -> None:
    """It could not be read one way only."""
    with pytest.raises(UnknownDateFormError):
        DateForms.of([text])


def test_every_concept_has_a_header_of_its_own_and_codes_that_are_its_own(strict: Setup) -> None:
    """A column is read as the concept that it names."""
    terminology = strict.terminology
    listed = list(titles(terminology.catalogue))
    assert len({title.casefold() for _, _, title in listed}) == len(listed)
    for _, concept, _ in listed:
        for coding in codes_of(concept, terminology):
            assert concept in (terminology.value_sets_of(coding.system, coding.code) or ()), concept
        assert concept in (
            terminology.value_sets_of(
                codes_of(concept, terminology, molar=True)[0].system, codes_of(concept, terminology, molar=True)[0].code
            )
            or ()
        )


def test_what_a_concept_is_written_with_is_said_not_the_first_of_its_codes(strict: Setup) -> None:
    """A code that comes to stand before the others in a value set changes nothing that is written."""
    terminology = strict.terminology
    turned = {id_: replace(each, codes=each.codes[::-1]) for id_, each in terminology.value_sets.items()}
    other = replace(terminology, value_sets=turned)
    for _, concept, _ in titles(terminology.catalogue):
        assert codes_of(concept, other) == codes_of(concept, terminology), concept
    assert codes_of("haemoglobin", terminology)[0].code == "718-7"


def test_a_template_has_a_column_for_everything_that_the_trials_read(strict: Setup) -> None:
    """Each of them is understood when it comes back filled in."""
    names = Names.of(strict.terminology, strict.definitions)
    headers = [column.header for column in template(strict.bounds, strict.terminology)]
    layout = layout_of(headers, load_mapping(None, names), names)
    assert layout.unknown == ()
    asked = {(datum.about, datum.of) for datum in layout.data}
    for bound in strict.bounds:
        for need in (need for _, criterion in bound.criteria for need in criterion.reads or ()):
            kinds = [about for about, concept, _ in titles(strict.terminology.catalogue) if concept == need]
            assert not kinds or any((about, need) in asked for about in kinds), need
    assert (About.ATTESTATION, "nct04785833.I3") in asked
    assert (About.CONSENT, "nct04785833") in asked


@pytest.mark.parametrize("name", ["template.csv", "template.xlsx"])
def test_a_template_that_is_filled_in_converts(name: str, tmp_path: Path, strict: Setup) -> None:
    """As it comes out of Excel, with its own numbers and dates."""
    path = tmp_path / name
    write_template(path, strict.bounds[:1], strict.terminology)
    if path.suffix == ".xlsx":
        book = load_workbook(path)
        headers = [cell.value for cell in book["Screening"][1]]
        assert book["Columns"].max_row == len(headers) + 1
        book["Screening"].append(["A-1", *[None] * (len(headers) - 1)])
        book.save(path)
    else:
        path.write_text(path.read_text(encoding="utf-8") + "A-1\n", encoding="utf-8")
    (unit,) = convert(path, strict)
    assert isinstance(unit, Converted)
    assert unit.resources == ()


def changed_workbook(folder: Path, old: bytes, new: bytes) -> Path:
    """A workbook of two patients, in whose parts some bytes are others."""
    book = Workbook()
    for row in (["Patient", "Birth date", "Infection"], ["A-1", "1990-05-04", "yes"], ["A-2", "1991-05-04", "yes"]):
        book.active.append(row)
    book.save(folder / "whole.xlsx")
    with ZipFile(folder / "whole.xlsx") as whole, ZipFile(folder / "sheet.xlsx", "w") as made:
        for name in whole.namelist():
            made.writestr(name, whole.read(name).replace(old, new))
    return folder / "sheet.xlsx"


def test_the_size_that_a_workbook_states_is_not_believed(tmp_path: Path, strict: Setup) -> None:
    """Programs write one that is too small; rows and columns beyond it are read all the same."""
    path = changed_workbook(tmp_path, b'<dimension ref="A1:C3"', b'<dimension ref="A1:B2"')
    found = [unit for unit in convert(path, strict) if isinstance(unit, Converted)]
    assert [len(unit.resources) for unit in found] == [1, 1]


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        (b'<row r="3"', b'<row r="2"', 2),
        (b'<row r="3"', b"<row r='1'", 1),
        (b'<c r="C3"', b'<c r="B3"', 3),
        (b'<c r="B3"', b'<c t="n" r="D3"', 3),
    ],
)
def test_a_row_that_would_be_left_out_is_an_error(
    tmp_path: Path, strict: Setup, old: bytes, new: bytes, row: int
) -> None:
    """Of two rows or cells with one place, or one that stands behind a later one, a reader keeps some."""
    with pytest.raises(InputError, match=f"row {row} twice, or out of order"):
        convert(changed_workbook(tmp_path, old, new), strict)


def test_patients_on_a_second_sheet_are_not_left_out(tmp_path: Path, strict: Setup) -> None:
    """A sheet a month: which of them is meant, a mapping says."""
    book = Workbook()
    for sheet in (book.active, book.create_sheet("March")):
        sheet.append(["Patient", "Birth date"])
        sheet.append([f"A-{sheet.title}", "1990-05-04"])
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    with pytest.raises(InputError, match=r"on others, too \(March\)"):
        convert(path, strict)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("sheet: March\n")
    (unit,) = convert(path, strict, mapping)
    assert isinstance(unit, Converted)


def test_a_cell_far_beyond_the_table_is_refused(tmp_path: Path, strict: Setup) -> None:
    """Each row would be as wide, and the sheet takes hours."""
    book = Workbook()
    book.active.append(["Patient"])
    book.active["XFD2"] = "x" * 32_000
    book.save(tmp_path / "sheet.xlsx")
    with pytest.raises(InputError, match="beyond column 4096 in row 2"):
        convert(tmp_path / "sheet.xlsx", strict)


def test_a_workbooks_numbers_dates_and_formulas(tmp_path: Path, strict: Setup) -> None:
    """Its numbers have no decimal mark, its dates no form; a formula without a value is no blank."""
    book = Workbook()
    sheet = book.active
    sheet.append(["Patient", "Birth date", "Date", "Haemoglobin (g/dL)", "ALT (U/L)", "Infection", "AST (U/L)"])
    sheet.append([17, date(1990, 5, 4), datetime.fromisoformat("2026-02-20T09:15"), 10.1, "=A2*2", True, "#DIV/0!"])
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text('decimal: ","\n')
    *rejected, unit = convert(path, strict, mapping)
    assert isinstance(unit, Converted)
    assert [(each.field, each.value) for each in rejected if isinstance(each, Rejected)] == [
        ("ALT (U/L)", "=A2*2"),
        ("AST (U/L)", "#DIV/0!"),
    ]
    haemoglobin, _, infection, _ = unit.resources
    assert str(haemoglobin["valueQuantity"]["value"]) == "10.1"
    assert haemoglobin["effectiveDateTime"] == "2026-02-20T09:15:00+00:00"
    assert infection["clinicalStatus"]["coding"][0]["code"] == "active"
    assert (unit.patients[0].key.value, unit.patients[0].elements) == ("17", {"birthDate": "1990-05-04"})
