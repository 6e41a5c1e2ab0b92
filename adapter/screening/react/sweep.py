"""The sweep: what no notification has told. Through the server's history from a stored mark on, with overlap.

A server without history is asked for what was updated, and for every resource that a verdict stands on: a deletion
shows there, and nowhere else. Where nothing is stored yet, everyone with a study's disease on record is evaluated, and
everyone who has a ResearchSubject of ours on the research server.

The research server is asked as well, for what of ours was written there since the mark: it may have carried out late
what it was asked before a claim was lost, or a patient erased. Whoever's stored verdict says something else than what
was written is evaluated again, and what stands is put right.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

import msgspec
from anyio import to_thread
from msgspec import Struct
from sqlalchemy import Connection

from adapter.errors import AbsentError, BadAnswerError, RejectedError, StoreError
from adapter.evaluator.verdict import instant
from adapter.fhir.client.client import search_path, token
from adapter.fhir.client.resources import is_outcome
from adapter.fhir.elements import GUIDANCE, PROPOSAL, RESEARCH_SUBJECT
from adapter.fhir.guidance_response import guidance_id
from adapter.fhir.research_subject import is_searchable, research_subject_id
from adapter.record.bundle import Bundle, Entry
from adapter.record.references import key_of
from adapter.record.resources import Identifier, Reference
from adapter.screening.react.changes import PATIENT, ResourceChange, change_in, change_of, has_subject, study
from adapter.screening.react.context import Context
from adapter.screening.react.inbox import enqueue
from adapter.screening.react.subscriptions import SubscriptionKeeper
from adapter.store import duties, index, queue, verdicts
from adapter.store.duties import Lease
from adapter.store.verdicts import Stored
from adapter.traces import span

_URI = "urn:ietf:rfc:3986"

log = logging.getLogger(__name__)
_MARK = "history"
_LOADED = "loaded"
_ROWS = 500
_IDS = 100
_AT_ONCE = 100
_NAMES = 20
"""Identifiers that one search names; servers take addresses of 8,000 characters at least."""

_SUBJECT, _GUIDANCE = "ResearchSubject", "GuidanceResponse"


class _Extension(Struct, frozen=True, rename="camel"):
    url: str | None = None
    value_code: str | None = None
    value_reference: Reference | None = None


class _Meta(Struct, frozen=True, rename="camel"):
    version_id: str | None = None


class _Written(Struct, frozen=True, rename="camel"):
    """Of a ResearchSubject or GuidanceResponse, what says of whom it is, and what verdict it was made of."""

    resource_type: str
    id: str = ""
    identifier: tuple[Identifier, ...] = ()
    individual: Reference | None = None
    subject: Reference | None = None
    extension: tuple[_Extension, ...] = ()
    occurrence_date_time: datetime | None = None
    meta: _Meta | None = None

    @property
    def version(self) -> str:
        """What no other version of anything is called."""
        return f"{self.resource_type}/{self.id}/{self.meta.version_id if self.meta else None}"

    @property
    def names(self) -> list[str]:
        """Those that only one of ours has: of a study and a patient."""
        if self.resource_type == _SUBJECT:
            return [each.value or "" for each in self.identifier if each.system == RESEARCH_SUBJECT]
        return [self.id]

    def is_of(self, stored: Stored | None) -> bool:
        """Whether it says what a stored verdict does, as far as its own elements tell; or no verdict's opinion."""
        said = {each.url: each for each in self.extension}
        if self.resource_type == _SUBJECT and PROPOSAL not in said:
            return True
        if stored is None:
            return False
        if self.resource_type == _GUIDANCE:
            return self.occurrence_date_time == stored.as_of
        guidance = said[GUIDANCE].value_reference if GUIDANCE in said else None
        has_guidance = guidance is not None and guidance.reference is not None
        return has_guidance and said[PROPOSAL].value_code == stored.decision


_written = msgspec.json.Decoder(_Written)


async def ours_of(page: Bundle, context: Context) -> dict[tuple[str, str], list[_Written]]:
    """What of a page is ours, by the patient's key and the study, of those that are loaded."""
    found: list[_Written] = []
    for entry in page.entry:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):  # an outcome, or what is not ours
            found.append(_written.decode(entry.resource))
    patients = await _patients([each.individual or each.subject for each in found], context)
    return await to_thread.run_sync(_by_study, found, patients, context)


def _by_study(found: list[_Written], patients: set[str], context: Context) -> dict[tuple[str, str], list[_Written]]:
    named = {name: each for each in found for name in each.names}
    ours: dict[tuple[str, str], list[_Written]] = {}
    for patient in sorted(patients):
        subject = patient if context.record.url == context.research.url else f"{context.record.url}/{patient}"
        for name in context.relevance.everything:
            for id_ in (research_subject_id(name, subject), guidance_id(name, subject)):
                if id_ in named:
                    ours.setdefault((patient, name), []).append(named[id_])
    return ours


