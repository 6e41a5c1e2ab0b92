"""What headers may name: the catalogue's concepts by title or id, attestations and consents of the known studies."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.definition import TrialDefinition
from adapter.criteria.model import Criterion, parts_of
from adapter.criteria.terminology import Terminology
from adapter.criteria.written import plain
from mappings.patient.sheet.columns import About

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
