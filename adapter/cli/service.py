"""Commands of the service and of its webhook: run it, keep it in order, see its queue, erase and copy its data."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import anyio
import msgspec
import typer
from sqlalchemy.engine import make_url

from adapter.cli.options import PolicyName, Server, SiteFolder, Trials, beginning, servers
from adapter.cli.output import console, print_json, print_line, print_note
from adapter.errors import AdapterError, StoreError, UsageError
from adapter.evaluator.verdict import instant
from adapter.fhir.client import FhirClient, open_client
from adapter.fhir.client.transport import web_address, without_secrets
from adapter.fhir.write_back import Retirement
from adapter.record.references import ID
from adapter.screening.react.changes import relevance_of
from adapter.screening.react.context import Timing
from adapter.screening.react.deliver import event_json
from adapter.screening.react.forget import Erased, Eraser
from adapter.screening.react.subscriptions import SubscriptionState, WantedSubscriptions, listens
from adapter.screening.react.subscriptions import status as look
from adapter.screening.react.subscriptions import subscribe as put_in_order
from adapter.screening.react.subscriptions import unsubscribe as remove
from adapter.screening.report import print_changes, print_queue, print_subscriptions
from adapter.screening.settings import Servers
from adapter.screening.setup import choose, definitions_of, load_setup, site_config
from adapter.service import run, settings_from
from adapter.service.access import table
from adapter.service.hook import retirement
from adapter.service.settings import database_url_from, erasure_from, hook_settings_from, retirement_of
from adapter.service.tokens import new_token
from adapter.store import Database, deliveries, open_database, queue, verdicts
from adapter.store.database import back_up
from adapter.store.queue import Waiting


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback callers need tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
) -> None:
    """Serve `$evaluate` and the trials over HTTP. Settings come from the environment (docs/running.md)."""
    run(settings_from(os.environ), host, port)


def token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is: letters, digits, dots, hyphens.")],
    *,
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help=f"{', '.join(table().roles)}; repeatable.")],
) -> None:
    """Make a token for the service's API. It is shown once, and its line goes to TRIAL_ADAPTER_TOKENS_FILE."""
    made, line = new_token(name, role)
    print_line(line)
    print_note(f"The line above goes to the file that TRIAL_ADAPTER_TOKENS_FILE names. {name}'s token, shown only now:")
    print_note(made)


Hook = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="TRIAL_ADAPTER_HOOK_URL", help="The webhook as the FHIR server reaches it: https://…/hook"
    ),
]

T = TypeVar("T")


