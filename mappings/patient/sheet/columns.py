"""What a column of a sheet is: a patient's datum, or something said beside one (its date, its unit)."""

from dataclasses import dataclass, field
from enum import StrEnum


class About(StrEnum):
    """What a column's cells say."""

    ANALYTE = "analyte"
    CONDITION = "condition"
    EXPOSURE = "exposure"
    ALLERGY = "allergy"
    CONSENT = "consent"
    ATTESTATION = "attestation"
    LOCAL = "local"
    CODED = "coded"


class Row(StrEnum):
    """Columns that concern the patient, or the whole row."""

    PATIENT = "patient"
    BIRTH_DATE = "birth date"
    SEX = "sex"
    DIED = "died"
    DATE = "date"
    PERFORMER = "performer"


class Beside(StrEnum):
    """What a column says beside another one."""

    DATE = "date"
    UNIT = "unit"
    LOWER_LIMIT = "lower limit"
    UPPER_LIMIT = "upper limit"
    UNTIL = "until"
    SEVERITY = "severity"
    STATUS = "status"
    ROUTE = "route"
    PERFORMER = "performer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datum:
    """A column that holds a datum.

    `header`: as in the sheet. `of`: the concept; for a consent the study, for an attestation `<study>.<criterion>`,
    for a local code the code, for coded cells nothing. `system`: the code system of a local code or of coded cells.
    `unit`: as written, where the header or the mapping says it. `performer`: who attests, where no column says it.
    `beside`: the columns that say more about it, by position.
    """

    header: str
    position: int
    about: About
    of: str
    unit: str | None = None
    system: str | None = None
    resource: str = "Observation"
    performer: str | None = None
    beside: dict[Beside, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a sheet by position: those of the row, and the data. `unknown`: headers that mean nothing."""

    rows: dict[Row, int]
    data: tuple[Datum, ...]
    headers: tuple[str, ...]
    unknown: tuple[str, ...] = ()
