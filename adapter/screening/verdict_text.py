"""One verdict as a study coordinator reads it: the decision, every criterion with its reason, what is still open."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.criteria.definition import CriterionRole, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import DECEASED, POLICY, CriterionResult, Decision, Verdict
from adapter.record.facts import Unmapped
from adapter.screening.plain_text import count, plain
from adapter.screening.report import moment, named
from adapter.screening.setup import Setup
from adapter.screening.still_open import still_open

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
        lines.append(Text(f"This study is not recruiting (registry: {definition.study.status.value}).", _OPEN))
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
