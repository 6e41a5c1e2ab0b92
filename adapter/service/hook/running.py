"""Opens what the webhook needs when the service starts, and closes it when it ends."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
from anyio import to_thread

from adapter.evaluator import Verdict
from adapter.fhir.client import FhirClient, open_client
from adapter.fhir.proposal import proposal_of
from adapter.fhir.write_back import ResearchServer
from adapter.screening.react.notice import Door, Notice
from adapter.screening.react.reactor import running
from adapter.screening.react.site import Reacting, WriteBack, rules_of
from adapter.screening.react.subscriptions import Keeper, Wanted
from adapter.screening.servers import Servers
from adapter.screening.setup import Setup
from adapter.service.hook.settings import HookSettings
from adapter.store import open_database

_EVENT_TIMEOUT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook that runs."""

    site: Reacting
    door: Door

    async def adopt(self, setup: Setup) -> None:
        """Go on with other definitions: what they touch is evaluated anew. Raises StoreError."""
        self.site.rules = rules_of(setup)
        await self.door.take(Notice(kind="definitions", sweep=True))


@asynccontextmanager
async def open_hook(
    settings: HookSettings, servers: Servers, setup: Setup, clock: Callable[[], datetime]
) -> AsyncIterator[Hook]:
    """A webhook, until the block ends. Raises StoreError and UsageError where the database can't be used."""
    async with AsyncExitStack() as stack:
        database = await to_thread.run_sync(open_database, settings.database_url, settings.patience)
        stack.callback(database.close)
        record = await stack.enter_async_context(open_client(servers.record))
        research = record
        if not servers.are_one:
            research = await stack.enter_async_context(open_client(servers.research))
        site = Reacting(
            database=database,
            rules=rules_of(setup),
            record=record,
            research=research,
            write=_write_back(research, servers),
            clock=clock,
            urls=settings.event_urls,
            pace=settings.pace,
        )
        http = httpx.AsyncClient(timeout=_EVENT_TIMEOUT, follow_redirects=False)
        await stack.enter_async_context(http)
        door = await stack.enter_async_context(
            running(
                site,
                at_once=settings.workers,
                event_http=http,
                event_secret=settings.event_secret,
                keeper=_keeper(settings, site, record),
            )
        )
        yield Hook(site=site, door=door)


def _write_back(research: FhirClient, servers: Servers) -> WriteBack:
    server = ResearchServer(research, None if servers.are_one else servers.record.url)

    async def write(verdicts: Sequence[Verdict], identifiers: tuple[tuple[str, str], ...]) -> None:
        await server.write([proposal_of(each) for each in verdicts], identifiers)

    return write


def _keeper(settings: HookSettings, site: Reacting, record: FhirClient) -> Keeper | None:
    if settings.url is None:
        return None
    wanted = Wanted(hook=settings.url, secret=settings.secrets[0], types=tuple(sorted(site.interest.types)))
    return Keeper(record, wanted, site.metrics.broken_subscriptions.set)
