"""Erases a person: what is kept of them here, and, as the site chose, what was written to the research server.

An erasure is a claim of the queue, as an evaluation is: so no worker evaluates the patient beside it, and one that is
interrupted is done again. A patient who is not on the record server any more is erased by whoever finds that out; a
person asks for it by `forget`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from adapter.errors import AbsentError, StoreError
from adapter.fhir.client import FhirClient
from adapter.store import Database, index, queue, retention
from adapter.store.queue import Claim

FORGET = "forget"
"""What touches a patient who is to be erased, also one who is still on the record server."""

_LOOK = 0.5
"""Seconds between two tries to get the claim that another process has."""


class Retire(Protocol):
    """Retires a patient's resources on the research server."""

    async def __call__(self, patient: str, studies: frozenset[str], /, *, is_gone: bool) -> int:
        """How many ResearchSubjects were changed.

        `studies`: of which something is known here; `is_gone`: whether the record server has the patient no more.
        Raises ServerError where that fails; then it is done again.
        """


async def leave(_patient: str, _studies: frozenset[str], /, *, is_gone: bool) -> int:  # noqa: ARG001  # as Retire says
    """Retire nothing."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What became of one id. `retired`: ResearchSubjects; `is_gone`: the record server has the patient no more."""

    patient: str
    retired: int
    is_gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Erases the patient of a claim. `urls`: where an event tells that there are no verdicts any more."""

    database: Database
    record: FhirClient
    clock: Callable[[], datetime]
    retire: Retire
    urls: tuple[str, ...] = ()

    async def __call__(self, claim: Claim) -> Erased:
        """Erase.

        What is here goes last: until then it is known what must be retired. Raises ServerError, StoreError and
        LostLeaseError where it could not be done to its end.
        """
        is_gone = await self._is_gone(claim.key)
        studies = await self.database.look(partial(retention.studies_of, patient=claim.key))
        retired = await self.retire(claim.key, frozenset(studies), is_gone=is_gone)
        await self.database.run(partial(self._erase, claim))
        await self.database.wipe()
        return Erased(patient=claim.key, retired=retired, is_gone=is_gone)

    async def _is_gone(self, patient: str) -> bool:
        type_, _, id_ = patient.partition("/")
        try:
            await self.record.read(type_, id_)
        except AbsentError:
            return True
        return False

    def _erase(self, claim: Claim, connection: Connection) -> None:
        now = self.clock()
        queue.finish(connection, claim, now)
        retention.erase(connection, claim.key, now, self.urls)

    async def person(self, patient: str, lease: timedelta) -> list[Erased]:
        """Erase a person under all of the ids that were merged; those that another process erased are left out.

        What another process is working on just now is waited for. Raises StoreError where that takes longer than its
        lease: then that process erases.
        """
        keys = sorted(await self.database.look(partial(index.person_of, patient=patient)))
        await self.database.run(partial(self._ask, keys=keys))
        done = [await self._claimed(key, lease) for key in keys]
        return [each for each in done if each is not None]

    def _ask(self, connection: Connection, keys: list[str]) -> None:
        now = self.clock()
        queue.notify(connection, dict.fromkeys(keys, frozenset({FORGET})), now, now)
        queue.retry(connection, keys, now)

    async def _claimed(self, key: str, lease: timedelta) -> Erased | None:
        for _ in range(int(lease.total_seconds() / _LOOK) + 1):
            take = partial(queue.claim, now=self.clock(), lease=lease, most=1, key=key)
            claims = await self.database.run(take)
            if claims:
                return await self(claims[0])
            if not await self.database.run(partial(queue.lock_waiting, keys=[key])):
                return None
            await asyncio.sleep(_LOOK)
        msg = "another process works on the patient and does not end; it erases them when it does"
        raise StoreError(msg)
