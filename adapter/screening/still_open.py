"""What is still open, as instructions: which test, which document, whose word; the cheapest first, a consent last."""

from collections.abc import Iterable, Iterator, Mapping

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.criteria.calendar import duration
from adapter.criteria.catalogue import Catalogue, Effort
from adapter.criteria.truth import Truth
from adapter.evaluator.needs import by_effort, effort_of
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import CriterionResult, DataNeed, Decision, Verdict
from adapter.evaluator.wording import evidence_in_words
from adapter.screening.plain_text import count, plain

_ON_RECORD = {
    Reason.UNDATED: "find the date of",
    Reason.IMPRECISE_DATE: "find the exact date of",
    Reason.PRELIMINARY: "wait for the final report of",
    Reason.CONFLICTING: "settle what contradicts:",
    Reason.UNCONFIRMED: "confirm or refute",
    Reason.UNMAPPED_CODE: "say what this is:",
    Reason.UNIT_MISSING: "find the unit of",
    Reason.UNIT_INCOMPATIBLE: "check the unit of",
    Reason.VALUE_NOT_COMPARABLE: "read the report of",
    Reason.IMPLAUSIBLE: "correct",
    Reason.REFERENCE_RANGE_MISSING: "find the laboratory's reference range of",
    Reason.ROUTE_MISSING: "find the route of",
    Reason.ORDERED_ONLY: "find out whether it was given:",
    Reason.NEEDS_REVIEW: "look at",
}
"""What to do about the entry that leaves a criterion open; for other reasons there is none, or it is no help."""

_SOURCES = {
    Effort.EXAMINATION: "examination",
    Effort.LABORATORY: "laboratory",
    Effort.IMAGING: "imaging",
    Effort.BIOPSY: "marrow or tumour sample",
    Effort.JUDGEMENT: "the investigator's judgement",
    Effort.CONSENT: "the patient's consent to this study",
}
_LOOK_UPS = {
    "Patient": "registration",
    "Condition": "chart, yes or no",
    "AllergyIntolerance": "chart, allergy yes or no",
    "Device": "chart, present or not",
    "Encounter": "chart, yes or no",
    "FamilyMemberHistory": "family history, asked",
    "ResearchSubject": "the patient, and the register of studies",
    "ServiceRequest": "chart, planned or not",
    "AdverseEvent": "chart, yes or no",
    "DiagnosticReport": "report",
    "Specimen": "biobank",
    "Immunization": "vaccination record",
}
_GIVEN = "chart, given or not"
_ELEMENTS = {
    "birthDate": "birth date",
    "gender": "sex",
    "address": "address",
    "communication": "languages",
    "maritalStatus": "marital status",
}


def still_open(verdict: Verdict, catalogue: Catalogue) -> list[RenderableType]:
    """The instructions under a heading, for a terminal."""
    lines = instructions(verdict, catalogue)
    return [Text(), Text("What is still open", "bold"), *map(_item, lines)] if lines else []


def instructions(verdict: Verdict, catalogue: Catalogue) -> list[str]:
    """A line for each question that is open; none for a patient who is ruled out, for whom nothing more is asked."""
    if verdict.decision is Decision.INELIGIBLE:
        return []
    open_ones = {each.id: each for each in _open(verdict.criteria)}
    questions = _questions(verdict.missing, open_ones)
    leading = by_effort((needs[0] for needs in questions.values()), catalogue)
    return [_line(questions[need.criteria], open_ones, catalogue) for need in leading]


def _questions(
    missing: Iterable[DataNeed], open_ones: Mapping[str, CriterionResult]
) -> dict[tuple[str, ...], list[DataNeed]]:
    """The needs by the criteria that they would settle, any of them; what decides most comes first, as a test does."""
    found: dict[tuple[str, ...], list[DataNeed]] = {}
    for need in missing:
        found.setdefault(need.criteria, []).append(need)
    for criteria, needs in found.items():
        order = [(need.type, need.concept) for need in open_ones[criteria[0]].missing]
        needs.sort(key=lambda need, order=order: order.index((need.type, need.concept)))  # type: ignore[misc]
    return found


def _item(text: str) -> Padding:
    return Padding(Text(f"- {plain(text)}"), (0, 0, 0, 2), expand=False)


def _open(criteria: Iterable[CriterionResult]) -> Iterator[CriterionResult]:
    for each in criteria:
        if each.result is Truth.UNKNOWN:
            yield each
            yield from _open(each.parts)


def _line(needs: list[DataNeed], open_ones: Mapping[str, CriterionResult], catalogue: Catalogue) -> str:
    """The criteria that it would settle, and what would, any of it."""
    criteria = needs[0].criteria
    about = open_ones[criteria[0]] if len(criteria) == 1 else None
    ways = [_on_record(about)] if about is not None and about.reason in _ON_RECORD and about.evidence else []
    by_source: dict[str, list[str]] = {}
    for need in needs:
        by_source.setdefault(_source(need, catalogue), []).append(_title(need, catalogue))
    ways += [f"{source}: {' or '.join(filter(None, names))}".removesuffix(": ") for source, names in by_source.items()]
    label = f" {about.label}" if about is not None and about.label else ""
    return f"{', '.join(criteria)}{label}: {'; or '.join(ways)}"


def _on_record(criterion: CriterionResult) -> str:
    return f"{_ON_RECORD[criterion.reason]} {evidence_in_words(criterion.evidence)}"


def _source(need: DataNeed, catalogue: Catalogue) -> str:
    """Where it is to be had, and how recent it must be."""
    effort = effort_of(need, catalogue)
    source = _SOURCES.get(effort) or _LOOK_UPS.get(need.type, _GIVEN)
    if need.within is None or effort is Effort.JUDGEMENT:
        return source
    window = duration(need.within)
    return f"{source}, of the last {count(window.count, window.unit.word, f'{window.unit.word}s')}"


def _title(need: DataNeed, catalogue: Catalogue) -> str:
    """What is asked for; empty where the source says it."""
    held = catalogue.analytes.get(need.concept) or catalogue.listed.get(need.concept)
    return held.title if held else _ELEMENTS.get(need.concept, "")
