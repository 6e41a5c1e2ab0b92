"""What people read on a terminal: how a run goes; tables of results, the webhook's queue, changed verdicts.

Words that a record brings are made safe to print. Progress is told on stderr: a moving line on a terminal, and each
failure as it comes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from adapter.evaluator.verdict import Decision, Identifier, instant
from adapter.screening.funnel import Funnel, Summary
from adapter.screening.plain_text import count, plain, plain_table
from adapter.screening.react.subscriptions import SubscriptionState
from adapter.screening.screen import PatientOutcome
from adapter.screening.setup import Setup, is_recruiting, recruiting_in_words
from adapter.screening.source import LeftOut
from adapter.store.queue import Waiting
from adapter.store.verdicts import Event, ResultChange
from mappings.patient import Rejected, Unit


def named(subject: str, identifiers: Iterable[Identifier]) -> str:
    """A patient as people at the site know them: the reference, and the site's own identifiers behind it."""
    own = ", ".join(each.value for each in identifiers)
    return plain(f"{subject} ({own})" if own else subject)


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """An instant to the minute, in the site's time zone."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


MOST_TOLD = 10
"""How many failures are told one by one; the file has them all."""


@contextmanager
def progress(console: Console) -> Iterator[Callable[[PatientOutcome | LeftOut], None]]:
    """A function to tell each outcome to; nothing moves where the console is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the source:", total=None)
        failures = 0

        def tell(item: PatientOutcome | LeftOut) -> None:
            nonlocal failures
            if isinstance(item, LeftOut):
                console.print(Text(f"left out: {plain(item.place)}: {item.reason}"), soft_wrap=True)
                return
            bar.update(task, advance=1, description="patients screened:")
            if item.failure is not None:
                failures += 1
                if failures <= MOST_TOLD:
                    console.print(Text(f"failed: {plain(item.place)}: {plain(item.failure)}"), soft_wrap=True)
                elif failures == MOST_TOLD + 1:
                    console.print("failed: more of them; failures.ndjson has them all", soft_wrap=True)

        yield tell


