"""What a criterion asks, and why it came out as it did, in plain sentences."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapter.criteria.catalogue import Catalogue, ConditionConcept, ExposureConcept, SubstanceConcept
from adapter.criteria.model import (
    Age,
    Allergy,
    Combinator,
    Condition,
    Criterion,
    DiseaseCourse,
    Exposure,
    Finding,
    Judgement,
    Leaf,
    Measurement,
    Occurrence,
    ResearchConsent,
    Selection,
    Sex,
)
from adapter.criteria.quantity import AgeBound, CalendarUnit, Comparator, Duration, LimitThreshold, QuantityThreshold
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence

_Concepts = Mapping[str, ConditionConcept] | Mapping[str, ExposureConcept] | Mapping[str, SubstanceConcept]

_COMPARATORS = {
    Comparator.LESS: "below",
    Comparator.AT_MOST: "at most",
    Comparator.AT_LEAST: "at least",
    Comparator.GREATER: "above",
}
_UNITS = {CalendarUnit.DAY: "day", CalendarUnit.WEEK: "week", CalendarUnit.MONTH: "month", CalendarUnit.YEAR: "year"}

_REASONS = {
    Reason.VALUE_SATISFIES: "{evidence} ({asked})",
    Reason.VALUE_FAILS: "{evidence} (not: {asked})",
    Reason.AGE_WITHIN: "born {value} ({asked})",
    Reason.AGE_OUTSIDE: "born {value} (not: {asked})",
    Reason.SEX_MATCHES: "recorded {value}",
    Reason.SEX_DIFFERS: "recorded {value} (not: {asked})",
    Reason.RECORDED: "on record: {evidence}",
    Reason.REFUTED: "refuted: {evidence}",
    Reason.RESOLVED: "no longer active: {evidence}",
    Reason.TEST_POSITIVE: "test positive: {evidence}",
    Reason.TEST_NEGATIVE: "test negative: {evidence}",
    Reason.EXPLICITLY_ABSENT: "stated to be absent: {evidence}",
    Reason.CONSENTED: "consent given: {evidence}",
    Reason.CONSENT_REFUSED: "consent refused: {evidence}",
    Reason.ATTESTED: "attested: {evidence}",
    Reason.NOT_APPLICABLE: "does not apply: {evidence}",
    Reason.ASSUMED_ABSENT: "not on record, and the policy assumes absence: {subject}",
    Reason.NO_DATA: "nothing on record that counts: {subject}{shown}",
    Reason.STALE: "too old: {evidence}",
    Reason.UNDATED: "no date: {evidence}",
    Reason.IMPRECISE_DATE: "the date is too coarse to tell: {evidence}",
    Reason.OUTSIDE_WINDOW: "only outside the window: {evidence} ({asked})",
    Reason.PRELIMINARY: "not final: {evidence}",
    Reason.CONFLICTING: "results of the same time contradict each other: {evidence}",
    Reason.UNCONFIRMED: "not confirmed: {evidence}",
    Reason.UNMAPPED_CODE: "not on record, but entries with unknown codes are: {subject}",
    Reason.UNIT_MISSING: "no unit: {evidence}",
    Reason.UNIT_INCOMPATIBLE: "the unit does not convert: {evidence}",
    Reason.VALUE_STRADDLES: "the value leaves it open: {evidence} ({asked})",
    Reason.VALUE_NOT_COMPARABLE: "the result can't be compared: {evidence} ({asked})",
    Reason.REFERENCE_RANGE_MISSING: "no reference range that fits: {evidence} ({asked})",
    Reason.ROUTE_MISSING: "the route is not known to be systemic: {evidence}",
    Reason.ORDERED_ONLY: "ordered, not known to be given: {evidence}",
    Reason.NEEDS_REVIEW: "on record, needs a look: {evidence} ({asked})",
    Reason.AWAITS_CONSENT: "no consent to this study yet{shown}",
    Reason.NEEDS_JUDGEMENT: "needs a person's judgement: {subject}",
    Reason.NOT_QUANTIFIED: "the source gives no threshold; needs a person's judgement: {subject}",
    Reason.NOT_PUBLISHED: "the source does not publish it; needs a person's judgement: {subject}",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A criterion's words, found once: what it is about, what it asks, and what evidence is introduced with."""

    subject: str
    asked: str
    lead: str


def words(criterion: Criterion, catalogue: Catalogue) -> Words:
    """The words of a criterion's statement; a judgement is about what its label says."""
    statement = criterion.statement
    about = subject(statement, catalogue)
    if isinstance(statement, Judgement) and criterion.label:
        about = criterion.label
    return Words(about, asked(statement, catalogue), f"{about} " if isinstance(statement, Measurement) else "")