async def _patients(references: Iterable[Reference | None], context: Context) -> set[str]:
    """The keys of the patients that references may mean."""
    keys: set[str] = set()
    identifiers: set[str] = set()
    for each in references:
        key = key_of(each.reference or "") if each is not None else None
        named = each.identifier if each is not None else None
        if key is None and named is not None and named.system == _URI:
            key = key_of((named.value or "").removeprefix(context.record.url).lstrip("/"))
        if key is not None:
            keys.add(key)
        elif named is not None and named.value and is_searchable(named.system or "", named.value):
            identifiers.add(token(named.system or "", named.value))
    lots = [sorted(identifiers)[start : start + _NAMES] for start in range(0, len(identifiers), _NAMES)]
    searches = [search_path(PATIENT, {"identifier": ",".join(lot)}) for lot in lots]
    for found in await context.record.find(searches) if searches else ():
        keys.update(each.key for each in found)
    return {key for key in keys if key.startswith(f"{PATIENT}/")}


class Sweep:
    """`wake`: called when there is something to evaluate; `keeper`: sees to the Subscriptions."""

    def __init__(self, context: Context, wake: Callable[[], None], keeper: SubscriptionKeeper | None = None) -> None:
        """The keeper runs before each sweep: what changes after it must be notified."""
        self._context = context
        self._keeper = keeper
        self._wake = wake
        self._lease: Lease | None = None
        self._looked_at: frozenset[str] = frozenset()

    async def __call__(self, lease: Lease) -> None:
        """Sweep once. Raises AdapterError where it can't be done to the end; the mark then stays where it is."""
        with span("sweep"):
            await self._sweep(lease)

    async def _sweep(self, lease: Lease) -> None:
        self._lease = lease
        context = self._context
        began = context.clock()
        if self._keeper is not None:
            await self._keeper()  # first: what changes after the sweep must be notified
        since = await context.database.run(partial(duties.read_mark, name=_MARK))
        await self._load()
        await self._renew()
        if since is not None:
            distance = abs(began - datetime.fromisoformat(since))  # a mark that is ahead was set by a wrong clock
            begin = began - distance - context.timing.overlap
            await self._changes(begin)
            await self._written_since(begin)
        await context.database.run(partial(duties.set_mark, name=_MARK, value=instant(began)))

    async def _load(self) -> None:
        """Queue everyone with a study's disease on record, or with a ResearchSubject; again when the studies change."""
        context = self._context
        content = [
            context.rules.setup.terminology.hash,
            *sorted(context.relevance.index),
            *sorted(context.relevance.everything),
        ]
        print_ = hashlib.sha256("\n".join(content).encode()).hexdigest()
        if await context.database.run(partial(duties.read_mark, name=_LOADED)) == print_:
            return
        for type_ in sorted(context.relevance.index_types):
            path = search_path(type_, {"_count": str(context.record.page_size)})
            async for page in context.record.pages(path):
                changes = await to_thread.run_sync(self._changes_in, page.entry)
                indications = [
                    replace(change, version=None)
                    for change in changes
                    if change.touches is None or context.relevance.indicates(change.touches)
                ]
                await self._take(indications)
        async for page in self._context.research.pages(search_path(_SUBJECT, self._identified())):
            await self._notify(_touches(await ours_of(page, context)))
        await context.database.run(partial(duties.set_mark, name=_LOADED, value=print_))

    async def _renew(self) -> None:
        """Queue whose verdicts were made with another definition, policy or terminology than is loaded."""
        after = ""
        while True:
            rows = partial(verdicts.outdated, bases=self._context.rules.basis, after=after, most=_ROWS)
            found = await self._context.database.look(rows)
            if not found:
                return
            await self._notify({patient: {study(each) for each in studies} for patient, studies in found.items()})
            after = max(found)

    async def _changes(self, since: datetime) -> None:
        there = (await self._context.record.capabilities()).parameters
        types = sorted(self._context.relevance.types & there.keys())
        try:
            for type_ in types:
                await self._history(type_, since)
        except (RejectedError, AbsentError):  # the server keeps no history, or shows none
            for type_ in types:
                await self._updated(type_, since)
                await self._still_there(type_)

    async def _written_since(self, since: datetime) -> None:
        """Queue whose verdict is another than what was written of it to the research server, perhaps late.

        Each version is looked at once, however often the overlap shows it: what comes of it is in the queue.
        """
        elements = {"_elements": "subject,occurrenceDateTime", "_count": str(self._context.research.page_size)}
        others: set[str] = set()
        for type_, parameters in ((_SUBJECT, self._identified()), (_GUIDANCE, elements)):
            updated = {**parameters, "_lastUpdated": f"ge{_seconds(since)}"}
            try:
                others |= await self._hold_against_verdicts(search_path(type_, updated))
            except RejectedError:  # a server that can't be asked for what is new is asked for all
                others |= await self._hold_against_verdicts(search_path(type_, parameters))
        self._looked_at = frozenset(others)

    async def _hold_against_verdicts(self, path: str) -> set[str]:
        others: set[str] = set()
        async for page in self._context.research.pages(path):
            ours = await ours_of(page, self._context)
            patients = {patient for patient, _ in ours}
            stored = await self._context.database.look(partial(verdicts.stored, patients=patients))
            found = {of: {each.version for each in all_ if not each.is_of(stored.get(of))} for of, all_ in ours.items()}
            await self._notify(_touches(of for of, versions in found.items() if versions - self._looked_at))
            others.update(*found.values())
        return others

    def _identified(self) -> dict[str, str]:
        """The parameters that find the ResearchSubjects with an identifier of ours."""
        return {"identifier": f"{RESEARCH_SUBJECT}|", "_count": str(self._context.research.page_size)}

    async def _history(self, type_: str, since: datetime) -> None:
        parameters = {"_since": instant(since), "_count": str(self._context.record.page_size)}
        newest: set[str] = set()
        async for page in self._context.record.pages(search_path(f"{type_}/_history", parameters)):
            changes = await to_thread.run_sync(self._changes_in, page.entry)
            fresh = list(
                {change.resource: change for change in reversed(changes) if change.resource not in newest}.values()
            )
            newest.update(change.resource for change in fresh)  # a history begins with the newest version
            await self._take(fresh)

    async def _updated(self, type_: str, since: datetime) -> None:
        parameters = {"_lastUpdated": f"ge{_seconds(since)}", "_count": str(self._context.record.page_size)}
        async for page in self._context.record.pages(search_path(type_, parameters)):
            await self._take(await to_thread.run_sync(self._changes_in, page.entry))

    async def _still_there(self, type_: str) -> None:
        """Find resources that verdicts depend on and that are gone, or are there in another version."""
        async for rows in self._indexed(type_):
            versions = {row.resource: row for row in rows}
            ids = ",".join(name.partition("/")[2] for name in versions)
            found = await self._context.record.search(type_, {"_id": ids, "_count": str(_IDS)})
            there = {each.key: each for each in found}
            gone = [ResourceChange(resource=name, deleted=True) for name in versions if name not in there]
            other = [
                there[name] for name, row in versions.items() if name in there and row.version != there[name].version
            ]
            await self._take([*gone, *(change_of(each, self._context.rules.setup.terminology) for each in other)])

    async def _indexed(self, type_: str) -> AsyncIterator[list[index.Indexed]]:
        after = ""
        while True:
            found = await self._context.database.look(partial(index.pages, type_=type_, after=after, most=_IDS))
            if not found:
                return
            yield found
            after = found[-1].resource

    def _changes_in(self, entries: Iterable[Entry]) -> list[ResourceChange]:
        """What a page tells. Raises BadAnswerError for a change that it tells without saying of what."""
        terminology = self._context.rules.setup.terminology
        made = [change_in(entry, terminology) for entry in entries if not is_outcome(entry)]
        told = [change for change in made if change is not None]
        if len(told) < len(made):
            msg = f"FHIR server {self._context.record.url}: an entry of a page names no resource; it is not complete"
            raise BadAnswerError(msg)
        return told

    async def _take(self, changes: list[ResourceChange]) -> None:
        """Queue whom the changes concern, some at a time: notifications must not wait for a whole page."""
        context = self._context
        await self._extend_lease()
        for start in range(0, len(changes), _AT_ONCE):
            some, now = changes[start : start + _AT_ONCE], context.clock()
            counts = await context.database.run(partial(enqueue, changes=some, relevance=context.relevance, now=now))
            for outcome, count in counts.items():
                context.metrics.notifications.labels(f"{outcome} (swept)").inc(count)
            if counts["queued"]:
                self._wake()

    async def _notify(self, touches: dict[str, set[str]]) -> None:
        context = self._context
        await self._extend_lease()
        if touches:
            now = context.clock()
            frozen = {key: frozenset(names) for key, names in touches.items()}
            await context.database.run(partial(queue.notify, touches=frozen, now=now, due=now))
            self._wake()

    async def _extend_lease(self) -> None:
        context, lease = self._context, self._lease
        now = context.clock()

        def prolong(connection: Connection) -> bool:
            return lease is not None and duties.extend(connection, lease, now, context.timing.lease)

        if not await context.database.run(prolong):
            msg = "another process sweeps now"
            raise StoreError(msg)


def _touches(ours: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """What is touched where there is something of ours of these patients and studies."""
    found: dict[str, set[str]] = {}
    for patient, name in ours:
        found.setdefault(patient, set()).update((study(name), has_subject(name)))
    return found


def _seconds(moment: datetime) -> str:
    """An instant as a search takes it."""
    return instant(moment.replace(microsecond=0))
