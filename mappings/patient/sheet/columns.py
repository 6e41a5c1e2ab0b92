"""What a column of a sheet is, a patient's datum or something said beside one, and what its header may name.

Headers name the catalogue's concepts by title or id, attestations and consents of the known studies.

codes.yaml and words.yaml -> look-up tables, read and checked once.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, Field

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.model import Criterion, TrialDefinition, parts_of
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.criteria.written import plain
from mappings.terminology.yaml_file import STRICT, YamlFile, read_yaml


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


class _Coding(BaseModel):
    model_config = STRICT
    system: str
    code: str


class _Codes(BaseModel):
    model_config = STRICT
    codes: dict[str, tuple[_Coding, ...]]
    molar: dict[str, _Coding]
    procedures: frozenset[str]
    states: frozenset[str]


class _Words(BaseModel):
    model_config = STRICT
    yes: tuple[str, ...]
    no: tuple[str, ...]
    blank: tuple[str, ...]
    not_known: tuple[str, ...] = Field(alias="not known")
    sex: dict[str, tuple[str, ...]]
    condition: dict[str, tuple[str, ...]]
    exposure: dict[str, tuple[str, ...]]
    severity: dict[str, tuple[str, ...]]
    route: dict[str, tuple[str, ...]]
    score: dict[str, tuple[str, ...]]
    rows: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words of cells, casefolded and stripped. `answers`: to True and False; the others to FHIR's words or codes.

    `blanks`: no value, `not_known` among them.
    """

    answers: Mapping[str, bool]
    blanks: frozenset[str]
    not_known: frozenset[str]
    sex: Mapping[str, str]
    condition: Mapping[str, str]
    exposure: Mapping[str, str]
    severity: Mapping[str, str]
    route: Mapping[str, str]
    score: Mapping[str, str]
    rows: Mapping[str, str]


@cache
def words() -> Words:
    """The table of words."""
    read = _file("words.yaml").checked(_Words)
    answers = {plain(word): truth for truth, listed in ((True, read.yes), (False, read.no)) for word in listed}
    return Words(
        answers=answers,
        blanks=frozenset(map(plain, (*read.blank, *read.not_known))),
        not_known=frozenset(map(plain, read.not_known)),
        sex=_turned(read.sex),
        condition=_turned(read.condition),
        exposure=_turned(read.exposure),
        severity=_turned(read.severity),
        route=_turned(read.route),
        score=_turned(read.score),
        rows=_turned(read.rows),
    )


@cache
def _codes() -> _Codes:
    return _file("codes.yaml").checked(_Codes)


def codes_of(concept: str, terminology: Terminology, *, molar: bool = False) -> tuple[Coding, ...]:
    """The codes that a concept is written with; never none."""
    read = _codes()
    if molar and concept in read.molar:
        return (_coding(read.molar[concept]),)
    listed = read.codes.get(concept)
    value_set = terminology.value_sets[concept]
    if listed is None and len(value_set.codes) == 1:
        return (Coding(value_set.codes[0].system, value_set.codes[0].code),)
    return tuple(map(_coding, listed or ())) or (Coding(CONCEPTS, concept),)


def is_procedure(concept: str) -> bool:
    """Whether an exposure is a procedure."""
    return concept in _codes().procedures


def is_state(concept: str) -> bool:
    """Whether yes and no answer a finding."""
    return concept in _codes().states


def _coding(read: _Coding) -> Coding:
    return Coding(read.system, read.code)


def _file(name: str) -> YamlFile:
    return read_yaml(name, (files(__package__) / name).read_text(encoding="utf-8"))


def _turned(listed: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {plain(word): meaning for meaning, words_ in listed.items() for word in words_}
