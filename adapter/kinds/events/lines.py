"""`lines-of-therapy`: so many lines, as recorded, or as built from treatments (CONFORMANCE: Several events)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from adapter.criteria.calendar import Duration, add
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.expression import AnalyteFacts, Expression, Freshness, Known, Readings, call
from adapter.criteria.fields import ConceptOf, Count, Field, Keys, Section, Window
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Interval
from adapter.evaluator.columns import Beside, Setting, Several
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, untold
from adapter.evaluator.latest import Fresh, fresh_of
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import EXPOSURE, Read, Role, coded, observed
from adapter.evaluator.reason import Reason
from adapter.evaluator.wording import titles
from adapter.kinds.events.gathered import Event, Events, Gathered, bind_events, gathered, told_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesOfTherapy(Leaf):
    """So many lines of therapy.

    `recorded`: an analyte that says how many there were; it decides while it is fresh. Else lines are built from the
    treatments, and that is a question for a person: what begins within `combined` of a line's first day belongs to it,
    and a pause of more than `gap` ends it.
    """

    exposures: tuple[str, ...]
    combined: Duration
    gap: Duration
    recorded: str | None = None
    at_least: int | None = None
    at_most: int | None = None


def bind_lines(statement: LinesOfTherapy, terminology: Terminology) -> Evaluation:
    """What is recorded decides; what is built is shown."""
    gather = bind_events(Events(exposures=statement.exposures), terminology)
    analyte = terminology.catalogue.analytes[statement.recorded] if statement.recorded is not None else None

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        said, turns = _recorded(statement, analyte, chart, moment) if analyte is not None else (None, ())
        if said is not None:
            return said
        found = gather(chart, moment)
        lines = built([each for each in found.events if each.sure], statement)
        if not lines:
            return _of_none(statement, found).also(found.changes + turns)
        firsts = tuple(line[0].evidence for line in lines)
        note = f"{len(lines)} {'line' if len(lines) == 1 else 'lines'} as built from what is on record"
        return outcome(Reason.NEEDS_REVIEW, firsts, found.changes + turns, note)

    return evaluate


def _of_none(statement: LinesOfTherapy, found: Gathered) -> Outcome:
    """Without a line that can be built: none where treatment is denied; a treatment without a date is a question."""
    whole = found.whole
    if whole.truth is Truth.MET:
        return outcome(Reason.UNDATED, whole.evidence, whole.changes)
    if whole.truth is Truth.NOT_MET and statement.at_least is None:
        return Outcome(Truth.MET, Reason.RECORDED, whole.evidence, (), whole.assumed, whole.note)
    return whole


def _recorded(
    statement: LinesOfTherapy, analyte: Analyte, chart: Chart, moment: Moment
) -> tuple[Outcome | None, tuple[Change, ...]]:
    """What a fresh count on record says; None where there is none, or it can't be read, and when that may change."""
    newest = fresh_of(analyte, chart, moment, chart.policy.freshness[analyte.freshness])
    if not isinstance(newest, Fresh):
        return None, newest.changes
    numbers = [chart.number(each.fact, analyte) for each in newest.latest.readings]
    counts = {each.low for each in numbers if isinstance(each, Interval) and each.low == each.high}
    if len(counts) != 1 or len(numbers) != sum(isinstance(each, Interval) for each in numbers):
        return None, newest.changes
    count = counts.pop() or 0
    fits = (statement.at_least is None or count >= statement.at_least) and (
        statement.at_most is None or count <= statement.at_most
    )
    return outcome(Reason.VALUE_SATISFIES if fits else Reason.VALUE_FAILS, newest.evidence, newest.changes), ()


def built(taken: Sequence[Event], rule: LinesOfTherapy) -> list[list[Event]]:
    """Lines from treatments whose beginning is known, oldest first.

    What begins within `combined` of a line's first day belongs to it, and what it holds already; another drug after
    that begins a new one, and so does any after a gap of more than `gap` since the line's last known day.
    """
    known = sorted(
        ((begin, each) for each in taken if (begin := each.extent.begin.last) is not None),
        key=lambda pair: (pair[0], pair[1].evidence.resource),
    )
    lines: list[list[Event]] = []
    start = last = date.min
    for begin, event in known:
        drugs = {name for each in lines[-1] for name in each.concepts} if lines else set()
        same = begin <= add(start, rule.combined) or event.concepts <= drugs
        if lines and same and begin <= add(last, rule.gap):
            lines[-1].append(event)
        else:
            lines.append([event])
            start = last = begin
        last = max(last, begin, _end(event, begin))
    return lines


_LATEST = date.max - timedelta(days=366_000)


def _end(event: Event, begin: date) -> date:
    end = event.extent.end.first
    return begin if end is None else min(end, _LATEST)


def _reads(statement: LinesOfTherapy, catalogue: Catalogue) -> Iterator[Read]:
    if statement.recorded is not None:
        yield from observed(catalogue.analytes[statement.recorded], Role.TEST)
    for concept in statement.exposures:
        yield coded(EXPOSURE, concept)


def _truth(statement: LinesOfTherapy, catalogue: Catalogue) -> Expression:
    _, whole = gathered(Events(exposures=statement.exposures), catalogue)
    bounds = (None if each is None else Decimal(each) for each in (statement.at_least, statement.at_most))
    return call("Events", "Lines", _on_record(statement, catalogue), whole, *bounds)


def _on_record(statement: LinesOfTherapy, catalogue: Catalogue) -> Expression:
    if statement.recorded is None:
        return None
    held = catalogue.analytes[statement.recorded]
    of = Readings(held.id), AnalyteFacts(held.id), Known.NOW
    return call("Events", "Recorded", *of, Freshness(held.freshness))


def _columns(statement: LinesOfTherapy, setting: Setting) -> Several | None:
    """Whether there was any treatment; what is recorded, and what may be a line, is for the evaluation."""
    if statement.recorded is not None:
        return None
    found = told_alone(Events(exposures=statement.exposures), setting.terminology.catalogue)
    return Several(asks=Beside.NO_MORE if statement.at_least is None else Beside.SO_MANY, events=found)


def _words(statement: LinesOfTherapy, catalogue: Catalogue) -> Phrase:
    about = titles(statement.exposures, catalogue.exposures)
    many = [
        *((f"at least {statement.at_least}",) if statement.at_least is not None else ()),
        *((f"at most {statement.at_most}",) if statement.at_most is not None else ()),
    ]
    asked = f"{' and '.join(many)} lines"
    return Phrase(about, asked, f"{asked} of {about}")


def _contradiction(statement: LinesOfTherapy) -> str | None:
    if statement.at_least is None and statement.at_most is None:
        return "say how many lines; write at-least or at-most"
    return None


LINES_OF_THERAPY = Kind(
    name="lines-of-therapy",
    statement=LinesOfTherapy,
    form=Keys(
        (
            Field("exposures", ConceptOf(Section.EXPOSURE), many=True, url="exposure", says="A line's treatments."),
            Field("combined", Window(), says="What begins so soon after a line's first day belongs to it."),
            Field("gap", Window(), says="A longer pause ends a line."),
            Field("recorded", ConceptOf(Section.ANALYTE), says="A count on record, which decides."),
            Field("at_least", Count(), url="at-least-so-many"),
            Field("at_most", Count(), url="at-most-so-many"),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=lambda statement, trial: bind_lines(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
