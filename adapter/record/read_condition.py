"""Condition and AllergyIntolerance -> facts (CONFORMANCE: Conditions; Exposure, allergy)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial

from msgspec import structs

from adapter.criteria.calendar import age_of, birthday
from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.written import plain
from adapter.record.certainty import (
    CERTAINTIES,
    DOUBTFUL,
    PAST,
    STATE_AFTER,
    certainty,
    coded,
    is_delabelled,
    is_revised,
    turned,
)
from adapter.record.facts import CLOSED, UNREADABLE, AllergyFact, ConditionFact, Severity, Source, Verification
from adapter.record.levels import NONE_OF_IT, is_none, levels_of, summed_up
from adapter.record.links import causes
from adapter.record.resources import AllergyIntolerance, CodeableConcept, Condition, Quantity, Range, Reaction
from adapter.record.values import (
    NOTHING,
    IssueCollector,
    all_said,
    amount,
    codes,
    first_code,
    period,
    quantity_text,
    stands_for_none,
    title,
    union,
    value_sets,
)
from adapter.record.when import When, between

_TERMS = "http://terminology.hl7.org/CodeSystem/"
_STU3 = "http://hl7.org/fhir/"
_CLINICAL = (
    *(f"{_TERMS}{name}" for name in ("condition-clinical", "allergyintolerance-clinical")),
    *(f"{_STU3}{name}" for name in ("condition-clinical", "allergy-clinical-status")),
)
_VERIFICATION = (
    *(f"{_TERMS}{name}" for name in ("condition-ver-status", "allergyintolerance-verification")),
    *(f"{_STU3}{name}" for name in ("condition-ver-status", "allergy-verification-status")),
)
_CATEGORY = (f"{_TERMS}condition-category",)

CLINICAL_STATUSES = frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"})
_VERIFICATIONS = {
    "confirmed": Verification.CONFIRMED,
    "unconfirmed": Verification.UNCONFIRMED,
    "provisional": Verification.UNCONFIRMED,
    "differential": Verification.UNCONFIRMED,
    "presumed": Verification.UNCONFIRMED,
    "refuted": Verification.REFUTED,
}
_WIDE = frozenset({"active", "inactive"})
"""The two that the others are kinds of."""
ENTERED_IN_ERROR = "entered-in-error"
_VERIFIED = frozenset({*_VERIFICATIONS, ENTERED_IN_ERROR})
_TWO = "its codes and words contradict each other"


def is_error(verification: CodeableConcept | None, terminology: Terminology) -> bool:
    """Whether the entry was entered in error, and so says nothing."""
    if verification is None:
        return False
    coded, worded = _verified(verification, terminology)
    return {*coded, *worded} == {ENTERED_IN_ERROR}


def condition_fact(  # what a fact is made of
    condition: Condition,
    sets: frozenset[str],
    source: Source,
    birth: When | None,
    terminology: Terminology,
    t: IssueCollector,
    addresses: Mapping[str, str],
) -> ConditionFact:
    """The fact of one Condition. `addresses`: what a URN in the input stands for."""
    start, end = period(condition.onsetPeriod, t, "onsetPeriod")
    onset = t.known(condition.onsetDateTime, "onsetDateTime") or (
        between(_span_text(start, end), start, end or start) if start else None
    )
    recorded = t.when(condition.recordedDate, "recordedDate")
    if onset is not None and recorded is not None and onset.first > recorded.last + timedelta(days=1):
        t.report("onset", "later than its recording; both taken as not known")  # nobody records what is to come
        onset = recorded = None
    elif onset is None:
        onset = _at_age(condition.onsetAge, condition.onsetRange, birth, t, "onset")
        if onset is not None and recorded is not None and onset.first > recorded.last:
            t.report("onset", "an age later than its recording; taken as not known")  # often a year too much
            onset = None
    _, gone_to = period(condition.abatementPeriod, t, "abatementPeriod")
    abatement = (
        t.known(condition.abatementDateTime, "abatementDateTime")
        or gone_to
        or _at_age(condition.abatementAge, condition.abatementRange, birth, t, "abatement")
    )
    abated = (
        condition.abatementAge is not None
        or condition.abatementRange is not None
        or bool(condition.abatementBoolean)
        or (condition.abatementPeriod is not None and condition.abatementPeriod.end is not None)
        or not (condition.abatementDateTime is None or stands_for_none(condition.abatementDateTime))
        or not (condition.abatementString is None or names_no_end(condition.abatementString, terminology))
    )
    clinical = _clinical(condition.clinicalStatus, terminology, t)
    verification = _verification(condition.verificationStatus, terminology, t)
    said = certainty(condition.code)
    if said is not None:
        clinical, verification = _with_certainty(said, clinical, verification, condition, t)
    words = turned(condition.code, terminology, condition.subject)
    past = (words == PAST or said == STATE_AFTER) and "course-remission" not in sets  # the day is not the disease's
    if words == DOUBTFUL:
        clinical, verification = _doubted(clinical)
        clinical = UNREADABLE if abated else clinical
    elif words == PAST:
        clinical = clinical if clinical in CLOSED or "course-remission" in sets else UNREADABLE
        verification = Verification.UNCONFIRMED if verification is Verification.REFUTED else verification
    if onset is not None and abatement is not None and abatement.last < onset.first - timedelta(days=1):  # zones
        t.report("abatement", "before its onset; whether it is over is taken as not known")
        clinical = UNREADABLE
    grades = (value_sets(condition.severity, terminology) or NOTHING) | union(
        tuple(stage.summary for stage in condition.stage if stage.summary), terminology
    )
    levels = levels_of(condition, grades, terminology)
    grades = summed_up(grades, levels)
    if verification is Verification.CONFIRMED and (
        (levels <= NONE_OF_IT and is_none(condition)) or (condition.note and is_revised(condition.note, terminology))
    ):
        verification = Verification.UNCONFIRMED
    held, shown = coded(condition.code, terminology)
    return ConditionFact(
        source=source,
        shown=shown,
        codes=held,
        value_sets=sets,
        clinical=clinical,
        verification=verification,
        onset=onset,
        recorded=recorded,
        at_age=onset is not None and condition.onsetDateTime is None and condition.onsetPeriod is None,
        abated=abated,
        abatement=abatement,
        encounter="encounter-diagnosis" in [first_code(each, _CATEGORY) for each in condition.category] and not past,
        grades=grades,
        levels=levels,
        links=partial(causes, condition.extension, condition.evidence, addresses)
        if condition.extension or condition.evidence
        else None,
    )


def names_no_end(abatement: str | None, terminology: Terminology) -> bool:
    """Whether an abatement in words says that there is none, or that nobody knows."""
    return abatement is not None and ("abatement", plain(abatement)) in terminology.status_words


def disbelieved(fact: ConditionFact) -> ConditionFact:
    """The fact of a Condition of which nobody knows what the rest of it makes of its code."""
    return structs.replace(fact, clinical=UNREADABLE, verification=Verification.UNCONFIRMED)


def allergy_fact(
    allergy: AllergyIntolerance, sets: frozenset[str], source: Source, terminology: Terminology, t: IssueCollector
) -> AllergyFact:
    """The fact of one AllergyIntolerance."""
    named = allergy.code or next((r.substance for r in allergy.reaction if r.substance), None)
    verification = _verification(allergy.verificationStatus, terminology, t)
    clinical = _clinical(allergy.clinicalStatus, terminology, t)
    if turned(allergy.code, terminology, allergy.patient) == DOUBTFUL:
        clinical, verification = _doubted(clinical)
    elif verification is Verification.CONFIRMED and is_delabelled(allergy.note, terminology):
        verification = Verification.UNCONFIRMED
    return AllergyFact(
        source=source,
        shown=title(named, terminology),
        codes=codes(allergy.code, *(reaction.substance for reaction in allergy.reaction)),
        value_sets=sets,
        clinical=clinical,
        verification=verification,
        onset=t.when(allergy.onsetDateTime, "onsetDateTime"),
        recorded=t.when(allergy.recordedDate, "recordedDate"),
        severity=severity(allergy, terminology, t),
    )


def told(diagnoses: Iterable[ConditionFact], terminology: Terminology) -> Iterator[AllergyFact]:
    """The allergies that stand among the diagnoses in words: to what, and how severe, nobody has said by a code."""
    for fact in diagnoses:
        if not fact.value_sets and terminology.writing.is_allergic(fact.shown):
            yield AllergyFact(
                source=fact.source,
                shown=fact.shown,
                codes=fact.codes,
                value_sets=NOTHING,
                clinical=fact.clinical,
                verification=fact.verification,
                onset=fact.onset,
                recorded=fact.recorded,
                severity=Severity.OPEN,
            )


def allergy_sets(allergy: AllergyIntolerance, terminology: Terminology) -> frozenset[str] | None:
    """The value sets of what the patient is allergic to: the allergy's code and its reactions' substances."""
    found = value_sets(allergy.code, terminology)
    for reaction in allergy.reaction:
        sets = value_sets(reaction.substance, terminology)
        if sets is not None:
            found = sets if found is None else found | sets
    return found


def _clinical(concept: CodeableConcept | None, terminology: Terminology, t: IssueCollector) -> str | None:
    """The clinicalStatus; None if not given, UNREADABLE if neither its codes nor its words say one, or they differ."""
    if concept is None:
        return None
    coded, worded = _said(concept, _CLINICAL, "clinical", CLINICAL_STATUSES, terminology)
    if len({each in CLOSED for each in (*coded, *worded)}) != 1:
        t.report("clinicalStatus", f"{_TWO if coded else 'not a code of clinicalStatus'}; taken as unknown")
        return UNREADABLE
    statuses = coded or worded
    return next((each for each in statuses if each not in _WIDE), statuses[0])


def _verification(concept: CodeableConcept | None, terminology: Terminology, t: IssueCollector) -> Verification:
    if concept is None:
        return Verification.CONFIRMED
    coded, worded = _verified(concept, terminology)
    found = {_VERIFICATIONS.get(each) for each in (*coded, *worded)}
    if len(found) == 1 and (verification := found.pop()) is not None:
        return verification
    t.report("verificationStatus", f"{_TWO if coded else 'not a code of verificationStatus'}; taken as unconfirmed")
    return Verification.UNCONFIRMED


_Statuses = tuple[tuple[str, ...], tuple[str, ...]]  # those that codes say, and those that words do


def _verified(concept: CodeableConcept, terminology: Terminology) -> _Statuses:
    return _said(concept, _VERIFICATION, "verification", _VERIFIED, terminology)


def _said(
    concept: CodeableConcept, systems: tuple[str, ...], kind: str, known: frozenset[str], terminology: Terminology
) -> _Statuses:
    """What the codings of the systems, or those without one, say, and all words; found once for a concept."""
    held: dict[tuple[str | None, ...], _Statuses] = terminology.memos.setdefault("statuses", {})
    said = (kind, *all_said(concept))
    found = held.get(said)
    if found is None:
        coded = [c.code for c in concept.coding if c.code in known and (c.system is None or c.system in systems)]
        words = (concept.text, *(each for coding in concept.coding for each in (coding.display, coding.code)))
        worded = (terminology.status_words.get((kind, word.strip().casefold())) for word in words if word)
        found = kept(held, said, (tuple(coded), tuple(each for each in worded if each is not None)), *said)
    return found


def _with_certainty(
    said: str, clinical: str | None, verification: Verification, condition: Condition, t: IssueCollector
) -> tuple[str | None, Verification]:
    """The two statuses with what the coding itself says; where they contradict each other, neither is sure."""
    if said == STATE_AFTER:
        return ("resolved" if clinical is None else clinical if clinical in CLOSED else UNREADABLE), verification
    stated = CERTAINTIES.get(said)
    if stated is None:
        t.report("code.coding.extension", "not a code of diagnostic certainty; taken as unconfirmed")
        return clinical, Verification.UNCONFIRMED
    sure = condition.verificationStatus is None or stated is verification
    return clinical, (stated if sure else Verification.UNCONFIRMED)


def _doubted(clinical: str | None) -> tuple[str | None, Verification]:
    """The two statuses of what is suspected, denied or a relative's.

    That it is over, or refuted, says nothing of the patient: refuted is what the words say, not what is coded.
    """
    return UNREADABLE if clinical in CLOSED else clinical, Verification.UNCONFIRMED


def _span_text(start: When | None, end: When | None) -> str:
    return f"{start.text if start else ''}/{end.text if end else ''}"


def _at_age(age: Quantity | None, ages: Range | None, birth: When | None, t: IssueCollector, name: str) -> When | None:
    """The days on which the patient had a completed age, from birth + age until the next unit is completed."""
    if birth is None:
        return None
    low = age or (ages.low if ages else None)
    high = age or (ages.high if ages else None)
    if low is None or high is None:
        return None
    path = f"{name}Age" if age else f"{name}Range"
    first, last = _completed(low, birth.first, 0, t, path), _completed(high, birth.last, 1, t, path)
    if first is None or last is None or last <= first:
        return None
    text = f"age {quantity_text(low)}" if age else f"age {quantity_text(low)} to {quantity_text(high)}"
    return When(text, first, last - timedelta(days=1))


def _completed(age: Quantity, birth: date, more: int, t: IssueCollector, path: str) -> date | None:
    found = amount(age, t, path)
    if found is None or found.low is None or found.high is None:
        return None
    reached = age_of(found.low, found.unit or found.text, more)
    if reached is None:
        t.report(path, "not an age in years, months, weeks or days")
        return None
    return birthday(birth, reached)


_SEVERE_BY_ITSELF = frozenset({"anaphylaxis", "severe-reaction"})
"""Value sets of manifestations that are severe whatever stands beside them."""


def severity(allergy: AllergyIntolerance, terminology: Terminology, t: IssueCollector) -> Severity:
    """Severe if anything says so: criticality, or any reaction; not severe only if every reaction says so.

    Nor where a note or a description holds a word that no such reaction has.
    """
    found = [_of(reaction, place, terminology, t) for place, reaction in enumerate(allergy.reaction)]
    if allergy.criticality == "high" or Severity.SEVERE in found:
        return Severity.SEVERE
    notes = (*allergy.note, *(note for each in allergy.reaction for note in each.note))
    said = (*(each.text for each in notes), *(each.description for each in allergy.reaction))
    if any(text and terminology.writing.tells_grave(text) for text in said):
        return Severity.OPEN
    return Severity.NOT_SEVERE if found and Severity.OPEN not in found else Severity.OPEN


def _of(reaction: Reaction, place: int, terminology: Terminology, t: IssueCollector) -> Severity:
    writing = terminology.writing
    if not _SEVERE_BY_ITSELF.isdisjoint(union(reaction.manifestation, terminology)) or any(
        plain(title(manifestation)) in writing.anaphylaxis for manifestation in reaction.manifestation
    ):
        return Severity.SEVERE
    if reaction.severity is None:
        return Severity.OPEN
    known = writing.severities.get(plain(reaction.severity))
    if known is None:
        t.report(f"reaction[{place}].severity", "not a code of severity; taken as not given")
        return Severity.OPEN
    graded = Severity(known)
    if graded is Severity.NOT_SEVERE and any(writing.is_grave(title(each)) for each in reaction.manifestation):
        return Severity.OPEN
    return graded
