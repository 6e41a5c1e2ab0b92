"""A mapping file, which says what a sheet's columns are: its form, its published JSON Schema, and what it must name.

`python -m mappings.patient.sheet.mapping` writes sheet.schema.json anew.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from adapter.criteria.catalogue import Scale
from adapter.criteria.written import plain
from adapter.errors import DefinitionError
from mappings.patient.converted import LOCAL_PATIENTS
from mappings.patient.dates import DateForms, UnknownDateFormError
from mappings.patient.sheet.columns import About, Beside, Names, Row
from mappings.terminology.durations import STRICT
from mappings.terminology.yaml_file import YamlFile, read_yaml
from mappings.trial.form import nearest

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
    decimal: Literal[".", ","] = Field(".", description="The decimal mark of numbers that are text.")
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


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


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
        if analyte.scale is Scale.QUANTITY and names.terminology.factor(analyte, None, column.unit) is None:
            msg = f"{column.unit!r} does not convert to {analyte.unit}, the unit of {analyte.id}; correct it"
            raise file.error((*path, "unit"), msg)
