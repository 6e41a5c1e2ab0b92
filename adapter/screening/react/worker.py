"""Takes claims from the queue while the process runs, a few at once: fetch, evaluate, write back, store the results.

Whatever interrupts a claim, it can be done again: what is written to the research server has ids of its own that are
always the same, so doing it twice changes nothing; the results are stored, and the claim is taken out of the queue, in
one transaction afterwards. A claim that was lost before has perhaps written over what is newer: then it is all written
once more.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from adapter.errors import (
    AbsentError,
    BadAnswerError,
    BusyError,
    NoAccessError,
    OverloadedError,
    RejectedError,
    StoreError,
    UnpublishedError,
    UnreachableError,
    place_of,
)
from adapter.fhir.client.client import token
from adapter.fhir.client.transport import PassingConflictError
from adapter.fhir.patients import fetch_record
from adapter.screening.react.changes import EVERYTHING, PATIENT, ResourceChange, change_of, has_subject
from adapter.screening.react.context import Context
from adapter.screening.react.forget import FORGET
from adapter.screening.react.inbox import enqueue
from adapter.screening.react.reevaluation import LastEvaluation, Reevaluation
from adapter.store import index, queue, verdicts
from adapter.store.queue import Claim, LostLeaseError
from adapter.store.verdicts import ResultChange
from adapter.traces import span

log = logging.getLogger(__name__)
_OUTAGE = (UnreachableError, OverloadedError, NoAccessError, BusyError)
"""Failures of a server, or of ours, whichever patient is asked for."""

_PERHAPS_OUTAGE = (BadAnswerError, RejectedError, PassingConflictError, TimeoutError)
"""Failures that are a server's where nothing works for others either: what it refuses of everybody, too, be it at once
or after a try whose answer was lost."""

_RECENTLY = timedelta(minutes=1)
_LONGEST = 120
"""Characters of an error that are kept."""


class ClaimHandler:
    """Evaluates the patient of a claim, or finds whose the resource is that it names; several may run at once."""

    def __init__(self, context: Context) -> None:
        """All claims share the context."""
        self._context = context

    async def __call__(self, claim: Claim) -> None:
        """Do a claim. Raises AdapterError where it can't be done now, LostLeaseError where it isn't ours any more."""
        if claim.key.startswith(f"{PATIENT}/"):
            await self._evaluate(claim)
        else:
            await self._look_up(claim)

    async def _evaluate(self, claim: Claim) -> None:
        context = self._context
        patient = claim.key
        if FORGET in claim.touched:
            await context.erase(claim)
            context.metrics.evaluations.labels("forgotten").inc()
            return
        try:
            with context.part("fetch"):
                data = await fetch_record(context.record, patient.partition("/")[2], context.rules.types)
        except AbsentError:
            await context.erase(claim)
            context.metrics.evaluations.labels("gone").inc()
            return
        known = await context.database.look(partial(_known, patient=patient))
        with context.part("evaluate") as timed:
            reevaluation = await context.reevaluate(data, patient, claim.touched, known)
            timed.say(evaluated=len(reevaluation.studies), changed=len(reevaluation.changes))
        if context.audit is not None:
            await context.audit(patient, reevaluation.studies)
        if reevaluation.subject != patient:
            await context.database.run(partial(self._drop_merged, claim, into=reevaluation.subject))
            context.metrics.evaluations.labels("merged").inc()
            return
        if reevaluation.changes:
            with context.part("write"):
                await context.write([change.proposal for change in reevaluation.changes], reevaluation.identifiers)
            if context.audit is not None:
                await context.audit(patient, tuple(each.kept.study for each in reevaluation.changes), written=True)
        with context.part("remember"):
            try:
                await context.database.run(partial(self._store_results, claim, reevaluation))
            except LostLeaseError:  # what we have written may be older than what whoever took it over had written
                await context.database.run(partial(self._write_again, claim, reevaluation))
                raise
        self._count(claim, reevaluation)

    def _write_again(self, claim: Claim, reevaluation: Reevaluation, connection: Connection) -> None:
        now = self._context.clock()
        touches = frozenset(has_subject(change.kept.study) for change in reevaluation.changes)
        queue.notify(connection, {claim.key: touches} if touches else {}, now, now)

    def _store_results(self, claim: Claim, reevaluation: Reevaluation, connection: Connection) -> None:
        context = self._context
        now = context.clock()
        is_last = queue.finish(connection, claim, now)
        verdicts.put(connection, [*(change.kept for change in reevaluation.changes), *reevaluation.unchanged])
        for change in reevaluation.changes:
            if change.is_new:
                kept = change.kept
                changed = (kept.patient, kept.study, change.old, kept.decision)
                verdicts.record_event(connection, now, changed, change.result_changes, context.urls)
        index.replace_patient(connection, claim.key, reevaluation.index, keep_others=not is_last)
        index.set_survivor(connection, claim.key, None)

    def _drop_merged(self, claim: Claim, connection: Connection, *, into: str) -> None:
        """The patient was merged into another, who is evaluated next."""
        context = self._context
        now = context.clock()
        queue.finish(connection, claim, now)
        for study, old in verdicts.of_patient(connection, claim.key).items():
            result_changes = [ResultChange(name, said, None) for name, said in old.criteria.items()]
            verdicts.record_event(connection, now, (claim.key, study, old.decision, None), result_changes, context.urls)
        verdicts.drop(connection, claim.key)
        index.replace_patient(connection, claim.key, (), keep_others=False)
        index.set_survivor(connection, claim.key, into)
        queue.notify(connection, {into: frozenset({EVERYTHING})}, now, now)

    async def _look_up(self, claim: Claim) -> None:
        """Find whose a resource is: the notification didn't say."""
        changes = await self._changes_in(claim.key)
        await self._context.database.run(partial(self._take, claim, changes))

    async def _changes_in(self, key: str) -> list[ResourceChange]:
        """Whose the resource is; every Patient of the identifier that it names its own by."""
        type_, _, id_ = key.partition("/")
        try:
            found = await self._context.record.read(type_, id_)
        except AbsentError:
            return [ResourceChange(resource=key, deleted=True)]
        change = change_of(found, self._context.rules.setup.terminology)
        if change.touches is not None:
            return [change]
        named = []
        if change.identifier is not None:
            system, _, value = change.identifier.partition("|")
            named = await self._context.record.search(PATIENT, {"identifier": token(system, value)})
        owners: list[str | None] = [each.key for each in named if each.type == PATIENT]
        touches = frozenset({EVERYTHING}) if named else frozenset[str]()
        return [replace(change, patient=owner, touches=touches) for owner in owners or [None]]

    def _take(self, claim: Claim, changes: Sequence[ResourceChange], connection: Connection) -> None:
        context = self._context
        now = context.clock()
        queue.finish(connection, claim, now)
        for outcome, count in enqueue(connection, changes, context.relevance, now).items():
            context.metrics.notifications.labels(f"{outcome} (looked up)").inc(count)

    def _count(self, claim: Claim, reevaluation: Reevaluation) -> None:
        context = self._context
        context.metrics.evaluations.labels("changed" if reevaluation.changes else "unchanged").inc()
        context.metrics.verdicts.inc(len(reevaluation.studies))
        context.metrics.changes.inc(sum(change.is_new for change in reevaluation.changes))
        context.metrics.latency.observe(max(0.0, (context.clock() - claim.since).total_seconds()))