def explanation(said: Words, outcome: Outcome) -> str:
    """The sentence that tells a leaf's outcome."""
    lead = said.lead if outcome.reason is not Reason.ATTESTED else ""
    told = lead + _evidence(outcome.evidence) if outcome.evidence else ""
    what = said.asked
    return _REASONS[outcome.reason].format(
        evidence=told,
        value=outcome.evidence[0].value if outcome.evidence else "",
        asked=f"{what}; {outcome.note}" if outcome.note and outcome.note not in what else what,
        subject=said.subject,
        shown=f"; shown: {told}" if told else "",
    )


def _evidence(items: tuple[Evidence, ...]) -> str:
    return "; ".join(f"{item.value} on {item.time[:10]}" if item.time else item.value for item in items)


def subject(statement: Leaf | Combinator, catalogue: Catalogue) -> str:  # noqa: PLR0911  # one line a kind
    """What a criterion is about."""
    match statement:
        case Age():
            return "birth date"
        case Sex():
            return "sex"
        case Condition() | DiseaseCourse():
            return _titles(statement.concepts, catalogue.conditions)
        case Measurement():
            return catalogue.analytes[statement.analyte].title
        case Exposure():
            return _titles(statement.concepts, catalogue.exposures)
        case Allergy():
            return _titles(statement.concepts, catalogue.substances)
        case ResearchConsent():
            return "consent to this study"
        case Judgement():
            return "judgement"
        case _:
            return "parts"


def _titles(concepts: tuple[str, ...], catalogue: _Concepts) -> str:
    return " or ".join(catalogue[concept].title for concept in concepts)


def asked(statement: Leaf | Combinator, catalogue: Catalogue) -> str:  # noqa: PLR0911  # one line a kind
    """What a criterion asks for, as words that follow its subject."""
    match statement:
        case Age():
            return age_range(statement)
        case Sex():
            return statement.sex.value
        case Condition():
            return _condition(statement, catalogue)
        case DiseaseCourse():
            told = " or ".join(course.value for course in statement.courses)
            return f"{told} after {statement.after}" if statement.after else told
        case Measurement():
            return _measurement(statement)
        case Exposure():
            route = "systemic, " if statement.systemic else ""
            return route + (f"within {duration(statement.look_back)}" if statement.look_back else "ever")
        case Allergy():
            return "severe" if statement.severe else "any severity"
        case _:
            return subject(statement, catalogue)


def age_range(statement: Age) -> str:
    """An age range in words."""
    ends = []
    if statement.lower is not None:
        ends.append(f"{'at least' if statement.lower.inclusive else 'older than'} {_age(statement.lower)}")
    if statement.upper is not None:
        ends.append(f"{'at most' if statement.upper.inclusive else 'younger than'} {_age(statement.upper)}")
    return ", ".join(ends)


def _age(bound: AgeBound) -> str:
    return duration(bound.age)


def duration(length: Duration) -> str:
    """A duration in words."""
    return f"{length.count} {_UNITS[length.unit]}{'' if length.count == 1 else 's'}"


def _condition(statement: Condition, catalogue: Catalogue) -> str:
    words = [statement.qualifier.value.replace("-", " ")] if statement.qualifier else []
    words.append(_titles(statement.concepts, catalogue.conditions))
    if statement.look_back is not None:
        words.append(f"within {duration(statement.look_back)}")
    else:
        words.append("active" if statement.occurrence is Occurrence.ACTIVE else "ever")
    if statement.other_than:
        words.append(f"other than {_titles(statement.other_than, catalogue.conditions)}")
    return " ".join(words)


_SELECTIONS = {
    Selection.LATEST: "",
    Selection.ANY: "any ",
    Selection.ALL: "all ",
    Selection.HIGHEST: "highest ",
    Selection.LOWEST: "lowest ",
}


def _measurement(statement: Measurement) -> str:
    test = statement.test
    within = f" within {duration(statement.window)}" if statement.window else ""
    which = _SELECTIONS[statement.selection]
    if isinstance(test, QuantityThreshold):
        unit = "" if test.unit == "1" else f" {test.unit}"
        return f"{which}{_COMPARATORS[test.comparator]} {test.value.normalize():f}{unit}{within}"
    if isinstance(test, LimitThreshold):
        return f"{which}{_COMPARATORS[test.comparator]} {test.factor.normalize():f} x {test.limit.value}{within}"
    if isinstance(test, Finding):
        return f"{which}{test.value}{within}"
    return f"{which}{'true' if test else 'false'}{within}"
