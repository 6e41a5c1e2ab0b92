"""Verdicts that end by themselves: a birthday or an ageing laboratory value moves a candidate with no message."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from adapter.screening.react.site import Reacting
from adapter.screening.react.touched import study
from adapter.store import queue, verdicts
from adapter.store.duties import Turn

CALENDAR = "calendar"
"""The duty's name."""

_MOST = 1000


class Calendar:
    """Queues whose verdict's `validUntil` has passed."""

    def __init__(self, site: Reacting, wake: Callable[[], None]) -> None:
        """For a site."""
        self._site = site
        self._wake = wake

    async def __call__(self, _: Turn) -> None:
        """Look once."""
        if await self._site.database.run(partial(_queue_ended, site=self._site)):
            self._wake()


def _queue_ended(connection: Connection, site: Reacting) -> int:
    now = site.clock()
    ended = verdicts.ended(connection, site.interest.everything, now, _MOST)
    waiting = queue.lock_waiting(connection, ended) if ended else set()
    touches = {
        patient: frozenset(study(each) for each in studies)
        for patient, studies in ended.items()
        if patient not in waiting  # it is evaluated anyway; what that leaves is seen the next time
    }
    queue.notify(connection, touches, now, now)
    return len(touches)
