"""What a criterion asks, and why it came out as it did, in plain sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.model import Criterion, Leaf
from adapter.criteria.quantity import Comparator
from adapter.evaluator.kind import kind_of
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence

COMPARATORS = {
    Comparator.LESS: "below",
    Comparator.AT_MOST: "at most",
    Comparator.AT_LEAST: "at least",
    Comparator.GREATER: "above",
}


_REASONS = {
    Reason.VALUE_SATISFIES: "{evidence} ({asked})",
    Reason.VALUE_FAILS: "{evidence} (not: {asked})",
    Reason.AGE_WITHIN: "born {value} ({asked})",
    Reason.AGE_OUTSIDE: "born {value} (not: {asked})",
    Reason.SEX_MATCHES: "recorded {value}",
    Reason.SEX_DIFFERS: "recorded {value} (not: {asked})",
    Reason.RECORDED: "on record: {evidence}",
    Reason.REFUTED: "denied by the record: {evidence}{noted}",
    Reason.RESOLVED: "no longer active: {evidence}{noted}",
    Reason.TEST_POSITIVE: "test positive: {evidence}",
    Reason.TEST_NEGATIVE: "test negative: {evidence}",
    Reason.EXPLICITLY_ABSENT: "stated to be absent: {evidence}{noted}",
    Reason.CONSENTED: "consent given: {evidence}",
    Reason.CONSENT_REFUSED: "consent refused: {evidence}",
    Reason.ATTESTED: "attested: {evidence}",
    Reason.NOT_APPLICABLE: "does not apply: {evidence}",
    Reason.ASSUMED_ABSENT: "not on record, and the policy assumes absence: {subject}{noted}",
    Reason.NO_DATA: "nothing on record that counts: {subject}{shown}{noted}",
    Reason.STALE: "too old: {evidence}",
    Reason.UNDATED: "no date that settles it: {evidence}",
    Reason.IMPRECISE_DATE: "the date is too coarse to tell: {evidence}",
    Reason.OUTSIDE_WINDOW: "only outside the window: {evidence} ({asked})",
    Reason.PRELIMINARY: "not final: {evidence}",
    Reason.CONFLICTING: "the record contradicts itself: {evidence}",
    Reason.UNCONFIRMED: "not confirmed: {evidence}",
    Reason.UNMAPPED_CODE: "not known whether this is {subject}: {evidence}",
    Reason.UNIT_MISSING: "no unit: {evidence}",
    Reason.UNIT_INCOMPATIBLE: "the unit does not convert: {evidence}",
    Reason.VALUE_STRADDLES: "the value leaves it open: {evidence} ({asked})",
    Reason.VALUE_NOT_COMPARABLE: "the result can't be compared: {evidence} ({asked})",
    Reason.IMPLAUSIBLE: "can't be true as it stands (a slip, a placeholder, another unit): {evidence} ({asked})",
    Reason.REFERENCE_RANGE_MISSING: "no reference range that fits: {evidence} ({asked})",
    Reason.ROUTE_MISSING: "by which route is not known: {evidence}",
    Reason.ORDERED_ONLY: "ordered, not known to be given: {evidence}",
    Reason.NEEDS_REVIEW: "on record, needs a look: {evidence} (asked: {asked})",
    Reason.AWAITS_CONSENT: "no consent to this study yet{shown}",
    Reason.NEEDS_JUDGEMENT: "needs a person's judgement{named}",
    Reason.NOT_QUANTIFIED: "the source gives no threshold; needs a person's judgement{named}",
    Reason.NOT_PUBLISHED: "the source does not publish it; needs a person's judgement{named}",
}


class Words(Struct, frozen=True, gc=False):
    """A criterion's words, found once: what it is about, what it asks, and what evidence is introduced with.

    `labelled`: what it is about is its label, which stands beside each sentence. `frames`: its sentences but for their
    evidence, by reason and note, of which there are few.
    """

    subject: str
    asked: str
    lead: str
    labelled: bool = False
    frames: "dict[tuple[Reason, str], _Frame]" = {}


class _Frame(Struct, frozen=True, gc=False):
    """A sentence with a hole: what stands before and after what is told there, if there is evidence to tell of.

    `lead`: what introduces the evidence. `bare`: the whole without any.
    """

    before: str
    hole: str
    lead: str
    after: str
    bare: str


def words(criterion: Criterion, catalogue: Catalogue) -> Words:
    """The words of a criterion's statement; what has no subject of its own is about what the criterion's label says."""
    statement = criterion.statement
    if not isinstance(statement, Leaf):
        return Words("parts", "parts", "")
    said = kind_of(statement).words(statement, catalogue)
    about = said.subject or criterion.label or said.asked
    return Words(about, said.asked, f"{about}: " if said.leads else "", labelled=about == criterion.label)


_MOST_FRAMES = 256
_HOLES = ("{evidence}", "{value}", "{shown}")


def explanation(said: Words, outcome: Outcome) -> str:
    """The sentence that tells a leaf's outcome."""
    key = (outcome.reason, outcome.note)
    frame = said.frames.get(key)
    if frame is None:
        if len(said.frames) >= _MOST_FRAMES:
            said.frames.clear()
        frame = said.frames[key] = _frame(said, *key)
    shown = outcome.evidence
    if not shown or not frame.hole:
        return frame.bare
    if frame.hole == "{value}":
        return f"{frame.before}{shown[0].value}{frame.after}"
    told = _in_words(shown[0]) if len(shown) == 1 else evidence_in_words(shown)
    if frame.hole == "{evidence}":
        return f"{frame.before}{frame.lead}{told}{frame.after}"
    told = frame.lead + told
    return f"{frame.before}; there is only: {told}{frame.after}" if told else frame.bare


def _frame(said: Words, reason: Reason, note: str) -> _Frame:
    form = _REASONS[reason]
    hole = next((each for each in _HOLES if each in form), "")
    before, _, after = form.partition(hole) if hole else (form, "", "")
    asked = f"{said.asked}; {note}" if note and note not in said.asked else said.asked
    words = {
        "asked": asked,
        "subject": said.subject,
        "named": "" if said.labelled else f": {said.subject}",
        "noted": f"; {note}" if note else "",
    }
    lead = "" if reason is Reason.ATTESTED else said.lead
    before, after = before.format(**words), after.format(**words)
    return _Frame(before, hole, lead, after, before + after)


def evidence_in_words(items: Sequence[Evidence]) -> str:
    """Evidence in a line, each with its day; a date that is itself the value stands once."""
    if len(items) == 1:
        return _in_words(items[0])
    return "; ".join([_in_words(each) for each in items])


def _in_words(item: Evidence) -> str:
    value, time = item.value, item.time
    return f"{value} on {time[:10]}" if time and time != value else value


class _Titled(Protocol):
    @property
    def title(self) -> str: ...


def titles(concepts: Iterable[str], held: Mapping[str, _Titled]) -> str:
    """Concepts by their titles, any of which counts."""
    return " or ".join(held[concept].title for concept in concepts)
