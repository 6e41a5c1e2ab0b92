"""One claim from the queue: fetch, evaluate, write back, remember. Whatever ends it half-way, it can be done again.

What is written to the research server has ids of its own that are always the same, so doing it twice changes nothing;
it is remembered, and taken out of the queue, in one transaction afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from anyio import to_thread
from sqlalchemy import Connection

from adapter.errors import AbsentError
from adapter.fhir.patient_record import fetch_record
from adapter.screening.react.hint import Hint, hint_of
from adapter.screening.react.intake import take
from adapter.screening.react.judged import Judged, Known, judge
from adapter.screening.react.site import Reacting
from adapter.screening.react.touched import EVERYTHING, PATIENT
from adapter.store import index, queue, verdicts
from adapter.store.queue import Claim
from adapter.store.verdicts import Moved


class Work:
    """Does claims, one at a time each; several may be under way at once."""

    def __init__(self, site: Reacting) -> None:
        """For a site."""
        self._site = site

    async def __call__(self, claim: Claim) -> None:
        """Do a claim. Raises AdapterError where it can't be done now, LostLeaseError where it isn't ours any more."""
        if claim.key.startswith(f"{PATIENT}/"):
            await self._evaluate(claim)
        else:
            await self._look_up(claim)

    async def _evaluate(self, claim: Claim) -> None:
        site = self._site
        patient = claim.key
        try:
            with site.metrics.parts.labels("fetch").time():
                data = await fetch_record(site.record, patient.partition("/")[2], site.rules.types)
        except AbsentError:
            await site.database.run(partial(self._forget, claim, into=None))
            site.metrics.evaluations.labels("gone").inc()
            return
        known = await site.database.look(partial(_known, patient=patient))
        with site.metrics.parts.labels("evaluate").time():
            judged = await to_thread.run_sync(self._judge, data, claim, known, site.clock())
        if judged.subject != patient:
            await site.database.run(partial(self._forget, claim, into=judged.subject))
            site.metrics.evaluations.labels("merged").inc()
            return
        if judged.changes:
            with site.metrics.parts.labels("write").time():
                await site.write([change.verdict for change in judged.changes], judged.identifiers)
        with site.metrics.parts.labels("remember").time():
            await site.database.run(partial(self._remember, claim, judged))
        self._count(claim, judged)

    def _judge(self, data: bytes, claim: Claim, known: Known, as_of: datetime) -> Judged:
        rules = self._site.rules
        return judge(data, claim.key, claim.touched, known, rules.setup, rules.interest, rules.basis, as_of)

    def _remember(self, claim: Claim, judged: Judged, connection: Connection) -> None:
        site = self._site
        now = site.clock()
        is_last = queue.finish(connection, claim, now)
        verdicts.put(connection, [*(change.kept for change in judged.changes), *judged.unchanged])
        for change in judged.changes:
            if change.is_news:
                kept = change.kept
                changed = (kept.patient, kept.study, change.old, kept.decision)
                verdicts.record_event(connection, now, changed, change.moved, site.urls)
        index.replace_patient(connection, claim.key, judged.index, keep_others=not is_last)
        index.set_survivor(connection, claim.key, None)

    def _forget(self, claim: Claim, connection: Connection, *, into: str | None) -> None:
        """The patient is not there any more, or was merged into another, who is evaluated next."""
        site = self._site
        now = site.clock()
        queue.finish(connection, claim, now)
        for study, old in verdicts.of_patient(connection, claim.key).items():
            moved = [Moved(name, said, None) for name, said in old.criteria.items()]
            verdicts.record_event(connection, now, (claim.key, study, old.decision, None), moved, site.urls)
        verdicts.drop(connection, claim.key)
        index.replace_patient(connection, claim.key, (), keep_others=False)
        index.set_survivor(connection, claim.key, into)
        if into is not None:
            queue.notify(connection, {into: frozenset({EVERYTHING})}, now, now)

    async def _look_up(self, claim: Claim) -> None:
        """A notification named a resource without saying whose it is."""
        hints = await self._hints(claim.key)
        await self._site.database.run(partial(self._take, claim, hints))

    async def _hints(self, key: str) -> list[Hint]:
        """Whose the resource is; every Patient of the identifier that it names its own by."""
        type_, _, id_ = key.partition("/")
        try:
            found = await self._site.record.read(type_, id_)
        except AbsentError:
            return [Hint(resource=key, deleted=True)]
        hint = hint_of(found.raw, self._site.rules.setup.terminology)
        if hint.touches is not None:
            return [hint]
        named = []
        if hint.identifier is not None:
            named = await self._site.record.search(PATIENT, {"identifier": hint.identifier})
        owners: list[str | None] = [each.key for each in named if each.type == PATIENT]
        touches = frozenset({EVERYTHING}) if named else frozenset[str]()
        return [replace(hint, patient=owner, touches=touches) for owner in owners or [None]]

    def _take(self, claim: Claim, hints: Sequence[Hint], connection: Connection) -> None:
        site = self._site
        now = site.clock()
        queue.finish(connection, claim, now)
        for outcome, count in take(connection, hints, site.interest, now).items():
            site.metrics.notifications.labels(f"{outcome} (looked up)").inc(count)

    def _count(self, claim: Claim, judged: Judged) -> None:
        site = self._site
        site.metrics.evaluations.labels("changed" if judged.changes else "unchanged").inc()
        site.metrics.verdicts.inc(judged.evaluated)
        site.metrics.changes.inc(sum(change.is_news for change in judged.changes))
        site.metrics.latency.observe(max(0.0, (site.clock() - claim.since).total_seconds()))


def _known(connection: Connection, patient: str) -> Known:
    return Known(verdicts=verdicts.of_patient(connection, patient), index=index.of_patient(connection, patient))
