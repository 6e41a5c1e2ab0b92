"""One verdict as a study coordinator reads it: the decision, every criterion with its reason, what is still open."""

from collections.abc import Iterator
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from adapter.criteria.calendar import duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.definition import CriterionRole, TrialDefinition
from adapter.criteria.truth import Truth
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.verdict import POLICY, CriterionResult, DataNeed, Decision, Verdict
from adapter.record.facts import Unmapped
from adapter.screening.funnel import rules_out
from adapter.screening.report import count, moment, plain
from adapter.screening.setup import Setup

_ATTESTATION = "attestation:"
_ASKED = (AWAITS_PERSON | {Reason.NEEDS_REVIEW, Reason.NOT_PUBLISHED}) - {Reason.AWAITS_CONSENT}
_TITLES = {"research-consent": "A consent to this study", "birthDate": "Birth date", "gender": "Sex"}

_MARKS = {Truth.MET: "✓", Truth.NOT_MET: "✗", Truth.UNKNOWN: "?"}
_WORDS = {Truth.MET: "met", Truth.NOT_MET: "not met", Truth.UNKNOWN: "unknown"}
_GOOD, _BAD, _OPEN, _QUIET = "green", "bold red", "yellow", "dim"
_DECISIONS = {
    Decision.CANDIDATE: ("CANDIDATE", _GOOD),
    Decision.POTENTIAL_CANDIDATE: ("POTENTIAL CANDIDATE", _OPEN),
    Decision.INELIGIBLE: ("INELIGIBLE", _BAD),
}


def still_open(verdict: Verdict, catalogue: Catalogue) -> list[RenderableType]:
    """Lines on what is open; none for a patient who is ruled out, for whom nothing more is asked."""
    if verdict.decision is Decision.INELIGIBLE:
        return []
    needs = [need for need in verdict.missing if not need.concept.startswith(_ATTESTATION)]
    lines = [
        f"{', '.join(criteria)}: {', or '.join(_named(need, catalogue) for need in alternatives)}"
        for criteria, alternatives in groupby(needs, lambda need: need.criteria)
    ]
    lines += [
        f"{item.id}: a person's word ({item.reason.value}): {item.label}" for item in _questions(verdict.criteria)
    ]
    if not lines:
        return []
    return [Text(), Text("What is still open", "bold"), *(_item(line) for line in lines)]


def _item(text: str) -> Padding:
    return Padding(Text(f"- {plain(text)}"), (0, 0, 0, 2), expand=False)


def _questions(criteria: tuple[CriterionResult, ...]) -> Iterator[CriterionResult]:
    for criterion in criteria:
        if criterion.result is not Truth.UNKNOWN:
            continue
        if criterion.parts:
            yield from _questions(criterion.parts)
        elif criterion.reason in _ASKED:
            yield criterion


def _named(need: DataNeed, catalogue: Catalogue) -> str:
    title = _title(need.concept, catalogue)
    if need.within is None:
        return title
    window = duration(need.within)
    return f"{title} of the last {count(window.count, window.unit.word, f'{window.unit.word}s')}"


def _title(concept: str, catalogue: Catalogue) -> str:
    for kind in (catalogue.analytes, catalogue.conditions, catalogue.exposures, catalogue.substances):
        if concept in kind:
            return kind[concept].title
    return _TITLES.get(concept, concept)


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
    word, style = _DECISIONS[verdict.decision]
    until = f"holds until {moment(verdict.valid_until, zone)}" if verdict.valid_until else "holds without end"
    lines: list[RenderableType] = [
        Text.assemble((verdict.study, "bold"), "  ", plain(definition.study.title)),
        Text(f"{verdict.subject} on {moment(verdict.as_of, zone)}, policy {verdict.policy}", _QUIET),
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
    lines += [
        Text(f"- {plain(reason)}") for reason in verdict.decision_reasons if verdict.decision is Decision.INELIGIBLE
    ]
    for role in CriterionRole:
        criteria = [criterion for criterion in verdict.criteria if criterion.role is role]
        if criteria:
            lines += [Text(), Text(role.value.capitalize(), "bold")]
            lines += [line for criterion in criteria for line in _criterion(criterion)]
    lines += still_open(verdict, setup.terminology.catalogue)
    return Group(*lines)


def _without_indication(verdict: Verdict) -> str:
    if not verdict.unclear:
        return "The record holds nothing of this study's disease."
    words = "; ".join(plain(each.text) or "(no words)" for each in verdict.unclear)
    return f"Whether the record holds this study's disease is unclear: {words}."


def _counted(verdict: Verdict) -> str:
    return f"{verdict.open_criteria} of {count(len(verdict.criteria), 'criterion', 'criteria')} open"


def _criterion(criterion: CriterionResult, depth: int = 1) -> Iterator[RenderableType]:
    word, style = _effect(criterion) if depth == 1 else _part(criterion)
    head = Text.assemble(
        (_MARKS[criterion.result], style), " ", (f"{criterion.id:<4} ", "bold"), plain(criterion.label)
    )
    yield _indented(head.append(f"  [{word}]", style), depth * 2)
    if not criterion.parts or criterion.evidence:  # else the part that decided follows, and says it
        told = plain(criterion.explanation) + (" (assumed by the policy)" if criterion.assumed else "")
        yield _indented(Text(f"{told}  {_source(criterion)}", _QUIET), depth * 2 + 7)
    for part in criterion.parts:
        yield from _criterion(part, depth + 1)


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)


def _effect(criterion: CriterionResult) -> tuple[str, str]:
    """What a criterion's truth means for the patient: a met exclusion is bad news, an unmet one good."""
    if criterion.result is Truth.UNKNOWN:
        return "open", _OPEN
    against = rules_out(criterion.role, criterion.result)
    if criterion.role is CriterionRole.INCLUSION:
        return ("not met: RULES OUT", _BAD) if against else ("met", _GOOD)
    return ("met: EXCLUDES", _BAD) if against else ("not met: does not exclude", _GOOD)


def _part(criterion: CriterionResult) -> tuple[str, str]:
    """A part's truth as it is: what it means depends on the criterion above it."""
    return _WORDS[criterion.result], ""


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