def subscribe(
    *,
    server: Server = None,
    hook: Hook = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """Have a FHIR server tell the webhook of changes. All that may move a candidate; again changes nothing."""
    wanted = _wanted(hook, policy, trials, site)
    _report(_run(server, lambda client: put_in_order(client, wanted)), wanted)


def unsubscribe(*, server: Server = None, hook: Hook = None) -> None:
    """Delete every Subscription that tells the webhook."""
    address = _address(hook)
    count = _run(server, lambda client: remove(client, address))
    print_line(f"{count} deleted")


def status(
    *,
    server: Server = None,
    hook: Hook = None,
    policy: PolicyName = None,
    trials: Trials = None,
    site: SiteFolder = None,
) -> None:
    """Show how the Subscriptions stand. Exit code 1 if any is not in order."""
    wanted = _wanted(hook, policy, trials, site)
    _report(_run(server, lambda client: look(client, wanted)), wanted)


def _report(states: Sequence[SubscriptionState], wanted: WantedSubscriptions) -> None:
    """Show the Subscriptions, and whether their address leads anywhere. Raises AdapterError if any is not in order."""
    print_subscriptions(console(), states)
    if not anyio.run(listens, wanted.hook):
        print_note(f"nobody answers at {wanted.hook} from this machine; is that the address of serve?")
    _check(sum(not each.in_order for each in states))


def _wanted(hook: str | None, policy: str | None, trials: str | None, site: Path | None) -> WantedSubscriptions:
    settings = hook_settings_from(os.environ)
    if settings is None:
        msg = "TRIAL_ADAPTER_HOOK_SECRET is not set; the server is given it to show that it may call"
        raise UsageError(msg)
    relevance = relevance_of(load_setup(site_config(policy, trials, os.environ, folder=site), None))
    return WantedSubscriptions(hook=_address(hook), secret=settings.secrets[0], types=tuple(sorted(relevance.types)))


def _address(hook: str | None) -> str:
    address = (hook or "").strip().rstrip("/")
    if not address.endswith("/hook") or {"?", "#"} & set(address):
        told = without_secrets(address)
        msg = f"--hook {told!r} is not the webhook's address; write https://host/hook, as the FHIR server reaches it"
        raise UsageError(msg)
    return web_address(address, "webhook address (--hook)")


def _run(server: str | None, work: Callable[[FhirClient], Awaitable[T]]) -> T:
    settings = servers(server, "no FHIR server").record

    async def run() -> T:
        async with open_client(settings) as client:
            return await work(client)

    return anyio.run(run)


def _check(broken: int) -> None:
    if broken:
        msg = f"{broken} of the Subscriptions are not in order; trial-adapter subscribe repairs what can be repaired"
        raise AdapterError(msg)


queue_app = typer.Typer(
    name="queue",
    help="Look into the webhook's queue. List what waits or was given up, and have it done again.",
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@queue_app.command("list")
def list_(
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    as_json: AsJson = False,
) -> None:
    """List whom the webhook has yet to evaluate. What waits longest stands first, with why it failed."""
    with webhook_database() as database, database.transaction() as connection:
        waiting = queue.listed(connection, dead_only=dead)
        undelivered = deliveries.undelivered(connection)
    if as_json:
        print_json([_waiting_json(each) for each in waiting])
    else:
        print_queue(console(unbroken=True), waiting, undelivered)


@queue_app.command()
def retry(
    patient: Annotated[
        list[str] | None, typer.Argument(metavar="PATIENT", help="As listed; all that were given up if none.")
    ] = None,
) -> None:
    """Do again what was given up. Patients are evaluated, events are sent."""
    keys = [each if "/" in each else f"Patient/{each}" for each in patient or ()]
    now = datetime.now(UTC)
    with webhook_database() as database, database.transaction() as connection:
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
    """List the verdicts that changed. What was, what is, and the criteria whose result has changed."""
    first = beginning(since) if since else None
    with webhook_database() as database, database.transaction() as connection:
        found = verdicts.events(connection, after, study, since=first)
    if study and not found:
        choose(definitions_of(site_config(None, None, os.environ)), (study,))
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
def webhook_database() -> Iterator[Database]:
    """The webhook's database, which must be there. Raises StoreError."""
    database = open_database(_existing_url())
    try:
        yield database
    finally:
        database.close()


def _existing_url() -> str:
    url = database_url_from(os.environ)
    if url.startswith("sqlite:///") and not Path(make_url(url).database or "").exists():
        msg = "no database here yet; set TRIAL_ADAPTER_DATABASE_URL to the one that serve uses, or start serve first"
        raise StoreError(msg)
    return url


PatientId = Annotated[str, typer.Argument(metavar="PATIENT", help="The patient's id on the record server.")]
Retire = Annotated[
    str | None,
    typer.Option(
        metavar="HOW", envvar="TRIAL_ADAPTER_RETIRE", help="What becomes of ResearchSubjects: withdraw, delete, leave."
    ),
]


def forget(*, patient: PatientId, server: Server = None, retire: Retire = None) -> None:
    """Erase everything that the webhook keeps of a person. Their ResearchSubjects are retired."""
    key = patient if patient.startswith("Patient/") else f"Patient/{patient}"
    if ID.fullmatch(key.removeprefix("Patient/")) is None:
        msg = "PATIENT is no id; write it as the record server does, p1 or Patient/p1"
        raise UsageError(msg)
    how, urls = erasure_from(os.environ)
    how = how if retire is None else retirement_of(retire)
    known = servers(server, "no FHIR server")
    with webhook_database() as database:
        done = anyio.run(_forget, database, known, key, how, urls)
    for each in done:
        print_line(f"{each.patient}: nothing is kept; ResearchSubjects {_PAST[how]}: {each.retired}")
        if not each.is_gone:
            print_note(f"{each.patient} is still on the record server: their next change has them evaluated again")
    if not done:
        print_line(f"{key}: nothing is kept; the running service has erased it")


_PAST = {Retirement.WITHDRAW: "withdrawn", Retirement.DELETE: "deleted", Retirement.LEAVE: "touched"}


async def _forget(database: Database, known: Servers, key: str, how: Retirement, urls: tuple[str, ...]) -> list[Erased]:
    async with open_client(known.record) as record, open_client(known.research) as other:
        research = record if known.are_one else other
        eraser = Eraser(
            database=database,
            record=record,
            clock=lambda: datetime.now(UTC),
            retire=retirement(research, known, how),
            urls=urls,
        )
        return await eraser.person(key, Timing().lease)


def backup(
    *, file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="A file that is not there yet.")]
) -> None:
    """Copy the webhook's SQLite database while it is in use. PostgreSQL has pg_dump."""
    size = back_up(_existing_url(), file)
    print_line(f"{file}: {size} bytes, checked; it holds patient data")
