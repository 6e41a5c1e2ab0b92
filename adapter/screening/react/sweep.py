"""The sweep: what no notification has told. Through the server's history from a stored mark on, with overlap.

A server without history is asked for what was updated, and for every resource that a verdict stands on: a deletion
shows there, and nowhere else. Where nothing is stored yet, everyone with a study's disease on record is evaluated, and
everyone who has a ResearchSubject of ours on the research server.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

import msgspec
from anyio import to_thread
from msgspec import Struct
from sqlalchemy import Connection

from adapter.errors import AbsentError, InputError, RejectedError, StoreError
from adapter.evaluator.verdict import instant
from adapter.fhir.client.client import search_path
from adapter.fhir.client.resources import Bundle, Entry
from adapter.fhir.names import RESEARCH_SUBJECT
from adapter.fhir.research_subject import research_subject_id
from adapter.record.resources import Identifier, Reference
from adapter.screening.react.changes import PATIENT, Hint, hint_of, key_of, stands, study
from adapter.screening.react.context import Reacting
from adapter.screening.react.inbox import take
from adapter.screening.react.subscriptions import Keeper
from adapter.store import duties, index, marks, queue, verdicts
from adapter.store.duties import Turn

_URI = "urn:ietf:rfc:3986"


class _Subject(Struct, frozen=True):
    identifier: tuple[Identifier, ...] = ()
    individual: Reference | None = None


_subject = msgspec.json.Decoder(_Subject)


async def standing(page: Bundle, site: Reacting) -> dict[str, set[str]]:
    """What a page of ResearchSubjects touches: their patients, each with the studies that the site has."""
    found: dict[str, set[str]] = {}
    for entry in page.entry:
        try:
            subject = _subject.decode(entry.resource)
        except (msgspec.DecodeError, UnicodeDecodeError):  # an outcome, or a subject that is not ours
            continue
        ours = {each.value for each in subject.identifier if each.system == RESEARCH_SUBJECT}
        for patient in await _patients(subject.individual, site):
            for name in _studies(patient, ours, site):
                found.setdefault(patient, set()).update((study(name), stands(name)))
    return found


async def _patients(individual: Reference | None, site: Reacting) -> list[str]:
    """The keys of the patients that a subject's reference may mean."""
    if individual is None:
        return []
    key = key_of(individual.reference or "")
    named = individual.identifier
    if key is None and named is not None and named.system == _URI:
        key = key_of((named.value or "").removeprefix(site.record.url).lstrip("/"))
    if key is not None:
        return [key] if key.startswith(f"{PATIENT}/") else []
    if named is None or not named.value:
        return []
    identifier = f"{named.system or ''}|{named.value}"
    return [each.key for each in await site.record.search(PATIENT, {"identifier": identifier}) if each.type == PATIENT]


def _studies(patient: str, ours: set[str | None], site: Reacting) -> list[str]:
    """The studies whose subject of this patient has one of the identifiers."""
    subject = patient if site.record.url == site.research.url else f"{site.record.url}/{patient}"
    return [name for name in site.interest.everything if research_subject_id(name, subject) in ours]


log = logging.getLogger(__name__)

_MARK = "history"
_LOADED = "loaded"
_ROWS = 500
_IDS = 100
_AT_ONCE = 100


