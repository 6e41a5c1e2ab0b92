"""An empty sheet for given trials: a column for each datum that their criteria need, in the words of the catalogue.

Which data a criterion needs is what its kind reads (`adapter.evaluator.reads`), as beside a verdict; what only a
person can say becomes a column of its own, an attestation of the criterion's statement.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.terminology import Terminology
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import ALLERGY, ATTESTATION, CONDITION, CONSENT, EXPOSURE, OBSERVATION, Role
from mappings.patient.sheet.columns import About, Beside, consent_header, titles

_FIRST = ("Patient", "Birth date", "Sex", "Died", "Date", "Performer")
_ABOUT = {
    "Patient": "The patient's identifier. Several rows of one patient are several visits.",
    "Birth date": "YYYY-MM-DD, or YYYY-MM where no more is known.",
    "Sex": "female, male or other.",
    "Died": "The date of death, or yes or no.",
    "Date": "The date of the row: of its values and statements without a date of their own.",
    "Performer": "Who makes the statements of the row.",
}
_BESIDE: dict[About, tuple[Beside, ...]] = {
    About.ANALYTE: (Beside.DATE,),
    About.CONDITION: (Beside.DATE, Beside.UNTIL),
    About.EXPOSURE: (Beside.DATE, Beside.UNTIL),
}
_SAYS = {
    About.ANALYTE: "A number in this unit, with < or > where it applies; or positive or negative.",
    About.CONDITION: "yes, no, suspected, relapse, remission or resolved; beside it when it began and ended.",
    About.EXPOSURE: "The date, or yes with the date beside it; ongoing; or no.",
    About.ALLERGY: "yes, no, mild, moderate or severe.",
    About.CONSENT: "yes or no.",
    About.ATTESTATION: "yes if the statement is true of the patient, no if not; the performer says so.",
}
_DATA = {
    OBSERVATION: About.ANALYTE,
    CONDITION: About.CONDITION,
    EXPOSURE: About.EXPOSURE,
    ALLERGY: About.ALLERGY,
}
_ELEMENTS: dict[str, tuple[Beside, ...]] = {
    "referenceRange": (Beside.LOWER_LIMIT, Beside.UPPER_LIMIT),
    "route": (Beside.ROUTE,),
    "severity": (Beside.SEVERITY,),
}
"""The columns of further elements that a criterion reads of a resource."""
_WRITTEN = (Role.TEST, Role.ASKED, Role.BESIDE, Role.SHOWN)
"""What a sheet has columns for, in their order."""


@dataclass(frozen=True, slots=True)
class _Needed:
    """A column's header, what it is about, and the criteria that read it."""

    header: str
    about: About | None
    criteria: tuple[str, ...]


def template(bounds: Iterable[BoundDefinition], terminology: Terminology) -> list[_Needed]:
    """The columns of a sheet for the trials, each once, with the criteria that read it."""
    known = {(about, concept): title for about, concept, title in titles(terminology.catalogue)}
    found: dict[str, _Needed] = {header: _Needed(header, None, ()) for header in _FIRST}
    for bound in bounds:
        for _, criterion in bound.criteria:
            elements = _elements(criterion, terminology.catalogue)
            for header, about, concept, id_ in _needed(criterion, bound.definition.id, known, terminology):
                further = elements.get((about, concept), elements.get((about, ""), ()))
                beside = (*_BESIDE.get(about, ()), *further)
                for name in (header, *(f"{known[about, concept]} {each}" for each in beside)):
                    earlier = found.get(name, _Needed(name, about, ()))
                    criteria = dict.fromkeys((*earlier.criteria, f"{bound.definition.id} {id_}"))
                    found[name] = _Needed(name, about, tuple(criteria))
    return list(found.values())


Column = tuple[str, About, str, str]
"""Header, what it is about, the concept or code, and the criterion's id."""


def _needed(
    criterion: BoundCriterion,
    study: str,
    known: dict[tuple[About, str], str],
    terminology: Terminology,
    above: str = "",
) -> Iterator[Column]:
    """The columns that a criterion and its parts need."""
    id_ = criterion.criterion.id or above
    for part in criterion.parts:
        yield from _needed(part, study, known, terminology, id_)
    if criterion.parts:
        return
    reads = reads_of(criterion.statement, terminology.catalogue)
    for read in (read for role in _WRITTEN for read in reads if read.role is role):
        about = _DATA.get(read.data)
        if about is not None and (about, read.name) in known:  # a value set that is no concept has no header
            yield _header(about, read.name, known, terminology), about, read.name, id_
    data = {read.data for read in reads}
    if CONSENT in data:
        yield consent_header(study), About.CONSENT, study, id_
    if criterion.attestation is not None and ATTESTATION in data:
        label = criterion.criterion.label
        yield f"{criterion.attestation}: {label}", About.ATTESTATION, criterion.attestation, id_


def _header(about: About, concept: str, known: dict[tuple[About, str], str], terminology: Terminology) -> str:
    unit = terminology.catalogue.analytes[concept].unit if about is About.ANALYTE else None
    return f"{known[about, concept]} ({unit})" if unit and unit != "1" else known[about, concept]


def _elements(criterion: BoundCriterion, catalogue: Catalogue) -> dict[tuple[About, str], tuple[Beside, ...]]:
    """The further elements that the leaves of a criterion read: of an analyte, or of each entry of a list ("")."""
    found: dict[tuple[About, str], tuple[Beside, ...]] = {}
    for read in reads_of(criterion.statement, catalogue):
        if read.beside:
            key = (_DATA[read.data], "" if read.data.whole else read.name)
            more = (column for element in read.beside for column in _ELEMENTS[element])
            found[key] = tuple(dict.fromkeys((*found.get(key, ()), *more)))
    return found


def write_template(path: Path, bounds: Iterable[BoundDefinition], terminology: Terminology) -> int:
    """Write the empty sheet, a workbook if the name ends so, else CSV; the number of its columns."""
    columns = template(bounds, terminology)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() != ".xlsx":
        with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells Excel that it is UTF-8
            csv.writer(file).writerow([column.header for column in columns])
        return len(columns)
    book = Workbook()
    sheet = book.active
    sheet.title = "Screening"
    sheet.append([column.header for column in columns])
    sheet.freeze_panes = "B2"
    about = book.create_sheet("Columns")
    about.append(["Column", "What to write", "Read by"])
    for column in columns:
        says = _SAYS[column.about] if column.about else _ABOUT[column.header]
        about.append([column.header, says, ", ".join(column.criteria)])
    for place, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = max(12, min(len(column.header), 30))
    for cell in (*sheet[1], *about[1]):
        cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    for letter, width in (("A", 45), ("B", 80), ("C", 45)):
        about.column_dimensions[letter].width = width
    book.save(path)
    return len(columns)