@contextmanager
def conversion_progress(console: Console, unit: str) -> Iterator[Callable[[Unit], None]]:
    """A function to tell each unit to; the values that were rejected are not shown, the file has them."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{unit} converted:", total=None)
        rejections = 0

        def tell(item: Unit) -> None:
            nonlocal rejections
            if not isinstance(item, Rejected):
                bar.update(task, advance=1)
                return
            rejections += 1
            if rejections <= MOST_TOLD:
                where = f"{item.place}, {item.field}" if item.field else item.place
                console.print(Text(f"rejected: {plain(where)}: {plain(item.reason)}"), soft_wrap=True)
            elif rejections == MOST_TOLD + 1:
                console.print("rejected: more of them; rejected.ndjson has them all", soft_wrap=True)

        yield tell


@contextmanager
def loading_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A function to tell how many of how many Bundles are loaded."""
    columns = (SpinnerColumn(), TextColumn("Bundles loaded: {task.completed:,} of {task.total:,}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=0)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_summary(console: Console, summary: Summary, setup: Setup) -> None:
    """Print the counts of each study, its funnel, and the patients nearest to taking part."""
    console.print(_decisions(summary))
    for funnel in summary.funnels.values():
        console.print()
        for part in _study(funnel, setup):
            console.print(part)


def _decisions(summary: Summary) -> Table:
    """The decisions; who is ruled out only by what time or treatment can change stands apart."""
    headings = (">Candidates", ">Potential", ">Not now", ">Ineligible", ">No indication", ">Unclear", ">Failed")
    table = plain_table("Study", *headings)
    for study, funnel in summary.funnels.items():
        numbers = (
            funnel.decisions[Decision.CANDIDATE],
            funnel.decisions[Decision.POTENTIAL_CANDIDATE],
            funnel.not_now,
            funnel.decisions[Decision.INELIGIBLE] - funnel.not_now,
            funnel.no_indication,
            funnel.unclear,
            summary.failed,
        )
        table.add_row(study, *map(str, numbers))
    return table


def _study(funnel: Funnel, setup: Setup) -> Iterator[RenderableType]:
    definition = funnel.definition
    yield Text.assemble((definition.id, "bold"), "  ", plain(definition.study.title))
    if not is_recruiting(definition):
        yield Text(recruiting_in_words(definition), "yellow")
    if not funnel.indicated:
        yield Text("No patient with an indication.")
        return
    yield _steps(funnel)
    if funnel.nearest:
        yield Text("\nNearest to taking part", "bold")
        yield _nearest(funnel, setup)


def _steps(funnel: Funnel) -> Table:
    table = plain_table("Criterion", "", ">Met", ">Not met", ">Unknown", ">Remain")
    table.add_row("", "with an indication", "", "", "", str(funnel.indicated))
    if funnel.deceased:
        table.add_row("", "alive", "", "", "", str(funnel.indicated - funnel.deceased))
    for step in funnel.steps():
        numbers = (step.met, step.not_met, step.unknown, step.remaining)
        table.add_row(step.criterion.id, plain(step.criterion.criterion.label), *map(str, numbers))
    return table


def _nearest(funnel: Funnel, setup: Setup) -> Table:
    table = plain_table("Patient", "Decision", ">Open", "Open criteria", "Holds until")
    for patient in funnel.nearest:
        until = moment(patient.valid_until, setup.policy.time_zone) if patient.valid_until else "without end"
        row = (patient.decision.value, str(patient.still_open), " ".join(patient.open), until)
        table.add_row(Text(named(patient.subject, patient.identifiers)), *row)
    others = funnel.decisions.total() - funnel.decisions[Decision.INELIGIBLE] - len(funnel.nearest)
    if others:
        table.caption = f"and {count(others, 'other', 'others')}: all verdicts are in the file"
    return table


def print_queue(console: Console, waiting: Sequence[Waiting], undelivered: Mapping[str, int]) -> None:
    """Print one line an entry, and how many events wait."""
    if waiting:
        made = plain_table("Entry", "State", "Since", "Next try", ">Attempts", "Last error")
        for each in waiting:
            state = "being evaluated" if each.claimed else "given up" if each.state == "dead" else each.state
            due = "" if each.state == "dead" else instant(each.due)
            made.add_row(plain(each.key), state, instant(each.since), due, str(each.attempts), plain(each.error or ""))
        console.print(made)
    dead = sum(each.state == "dead" for each in waiting)
    console.print(f"{len(waiting) - dead} waiting, {dead} given up")
    if undelivered:
        count = undelivered.get("waiting", 0), undelivered.get("dead", 0)
        console.print(f"events: {count[0]} to be sent, {count[1]} given up")


def print_changes(console: Console, events: Sequence[Event]) -> None:
    """Print one line an event."""
    if not events:
        console.print("no verdict has changed")
        return
    made = plain_table(">No.", "At", "Patient", "Study", "Was", "Is", "Criteria that changed")
    for each in events:
        changed = ", ".join(_changed(one) for one in each.criteria) if each.old and each.new else ""
        made.add_row(
            str(each.id), instant(each.at), plain(each.patient), each.study, each.old or "-", each.new or "-", changed
        )
    console.print(made)


def print_subscriptions(console: Console, standings: Sequence[SubscriptionState]) -> None:
    """Print one line a Subscription."""
    made = plain_table("Type", "Subscription", "Status", "In order", "What the server says")
    for each in standings:
        order = "yes" if each.in_order else "not wanted" if not each.wanted else "no"
        made.add_row(plain(each.type), each.id or "-", each.status or "missing", order, plain(each.error or ""))
    console.print(made)


def _changed(change: ResultChange) -> str:
    old, new = change.old.result if change.old else "-", change.new.result if change.new else "-"
    return f"{change.id}: {old} → {new}"
