"""One verdict as a study coordinator reads it: the decision, every criterion with its reason, what is still open.

What is still open, as instructions: which test, which document, whose word; the cheapest first, a consent last.
"""

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.criteria.calendar import Hours, duration_or_hours
from adapter.criteria.catalogue import Catalogue, Effort
from adapter.criteria.model import CriterionRole, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator.reason import Reason
from adapter.evaluator.report import by_effort, effort_of
from adapter.evaluator.verdict import DECEASED, POLICY, CriterionResult, DataNeed, Decision, Verdict
from adapter.evaluator.wording import evidence_in_words
from adapter.record.facts import Unmapped
from adapter.screening.plain_text import count, plain
from adapter.screening.report import moment, named
from adapter.screening.setup import Setup, recruiting_in_words

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
        by_source.setdefault(_where_from(need, catalogue), []).append(_title(need, catalogue))
    ways += [f"{source}: {' or '.join(filter(None, names))}".removesuffix(": ") for source, names in by_source.items()]
    label = f" {about.label}" if about is not None and about.label else ""
    return f"{', '.join(criteria)}{label}: {'; or '.join(ways)}"


def _on_record(criterion: CriterionResult) -> str:
    return f"{_ON_RECORD[criterion.reason]} {evidence_in_words(criterion.evidence)}"


def _where_from(need: DataNeed, catalogue: Catalogue) -> str:
    """Where it is to be had, and how recent it must be."""
    effort = effort_of(need, catalogue)
    source = _SOURCES.get(effort) or _LOOK_UPS.get(need.type, _GIVEN)
    if need.within is None or effort is Effort.JUDGEMENT:
        return source
    window = duration_or_hours(need.within)
    if isinstance(window, Hours):
        return f"{source}, of the last {window.words}"
    return f"{source}, of the last {count(window.count, window.unit.word, f'{window.unit.word}s')}"


def _title(need: DataNeed, catalogue: Catalogue) -> str:
    """What is asked for; empty where the source says it."""
    held = catalogue.analytes.get(need.concept) or catalogue.listed.get(need.concept)
    return held.title if held else _ELEMENTS.get(need.concept, "")


_WORDS = {Truth.MET: "met", Truth.NOT_MET: "not met", Truth.UNKNOWN: "unknown"}
_GOOD, _BAD, _OPEN, _QUIET = "green", "bold red", "yellow", "dim"
_DECISIONS = {
    Decision.CANDIDATE: ("CANDIDATE", _GOOD),
    Decision.POTENTIAL_CANDIDATE: ("POTENTIAL CANDIDATE", _OPEN),
    Decision.INELIGIBLE: ("INELIGIBLE", _BAD),
}


def print_verdicts(console: Console, verdicts: tuple[Verdict, ...], setup: Setup) -> None:
    """Print the verdicts on one patient, then what the record holds beside them."""
    pages = [
        _verdict(definition, verdict, setup) for definition, verdict in zip(setup.definitions, verdicts, strict=True)
    ]
    notes = [Group(*lines) for lines in (_issues(verdicts[0]), _unmapped(verdicts[0])) if lines]
    for number, page in enumerate([*pages, *notes]):
        if number:
            console.print()
        console.print(page)


def _verdict(definition: TrialDefinition, verdict: Verdict, setup: Setup) -> RenderableType:
    zone = setup.policy.time_zone
    word, style = ("INELIGIBLE FOR NOW", _BAD) if verdict.for_now else _DECISIONS[verdict.decision]
    until = f"holds until {moment(verdict.valid_until, zone)}" if verdict.valid_until else "holds without end"
    patient = named(verdict.subject, verdict.identifiers)
    lines: list[RenderableType] = [
        Text.assemble((verdict.study, "bold"), "  ", plain(definition.study.title)),
        Text(
            f"{patient} on {moment(verdict.as_of, zone)}, policy {verdict.policy}",
            _QUIET,
        ),
        Text.assemble((word, style), f"  {_counted(verdict)}; {until} if no data are added"),
    ]
    if not verdict.recruiting:
        lines.append(Text(recruiting_in_words(definition), _OPEN))
    if not verdict.has_indication:
        lines.append(Text(_without_indication(verdict), _OPEN))
    lines += [
        Text(f"The policy {issue.path}: {issue.message}.", _OPEN)
        for issue in verdict.issues
        if issue.resource == POLICY
    ]
    if verdict.decision is Decision.INELIGIBLE:
        lines.append(Text(f"Ruled out by {_against(verdict, zone)}."))
    for role in CriterionRole:
        criteria = [criterion for criterion in verdict.criteria if criterion.role is role]
        if criteria:
            lines += [Text(), Text(role.value.capitalize(), "bold")]
            lines += [line for criterion in criteria for line in _criterion(criterion, zone)]
    lines += still_open(verdict, setup.terminology.catalogue)
    return Group(*lines)


