"""The webhook's queue, the verdicts that changed, and the Subscriptions, for people."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from adapter.evaluator.verdict import instant
from adapter.screening.react.subscriptions import Standing
from adapter.screening.report.plain import plain
from adapter.screening.report.tables import plain_table
from adapter.store.queue import Waiting
from adapter.store.verdicts import Event, Moved


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
    made = plain_table(">No.", "At", "Patient", "Study", "Was", "Is", "Criteria that moved")
    for each in events:
        moved = ", ".join(_moved(one) for one in each.criteria) if each.old and each.new else ""
        made.add_row(
            str(each.id), instant(each.at), plain(each.patient), each.study, each.old or "-", each.new or "-", moved
        )
    console.print(made)


def print_subscriptions(console: Console, standings: Sequence[Standing]) -> None:
    """Print one line a Subscription."""
    made = plain_table("Type", "Subscription", "Status", "In order", "What the server says")
    for each in standings:
        order = "yes" if each.in_order else "not wanted" if not each.wanted else "no"
        made.add_row(plain(each.type), each.id or "-", each.status or "missing", order, plain(each.error or ""))
    console.print(made)


def _moved(moved: Moved) -> str:
    old, new = moved.old.result if moved.old else "-", moved.new.result if moved.new else "-"
    return f"{moved.id}: {old} → {new}"
