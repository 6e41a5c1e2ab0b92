"""The form of a policy file, and its published JSON Schema.

`python -m mappings.policies.form` writes policy.schema.json anew.
"""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from adapter.record.facts import EntryList
from mappings.terminology.yaml_file import STRICT, IsoDuration


def kebab(name: str) -> str:
    """The key of a field in a file: `timeZone` is written time-zone."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda capital: f"-{capital[0].lower()}", name)


_FORM = ConfigDict(**STRICT, alias_generator=kebab)
SCHEMA_FILE = Path(__file__).parent / "policy.schema.json"


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{name} is no time zone; write a name of the IANA database, as Europe/Berlin or UTC"
        raise ValueError(msg) from error


class LimitsForm(BaseModel):
    """Reference limits of an analyte, for results that bring none; `unit` defaults to the analyte's own."""

    model_config = _FORM
    lower: Decimal | None = Field(None, ge=0)
    upper: Decimal | None = Field(None, gt=0)
    unit: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "LimitsForm":
        if self.lower is None and self.upper is None:
            msg = "neither lower nor upper; give one of them"
            raise ValueError(msg)
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            msg = f"lower {self.lower} is not below upper {self.upper}; swap or correct them"
            raise ValueError(msg)
        return self


class PregnancyRuledOutForm(BaseModel):
    """The age from which, and the procedures after which, pregnancy is not applicable."""

    model_config = _FORM
    fromAge: IsoDuration | None = None  # noqa: N815  # the hash of a policy stands on these names
    procedures: tuple[str, ...] = ()


class PolicyForm(BaseModel):
    """One policy file. What it leaves out comes from the policy it extends, by default the shipped `strict`."""

    model_config = _FORM
    id: str = Field(pattern=r"^[A-Za-z0-9\-.]{1,64}$", description="Names the policy in every verdict.")
    title: str = ""
    extends: str | None = Field(None, description="A shipped policy, or a file relative to this one.")
    timeZone: Annotated[str, AfterValidator(_zone)] = Field(  # noqa: N815
        "UTC", description="In which the day of evaluation is taken."
    )
    freshness: dict[str, IsoDuration] = Field({}, description="Class of data: how long a value stands.")
    assumedAbsent: tuple[str, ...] = Field(  # noqa: N815
        (), description="Concepts whose absence from the record is read as absence."
    )
    completeLists: tuple[EntryList, ...] = Field(  # noqa: N815
        (), description="Lists of the record on which nothing is missing: what they don't hold is absent."
    )
    waiveUnmapped: bool | tuple[str, ...] = Field(  # noqa: N815
        default=False,
        description="Negatives hold although entries are unclassified: of every concept, or of those named.",
    )
    normalLimits: dict[str, LimitsForm] = Field(  # noqa: N815
        {}, description="Analyte: limits of normal for results without a reference range."
    )
    antigenCutoff: Decimal = Field(  # noqa: N815
        Decimal(20), gt=0, le=100, description="Percent of tumour cells from which an antigen is positive."
    )
    pregnancyRuledOut: PregnancyRuledOutForm = PregnancyRuledOutForm()  # noqa: N815
    localCodes: tuple[str, ...] = Field(  # noqa: N815
        (), description="ConceptMap files (JSON, relative to this file) for the site's own codes."
    )
    patientIdentifierSystem: str | None = Field(  # noqa: N815
        None, description="System of the patients' identifiers (MRN) that stand beside references, for people."
    )
    until: date | None = Field(None, description="The last day on which the policy holds.")


def earlier_keys() -> dict[str, str]:
    """The keys that files of the first version have, and what they are now."""
    fields = (name for form in (PolicyForm, PregnancyRuledOutForm) for name in form.model_fields)
    return {name: kebab(name) for name in fields if name != kebab(name)}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors and for reviewers."""
    schema = PolicyForm.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The schema file's content."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
