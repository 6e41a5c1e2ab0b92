"""Verdicts -> cards: one for each trial that the patient may take part in, now or later (CDS Hooks 2.0, Cards).

There is no card where a trial's disease is not on record, where the patient is ruled out for good, or where the study
takes nobody any more: who is shown what doesn't help stops looking.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from uuid import UUID

from msgspec.json import encode

from adapter.criteria.model import TrialDefinition
from adapter.criteria.study import CLOSED
from adapter.criteria.truth import Truth
from adapter.evaluator.verdict import CriterionResult, Decision, Verdict, instant
from adapter.fhir.elements import BASE, Json

MOST_SUMMARY = 139
"""Characters: the specification has them under 140."""

_MOST_LINES = 12
_OF_STUDY = 6
"""Bytes of a card's uuid that are the study's."""
_SEE_WHY = "Every criterion, with the data that it stands on"
OVERRIDES = {
    "not-suitable": "Not suitable for this patient",
    "patient-declines": "The patient declines",
    "already-enrolled": "Already in a trial",
    "later": "To be considered later",
}
"""Why a card may be dismissed: code -> words."""
OVERRIDE_REASONS = f"{BASE}/CodeSystem/override-reason"


def cards(
    verdicts: Iterable[Verdict], definitions: Sequence[TrialDefinition], hook_instance: str, launch: str | None = None
) -> list[Json]:
    """The cards for a patient, those with the least that is open first. Equal calls give equal cards.

    `launch`: the address at which an EHR launches our page, None where none may.
    """
    known = {each.id: each for each in definitions}
    told = [(each, known[each.study]) for each in verdicts if _is_worth_telling(each, known[each.study])]
    told.sort(key=lambda pair: pair[0].promise)
    return [_card(verdict, definition, hook_instance, launch) for verdict, definition in told]


def _is_worth_telling(verdict: Verdict, definition: TrialDefinition) -> bool:
    if not verdict.has_indication or definition.study.status in CLOSED:
        return False
    return verdict.decision is not Decision.INELIGIBLE or verdict.for_now


def card_id(study: str, subject: str, hook_instance: str) -> str:
    """The uuid of a card, and of its suggestion: its beginning is the study's, so that feedback on it says of which."""
    rest = sha256(f"{hook_instance} {study} {subject}".encode()).digest()
    return str(UUID(bytes=_beginning(study) + rest[: 16 - _OF_STUDY], version=5))


def study_of(card: str, studies: Iterable[str]) -> str | None:
    """The study (id) that a card of ours was about; None for another's."""
    try:
        found = UUID(card).bytes[:_OF_STUDY]
    except ValueError:
        return None
    return next((each for each in studies if _beginning(each) == found), None)


def _beginning(study: str) -> bytes:
    return sha256(study.encode()).digest()[:_OF_STUDY]


def _card(verdict: Verdict, definition: TrialDefinition, hook_instance: str, launch: str | None) -> Json:
    address = definition.registry_page
    links: list[Json] = []
    if launch is not None:
        context = encode({"study": verdict.study}).decode()
        links.append({"label": _SEE_WHY, "url": launch, "type": "smart", "appContext": context})
    if address:
        links.append({"label": "The trial's public record", "url": address, "type": "absolute"})
    card: Json = {
        "uuid": card_id(verdict.study, verdict.subject, hook_instance),
        "summary": _summary(verdict, definition),
        "detail": _detail(verdict, definition),
        "indicator": "info",
        "source": {
            "label": _shortened(definition.study.title),
            **({"url": address} if address else {}),
            "topic": {"system": f"{BASE}/sid/study", "code": verdict.study, "display": definition.study.title},
        },
        "overrideReasons": [
            {"system": OVERRIDE_REASONS, "code": code, "display": display} for code, display in OVERRIDES.items()
        ],
    }
    if links:
        card["links"] = links
    if verdict.decision is not Decision.INELIGIBLE:
        card["suggestions"] = [_referral(verdict, definition, hook_instance)]
        card["selectionBehavior"] = "any"
    return card


def _summary(verdict: Verdict, definition: TrialDefinition) -> str:
    name = definition.registry_number or definition.id
    match verdict.decision:
        case Decision.CANDIDATE:
            said = f"Candidate for {name} (all published criteria met)"
        case Decision.POTENTIAL_CANDIDATE:
            said = f"May qualify for {name} ({verdict.open_criteria} of {len(verdict.criteria)} criteria open)"
        case Decision.INELIGIBLE:
            against = ", ".join(each.id for each in verdict.criteria if each.is_against)
            said = f"Not now for {name} ({against})"
    return _shortened(f"{said}: {definition.study.title}")


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SUMMARY else f"{text[: MOST_SUMMARY - 1]}…"


def _detail(verdict: Verdict, definition: TrialDefinition) -> str:
    """GitHub Flavored Markdown: the decision, what rules out or is open and why, and what it was told from."""
    against = [each for each in verdict.criteria if each.is_against]
    left = [each for each in verdict.criteria if each.result is Truth.UNKNOWN]
    parts = [f"**{_plain(definition.study.title)}**"]
    if not verdict.recruiting:
        parts.append(f"The registry says of recruitment: {definition.study.status.value}.")
    if against:
        parts += ["Ruled out for now by:", _list(against)]
    elif left:
        parts += ["Still open:", _list(left)]
    else:
        parts.append("Every published criterion is met by what is on record.")
    settled = len(verdict.criteria) - len(left) - len(against)
    parts.append(f"{settled} of {len(verdict.criteria)} criteria speak for the patient.")
    parts.append(f"As of {instant(verdict.as_of)}, policy {_plain(verdict.policy)}. People decide who takes part.")
    return "\n\n".join(parts)


def _list(criteria: Sequence[CriterionResult]) -> str:
    lines = [f"- {each.id} {_plain(each.label)}: {_plain(each.explanation)}" for each in criteria[:_MOST_LINES]]
    more = len(criteria) - len(lines)
    return "\n".join([*lines, *([f"- … and {more} more"] if more else [])])


_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|<>~])")
"""What Markdown may take for markup; texts of records are shown, never obeyed."""


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _referral(verdict: Verdict, definition: TrialDefinition, hook_instance: str) -> Json:
    """A ServiceRequest that asks the study's team to screen the patient; the EHR's user signs it, or not."""
    name = definition.registry_number or definition.id
    words = f"Screening for the clinical trial {name}"
    return {
        "label": _shortened(f"Refer for screening: {name}"),
        "uuid": card_id(verdict.study, verdict.subject, f"referral {hook_instance}"),
        "actions": [
            {
                "type": "create",
                "description": words,
                "resource": {
                    "resourceType": "ServiceRequest",
                    "status": "draft",
                    "intent": "proposal",
                    "code": {"text": words},
                    "subject": {"reference": verdict.subject},
                    "note": [{"text": f"{definition.study.title} ({definition.id} {definition.version})"}],
                },
            }
        ],
    }