def _without_indication(verdict: Verdict) -> str:
    if not verdict.unclear:
        return "The record holds nothing of this study's disease."
    words = "; ".join(plain(each.text) or "(no words)" for each in verdict.unclear)
    return f"Whether the record holds this study's disease is unclear: {words}."


def _counted(verdict: Verdict) -> str:
    return f"{verdict.open_criteria} of {count(len(verdict.criteria), 'criterion', 'criteria')} open"


def _against(verdict: Verdict, zone: ZoneInfo) -> str:
    """What keeps the patient out, each with whether it will for good."""
    said = [DECEASED] if DECEASED in verdict.decision_reasons else []
    said += [f"{each.id} ({_how_long(each, zone)})" for each in verdict.criteria if each.is_against]
    return ", ".join(said)


def _criterion(criterion: CriterionResult, zone: ZoneInfo, depth: int = 1) -> Iterator[RenderableType]:
    mark, word, style = _effect(criterion, zone, is_part=depth > 1)
    head = Text.assemble((mark, style), " ", (f"{criterion.id:<4} ", "bold"), plain(criterion.label))
    yield _indented(head.append(f"  [{word}]", style), depth * 2)
    if not criterion.parts or criterion.evidence:  # else the part that decided follows, and says it
        is_untold = criterion.assumed and criterion.reason is not Reason.ASSUMED_ABSENT
        told = plain(criterion.explanation) + (" (assumed by the policy)" if is_untold else "")
        yield _indented(Text(f"{told}  {_source(criterion)}", _QUIET), depth * 2 + 7)
    for part in criterion.parts:
        yield from _criterion(part, zone, depth + 1)


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)


def _effect(criterion: CriterionResult, zone: ZoneInfo, *, is_part: bool) -> tuple[str, str, str]:
    """A mark, a word and its style: what a criterion means for the patient.

    What keeps them out is a warning, an exclusion that does not hold is quiet. A part that neither keeps them out nor
    is open only says what is so.
    """
    if criterion.is_against:
        return "✗", f"{'against' if is_part else 'RULES OUT'}: {_how_long(criterion, zone)}", _BAD
    if criterion.result is Truth.UNKNOWN:
        return "?", "unknown" if is_part else "open", _OPEN
    if is_part:
        return "·", _WORDS[criterion.result], _QUIET
    if criterion.role is CriterionRole.INCLUSION:
        return "✓", _WORDS[criterion.result], _GOOD
    return "✓", "does not exclude", _QUIET


def _how_long(criterion: CriterionResult, zone: ZoneInfo) -> str:
    if criterion.lasting is True:
        return "for good"
    if criterion.until is None:
        return "for now"
    return f"until {criterion.until.astimezone(zone):%Y-%m-%d} at least"


def _source(criterion: CriterionResult) -> str:
    resources = dict.fromkeys(evidence.resource for evidence in criterion.evidence)
    return f"<{', '.join([criterion.reason.value, *map(plain, resources)])}>"


def _issues(verdict: Verdict) -> list[Text]:
    issues = [each for each in verdict.issues if each.resource != POLICY]
    if not issues:
        return []
    head = f"{count(len(issues), 'part', 'parts')} of the record could not be read"
    return [Text(head, "bold"), *(Text(f"  {plain(f'{i.resource} {i.path}: {i.message}')}") for i in issues)]


def _unmapped(verdict: Verdict) -> list[Text]:
    if not verdict.unmapped:
        return []
    head = f"{count(len(verdict.unmapped), 'entry', 'entries')} with codes that no map knows"
    return [Text(head, "bold"), *map(_entry, verdict.unmapped)]


def _entry(entry: Unmapped) -> Text:
    code = f"{entry.system}|{entry.code}" if entry.code else "no code"
    return Text(f"  {plain(f'{entry.resource}: {code}')}" + (f" ({plain(entry.text)})" if entry.text else ""))
