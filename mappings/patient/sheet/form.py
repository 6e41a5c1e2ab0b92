"""The form of a mapping file, which says what a sheet's columns are, and its published JSON Schema.

`python -m mappings.patient.sheet.form` writes sheet.schema.json anew.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from mappings.patient.identity import LOCAL_PATIENTS
from mappings.patient.sheet.columns import About, Beside, Row
from mappings.terminology.durations import STRICT

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
