"""Deletes what is older than the site keeps it, some rows at a time: nobody waits for it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from adapter.errors import StoreError
from adapter.screening.react.context import Context
from adapter.store import duties, retention
from adapter.store.duties import Lease

EXPIRE = "expire"
"""The duty's name."""

_MARK = "expired"
_ROWS = 500
_BATCHES = 20
"""Of a round; what is left waits for the next."""


class DataExpiry:
    """One round. A clock that is ahead for a moment deletes nothing: an instant counts when the next round has come."""

    def __init__(self, context: Context) -> None:
        """How long data stay, the context says."""
        self._context = context

    async def __call__(self, lease: Lease) -> None:
        """Delete. Raises StoreError where the database can't, or another process does it now."""
        context = self._context
        now = await self._trusted()
        if now is None:
            return
        urls, kept = context.urls, context.retention
        studies = context.relevance.everything
        steps: Mapping[str, Callable[[Connection], int]] = {
            "deliveries": partial(
                retention.expire_deliveries, limit=retention.before(now, kept.deliveries), urls=urls, most=_ROWS
            ),
            "events": partial(retention.expire_events, limit=retention.before(now, kept.events), urls=urls, most=_ROWS),
            "verdicts": partial(
                retention.expire_verdicts, limit=retention.before(now, kept.verdicts), studies=studies, most=_ROWS
            ),
        }
        left = _BATCHES
        for what, step in steps.items():
            count = _ROWS
            while count >= _ROWS and left:
                count = await context.database.run(partial(_held, step=step, lease=lease, context=context))
                context.metrics.expired.labels(what).inc(count)
                left -= 1
                await asyncio.sleep(0)

    async def _trusted(self) -> datetime | None:
        """Now, or when the round before this was, if that was earlier; None in the first round."""
        now = self._context.clock()

        def remembered(connection: Connection) -> datetime | None:
            known = duties.read_mark(connection, _MARK)
            duties.set_mark(connection, _MARK, now.isoformat())
            return min(now, datetime.fromisoformat(known)) if known is not None else None

        return await self._context.database.run(remembered)


def _held(connection: Connection, step: Callable[[Connection], int], lease: Lease, context: Context) -> int:
    """A step, while the duty is ours."""
    if not duties.extend(connection, lease, context.clock(), context.timing.lease):
        msg = "another process deletes what is old now"
        raise StoreError(msg)
    return step(connection)
