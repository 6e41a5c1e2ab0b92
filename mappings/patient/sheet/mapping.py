"""What a sheet's columns are: as a mapping file says, and otherwise by their header.

A mapping file has a form, a published JSON Schema (`python -m mappings.patient.sheet.mapping` writes sheet.schema.json
anew), and must name what is known. A header is a concept's title or id, with its unit in brackets (`Haemoglobin
(g/dL)`), `<study>.<criterion>` with any words after a colon, `<study> consent`, or one of these followed by what the
column says beside it (`Haemoglobin date`).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from adapter.criteria.catalogue import Scale
from adapter.criteria.written import plain
from adapter.errors import DefinitionError, InputError
from mappings.patient.converted import LOCAL_PATIENTS
from mappings.patient.sheet.columns import About, Beside, Datum, Layout, Names, Row, words
from mappings.patient.values import DateForms, UnknownDateFormError
from mappings.terminology.yaml_file import STRICT, YamlFile, nearest, read_yaml

SCHEMA_FILE = Path(__file__).parent / "sheet.schema.json"
_KINDS = ("row", "beside", *(about.value for about in About))
_SYSTEMATIC = (About.LOCAL, About.CODED)


class ColumnForm(BaseModel):
    """What one column is: exactly one of its kinds, with what that needs."""

    model_config = STRICT
    row: Row | None = Field(
        None, description="Of the patient or the whole row: patient, birth date, sex, died, date, …"
    )
    analyte: str | None = Field(None, description="A measured value: an analyte of the catalogue, as haemoglobin.")
    condition: str | None = Field(None, description="A diagnosis: yes, no, relapse, remission, resolved, suspected.")
    exposure: str | None = Field(None, description="A drug or procedure: a date, yes, no or ongoing.")
    allergy: str | None = Field(None, description="An allergy: yes, no, severe.")
    consent: str | None = Field(None, description="Consent to a study, by its id: yes or no.")
    attestation: str | None = Field(None, description="<study>.<criterion>: what a person says of its statement.")
    local: str | None = Field(None, description="A value under the site's own code, of the code system `system`.")
    coded: Literal["Condition"] | None = Field(None, description="Cells that hold codes of the code system `system`.")
    beside: Beside | None = Field(None, description="Says more about the column `of`: its date, unit, limit, …")
    of: str | None = Field(None, description="The header of the column that this one says more about.")
    unit: str | None = Field(None, description="The unit of an analyte's or local code's values, as written or UCUM.")
    system: str | None = Field(None, description="A code system's URI.")
    performer: str | None = Field(None, description="Who makes the attestations of this column.")

    @model_validator(mode="after")
    def _one_kind(self) -> "ColumnForm":
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            msg = f"says {' and '.join(kinds) or 'nothing'}; a column is exactly one of {', '.join(_KINDS)}"
            raise ValueError(msg)
        needs = {"of": kinds[0] == "beside", "system": kinds[0] in _SYSTEMATIC}
        for key, needed in needs.items():
            if (getattr(self, key) is not None) != needed:
                msg = f"`{key}` {'is missing' if needed else 'has no meaning'} beside `{kinds[0]}`"
                raise ValueError(msg)
        if self.unit is not None and kinds[0] not in {"analyte", "local"}:
            msg = f"`unit` has no meaning beside `{kinds[0]}`"
            raise ValueError(msg)
        if self.performer is not None and kinds[0] != "attestation":
            msg = f"`performer` has no meaning beside `{kinds[0]}`"
            raise ValueError(msg)
        return self


class MappingForm(BaseModel):
    """One mapping file. Columns that it doesn't name are read by their headers, as in the template."""

    model_config = STRICT
    patients: str = Field(LOCAL_PATIENTS, min_length=1, description="System (URI) of the patients' identifiers.")
    sheet: str | None = Field(None, description="The sheet of a workbook; the first one if not given.")
    headerRow: int = Field(1, ge=1, le=1000, description="The row that holds the headers.")  # noqa: N815  # as in FHIR
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="Of a CSV file; else found out.")
    encoding: str = Field("utf-8", description="Of a CSV file: utf-8, cp1252, …")
    decimal: Literal[".", ","] | None = Field(
        None, description="The decimal mark of numbers that are text; if not given, a point that can't part thousands."
    )
    dates: tuple[str, ...] = Field(
        (), description="Forms of dates beside YYYY-MM-DD: DD.MM.YYYY, MM/DD/YYYY, DD.MM.YYYY hh:mm, MM.YYYY, …"
    )
    blanks: tuple[str, ...] = Field((), description="Further words that mean that there is no value.")
    columns: dict[str, ColumnForm] = Field({}, description="Header: what the column is.")
    ignore: tuple[str, ...] = Field((), description="Headers of columns that are left out on purpose.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file, for editors and for reviewers."""
    schema = MappingForm.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The schema file's content."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What is known of a sheet before it is opened. `file`: where the form was read, None for the default.

    `blanks`: further words for no value, as the tables hold words.
    """

    form: MappingForm
    dates: DateForms
    file: YamlFile | None = None
    blanks: frozenset[str] = frozenset()

    def check_columns(self, headers: Sequence[str]) -> None:
        """Raise DefinitionError if the mapping names a column that the sheet hasn't got."""
        for name, form in self.form.columns.items():
            for header, path in ((name, ("columns", name)), (form.of or name, ("columns", name, "of"))):
                if header not in headers and self.file is not None:
                    raise self.file.error(path, f"the sheet has no column {header!r}; {nearest(header, headers)}")


def load_mapping(path: Path | None, names: Names) -> Mapping:
    """The mapping in a file, or the default one. Raises DefinitionError with file and line of what is wrong."""
    if path is None:
        return Mapping(form=MappingForm(), dates=DateForms.of(()))
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        msg = f"{path}: can't be read as UTF-8 text; save it so"
        raise DefinitionError(msg) from error
    file = read_yaml(str(path), text)
    form = file.checked(MappingForm)
    for header, column in form.columns.items():
        _check(column, ("columns", header), file, names)
    try:
        dates = DateForms.of(form.dates)
    except UnknownDateFormError as error:
        raise file.error(("dates",), str(error)) from error
    return Mapping(form=form, dates=dates, file=file, blanks=frozenset(map(plain, form.blanks)))


def _check(column: ColumnForm, path: tuple[str, str], file: YamlFile, names: Names) -> None:
    """Everything that a column names must be known, and a unit must convert into its analyte's own."""
    catalogue = names.terminology.catalogue
    known: dict[About, Collection[str]] = {
        About.ANALYTE: catalogue.analytes,
        About.CONDITION: catalogue.conditions,
        About.EXPOSURE: catalogue.exposures,
        About.ALLERGY: catalogue.substances,
        About.CONSENT: names.studies,
        About.ATTESTATION: names.labels,
    }
    for about, listed in known.items():
        name = getattr(column, about.value)
        if name is not None and name not in listed:
            raise file.error((*path, about.value), f"no {about} {name!r}; {nearest(name, listed)}")
    if column.analyte is not None and column.unit is not None:
        analyte = catalogue.analytes[column.analyte]
        if analyte.scale is Scale.QUANTITY and names.terminology.conversion(analyte, None, column.unit) is None:
            msg = f"{column.unit!r} does not convert to {analyte.unit}, the unit of {analyte.id}; correct it"
            raise file.error((*path, "unit"), msg)


@dataclass(frozen=True, slots=True)
class _Companion:
    """A column beside another, which is named by its header or by what it is about."""

    position: int
    beside: Beside
    of: str | tuple[About, str]


_Column = Row | Datum | _Companion | None


def layout_of(headers: Sequence[str], mapping: Mapping, names: Names) -> Layout:
    """The layout of a sheet with these headers.

    Raises InputError if the sheet can't be used at all (no column of patients, a header twice), and DefinitionError if
    the mapping names a column that isn't there.
    """
    shown = tuple(header.strip() for header in headers)
    _check_once(shown)
    mapping.check_columns(shown)
    columns = [_column(header, position, mapping, names) for position, header in enumerate(shown)]
    rows = {column: position for position, column in enumerate(columns) if isinstance(column, Row)}
    if len(rows) < sum(isinstance(column, Row) for column in columns):
        msg = (
            "two columns say the same of the row (patient, date, …); name one of them under `ignore` in a mapping file"
        )
        raise InputError(msg)
    if Row.PATIENT not in rows:
        msg = (
            f"no column of patients' identifiers among {_listed(shown)}; call it Patient, or name it in a mapping file"
        )
        raise InputError(msg)
    data = [column for column in columns if isinstance(column, Datum)]
    unknown = [
        header
        for header, column in zip(shown, columns, strict=True)
        if column is None and header and header not in mapping.form.ignore
    ]
    for companion in (column for column in columns if isinstance(column, _Companion)):
        found = [datum for datum in data if companion.of in (datum.header, (datum.about, datum.of))]
        for datum in found:
            datum.beside[companion.beside] = companion.position
        if not found:
            unknown.append(shown[companion.position])
    return Layout(rows=rows, data=tuple(data), headers=shown, unknown=tuple(unknown))


def _column(header: str, position: int, mapping: Mapping, names: Names) -> _Column:
    form = mapping.form.columns.get(header)
    if form is not None:
        return _stated(form, header, position)
    if not header or header in mapping.form.ignore:
        return None
    key = plain(header)
    row = words().rows.get(key)
    if row is not None:
        return Row(row)
    datum = _named(header, names)
    if datum is not None:
        return replace(datum, position=position)
    for beside in Beside:
        if key.endswith(f" {beside}"):
            datum = _named(header[: -len(beside) - 1], names)
            return None if datum is None else _Companion(position, beside, (datum.about, datum.of))
    return None


def _stated(form: ColumnForm, header: str, position: int) -> _Column:
    """What the mapping file says that a column is."""
    if form.row is not None:
        return form.row
    if form.beside is not None:
        return _Companion(position, form.beside, form.of or "")
    about = next(about for about in About if getattr(form, about.value) is not None)
    return Datum(
        header=header,
        position=position,
        about=about,
        of=getattr(form, about.value),
        unit=form.unit,
        system=form.system,
        performer=form.performer,
    )


def _named(header: str, names: Names) -> Datum | None:
    """What a header says by itself."""
    known = names.headers.get(plain(header)) or names.headers.get(plain(header.partition(":")[0]))
    if known is not None:
        return Datum(header=header, position=0, about=known[0], of=known[1])
    title, bracket, unit = header.rpartition("(")
    known = names.headers.get(plain(title))
    if bracket and unit.rstrip().endswith(")") and known is not None and known[0] is About.ANALYTE:
        return Datum(header=header, position=0, about=known[0], of=known[1], unit=unit.rstrip()[:-1].strip() or None)
    return None


def _check_once(headers: Sequence[str]) -> None:
    for header in headers:
        if header and headers.count(header) > 1:
            msg = f"the header {header!r} stands twice; give each column its own"
            raise InputError(msg)


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(repr(header) for header in headers[:8])
    return f"{shown}, …" if len(headers) > 8 else shown or "no headers at all"  # noqa: PLR2004  # enough to recognise it


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
