"""Whether the webhook can do its work, and its metrics: for whatever watches the process."""

import asyncio
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapter.errors import AdapterError, StoreError
from adapter.evaluator.verdict import instant
from adapter.fhir.client import FhirClient
from adapter.screening.react.site import Reacting
from adapter.store import deliveries, queue

METRICS_TYPE = CONTENT_TYPE_LATEST
_PATIENCE = 3.0


async def readiness(site: Reacting) -> tuple[bool, dict[str, Any]]:
    """Whether notifications can be stored, and how database, FHIR server and queue are.

    A FHIR server that can't be reached doesn't make us unready: what it sends is stored, and done when it is back.
    """
    try:
        depth = await site.database.look(queue.depth)
    except StoreError as error:
        return False, {"database": f"failed: {error}"}
    trouble = site.database.trouble  # of the last of the transactions that write, of which there is one all the time
    server = await _reached(site.record)
    waiting = {
        "waiting": depth.waiting,
        "dead": depth.dead,
        "oldest": None if depth.oldest is None else instant(depth.oldest),
    }
    return trouble is None, {
        "database": f"failed: {trouble}" if trouble else "ok",
        "fhirServer": server,
        "queue": waiting,
    }


async def metrics_text(site: Reacting) -> bytes:
    """The metrics in Prometheus' text format; the queue's are looked up now. Raises StoreError."""
    depth = await site.database.look(queue.depth)
    undelivered = await site.database.look(deliveries.undelivered)
    metrics = site.metrics
    metrics.waiting.set(depth.waiting)
    metrics.dead.set(depth.dead)
    metrics.oldest.set(0 if depth.oldest is None else max(0.0, (site.clock() - depth.oldest).total_seconds()))
    metrics.undelivered.set(sum(undelivered.values()))
    return generate_latest(metrics.registry)


async def _reached(client: FhirClient) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            async for _ in client.pages("Patient?_summary=count"):
                break
    except TimeoutError:
        return "failed: no answer in time"
    except AdapterError as error:
        return f"failed: {type(error).__name__}"
    return "ok"