class Sweep:
    """One site's sweeps. `wake`: called when there is something to evaluate; `keeper`: sees to the Subscriptions."""

    def __init__(self, site: Reacting, wake: Callable[[], None], keeper: Keeper | None = None) -> None:
        """For a site."""
        self._site = site
        self._keeper = keeper
        self._wake = wake
        self._turn: Turn | None = None

    async def __call__(self, turn: Turn) -> None:
        """Sweep once. Raises AdapterError where it can't be done to the end; the mark then stays where it is."""
        self._turn = turn
        site = self._site
        began = site.clock()
        if self._keeper is not None:
            await self._keeper()  # first: what changes after the sweep must be told
        since = await site.database.run(partial(marks.read_mark, name=_MARK))
        await self._load()
        await self._renew()
        if since is not None:
            await self._changes(datetime.fromisoformat(since) - site.pace.overlap)
        await site.database.run(partial(marks.set_mark, name=_MARK, value=instant(began)))

    async def _load(self) -> None:
        """Everyone with a study's disease on record, or with a ResearchSubject; again when other studies ask."""
        site = self._site
        content = [site.rules.setup.terminology.hash, *sorted(site.interest.index), *sorted(site.interest.everything)]
        print_ = hashlib.sha256("\n".join(content).encode()).hexdigest()
        if await site.database.run(partial(marks.read_mark, name=_LOADED)) == print_:
            return
        path = search_path("Condition", {"_count": str(site.record.page_size)})
        async for page in site.record.pages(path):
            hints = await to_thread.run_sync(self._hints, page.entry)
            indications = [replace(hint, version=None) for hint in hints if site.interest.indicates(hint.touches or ())]
            await self._take(indications)
        identified = {"identifier": f"{RESEARCH_SUBJECT}|", "_count": str(site.research.page_size)}
        async for page in site.research.pages(search_path("ResearchSubject", identified)):
            await self._notify(await standing(page, site))
        await site.database.run(partial(marks.set_mark, name=_LOADED, value=print_))

    async def _renew(self) -> None:
        """Verdicts that were made with another definition, policy or terminology than there is now."""
        after = ""
        while True:
            rows = partial(verdicts.outdated, bases=self._site.rules.basis, after=after, most=_ROWS)
            found = await self._site.database.look(rows)
            if not found:
                return
            await self._notify({patient: {study(each) for each in studies} for patient, studies in found.items()})
            after = max(found)

    async def _changes(self, since: datetime) -> None:
        there = (await self._site.record.capabilities()).parameters
        types = sorted(self._site.interest.types & there.keys())
        try:
            for type_ in types:
                await self._history(type_, since)
        except (RejectedError, AbsentError):  # the server keeps no history, or shows none
            for type_ in types:
                await self._updated(type_, since)
                await self._still_there(type_)

    async def _history(self, type_: str, since: datetime) -> None:
        parameters = {"_since": instant(since), "_count": str(self._site.record.page_size)}
        newest: set[str] = set()
        async for page in self._site.record.pages(search_path(f"{type_}/_history", parameters)):
            hints = await to_thread.run_sync(self._hints, page.entry)
            fresh = list({hint.resource: hint for hint in reversed(hints) if hint.resource not in newest}.values())
            newest.update(hint.resource for hint in fresh)  # a history begins with the newest version
            await self._take(fresh)

    async def _updated(self, type_: str, since: datetime) -> None:
        seconds = instant(since.replace(microsecond=0))
        parameters = {"_lastUpdated": f"ge{seconds}", "_count": str(self._site.record.page_size)}
        async for page in self._site.record.pages(search_path(type_, parameters)):
            await self._take(await to_thread.run_sync(self._hints, page.entry))

    async def _still_there(self, type_: str) -> None:
        """Whether what verdicts stand on is there, in the version that they stand on."""
        async for rows in self._indexed(type_):
            versions = {row.resource: row for row in rows}
            ids = ",".join(name.partition("/")[2] for name in versions)
            found = await self._site.record.search(type_, {"_id": ids, "_count": str(_IDS)})
            there = {each.key: each for each in found}
            gone = [Hint(resource=name, deleted=True) for name in versions if name not in there]
            other = [
                there[name].raw
                for name, row in versions.items()
                if name in there and row.version != there[name].version
            ]
            await self._take([*gone, *(hint_of(raw, self._site.rules.setup.terminology) for raw in other)])

    async def _indexed(self, type_: str) -> AsyncIterator[list[index.Indexed]]:
        after = ""
        while True:
            found = await self._site.database.look(partial(index.pages, type_=type_, after=after, most=_IDS))
            if not found:
                return
            yield found
            after = found[-1].resource

    def _hints(self, entries: Iterable[Entry]) -> list[Hint]:
        made = (_hint(entry, self._site) for entry in entries)
        return [hint for hint in made if hint is not None]

    async def _take(self, hints: list[Hint]) -> None:
        """Queue whom the hints concern, some at a time: notifications must not wait for a whole page."""
        site = self._site
        await self._keep_turn()
        for start in range(0, len(hints), _AT_ONCE):
            some, now = hints[start : start + _AT_ONCE], site.clock()
            counts = await site.database.run(partial(take, hints=some, interest=site.interest, now=now))
            for outcome, count in counts.items():
                site.metrics.notifications.labels(f"{outcome} (swept)").inc(count)
            if counts["queued"]:
                self._wake()

    async def _notify(self, touches: dict[str, set[str]]) -> None:
        site = self._site
        await self._keep_turn()
        if touches:
            now = site.clock()
            frozen = {key: frozenset(names) for key, names in touches.items()}
            await site.database.run(partial(queue.notify, touches=frozen, now=now, due=now))
            self._wake()

    async def _keep_turn(self) -> None:
        site, turn = self._site, self._turn
        now = site.clock()

        def prolong(connection: Connection) -> bool:
            return turn is not None and duties.prolong(connection, turn, now, site.pace.lease)

        if not await site.database.run(prolong):
            msg = "another process sweeps now"
            raise StoreError(msg)


def _hint(entry: Entry, site: Reacting) -> Hint | None:
    """What an entry of a history or searchset says; None for one that is no resource (an outcome)."""
    if entry.request is not None and entry.request.method == "DELETE":
        key = key_of(entry.request.url or "") or key_of(entry.full_url or "")
        return Hint(resource=key, deleted=True) if key else None
    try:
        return hint_of(bytes(entry.resource), site.rules.setup.terminology)
    except InputError:
        return None