def _known(connection: Connection, patient: str) -> LastEvaluation:
    return LastEvaluation(
        verdicts=verdicts.of_patient(connection, patient), index=index.of_patient(connection, patient)
    )


class Worker:
    """One process' worker. `run` ends when `stop` was called and what had begun is done, or given back."""

    def __init__(self, context: Context, at_once: int = 4, patience: float = 20) -> None:
        """`at_once`: patients evaluated side by side; `patience`: seconds that they get to end in when we stop."""
        self._context = context
        self._work = ClaimHandler(context)
        self._at_once = at_once
        self._patience = patience
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._outages = 0
        self._newest = False
        self._last_success = context.clock() - 2 * _RECENTLY

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped."""
        try:
            while not self._stopping:
                self._wake.clear()
                if not await self._claim():
                    await self._rest()
        finally:
            await self._end()

    async def _claim(self) -> bool:
        """Claim as much as there is room for; whether there was anything.

        Every second time what has come last: a result of now does not wait for all that a storm of changes has left.
        """
        context = self._context
        room = self._at_once - len(self._running)
        if room <= 0 or self._outages:
            room = min(room, 1 - len(self._running))  # in an outage one patient at a time tries whether it is over
        if room <= 0:
            return False
        now = context.clock()
        try:
            claim = partial(queue.claim, now=now, lease=context.timing.lease, most=room, newest=self._newest)
            claims = await context.database.run(claim)
        except StoreError as error:
            self._note(error)
            await asyncio.sleep(context.timing.first_wait.total_seconds())
            return False
        self._newest = not self._newest
        for each in claims:
            task = asyncio.create_task(self._do(each))
            self._running[task] = each
            task.add_done_callback(self._done)
        return bool(claims)

    async def _rest(self) -> None:
        seconds = self._context.timing.poll.total_seconds()
        if self._outages and not self._running:
            seconds = self._wait(self._context.timing.server_wait, min(self._outages, 4)).total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
                if self._outages:  # notifications don't end an outage
                    await asyncio.sleep(seconds)
        except TimeoutError:
            pass

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._wake.set()

    async def _do(self, claim: Claim) -> None:
        """Do a claim within its lease, and note what became of it."""
        seconds = self._context.timing.lease.total_seconds() * 0.75
        try:
            with span("claim"):
                async with asyncio.timeout(seconds):
                    await self._work(claim)
        except asyncio.CancelledError:
            raise
        except LostLeaseError as error:
            self._note(error)
        except Exception as error:  # noqa: BLE001  # one patient must not end the others' work
            self._note(error)
            await self._put_back(claim, error)
        else:
            self._outages = 0
            self._last_success = self._context.clock()

    async def _put_back(self, claim: Claim, error: Exception) -> None:
        """Decide when a claim is tried again: an outage is nobody's fault and counts for no patient."""
        timing, now = self._context.timing, self._context.clock()
        outage = isinstance(error, _OUTAGE)
        self._outages = self._outages + 1 if outage else 0
        works_for_others = now - self._last_success <= _RECENTLY
        counts = not (outage or isinstance(error, StoreError)) and (
            works_for_others or not isinstance(error, _PERHAPS_OUTAGE)
        )
        attempts = claim.attempts + 1 if counts else claim.attempts
        if not counts:
            again = now + timing.server_wait
        elif attempts >= timing.most_attempts and not isinstance(error, UnpublishedError):  # that is no patient's fault
            again = None
        else:
            again = now + self._wait(timing.first_wait, attempts - 1)
        kind = _kind(error)

        def fail(connection: Connection) -> None:
            queue.fail(connection, claim, kind, again, counts=counts)

        try:
            await self._context.database.run(fail)
        except StoreError as failure:  # then its lease ends by itself
            self._note(failure)
        if again is None:
            log.error("an evaluation was given up after %d attempts: %s; see trial-adapter queue", attempts, kind)

    def _wait(self, first: timedelta, doublings: int) -> timedelta:
        """A pause that doubles, with jitter, so that what failed together doesn't come back together."""
        longest = self._context.timing.longest_wait
        plain: timedelta = min(first * int(2 ** min(doublings, 20)), longest)
        return plain * random.uniform(0.75, 1.0)  # noqa: S311  # no secret

    def _note(self, error: BaseException) -> None:
        self._context.metrics.errors.labels(type(error).__name__).inc()
        log.warning("an evaluation failed: %s", _kind(error))

    async def _end(self) -> None:
        """Let what has begun end; what takes too long goes back into the queue."""
        if self._running:
            await asyncio.wait(self._running, timeout=self._patience)
        left = dict(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
            claims = list(left.values())
            try:
                await self._context.database.run(partial(queue.give_back, claims=claims))
            except StoreError as error:
                self._note(error)


def _kind(error: BaseException) -> str:
    """Its type and place, as its text may name a patient; or the text that names nobody."""
    return (str(error) if isinstance(error, UnpublishedError) else place_of(error))[:_LONGEST]
