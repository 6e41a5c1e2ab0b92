"""The webhook while the service runs: start and end, readiness and metrics."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapter.errors import AdapterError, StoreError
from adapter.evaluator.verdict import instant
from adapter.fhir.client import FhirClient, open_client
from adapter.fhir.client.transport import http_client
from adapter.fhir.research_subject import Proposal
from adapter.fhir.write_back import ResearchServer, Retirement
from adapter.record.contents import Contents
from adapter.screening.react.context import Context, NoteEvaluation, Reevaluate, WriteBack, rules_of
from adapter.screening.react.forget import Retire
from adapter.screening.react.inbox import Inbox, Notification
from adapter.screening.react.reevaluation import LastEvaluation, Reevaluation, reevaluate
from adapter.screening.react.schedule import running
from adapter.screening.react.subscriptions import SubscriptionKeeper, WantedSubscriptions
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from adapter.service.settings import HookSettings
from adapter.service.site import Site
from adapter.service.work import Work
from adapter.store import deliveries, open_database, queue

_EVENT_TIMEOUT = 10
METRICS_TYPE = CONTENT_TYPE_LATEST
_SERVER_PATIENCE = 3.0
_CALLER = "webhook"


def is_hook(path: str) -> bool:
    """Whether an address is the webhook's."""
    return path == "/hook" or path.startswith("/hook/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """The webhook of a running service."""

    context: Context
    inbox: Inbox

    async def adopt(self, setup: Setup) -> None:
        """Go on with other definitions: what they touch is evaluated anew. Raises StoreError."""
        self.context.rules = rules_of(setup)
        await self.inbox.store(Notification(kind="definitions", sweep=True))


@asynccontextmanager
async def open_hook(
    settings: HookSettings,
    servers: Servers,
    site: Site,
    work: Work,
    audit: NoteEvaluation | None,
    clock: Callable[[], datetime],
) -> AsyncIterator[Hook]:
    """A webhook, until the block ends; `work` evaluates. Raises StoreError and UsageError without a usable database."""
    async with AsyncExitStack() as stack:
        database = await to_thread.run_sync(open_database, settings.database_url, settings.patience)
        stack.callback(database.close)
        record = await stack.enter_async_context(open_client(servers.record))
        research = record
        if not servers.are_one:
            research = await stack.enter_async_context(open_client(servers.research))
        context = Context(
            database=database,
            rules=site.rules,
            record=record,
            research=research,
            write=_write_back(research, servers),
            retire=retirement(research, servers, settings.retirement),
            clock=clock,
            urls=settings.event_urls,
            retention=settings.retention,
            timing=settings.timing,
            elsewhere=evaluations_by(work, site.limits.timeout),
            audit=audit,
        )
        http = http_client(timeout=_EVENT_TIMEOUT, proxy=settings.event_proxy)
        await stack.enter_async_context(http)
        inbox = await stack.enter_async_context(
            running(
                context,
                at_once=settings.workers,
                event_http=http,
                event_secret=settings.event_secret,
                keeper=_keeper(settings, context, record),
            )
        )
        yield Hook(context=context, inbox=inbox)


def evaluations_by(work: Work, seconds: float) -> Reevaluate:
    """Evaluations are work as any other's: they take turns with requests, and end after as many seconds."""

    async def evaluate(
        contents: Contents, patient: str, touched: frozenset[str], known: LastEvaluation, as_of: datetime, /
    ) -> Reevaluation:
        return await work.run(_CALLER, seconds, _reevaluated, contents, patient, touched, known, as_of)

    return evaluate


def _reevaluated(
    site: Site, contents: Contents, patient: str, touched: frozenset[str], known: LastEvaluation, as_of: datetime
) -> Reevaluation:
    rules = site.rules
    return reevaluate(contents, patient, touched, known, rules.setup, rules.relevance, rules.basis, as_of)


def _write_back(research: FhirClient, servers: Servers) -> WriteBack:
    server = ResearchServer(research, None if servers.are_one else servers.record.url)

    async def write(proposals: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...], /) -> None:
        await server.write(proposals, identifiers)

    return write


def retirement(research: FhirClient, servers: Servers, how: Retirement) -> Retire:
    """Retires what stands on the research server, as the site chose."""
    server = ResearchServer(research, None if servers.are_one else servers.record.url)

    async def retire(patient: str, studies: frozenset[str], /, *, is_gone: bool) -> int:
        return await server.retire(patient, studies, how, is_gone=is_gone)

    return retire


def _keeper(settings: HookSettings, context: Context, record: FhirClient) -> SubscriptionKeeper | None:
    if settings.url is None:
        return None
    wanted = WantedSubscriptions(
        hook=settings.url, secret=settings.secrets[0], types=tuple(sorted(context.relevance.types))
    )
    return SubscriptionKeeper(record, wanted, context.metrics.broken_subscriptions.set)


async def readiness(context: Context) -> tuple[bool, dict[str, Any]]:
    """Whether notifications can be stored, and how database, FHIR server and queue are.

    A FHIR server that can't be reached doesn't make us unready: what it sends is stored, and done when it is back.
    """
    try:
        depth = await context.database.look(queue.depth)
    except StoreError as error:
        return False, {"database": f"failed: {error}"}
    failure = context.database.failure  # of the last of the transactions that write, of which there is one all the time
    server = await _reached(context.record)
    waiting = {
        "waiting": depth.waiting,
        "dead": depth.dead,
        "oldest": None if depth.oldest is None else instant(depth.oldest),
    }
    return failure is None, {
        "database": f"failed: {failure}" if failure else "ok",
        "fhirServer": server,
        "queue": waiting,
    }


async def metrics_text(context: Context) -> bytes:
    """The metrics in Prometheus' text format; the queue's are looked up now. Raises StoreError."""
    depth = await context.database.look(queue.depth)
    undelivered = await context.database.look(deliveries.undelivered)
    metrics = context.metrics
    metrics.waiting.set(depth.waiting)
    metrics.dead.set(depth.dead)
    metrics.oldest.set(0 if depth.oldest is None else abs((context.clock() - depth.oldest).total_seconds()))
    metrics.undelivered.set(sum(undelivered.values()))
    return generate_latest(metrics.registry)


async def _reached(client: FhirClient) -> str:
    try:
        async with asyncio.timeout(_SERVER_PATIENCE):
            await client.capabilities()
            async for _ in client.pages("Patient?_summary=count"):
                break
    except TimeoutError:
        return "failed: no answer in time"
    except AdapterError as error:
        return f"failed: {type(error).__name__}"
    return "ok"
