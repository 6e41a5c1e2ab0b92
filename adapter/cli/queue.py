"""Commands that look into the webhook's database: its queue, and the verdicts that changed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy.engine import make_url

from adapter.cli.clock import beginning
from adapter.cli.output import console, print_json, print_line
from adapter.errors import StoreError, UsageError
from adapter.evaluator.verdict import instant
from adapter.screening.react.deliver import event_json
from adapter.screening.report.tables import print_changes, print_queue
from adapter.service.settings import database_url_from
from adapter.store import Database, deliveries, open_database, queue, verdicts
from adapter.store.queue import Waiting

queue_app = typer.Typer(
    name="queue",
    help="The webhook's queue: list what waits or was given up, and have it done again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@queue_app.command("list")
def list_(
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """List whom the webhook has yet to evaluate, what waits longest first, and why it failed."""
    with _database() as database, database.transaction() as connection:
        waiting = queue.listed(connection, dead_only=dead)
        undelivered = deliveries.undelivered(connection)
    if as_json:
        print_json([_waiting_json(each) for each in waiting])
    else:
        print_queue(console(unbroken=True), waiting, undelivered)


@queue_app.command()
def retry(
    patient: Annotated[
        list[str] | None, typer.Argument(metavar="[PATIENT…]", help="As listed; all that were given up if none.")
    ] = None,
) -> None:
    """Evaluate again what was given up, and send again the events that were."""
    keys = [each if "/" in each else f"Patient/{each}" for each in patient or ()]
    now = datetime.now(UTC)
    with _database() as database, database.transaction() as connection:
        if keys:
            missing = set(keys) - {each.key for each in queue.listed(connection)}
            if missing:
                msg = f"{', '.join(sorted(missing))} is not in the queue; see trial-adapter queue list"
                raise UsageError(msg)
        again = queue.retry(connection, keys or None, now)
        events = 0 if keys else deliveries.retry(connection, now)
    print_line(f"{again} to be evaluated again" + ("" if keys else f", {events} events to be sent again"))


def changes(
    *,
    study: Annotated[str | None, typer.Option(metavar="ID", help="Only this trial's.")] = None,
    after: Annotated[int, typer.Option(metavar="N", min=0, help="Only those after this number.")] = 0,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="Only those from a date (its beginning, UTC) or dateTime on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, an event a line.")] = False,
) -> None:
    """List the verdicts that changed: what was, what is, and the criteria whose result has changed."""
    first = beginning(since) if since else None
    with _database() as database, database.transaction() as connection:
        found = verdicts.events(connection, after, study, since=first)
    if as_json:
        for each in found:
            sys.stdout.buffer.write(msgspec.json.encode(event_json(each)) + b"\n")
    else:
        print_changes(console(unbroken=True), found)


def _waiting_json(waiting: Waiting) -> dict[str, Any]:
    return {
        "key": waiting.key,
        "state": waiting.state,
        "since": instant(waiting.since),
        "due": instant(waiting.due),
        "attempts": waiting.attempts,
        "error": waiting.error,
        "claimed": waiting.claimed,
    }


@contextmanager
def _database() -> Iterator[Database]:
    """The webhook's database, which must be there. Raises StoreError."""
    url = database_url_from(os.environ)
    if url.startswith("sqlite:///") and not Path(make_url(url).database or "").exists():
        msg = "no database here yet; set TRIAL_ADAPTER_DATABASE_URL to the one that serve uses, or start serve first"
        raise StoreError(msg)
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()
