"""Commands about the Subscriptions by which a FHIR server tells the webhook of changes."""

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import anyio
import typer

from adapter.cli.options import PolicyName, Server, Trials
from adapter.cli.output import console, print_line, print_note
from adapter.cli.source import servers
from adapter.errors import AdapterError, UsageError
from adapter.fhir.client import FhirClient, open_client
from adapter.screening.from_servers import site_config
from adapter.screening.react.changes import relevance_of
from adapter.screening.react.subscriptions import SubscriptionState, WantedSubscriptions, listens
from adapter.screening.react.subscriptions import status as look
from adapter.screening.react.subscriptions import subscribe as put_in_order
from adapter.screening.react.subscriptions import unsubscribe as remove
from adapter.screening.report.tables import print_subscriptions
from adapter.screening.setup import load_setup
from adapter.service.settings import hook_settings_from

Hook = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="TRIAL_ADAPTER_HOOK_URL", help="The webhook as the FHIR server reaches it: https://…/hook"
    ),
]

T = TypeVar("T")


def subscribe(
    *, server: Server = None, hook: Hook = None, policy: PolicyName = "strict", trials: Trials = None
) -> None:
    """Have a FHIR server tell the webhook of every change that may move a candidate; again changes nothing."""
    wanted = _wanted(hook, policy, trials)
    _report(_run(server, lambda client: put_in_order(client, wanted)), wanted)


def unsubscribe(*, server: Server = None, hook: Hook = None) -> None:
    """Delete every Subscription that tells the webhook."""
    address = _address(hook)
    count = _run(server, lambda client: remove(client, address))
    print_line(f"{count} deleted")


def status(*, server: Server = None, hook: Hook = None, policy: PolicyName = "strict", trials: Trials = None) -> None:
    """Show how the Subscriptions stand; exit code 1 if any is not in order."""
    wanted = _wanted(hook, policy, trials)
    _report(_run(server, lambda client: look(client, wanted)), wanted)


def _report(states: Sequence[SubscriptionState], wanted: WantedSubscriptions) -> None:
    """Show the Subscriptions, and whether their address leads anywhere. Raises AdapterError if any is not in order."""
    print_subscriptions(console(), states)
    if not anyio.run(listens, wanted.hook):
        print_note(f"nobody answers at {wanted.hook} from this machine; is that the address of serve?")
    _check(sum(not each.in_order for each in states))


def _wanted(hook: str | None, policy: str, trials: str | None) -> WantedSubscriptions:
    settings = hook_settings_from(os.environ)
    if settings is None:
        msg = "TRIAL_ADAPTER_HOOK_SECRET is not set; the server is given it to show that it may call"
        raise UsageError(msg)
    relevance = relevance_of(load_setup(site_config(policy, trials, os.environ), None))
    return WantedSubscriptions(hook=_address(hook), secret=settings.secrets[0], types=tuple(sorted(relevance.types)))


def _address(hook: str | None) -> str:
    address = (hook or "").strip().rstrip("/")
    if not address.startswith(("http://", "https://")) or not address.endswith("/hook"):
        msg = f"--hook {address!r} is not the webhook's address; write https://host/hook, as the FHIR server reaches it"
        raise UsageError(msg)
    return address


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
