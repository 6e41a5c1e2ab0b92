"""An empty sheet for given trials: a column for each datum that their criteria need, in the words of the catalogue.

Which data a criterion needs is said by the evaluator (`adapter.evaluator.needs`), as beside a verdict; what only a
person can say becomes a column of its own, an attestation of the criterion's statement.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from adapter.criteria.model import Combinator, Leaf
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import LimitThreshold
from adapter.criteria.terminology import Terminology
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.needs import needs
from adapter.kinds.condition.statement import Condition, Qualifier
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.disease_course.statement import DiseaseCourse
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement
from mappings.patient.sheet.columns import About, Beside
from mappings.patient.sheet.names import consent_header, titles

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
_TYPES = {
    "Observation": About.ANALYTE,
    "Condition": About.CONDITION,
    "MedicationAdministration": About.EXPOSURE,
    "AllergyIntolerance": About.ALLERGY,
}


@dataclass(frozen=True, slots=True)
class _Needed:
    """A column's header, what it is about, and the criteria that read it."""

    header: str
    about: About | None
    criteria: tuple[str, ...]


def template(bounds: Iterable[BoundDefinition], terminology: Terminology, policy: Policy) -> list[_Needed]:
    """The columns of a sheet for the trials, each once, with the criteria that read it."""
    known = {(about, concept): title for about, concept, title in titles(terminology.catalogue)}
    found: dict[str, _Needed] = {header: _Needed(header, None, ()) for header in _FIRST}
    for bound in bounds:
        for _, criterion in bound.criteria:
            for header, about, concept, id_ in _needed(criterion, bound.definition.id, known, terminology, policy):
                for name in (header, *(f"{known[about, concept]} {b}" for b in _beside(about, concept, criterion))):
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
    policy: Policy,
    above: str = "",
) -> Iterator[Column]:
    """The columns that a criterion and its parts need."""
    id_ = criterion.criterion.id or above
    for part in criterion.parts:
        yield from _needed(part, study, known, terminology, policy, id_)
    if criterion.parts:
        return
    for need in needs(criterion.statement, id_, None, terminology, policy):
        about = _TYPES.get(need.type)
        if about is not None:
            yield _header(about, need.concept, known, terminology), about, need.concept, id_
    for analyte in _further_analytes(criterion.statement, terminology):
        yield _header(About.ANALYTE, analyte, known, terminology), About.ANALYTE, analyte, id_
    if isinstance(criterion.statement, ResearchConsent):
        yield consent_header(study), About.CONSENT, study, id_
    if criterion.attestation is not None and _may_need_a_person(criterion):
        label = criterion.criterion.label
        yield f"{criterion.attestation}: {label}", About.ATTESTATION, criterion.attestation, id_


def _further_analytes(statement: Leaf | Combinator, terminology: Terminology) -> tuple[str, ...]:
    """What a statement reads beside the data that would settle it: blasts, what is shown, Lansky, oxygen."""
    match statement:
        case DiseaseCourse():
            return statement.blasts
        case Condition():
            return statement.shown
        case Measurement():
            analyte = terminology.catalogue.analytes[statement.analyte]
            alternative = (analyte.alternative,) if analyte.alternative else ()
            return (*alternative, *analyte.tumour_cells, *(support.analyte for support in analyte.raised_by))
        case _:
            return ()


def _may_need_a_person(criterion: BoundCriterion) -> bool:
    """Whether the data alone may leave the statement to a person."""
    statement = criterion.statement
    qualified = isinstance(statement, Condition) and statement.qualifier is not None
    return qualified or isinstance(statement, Judgement | DiseaseCourse)


def _header(about: About, concept: str, known: dict[tuple[About, str], str], terminology: Terminology) -> str:
    unit = terminology.catalogue.analytes[concept].unit if about is About.ANALYTE else None
    return f"{known[about, concept]} ({unit})" if unit and unit != "1" else known[about, concept]


def _beside(about: About, concept: str, criterion: BoundCriterion) -> tuple[Beside, ...]:
    if about is About.ANALYTE and any(_is_limited(leaf, concept) for leaf in _leaves(criterion)):
        return (Beside.DATE, Beside.LOWER_LIMIT, Beside.UPPER_LIMIT)
    more: list[Beside] = []
    for leaf in _leaves(criterion):
        if isinstance(leaf, Exposure) and leaf.systemic and about is About.EXPOSURE:
            more.append(Beside.ROUTE)
        if isinstance(leaf, Condition) and leaf.qualifier is Qualifier.SEVERE and about is About.CONDITION:
            more.append(Beside.SEVERITY)
    return (*_BESIDE.get(about, ()), *dict.fromkeys(more))


def _leaves(criterion: BoundCriterion) -> Iterator[Leaf | Combinator]:
    """The statements of a criterion that have no parts."""
    if not criterion.parts:
        yield criterion.statement
    for part in criterion.parts:
        yield from _leaves(part)


def _is_limited(leaf: Leaf | Combinator, analyte: str) -> bool:
    """Whether the analyte is compared with a limit of normal."""
    return isinstance(leaf, Measurement) and leaf.analyte == analyte and isinstance(leaf.test, LimitThreshold)


def write_template(path: Path, bounds: Iterable[BoundDefinition], terminology: Terminology, policy: Policy) -> int:
    """Write the empty sheet, a workbook if the name ends so, else CSV; the number of its columns."""
    columns = template(bounds, terminology, policy)
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
