"""What a column of a sheet is, a patient's datum or something said beside one, and what its header may name.

Headers name the catalogue's concepts by title or id, attestations and consents of the known studies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import Criterion, parts_of
from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain


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


Named = tuple[About, str]
"""What a column is about, and its concept, study or `<study>.<criterion>`."""


@dataclass(frozen=True, slots=True)
class Names:
    """`headers`: casefolded header -> what it names. `labels`: of criteria, by `<study>.<criterion>`."""

    terminology: Terminology
    headers: dict[str, Named]
    labels: dict[str, str]
    studies: frozenset[str]

    @classmethod
    def of(cls, terminology: Terminology, definitions: Iterable[TrialDefinition]) -> "Names":
        """The names of a terminology and of studies."""
        headers: dict[str, Named] = {}
        for about, concept, title in titles(terminology.catalogue):
            for name in (title, concept) if about is not About.ALLERGY else (title,):
                headers.setdefault(plain(name), (about, concept))
        labels: dict[str, str] = {}
        studies = []
        for definition in definitions:
            studies.append(definition.id)
            headers[plain(consent_header(definition.id))] = (About.CONSENT, definition.id)
            for top in definition.criteria:
                labels |= {f"{definition.id}.{id_}": label for id_, label in _labels(top.criterion)}
        headers |= {plain(code): (About.ATTESTATION, code) for code in labels}
        return cls(terminology, headers, labels, frozenset(studies))


def titles(catalogue: Catalogue) -> Iterator[tuple[About, str, str]]:
    """Every concept with its header in a template."""
    for id_, analyte in catalogue.analytes.items():
        yield About.ANALYTE, id_, analyte.title
    for id_, condition in catalogue.conditions.items():
        yield About.CONDITION, id_, condition.title
    for id_, exposure in catalogue.exposures.items():
        yield About.EXPOSURE, id_, exposure.title
    for id_, substance in catalogue.substances.items():
        yield About.ALLERGY, id_, f"Allergy to {substance.title[:1].lower()}{substance.title[1:]}"


def consent_header(study: str) -> str:
    """The header of the consent to a study."""
    return f"{study} consent"


def _labels(criterion: Criterion) -> Iterator[tuple[str, str]]:
    if criterion.id:
        yield criterion.id, criterion.label
    for part in parts_of(criterion.statement):
        yield from _labels(part)
